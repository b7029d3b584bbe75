"""Writes tests/golden/metrics/*.json with the reference implementations.

    pip install rouge-score==0.1.2 nltk==3.10.4 scikit-learn==1.9.1 sacrebleu==2.6.0 \\
        regex==2026.11.19 torch torchmetrics==1.9.0
    pip install --no-deps lm_eval==0.4.13
    pip install pyonmttok==1.38.1 jieba==0.42.1
    MLQA=MLQA/mlqa_evaluation_v1.py XLSUM=xl-sum/multilingual_rouge_scoring \\
        python tests/golden/make_metrics.py

MLQA is a checkout of github.com/facebookresearch/MLQA at 24bf470b, xl-sum one of
github.com/csebuetnlp/xl-sum at afcd803c. Python 3.11, whose Unicode tables are those of 14.0.

| file | reference |
|---|---|
| rouge | rouge-score, the package behind the presets `google` and `google+porter`; nltk has its stemmer |
| rouge_xlsum | XL-Sum's rouge_score with `use_stemmer=True`, its segmenters jieba and pyonmttok |
| f1, mcc | scikit-learn's f1_score(labels=..., zero_division=0) and matthews_corrcoef |
| bleu, chrf | sacrebleu: statistics of each segment, corpus score, signature |
| token_f1 | MLQA's script; for SQuAD torchmetrics' copy of the normalisation of its script |
| multiple_choice | numpy's argmax, as lm_eval/api/task.py computes acc, acc_norm and acc_bytes |
| calibration | torchmetrics' MulticlassCalibrationError (f32), scikit-learn's brier_score_loss |
| perplexity | lm_eval.api.metrics |

Floats are written so that they read back as the same bits.
"""

import importlib.metadata
import importlib.util
import json
import os
import pathlib
import random
import sys

import numpy
import torch
from lm_eval.api.metrics import bits_per_byte, weighted_perplexity
from rouge_score import rouge_scorer
from sacrebleu.metrics import BLEU, CHRF
from sklearn.metrics import brier_score_loss, f1_score, matthews_corrcoef
from torchmetrics.functional.classification import multiclass_calibration_error
from torchmetrics.functional.text.squad import _normalize_text as squad_normalized

HERE = pathlib.Path(__file__).parent / "metrics"
VERSIONS = {
    "rouge-score": "0.1.2",
    "nltk": "3.10.4",
    "scikit-learn": "1.9.1",
    "sacrebleu": "2.6.0",
    "regex": "2026.11.19",
    "pyonmttok": "1.38.1",
    "jieba": "0.42.1",
    "torchmetrics": "1.9.0",
    "lm_eval": "0.4.13",
}
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


def mcc():
    rng = random.Random(13)
    cases = []
    for i in range(40):
        labels = [f"class {k}" for k in range(rng.randrange(2, 7))]
        n = rng.randrange(1, 80)
        actual = rng.choices(labels, [rng.random() for _ in labels], k=n)
        right = rng.random()
        said = [a if rng.random() < right else rng.choice([*labels, None]) for a in actual]
        if i % 8 == 0:
            said = [labels[0]] * n
        named = ["\0invalid" if p is None else p for p in said]
        cases.append({
            "labels": labels,
            "actual": actual,
            "predicted": said,
            "mcc": float(matthews_corrcoef(actual, named)),
        })
    return {"versions": VERSIONS, "cases": cases}


# Texts for BLEU and chrF: what tokenizers of sacrebleu treat in their own ways.
PIECES = (
    "the a storm closed harbour. Harbour, city's 1,000-dollar 10-15 3.14 U.S. &quot;yes&quot; "
    "&amp; &lt;b&gt; <skipped> snake_case (hi) [x] {y} a/b c\\d e-mail 50% $5 #1 @me ^ ~ ` ' '' -- "
    "\u201cJa\u201d \u2014 \u2026 \u20ac5 5\u20ac \u00bfqu\u00e9? \u00a1s\u00ed! caf\u00e9 na\u00efve Stra\u00dfe "
    "\u0130stanbul e\u0301te\u0301 \u5e02\u5834\u306f\u706b\u4e8b\u3002 \u535a\u7269\u9986\u56e0\u706b\u707e\u5173\u95ed\u3002 "
    "2024\u5e74\uff0cABC\u793e \uff08\u5168\u89d2\uff09 \u0627\u0644\u0633\u0648\u0642\u060c \u0939\u093f\u0928\u094d\u0926\u0940\u0964 "
    "\ud55c\uad6d\uc5b4 \u0e2a\u0e27\u0e31\u0e2a\u0e14\u0e35 \U0001f600 \u00b2 \u00bd \u2603 \U00020000 x.y .5 5. , . - a,b 1.a a.1"
).split()
SPACES = [" ", " ", " ", " ", "  ", "\t", "\u00a0", "\n", "-\n", "\u3000", "\x1c", ""]


