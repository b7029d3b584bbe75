#!/usr/bin/env python3
"""Writes the MultiEmo documents of a bigbench archive as JSON Lines.

Run by fetch.sh. Rows with the same index are translations of one document, which is seen by their
labels: those of all languages agree with English index by index. Polish has one row more; the rows
that it may be (a run of one label) are left out, and the ones behind it move up. A language whose
labels do not agree is left out: its rows could not be kept in the split of their translations.
Documents that occur twice in a language are kept once.
"""

import json
import os
import re
import sys
import tarfile
from pathlib import Path

MEMBER = re.compile(r".*/multiemo/all_text_([a-z]+)/task\.json$")


def align(rows, labels):
    """Rows with the index of their translations, or None."""
    own = [label for _, label in rows]
    if own == labels:
        return list(enumerate(rows))
    if len(own) != len(labels) + 1:
        return None
    same_before = next(i for i in range(len(own)) if i == len(labels) or own[i] != labels[i])
    same_behind = next(
        i for i in range(len(own)) if i == len(labels) or own[-1 - i] != labels[-1 - i]
    )
    # The row to drop is between these, both included.
    first, last = len(own) - 1 - same_behind, same_before
    if first > last:
        return None
    kept = [(i, row) for i, row in enumerate(rows) if i < first]
    return kept + [(i - 1, row) for i, row in enumerate(rows) if i > last]


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
    english = [label for _, label in found["en"]]
    rows = []
    for language in sorted(found):
        aligned = align(found[language], english)
        if aligned is None:
            print(f"{language}: left out, its labels are not those of English")
            continue
        seen = set()
        for index, (text, label) in aligned:
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
