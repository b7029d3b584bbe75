#!/usr/bin/env python3
"""Writes the generated data sets of this folder's siblings. Python 3.8 or later, no packages.

    python3 datasets/generated/make.py          writes the sets
    python3 datasets/generated/make.py --check  compares them with what is on disk

The output is a function of SEED and of the word lists and templates beside this file.
"""

import argparse
import collections
import hashlib
import json
import os
import random
import sys

import corpus
import reasoning
import sentiment
import summaries
import words as w

SEED = 7
ITEMS = {"train": 400, "validation": 60, "test": 120}
PASSAGES = {"train": 1500, "validation": 150}
ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))

SETS = {
    "generated-summarization": {
        "module": summaries,
        "task": "summarization",
        "title": "Generated short news with one-sentence summaries",
        "about": "Two or three short sentences about a person, a place or a contest; the summary is one sentence that states the main event in other words.",
        "fields": ["document", "summary"],
        "text": "document",
    },
    "generated-reasoning": {
        "module": reasoning,
        "task": "reasoning",
        "title": "Generated four-choice questions",
        "about": "Two or three facts and a question with four choices, about comparisons, places, small sums or categories; answer is the index of the right choice, counted from 0.",
        "fields": ["question", "choices", "answer"],
        "text": "question",
    },
    "generated-sentiment": {
        "module": sentiment,
        "task": "sentiment",
        "title": "Generated opinions with a sentiment label",
        "about": "One or two short sentences of opinion, with negation and contrast.",
        "fields": ["text", "label"],
        "text": "text",
        "labels": sentiment.LABELS,
    },
    "generated-corpus": {
        "module": None,
        "task": "language-modeling",
        "title": "Generated passages for pretraining",
        "about": "Plain passages of the world of the other generated sets, without a task, to pretrain a tiny decoder. The languages are not parallel.",
        "fields": ["text"],
        "text": "text",
    },
}


def stream(*parts):
    """A random stream of its own for each part, so that one set does not shift another."""
    return random.Random(hashlib.sha256(repr((SEED, *parts)).encode()).hexdigest())


def make_task(set_name, module, text_field, used):
    """Draws items, renders each in every language, and deals them to the splits."""
    total = sum(ITEMS.values())
    rng = stream(set_name, "items")
    texts = collections.defaultdict(set)
    items = []
    while len(items) < total:
        item = module.draw(rng, len(items))
        if (set_name, item["key"]) in used:
            continue
        number = len(items)
        rows = {}
        for attempt in range(20):
            rows = {l: module.render(item, l, stream(set_name, number, attempt, l)) for l in w.LANGUAGES}
            if not any(rows[l][text_field] in texts[l] for l in w.LANGUAGES):
                break
        else:
            continue
        used.add((set_name, item["key"]))
        for l in w.LANGUAGES:
            texts[l].add(rows[l][text_field])
        items.append(rows)
    # Dealt in runs of 12 x 4 items, a multiple of every balanced cycle, in a shuffled order.
    splits, start = {}, 0
    for split, count in ITEMS.items():
        members = list(range(start, start + count))
        stream(set_name, split, "order").shuffle(members)
        start += count
        splits[split] = []
        for language in w.LANGUAGES:
            for position in members:
                parallel = f"{set_name.split('-')[1]}-{position:04d}"
                splits[split].append(
                    {"id": f"{parallel}-{language}", "parallel_id": parallel, "language": language, **items[position][language]}
                )
    return splits


def make_corpus(used, task_texts):
    splits = {split: [] for split in PASSAGES}
    taken = {key for _, key in used}
    for language in w.LANGUAGES:
        rng = stream("corpus", language)
        seen, number = set(), 0
        for split, count in PASSAGES.items():
            rows = []
            while len(rows) < count:
                text, key = corpus.passage(rng, number, language)
                if key in taken or text in seen or text in task_texts:
                    continue
                seen.add(text)
                rows.append({"id": f"corpus-{number:05d}-{language}", "language": language, "text": text})
                number += 1
            splits[split] += rows
    return splits