def segments(rng, vocabulary, most):
    """An output and a reference that share pieces."""

    def text(pieces):
        return "".join(p + rng.choice(SPACES) for p in pieces)

    reference = rng.choices(vocabulary, k=rng.randrange(1, most))
    output = [p for p in reference if rng.random() < 0.8]
    for _ in range(rng.randrange(0, 3)):
        output.insert(rng.randrange(len(output) + 1), rng.choice(vocabulary))
    return text(output), text(reference)


def corpora(rng, count):
    """Outputs and, for each, its references."""
    for i in range(count):
        vocabulary = rng.sample(PIECES, rng.randrange(6, 30))
        references = rng.choice([1, 1, 2, 3])
        outputs, wanted = [], []
        for k in range(rng.randrange(1, 7)):
            output, reference = segments(rng, vocabulary, rng.choice([3, 12, 25]))
            more = [segments(rng, vocabulary, 14)[1] for _ in range(references - 1)]
            outputs.append("" if k == 2 else output)
            # A varying number of references, now and then.
            wanted.append([reference] + (more[:-1] if i % 10 == 9 and k % 2 else more))
        yield outputs, wanted


def columns(references):
    """References as sacrebleu has them: one list for each number of a reference."""
    most = max(len(r) for r in references)
    return [[r[i] if i < len(r) else None for r in references] for i in range(most)]


def sacrebleu_case(metric, outputs, references):
    score = metric.corpus_score(outputs, columns(references))
    statistics = metric._extract_corpus_statistics(outputs, columns(references))
    return {
        "outputs": outputs,
        "references": references,
        "statistics": [[int(v) for v in row] for row in statistics],
        "score": float(score.score),
        "name": score.name,
        "signature": str(metric.get_signature()),
    }


def bleu():
    rng = random.Random(17)
    cases = []
    tokenizers = ["13a", "intl", "zh", "char", "none"]
    smoothing = [("exp", None), ("exp", None), ("floor", None), ("floor", 0.5), ("add-k", None),
                 ("add-k", 2.0), ("none", None)]
    for i, (outputs, references) in enumerate(corpora(rng, 80)):
        smooth, value = smoothing[i % len(smoothing)]
        lowercase, effective = i % 4 == 3, i % 6 == 5
        metric = BLEU(
            lowercase=lowercase,
            tokenize=tokenizers[i % len(tokenizers)],
            smooth_method=smooth,
            smooth_value=value,
            effective_order=effective,
        )
        cases.append({
            "tokenize": tokenizers[i % len(tokenizers)],
            "smooth": smooth,
            "smooth_value": value,
            "lowercase": lowercase,
            "effective_order": effective,
            **sacrebleu_case(metric, outputs, references),
        })
    return {"versions": VERSIONS, "cases": cases}


def chrf():
    rng = random.Random(19)
    cases = []
    for i, (outputs, references) in enumerate(corpora(rng, 60)):
        options = {
            "char_order": [6, 6, 6, 4][i % 4],
            "word_order": [0, 2, 1][i % 3],
            "beta": [2, 2, 2, 1, 3][i % 5],
            "lowercase": i % 4 == 3,
            "whitespace": i % 7 == 6,
            "eps_smoothing": i % 6 == 5,
        }
        cases.append({**options, **sacrebleu_case(CHRF(**options), outputs, references)})
    return {"versions": VERSIONS, "cases": cases}


ANSWERS = {
    "en": "the The a an U.S. Athena theory's the_cat (1,000) 3.14 red-green apple \u2018apple\u2019 \u20ac5 $5",
    "es": "el El los La una un casa \u00bfcasa? alem\u00e1n unas elfo 3,5 la-la",
    "de": "der Die das den dem des ein eine einer Haus \u201eHaus\u201c \u00dcber stra\u00dfe derweil Ein-Euro",
    "vi": "c\u1ee7a l\u00e0 c\u00e1i chi\u1ebfc nh\u1eefng nh\u00e0 Vi\u1ec7t Nam \u0111\u1ecf l\u00e0m cu\u0309a",
    "ar": "\u0627\u0644\u0628\u064a\u062a \u0628\u064a\u062a \u0648\u0627\u0644\u0628\u064a\u062a \u0623\u062d\u0645\u0631\u060c \u0645\u0627\u0644 \u0661\u0662 \u0627\u0644 \u0628\u064e\u064a\u062a",
    "hi": "\u0918\u0930 \u0932\u093e\u0932\u0964 \u0939\u093f\u0928\u094d\u0926\u0940 \u0967\u0968 a the \u0918\u0930,",
    "zh": "\u535a\u7269\u9986 \u706b\u707e\u3002 \u300a\u4e66\u300b 2024\u5e74 ABC \u535a \U00020000 \u9fff \u3007 the",
}


