#!/usr/bin/env python3
"""Turns apt's Packages and Translation-* indexes into a summarisation data set.

Run by fetch.sh; needs Python 3.8 or later and no other package (the lz4 program
only where apt keeps its indexes in that format). The rules are in DATA.md.
"""

import argparse
import bz2
import collections
import gzip
import hashlib
import json
import lzma
import os
import re
import shutil
import statistics
import subprocess
import sys

MIN_DOCUMENT, MIN_SUMMARY = 200, 15
MIN_DOCUMENT_CJK, MIN_SUMMARY_CJK = 60, 5
TEST_ROWS, VALIDATION_ROWS = 500, 250
# No language gives more than this share of its rows to a held-out split.
MAX_TEST_SHARE, MAX_VALIDATION_SHARE = 0.20, 0.10
# Debian's locale names, as the language codes used in the rows.
LANGUAGE_CODES = {"zh_CN": "zh", "pt_BR": "pt"}
CJK_LANGUAGES = {"ja", "zh", "zh_TW"}
# Kana, ideographs, CJK punctuation and full-width forms. Hangul is left out:
# Korean puts spaces between words.
CJK = "\u2e80-\u9fff\uf900-\ufaff\uff00-\uffef"
CJK_GAP = re.compile(f"(?<=[{CJK}]) +(?=[{CJK}])")
BULLET = re.compile(r"^(\*|-|\+|o|\u2022|\u30fb)\s")


def fail(message):
    sys.exit(f"extract.py: {message}")


def open_index(lists, name):
    """Opens the index whose file name ends in `name`, compressed or not."""
    found = sorted(f for f in os.listdir(lists) if re.search(re.escape(name) + r"(\.\w+)?$", f))
    if not found:
        fail(
            f"no {name} in {lists}: apt did not fetch it. Debian may not have this "
            "language in this suite; choose others with --languages"
        )
    path = os.path.join(lists, found[0])
    openers = {".gz": gzip.open, ".xz": lzma.open, ".bz2": bz2.open}
    extension = os.path.splitext(path)[1]
    if extension == ".lz4":
        if not shutil.which("lz4"):
            fail(f"{path} is lz4-compressed and the lz4 program is missing: apt-get install lz4")
        text = subprocess.run(["lz4", "-dc", path], check=True, stdout=subprocess.PIPE).stdout
        return text.decode("utf-8").splitlines(keepends=True)
    return openers.get(extension, open)(path, "rt", encoding="utf-8")


def stanzas(lines):
    """Yields each block of `Field: value` lines as a dict; folded lines keep their newline."""
    fields, last = {}, None
    for line in lines:
        line = line.rstrip("\n")
        if not line:
            if fields:
                yield fields
            fields, last = {}, None
        elif line[0] in " \t":
            if last:
                fields[last] += "\n" + line
        else:
            last, _, value = line.partition(":")
            fields[last] = value.strip()
    if fields:
        yield fields


def unfold(text, language):
    """Splits a folded description into its summary and its paragraphs."""
    summary, _, body = text.partition("\n")
    paragraphs, open_line = [], False
    for line in body.split("\n"):
        if line.strip() in (".", ""):
            open_line = False
            continue
        # A second space marks a line that is not to be wrapped: a list item.
        starts_item = line.startswith("  ") and bool(BULLET.match(line.strip()))
        if open_line and not starts_item and not BULLET.match(line.strip()):
            paragraphs[-1] += " " + line.strip()
        else:
            paragraphs.append(line.strip())
        open_line = True
    tidy = lambda t: re.sub(r"\s+", " ", t).strip()
    paragraphs = [tidy(p) for p in paragraphs]
    summary = tidy(summary)
    if language in CJK_LANGUAGES:
        # The spaces come from wrapping the lines; these scripts have none.
        paragraphs = [CJK_GAP.sub("", p) for p in paragraphs]
        summary = CJK_GAP.sub("", summary)
    return summary, [p for p in paragraphs if p]


def normal(text):
    return re.sub(r"\W+", " ", text).strip().lower()


def read_packages(lists):
    """Maps each description's MD5 to the package and source names that carry it."""
    carriers = collections.defaultdict(set)
    for fields in stanzas(open_index(lists, "_binary-amd64_Packages")):
        md5 = fields.get("Description-md5")
        if md5:
            source = fields.get("Source", fields["Package"]).split(" ")[0]
            carriers[md5].add((fields["Package"], source))
    return carriers


def families(carriers):
    """Maps each MD5 to the root of its family: the items joined by a shared source or package."""
    parent = {}

    def find(x):
        parent.setdefault(x, x)
        while parent[x] != x:
            parent[x] = parent[parent[x]]
            x = parent[x]
        return x

    for md5, names in carriers.items():
        for package, source in names:
            for other in (("source", source), ("package", package)):
                a, b = find(("md5", md5)), find(other)
                # The smaller name wins, so that the root does not depend on the order.
                parent[max(a, b)] = min(a, b)
    return {md5: find(("md5", md5)) for md5 in carriers}


