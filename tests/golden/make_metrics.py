"""Writes tests/golden/metrics/{rouge,f1}.json with the reference implementations.

    pip install rouge-score==0.1.2 nltk==3.9.1 scikit-learn==1.5.2
    python tests/golden/make_metrics.py

rouge-score is the package behind the presets `google` and `google+porter` of the metric `rouge`;
nltk has its stemmer. scikit-learn's f1_score(labels=..., zero_division=0) is what the metric `f1`
computes. Floats are written so that they read back as the same bits.
"""

import importlib.metadata
import json
import pathlib
import random

from rouge_score import rouge_scorer
from sklearn.metrics import f1_score

HERE = pathlib.Path(__file__).parent / "metrics"
VERSIONS = {"rouge-score": "0.1.2", "nltk": "3.9.1", "scikit-learn": "1.5.2"}
TYPES = ["rouge1", "rouge2", "rougeL", "rougeLsum"]

# Reference texts, then the output.
WRITTEN = [
    (["The police killed the gunman."], "The gunman was killed by police."),
    (["the cat sat on the mat"], "the cat sat on the mat"),
    (["the cat sat on the mat"], ""),
    ([""], "the cat"),
    ([""], ""),
    (["..."], "!?"),
    (["one"], "one"),
    (["one two"], "two one"),
    (["a b c d e f g"], "g f e d c b a"),
    (["a a a b"], "a b b b"),
    # Repetition against clipping.
    (["the the the the"], "the"),
    (["the"], "the the the the"),
    # Summaries of several lines, with empty ones: Lsum differs from L.
    (["The council met.\nIt voted for the park."], "It voted for the park.\nThe council met."),
    (["first line\n\nsecond line\n"], "\nsecond line\nfirst line"),
    (["w1 w2 w3 w4 w5"], "w1 w2 w6 w7 w8\nw1 w3 w8 w9 w5"),
    (["a b a c\nc a b\na a"], "a c b a\nb a\nc c a b"),
    (["x y z\r\nz y x"], "z y x\r\nx y z"),
    (["one\ttwo\u00a0three\u2028four"], "one two three four"),
    # Several references; the best may differ by measure.
    (["a b c d", "a c b"], "a b c"),
    (["nothing alike", "the storm closed the harbour", "the harbour closed"], "storm closes harbour"),
    (["x", "x"], "x"),
    # Stems: regular, irregular and short words.
    (["The runners were running quickly"], "A runner runs quick"),
    (["dying lying tying skies sky news innings"], "die lie tie sky skies new inning"),
    (["proceed exceed succeed"], "proceeding exceeded succeeds"),
    (["flies dies ties cries"], "fly die tie cry"),
    (["happily fully hopefully analogously"], "happy full hopeful analogous"),
    (["generalisations oscillators relational conditional"], "general oscillate relate condition"),
    (["biology geology apologies"], "biological geological apology"),
    (["enjoying says boys days"], "enjoy say boy day"),
    (["agreed feed hopping hoping falling"], "agree fed hop hope fall"),
    # Punctuation, numbers, apostrophes.
    (["It's 1,000 dollars - isn't it?"], "Its 1000 dollars, is not it"),
    (["e-mail U.S. 3.14 C++ #1"], "email us 314 c 1"),
    (["snake_case_name and CamelCase"], "snake case name camelcase"),
    # Letters that lower case turns into ASCII, or that are dropped.
    (["\u212aelvin \u0130stanbul na\u00efve caf\u00e9"], "kelvin istanbul naive cafe"),
    (["stra\u00dfe STRASSE \ufb01ne"], "strasse stra e fine ne"),
    (["\u03a3\u03a3 abc\u03a3 test"], "abc test"),
    (["\U0001d4d7ello \uff21\uff22\uff23 abc"], "ello abc"),
    (["emoji \U0001f600 smile\u200dy"], "emoji smile y"),
    # Other languages.
    (["Der Zug nach K\u00f6ln f\u00e4llt heute aus."], "Heute f\u00e4llt der Zug nach K\u00f6ln aus."),
    (["Die M\u00fchle wird f\u00fcr zwei Wochen geschlossen."], "Zwei Wochen lang bleibt die M\u00fchle zu."),
    (["L'h\u00f4pital ferme \u00e0 cause d'une fuite d'eau."], "Une fuite d'eau ferme l'h\u00f4pital."),
    (["Un \u00e9crivain cache une poup\u00e9e au mus\u00e9e."], "Au mus\u00e9e, un \u00e9crivain cache une poup\u00e9e."),
    (["\u5e02\u5834\u306f\u706b\u4e8b\u306e\u305f\u3081\u9589\u307e\u308a\u307e\u3057\u305f\u3002"], "\u706b\u4e8b\u3067\u5e02\u5834\u304c\u9589\u307e\u308b\u3002"),
    (["2024\u5e74\u306bABC\u793e\u304c\u65b0\u88fd\u54c1\u3092\u767a\u8868"], "ABC\u793e\u30012024\u5e74\u306b\u767a\u8868"),
    (["\u535a\u7269\u9986\u56e0\u706b\u707e\u5173\u95ed\u3002"], "\u706b\u707e\u8ba9\u535a\u7269\u9986\u5173\u95ed\u4e86\u3002"),
]