def check_task(set_name, splits, spec):
    where, texts, summarised = {}, set(), {}
    for split, rows in splits.items():
        assert len(rows) == ITEMS[split] * len(w.LANGUAGES), (set_name, split)
        for language in w.LANGUAGES:
            mine = [r for r in rows if r["language"] == language]
            assert len(mine) == ITEMS[split]
            if spec["task"] == "sentiment":
                counts = collections.Counter(r["label"] for r in mine)
                assert set(counts) == set(sentiment.LABELS) and max(counts.values()) - min(counts.values()) <= 1, counts
            if spec["task"] == "reasoning":
                counts = collections.Counter(r["answer"] for r in mine)
                assert set(counts) == {0, 1, 2, 3} and max(counts.values()) - min(counts.values()) <= 4, counts
        for row in rows:
            assert where.setdefault(row["parallel_id"], split) == split, row["parallel_id"]
            text = (row["language"], row[spec["text"]])
            assert text not in texts, text
            texts.add(text)
            check_text(row, spec["fields"])
            if spec["task"] == "reasoning":
                assert len(set(row["choices"])) == 4, row
            if spec["task"] == "summarization":
                assert row["summary"] not in row["document"], row
                owner = summarised.setdefault((row["language"], row["summary"]), split)
                assert owner == split, row


def check_text(row, fields):
    """Catches what a wrong template or word list leaves behind."""
    for field in fields:
        for text in row[field] if isinstance(row[field], list) else [str(row[field])]:
            assert text == text.strip() and text, row
            assert not any(bad in text for bad in "{}|~_"), row
            assert "  " not in text and " ," not in text and "None" not in text, row
            if row["language"] in ("ja", "zh"):
                assert " " not in text and "." not in text, row
            else:
                assert not any(ord(c) > 0x2E80 for c in text), row


def quoted(text):
    return json.dumps(text, ensure_ascii=False)


def card(set_name, spec, splits, files):
    cluster = spec["module"] is not None
    lines = [
        "schema = 1",
        f"name = {quoted(set_name)}",
        f"title = {quoted(spec['title'])}",
        'version = "1"',
        "description = " + quoted(
            f"GENERATED from hand-written templates and word lists by datasets/generated/make.py; not real text. {spec['about']}"
        ),
        'licence = "MIT OR Apache-2.0"',
        "generated = true",
        f"task = {quoted(spec['task'])}",
        f"languages = {json.dumps(w.LANGUAGES)}",
    ]
    if cluster:
        lines.append('cluster = "parallel_id"')
    if "labels" in spec:
        lines.append(f"labels = {json.dumps(spec['labels'])}")
    lines += ["", "[fields]", 'id = "id"', 'language = "language"']
    lines += [f'{f} = "{f}"' for f in spec["fields"]]
    lines += ["", "[source]", 'script = "datasets/generated/make.py"', f"seed = {SEED}"]
    for split, rows in splits.items():
        counts = collections.Counter(r["language"] for r in rows)
        lines += [
            "",
            f"[splits.{split}]",
            f'file = "{split}.jsonl"',
            f'sha256 = "{hashlib.sha256(files[split].encode("utf-8")).hexdigest()}"',
            f"rows = {len(rows)}",
            "rows_per_language = { " + ", ".join(f"{l} = {counts[l]}" for l in w.LANGUAGES) + " }",
        ]
    return "\n".join(lines) + "\n"


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--check", action="store_true", help="write nothing; fail if the files on disk differ")
    args = parser.parse_args()

    used, made, task_texts = set(), {}, set()
    for set_name, spec in SETS.items():
        if spec["module"]:
            made[set_name] = make_task(set_name, spec["module"], spec["text"], used)
            check_task(set_name, made[set_name], spec)
            for rows in made[set_name].values():
                task_texts.update(r[spec["text"]] for r in rows)
    made["generated-corpus"] = make_corpus(used, task_texts)
    for rows in made["generated-corpus"].values():
        for row in rows:
            check_text(row, ["text"])

    differing, size = [], 0
    for set_name, splits in made.items():
        files = {s: "".join(json.dumps(r, ensure_ascii=False) + "\n" for r in rows) for s, rows in splits.items()}
        output = {f"{s}.jsonl": text for s, text in files.items()}
        output["card.toml"] = card(set_name, SETS[set_name], splits, files)
        folder = os.path.join(ROOT, set_name)
        os.makedirs(folder, exist_ok=True)
        for file_name, text in output.items():
            path, data = os.path.join(folder, file_name), text.encode("utf-8")
            size += len(data)
            if args.check:
                if not os.path.exists(path) or open(path, "rb").read() != data:
                    differing.append(path)
            else:
                with open(path, "wb") as handle:
                    handle.write(data)
    if differing:
        sys.exit("not what make.py writes:\n" + "\n".join(differing))
    print(f"{'checked' if args.check else 'wrote'} {len(made)} sets, {size / 1e6:.2f} MB")


if __name__ == "__main__":
    main()