def read_translations(lists, code, carriers):
    # apt writes an underscore of the original file name as %5f.
    language = LANGUAGE_CODES.get(code, code)
    rows = {}
    for fields in stanzas(open_index(lists, "_i18n_Translation-" + code.replace("_", "%5f"))):
        md5, text = fields.get("Description-md5"), fields.get(f"Description-{code}")
        if md5 in carriers and text:
            rows[md5] = unfold(text, language)
    return language, rows


def usable(language, item, english):
    """Why an item is left out, or None where it is kept."""
    summary, paragraphs = item
    document = "\n".join(paragraphs)
    cjk = language in CJK_LANGUAGES
    if len(document) < (MIN_DOCUMENT_CJK if cjk else MIN_DOCUMENT):
        return "short document"
    if len(summary) < (MIN_SUMMARY_CJK if cjk else MIN_SUMMARY):
        return "short summary"
    if "<trans>" in document + summary:
        return "partial translation"
    if language == "en":
        return None
    english_summary, english_paragraphs = english
    if normal(summary) == normal(english_summary):
        return "untranslated"
    originals = {normal(p) for p in english_paragraphs}
    copied = [p for p in paragraphs if normal(p) in originals]
    if len(copied) == len(paragraphs):
        return "untranslated"
    if any(len(p) >= 40 for p in copied):
        return "partial translation"
    if cjk:
        native = len(re.findall(f"[{CJK}]", document))
        if native < 0.3 * len(document):
            return "partial translation"
    return None


def digest(seed, *parts):
    return hashlib.sha256("\0".join([str(seed), *parts]).encode()).hexdigest()


def collect(languages, carriers, seed):
    """Keeps the usable items: {md5: {language: (summary, document)}}, and counts the rest."""
    english = languages["en"]
    dropped = collections.Counter()
    kept = collections.defaultdict(dict)
    for language, rows in languages.items():
        for md5, item in rows.items():
            if md5 not in english:
                dropped[language, "no English original"] += 1
                continue
            reason = usable(language, item, english[md5])
            if reason:
                dropped[language, reason] += 1
            else:
                kept[md5][language] = item
    # Packages built together often open with one shared paragraph. One of them
    # is kept, the one in most languages, so that no test text occurs in train.
    seen, result = set(), {}
    for md5 in sorted(kept, key=lambda m: (-len(kept[m]), digest(seed, "order", m))):
        opening = ("en", normal(english[md5][1][0])) if english[md5][1] else ("md5", md5)
        if opening in seen:
            for language in kept[md5]:
                dropped[language, "shared first paragraph"] += 1
            continue
        seen.add(opening)
        texts = {}
        for language, (summary, paragraphs) in sorted(kept[md5].items()):
            keys = {(language, "opening", normal(paragraphs[0])), (language, "summary", normal(summary))}
            if keys & seen:
                dropped[language, "shared first paragraph or summary"] += 1
                continue
            seen |= keys
            texts[language] = (summary, "\n".join(paragraphs))
        if texts:
            result[md5] = texts
    return result, dropped


def split(items, family, seed):
    """Assigns families to splits; a held-out family gives its one widest item and no other."""
    totals = collections.Counter(l for texts in items.values() for l in texts)
    best = {}
    for md5, texts in items.items():
        rank = (-len(texts), digest(seed, "item", md5))
        root = family[md5]
        if root not in best or rank < best[root][0]:
            best[root] = (rank, md5)
    order = sorted(best, key=lambda r: (best[r][0][0], digest(seed, "family", *r)))
    # Items in many languages come first, in an order the seed decides, and go to
    # test and validation in turn (two to one), so that both cover the same languages.
    goals = {
        "test": (TEST_ROWS, MAX_TEST_SHARE, collections.Counter()),
        "validation": (VALIDATION_ROWS, MAX_VALIDATION_SHARE, collections.Counter()),
    }
    turns = ["test", "validation", "test"]
    assigned, turn = {}, 0
    for root in order:
        md5 = best[root][1]
        if len(items[md5]) < min(2, len(totals)):
            break
        for name in (turns[turn % 3], "test", "validation"):
            goal, share, counts = goals[name]
            if all(counts[l] < min(goal, int(totals[l] * share)) for l in items[md5]):
                counts.update(items[md5].keys())
                assigned[root] = name
                turn += 1
                break
    splits = {"train": [], "validation": [], "test": []}
    unused = 0
    for md5 in items:
        root = family[md5]
        name = assigned.get(root, "train")
        if name != "train" and best[root][1] != md5:
            unused += len(items[md5])
            continue
        splits[name].append(md5)
    return splits, unused


