#!/usr/bin/env python3
"""Writes the MultiEmo documents of a bigbench archive as JSON Lines.

Run by fetch.sh. Rows of a language are translations of the Polish rows with the same index. Where a
language lacks rows, so that labels do not agree index by index, it is left out: its rows could not
be kept in the split of their translations. Documents that occur twice in a language are kept once.
"""

import json
import os
import re
import sys
import tarfile
from pathlib import Path

MEMBER = re.compile(r".*/multiemo/all_text_([a-z]+)/task\.json$")


def main():
    archive, out = sys.argv[1], Path(sys.argv[2])
    found = {}
    # Read in one pass: members of a compressed archive cannot be sought.
    with tarfile.open(archive, "r|gz") as members:
        for member in members:
            match = MEMBER.match(member.name)
            if match:
                examples = json.load(members.extractfile(member))["examples"]
                found[match[1]] = [
                    (e["input"].strip(), max(e["target_scores"], key=e["target_scores"].get))
                    for e in examples
                ]
    polish = [label for _, label in found["pl"]]
    rows = []
    for language in sorted(found):
        if [label for _, label in found[language]] != polish:
            print(f"{language}: left out, {len(found[language])} rows are not those of Polish")
            continue
        seen = set()
        for index, (text, label) in enumerate(found[language]):
            if text and text not in seen:
                seen.add(text)
                rows.append({
                    "id": f"{language}-{index}",
                    "parallel_id": str(index),
                    "language": language,
                    "text": text,
                    "label": label,
                })
    out.parent.mkdir(parents=True, exist_ok=True)
    part = out.with_suffix(".part")
    with part.open("w", encoding="utf-8") as file:
        for row in rows:
            file.write(json.dumps(row, ensure_ascii=False) + "\n")
    os.replace(part, out)
    print(f"{out}: {len(rows)} rows in {len({r['language'] for r in rows})} languages")


if __name__ == "__main__":
    main()