def token_f1():
    path = os.environ["MLQA"]
    spec = importlib.util.spec_from_file_location("mlqa", path)
    mlqa = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(mlqa)
    own = mlqa.normalize_answer
    rng = random.Random(23)
    cases = []

    def add(preset, language, output, references):
        # The two scripts have one F1, and each its normalisation.
        mlqa.normalize_answer = own if preset == "mlqa" else lambda text, _: squad_normalized(text)
        of = lambda metric: float(
            mlqa.metric_max_over_ground_truths(metric, output, references, language)
        )
        cases.append({
            "preset": preset,
            "language": language,
            "output": output,
            "references": references,
            "f1": of(mlqa.f1_score),
            "exact_match": of(mlqa.exact_match_score),
        })

    for language, pieces in ANSWERS.items():
        pieces = pieces.split()
        for i in range(48):
            text = lambda: "".join(
                rng.choice(pieces) + rng.choice([" ", " ", "  ", "\n", "\u00a0", ""])
                for _ in range(rng.randrange(0, 5))
            )
            references = [text() for _ in range(rng.choice([1, 1, 2]))]
            output = references[0].strip().upper() if i % 6 == 0 else text()
            add("mlqa", language, output, references)
            add("squad" if language == "en" else "xquad", language, output, references)
    return {"versions": VERSIONS, "cases": cases}


def multiple_choice():
    rng = random.Random(29)
    words = "a an oak ivy moss \u6a61\u6811 \u82d4\u85d3 caf\u00e9 Stra\u00dfe the long way home 42 x".split()
    cases = []
    for i in range(150):
        choices = []
        while len(choices) < rng.randrange(2, 6):
            text = " ".join(rng.choices(words, k=rng.randrange(1, 5)))
            if text not in choices:
                choices.append(text)
        tokens = [rng.randrange(1, 9) for _ in choices]
        # Whole numbers now and then, so that scores tie.
        scores = [-float(rng.randrange(1, 6)) if i % 3 == 0 else -20 * rng.random() for _ in choices]
        gold = rng.randrange(len(choices))
        lls = numpy.array(scores)
        lengths = [
            [1.0 for _ in choices],
            [float(len(c)) for c in choices],
            [float(len(c.encode("utf-8"))) for c in choices],
            [float(t) for t in tokens],
        ]
        expected = [float(numpy.argmax(lls / numpy.array(by)) == gold) for by in lengths]
        cases.append({
            "choices": choices,
            "tokens": tokens,
            "log_likelihoods": scores,
            "gold": choices[gold],
            "expected": expected,
        })
    return {"versions": VERSIONS, "cases": cases}


def calibration():
    rng = random.Random(31)
    cases = []
    for i in range(30):
        classes = rng.randrange(2, 6)
        bins = [15, 10, 3][i % 3]
        n = rng.randrange(1, 90)
        scores = [[-8 * rng.random() - 1 for _ in range(classes)] for _ in range(n)]
        right = [
            max(range(classes), key=row.__getitem__) if rng.random() < 0.5 else rng.randrange(classes)
            for row in scores
        ]
        probabilities = torch.tensor(scores, dtype=torch.float64).softmax(dim=1)
        ece = multiclass_calibration_error(
            probabilities, torch.tensor(right), num_classes=classes, n_bins=bins, norm="l1"
        )
        brier = brier_score_loss(
            right, probabilities.numpy(), labels=list(range(classes)), scale_by_half=False
        )
        cases.append({
            "bins": bins,
            "log_likelihoods": scores,
            "right": right,
            "ece": float(ece),
            "brier": float(brier),
        })
    return {"versions": VERSIONS, "cases": cases}


def perplexity():
    rng = random.Random(37)
    words = "the storm closed \u5e02\u5834 caf\u00e9 Stra\u00dfe \U0001f600 harbour \u0e2a\u0e27\u0e31\u0e2a\u0e14\u0e35".split()
    cases = []
    for _ in range(20):
        texts = []
        for _ in range(rng.randrange(1, 8)):
            text = rng.choice([" ", "\n", ""]) + "  ".join(rng.choices(words, k=rng.randrange(1, 30)))
            texts.append({
                "text": text,
                "log_likelihood": -rng.random() * 4 * len(text) - 0.5,
                "tokens": rng.randrange(1, 60),
                "words": len(text.split()),
                "bytes": len(text.encode("utf-8")),
            })

        def pairs(unit):
            return [(t["log_likelihood"], t[unit]) for t in texts]

        cases.append({
            "texts": texts,
            "perplexity_token": weighted_perplexity(pairs("tokens")),
            "perplexity_word": weighted_perplexity(pairs("words")),
            "perplexity_byte": weighted_perplexity(pairs("bytes")),
            "bits_per_byte": bits_per_byte(pairs("bytes")),
        })
    return {"versions": VERSIONS, "cases": cases}