WORDS = (
    "the a of storm storms stormed harbour closing closed closes city cities happily happy "
    "running runs relational nation national fox e-mail it's U.S. 3,000 2024 caf\u00e9 na\u00efve "
    "\u00dcber stra\u00dfe \u706b\u4e8b \u5173\u95ed \u212a flies dying sky news abilities ability"
).split()
SEPARATORS = [" ", " ", " ", " ", " ", ", ", ". ", "\n", "\n\n", " - ", "\u00a0", "; ", "?", "\t"]


def fuzzed(rng):
    """Pairs that share words, so that the longest common subsequence has many ties."""

    def text(vocabulary):
        length = rng.randrange(1, 22)
        return "".join(rng.choice(vocabulary) + rng.choice(SEPARATORS) for _ in range(length))

    for _ in range(110):
        vocabulary = rng.sample(WORDS, rng.randrange(3, 12))
        yield [text(vocabulary) for _ in range(rng.choice([1, 1, 1, 2, 3]))], text(vocabulary)


def rouge():
    plain = rouge_scorer.RougeScorer(TYPES, use_stemmer=False)
    porter = rouge_scorer.RougeScorer(TYPES, use_stemmer=True)
    cases = []
    for references, output in WRITTEN + list(fuzzed(random.Random(7))):
        def of(scorer):
            best = scorer.score_multi(references, output)
            return [float(best[t].fmeasure) for t in TYPES]

        cases.append({
            "references": references,
            "output": output,
            "google": of(plain),
            "google+porter": of(porter),
        })
    return {"versions": VERSIONS, "measures": TYPES, "cases": cases}


def f1_case(name, label_set, labels, actual, predicted):
    # An invalid output is a label that no class has.
    said = ["\0invalid" if p is None else p for p in predicted]

    def of(average, classes=labels):
        return float(f1_score(actual, said, labels=classes, average=average, zero_division=0))

    expected = {f"f1_{average}": of(average) for average in ("macro", "micro", "weighted")}
    for label in labels:
        expected[f"f1_{label}"] = of("macro", [label])
    expected["invalid"] = sum(p is None for p in predicted) / len(predicted)
    return {
        "name": name,
        "label_set": label_set,
        "labels": labels,
        "actual": actual,
        "predicted": predicted,
        "expected": expected,
    }


def f1():
    three = ["negative", "neutral", "positive"]
    neg, neu, pos = three
    cases = [
        f1_case("all right", three, three, [neg, neu, pos], [neg, neu, pos]),
        f1_case("all wrong", three, three, [neg, neu, pos], [pos, neg, neu]),
        f1_case("all invalid", three, three, [neg, neu, pos], [None, None, None]),
        f1_case("one class never said", three, three, [neg, neu, pos, neu], [neg, neg, pos, pos]),
        f1_case("one class in neither", three, three, [neg, pos, pos], [neg, pos, neg]),
        f1_case("one class never right", three, three, [neg, neg, pos], [neg, neu, pos]),
        f1_case("invalid and missing", three, three, [neg, pos, pos, neg], [None, pos, neu, neg]),
        f1_case("a single row", three, three, [pos], [pos]),
        f1_case("some classes", three, [neg, pos], [neg, neu, pos, neu, pos], [neg, neg, pos, neu, None]),
        f1_case("one class", three, [pos], [neg, neu, pos, pos], [pos, neu, pos, None]),
    ]
    rng = random.Random(11)
    for i in range(20):
        labels = [f"class {k}" for k in range(rng.randrange(2, 7))]
        weights = [rng.random() for _ in labels]
        n = rng.randrange(1, 60)
        actual = rng.choices(labels, weights, k=n)
        said = [
            right if rng.random() < 0.6 else rng.choice([*labels, None]) for right in actual
        ]
        counted = labels if i % 4 else sorted(rng.sample(labels, rng.randrange(1, len(labels))))
        cases.append(f1_case(f"random {i}", labels, counted, actual, said))
    return {"versions": VERSIONS, "cases": cases}


def main():
    for package, version in VERSIONS.items():
        found = importlib.metadata.version(package)
        if found != version:
            raise SystemExit(f"{package} is {found}; these numbers are those of {version}")
    HERE.mkdir(exist_ok=True)
    for name, data in (("rouge", rouge()), ("f1", f1())):
        head = {k: v for k, v in data.items() if k != "cases"}
        rows = ",\n".join(json.dumps(c, ensure_ascii=False) for c in data["cases"])
        text = json.dumps(head)[:-1] + ', "cases": [\n' + rows + "\n]}\n"
        (HERE / f"{name}.json").write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