def check(splits, items, carriers):
    """Stops the run when anything that names or identifies an item is in two splits."""
    owner = {}
    for name, members in splits.items():
        for md5 in members:
            keys = {("parallel_id", md5)}
            for package, source in carriers[md5]:
                keys |= {("package", package), ("source", source)}
            for language, (summary, document) in items[md5].items():
                keys |= {("document", language, normal(document)), ("opening", language, normal(document.split("\n")[0]))}
                keys |= {("summary", language, normal(summary))}
            for key in keys:
                if owner.setdefault(key, name) != name:
                    fail(f"{key} is in both {owner[key]} and {name}: this is a defect of the split, please report it")


def write_atomically(path, text):
    with open(path + ".part", "w", encoding="utf-8", newline="\n") as handle:
        handle.write(text)
        handle.flush()
        os.fsync(handle.fileno())
    os.replace(path + ".part", path)
    return hashlib.sha256(text.encode("utf-8")).hexdigest()


def release_date(lists):
    for name in sorted(os.listdir(lists)):
        if name.endswith(("_InRelease", "_Release")):
            with open(os.path.join(lists, name), encoding="utf-8") as handle:
                for line in handle:
                    if line.startswith("Date:"):
                        return line[5:].strip()
    return "unknown"


def card(suite, date, seed, languages, splits):
    quote = lambda s: json.dumps(s, ensure_ascii=False)
    lines = [
        "schema = 1",
        'name = "debian-summaries"',
        'title = "Debian package descriptions: long description to short description"',
        f'version = {quote(f"{suite} {date}, seed {seed}")}',
        "description = " + quote(
            "Real text written and translated by people. The document is the long description of a "
            "Debian package and the summary its one-line synopsis. Rows with one parallel_id are "
            "translations of the same English original."
        ),
        "licence = " + quote(
            "Each description is under the terms of its Debian package; not checked one by one. Do not redistribute."
        ),
        "generated = false",
        'task = "summarization"',
        f"languages = {json.dumps(languages)}",
        'cluster = "parallel_id"',
        "",
        "[fields]",
        'id = "id"',
        'language = "language"',
        'document = "document"',
        'summary = "summary"',
        "",
        "[source]",
        'url = "https://www.debian.org/international/l10n/ddtp"',
        'script = "experiments/debian-summaries/fetch.sh"',
        f"retrieved = {quote(f'{suite}, index of {date}')}",
    ]
    for name, (sha, counts) in splits.items():
        lines += [
            "",
            f"[splits.{name}]",
            f'file = "{name}.jsonl"',
            f'sha256 = "{sha}"',
            f"rows = {sum(counts.values())}",
            "rows_per_language = { " + ", ".join(f"{l} = {counts[l]}" for l in languages) + " }",
        ]
    return "\n".join(lines) + "\n"


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--lists", required=True, help="apt's folder of index files")
    parser.add_argument("--suite", required=True)
    parser.add_argument("--seed", type=int, required=True)
    parser.add_argument("--out", required=True)
    parser.add_argument("codes", nargs="+", help="Debian's language names, such as de or pt_BR")
    args = parser.parse_args()

    carriers = read_packages(args.lists)
    languages = {}
    for code in dict.fromkeys(["en", *args.codes]):
        language, rows = read_translations(args.lists, code, carriers)
        languages[language] = rows
    items, dropped = collect(languages, carriers, args.seed)
    splits, unused = split(items, families(carriers), args.seed)
    check(splits, items, carriers)

    names = list(languages)
    written = {}
    for name, members in splits.items():
        rows, counts = [], collections.Counter()
        members = sorted(members, key=lambda m: digest(args.seed, "row", m))
        for language in names:
            for md5 in members:
                if language in items[md5]:
                    summary, document = items[md5][language]
                    counts[language] += 1
                    rows.append(
                        json.dumps(
                            {
                                "id": f"{language}-{md5}",
                                "parallel_id": md5,
                                "language": language,
                                "document": document,
                                "summary": summary,
                            },
                            ensure_ascii=False,
                        )
                    )
        sha = write_atomically(os.path.join(args.out, f"{name}.jsonl"), "\n".join(rows) + "\n")
        written[name] = (sha, counts)
    text = card(args.suite, release_date(args.lists), args.seed, names, written)
    write_atomically(os.path.join(args.out, "card.toml"), text)

    reasons = sorted({reason for _, reason in dropped})
    for language in names:
        left_out = ", ".join(f"{dropped[language, r]} {r}" for r in reasons if dropped[language, r])
        print(f"{language}: read {len(languages[language])}; left out {left_out}")
    print(f"rows left out because a relative is held out: {unused}")
    for name, members in splits.items():
        parallel = sum(len(items[m]) == len(names) for m in members)
        print(f"{name}: {len(members)} items, {parallel} of them in all {len(names)} languages")
        for language in names:
            texts = [items[m][language] for m in members if language in items[m]]
            if texts:
                document = statistics.median(len(d) for _, d in texts)
                summary = statistics.median(len(s) for s, _ in texts)
                print(f"  {language}: {len(texts)} rows, median characters {document:.0f} -> {summary:.0f}")
    print(f"written to {args.out}")


if __name__ == "__main__":
    main()
