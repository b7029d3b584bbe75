#!/usr/bin/env python3
"""Writes Mallard help pages as documents with summaries, one JSON object a line.

Run by fetch.sh. Left out: pages without a description, pages with less than 200 characters (80 in
Japanese, Chinese and Korean), summaries under 15 (5), translations whose page or summary is the
English one, and languages with less than 90 pages.
"""

import collections
import json
import os
import re
import sys
import xml.etree.ElementTree as xml
from pathlib import Path

MALLARD = "{http://projectmallard.org/1.0/}"
# The package's locales, as the codes that the card uses.
CODES = {"C": "en", "pt_BR": "pt-BR", "zh_CN": "zh", "sr@latin": "sr-Latn"}
SHORT = {"ja", "zh", "ko"}
LEAST_PAGES = 90
# What ends a line of the text.
BLOCKS = {"p", "title", "item", "td", "code", "screen", "subtitle"}
LEFT_OUT = {"info", "media", "comment"}


def text_of(node):
    if node.tag.removeprefix(MALLARD) in LEFT_OUT:
        return ""
    if node.tag == f"{MALLARD}keyseq":
        return "+".join(text_of(child).strip() for child in node)
    parts = [node.text or ""]
    for child in node:
        parts += [text_of(child), child.tail or ""]
    text = "".join(parts)
    if node.tag.removeprefix(MALLARD) in BLOCKS:
        text = "\n" + " ".join(text.split(" ")) + "\n"
    return text


def tidy(text):
    # Lines of the source are wrapped; a blank line or a block ends a line of the text.
    lines = [re.sub(r"\s+", " ", line).strip() for line in re.split(r"\n\s*\n", text)]
    return "\n".join(line for line in lines if line)


def page(path):
    """Document and summary of a page, or None."""
    try:
        root = xml.parse(path).getroot()
    except xml.ParseError:
        return None
    summary = root.find(f"{MALLARD}info/{MALLARD}desc")
    if root.tag != f"{MALLARD}page" or summary is None:
        return None
    return tidy(text_of(root)), re.sub(r"\s+", " ", "".join(summary.itertext())).strip()


def main():
    help_folder, out = Path(sys.argv[1]), Path(sys.argv[2])
    english = {}
    rows = []
    locales = sorted(p.name for p in help_folder.iterdir() if p.is_dir())
    locales.sort(key=lambda name: name != "C")
    for locale in locales:
        language = CODES.get(locale, locale)
        least = (80, 5) if language in SHORT else (200, 15)
        for path in sorted(help_folder.glob(f"{locale}/*/*.page")):
            name = f"{path.parent.name}/{path.stem}"
            found = page(path)
            if found is None:
                continue
            if locale == "C":
                english[name] = found
            elif name not in english or any(a == b for a, b in zip(found, english[name])):
                continue
            document, summary = found
            if len(document) < least[0] or len(summary) < least[1]:
                continue
            rows.append({
                "id": f"{language}:{name}",
                "parallel_id": name,
                "language": language,
                "document": document,
                "summary": summary,
            })
    # A few pages are no language to compare on.
    counts = collections.Counter(row["language"] for row in rows)
    rows = [row for row in rows if counts[row["language"]] >= LEAST_PAGES]
    out.parent.mkdir(parents=True, exist_ok=True)
    part = out.with_suffix(".part")
    with part.open("w", encoding="utf-8") as file:
        for row in rows:
            file.write(json.dumps(row, ensure_ascii=False) + "\n")
    os.replace(part, out)
    print(f"{out}: {len(rows)} rows in {len({r['language'] for r in rows})} languages")


if __name__ == "__main__":
    main()