def xlsum_scorer():
    """The module of XL-Sum, whose package has the name of Google's."""
    folder = pathlib.Path(os.environ["XLSUM"])
    ours = {k: sys.modules.pop(k) for k in list(sys.modules) if k.split(".")[0] == "rouge_score"}
    spec = importlib.util.spec_from_file_location(
        "rouge_score", folder / "__init__.py", submodule_search_locations=[str(folder)]
    )
    sys.modules["rouge_score"] = importlib.util.module_from_spec(spec)
    module = importlib.import_module("rouge_score.rouge_scorer")
    for k in [k for k in sys.modules if k.split(".")[0] == "rouge_score"]:
        del sys.modules[k]
    sys.modules.update(ours)
    return module.RougeScorer


XLSUM_WORDS = {
    "zh": "\u535a\u7269\u9986 \u56e0 \u706b\u707e \u5173\u95ed \u3002 \uff0c \u5317\u4eac\u5e02 \u653f\u5e9c \u8ba1\u7b97\u673a \u7814\u7a76\u6240 \u5c0f\u660e 2024\u5e74 "
    "ABC 5G \u6768\u4f1f\u6c11 \u7f51\u6613\u676d\u7814\u5927\u53a6 \u4ed6 \u6765\u5230 \u4e86 \u6ca1\u6709 \u7684 \u201c\u597d\u201d \u300a\u4e66\u300b 3.14 \u20ac \u570b\u969b \u6a5f\u5834 "
    "\u2f81 \U00020000 \ufffd e-mail",
    "ko": "\ud55c\uad6d\uc5b4 \ubb38\uc7a5 \uc11c\uc6b8\uc5d0\uc11c 2024\ub144 BTS\ub294 \ubc1c\ud45c\ud588\ub2e4. \u6f22\u5b57 \u201c\uc778\uc6a9\u201d 5\u20ac",
    "vi": "Vi\u1ec7t Nam th\u00f4ng b\u00e1o tie\u0302\u0301ng covid19 H\u2082O x\u00b2 \u00bd - \u2014 \u201ch\u00f4m nay\u201d \u0301 \u00ad c\u00ad\u1ee7a",
    "uk": "\u041a\u0438\u0457\u0432 \u043c'\u044f\u0441\u043e 2\u043a\u043c \u00abслово\u00bb т\u0301 \u2581 \uffed \uffe8 \u25a0 $5 a+b ^ ~ ` \uff21\uff11",
    "ta": "\u0ba4\u0bae\u0bbf\u0bb4\u0bcd \u0bae\u0bca\u0bb4\u0bbf. \u0be7\u0be8 \u0bbf \u0b85\u0ba4\u0bc1 (2024) \u200c\u0b95\u0bcd\u200d \U0001f600 \u20b9500",
    "sw": "habari za leo 3km e-mail U.S. na\u00efve \u0130stanbul snake_case it's \u00a9x \u2028 \u0085 \x1c",
}
XLSUM_NAMES = {
    "zh": "chinese_simplified", "ko": "korean", "vi": "vietnamese", "uk": "ukrainian",
    "ta": "tamil", "sw": "swahili",
}


def rouge_xlsum():
    scorer_of = xlsum_scorer()
    rng = random.Random(41)
    cases = []
    for language, words in XLSUM_WORDS.items():
        scorer = scorer_of(TYPES, use_stemmer=True, lang=XLSUM_NAMES[language])
        words = words.split(" ")
        separators = ["", "", " ", "\n"] if language == "zh" else [" ", " ", " ", "\n", "\t", ""]

        def text():
            pieces = rng.choices(words, k=rng.randrange(0, 14))
            return "".join(piece + rng.choice(separators) for piece in pieces)

        for _ in range(50):
            reference, output = text(), text()
            scores = scorer.score(reference, output)
            cases.append({
                "language": language,
                "reference": reference,
                "output": output,
                "words": scorer._tokenizer(reference.lower()),
                "expected": [float(scores[t].fmeasure) for t in TYPES],
            })
    return {"versions": VERSIONS, "cases": cases}


MADE = [rouge, rouge_xlsum, f1, mcc, bleu, chrf, token_f1, multiple_choice, calibration, perplexity]


def main():
    for package, version in VERSIONS.items():
        found = importlib.metadata.version(package)
        if found != version:
            raise SystemExit(f"{package} is {found}; these numbers are those of {version}")
    HERE.mkdir(exist_ok=True)
    for make in MADE:
        name, data = make.__name__, make()
        head = {k: v for k, v in data.items() if k != "cases"}
        rows = ",\n".join(json.dumps(c, ensure_ascii=False) for c in data["cases"])
        text = json.dumps(head)[:-1] + ', "cases": [\n' + rows + "\n]}\n"
        (HERE / f"{name}.json").write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
