"""Makes tests/golden/datasets/: small files in the layout of each public set, and expected.jsonl.

Python 3.11, pyarrow 26.0.1. Run from anywhere; takes a second, needs no network.

Files, fields and types are those of the real sets; every sentence was written here. expected.jsonl
has what a task should see of each row: language, id, cluster, and the fields under its names. It is
written next to the raw rows and not computed from the cards. `formats/` has one table in each
format that is read, with and without compression.
"""

import csv
import gzip
import io
import json
import shutil
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

OUT = Path(__file__).parent / "datasets"
EXPECTED = {}

TEXT, INT, FLAG = pa.string(), pa.int64(), pa.bool_()
TEXTS = pa.list_(TEXT)
CHOICES = pa.struct([("label", TEXTS), ("text", TEXTS)])


def parquet(path, schema, rows, **options):
    path.parent.mkdir(parents=True, exist_ok=True)
    table = pa.Table.from_pylist(rows, schema=pa.schema(schema))
    pq.write_table(table, path, write_statistics=False, store_schema=False, **options)


def lines(path, rows):
    path.parent.mkdir(parents=True, exist_ok=True)
    text = "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)
    path.write_text(text, encoding="utf-8")


def tsv(path, names, rows):
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, delimiter="\t", lineterminator="\n")
        writer.writerow(names)
        writer.writerows(rows)


def expect(name, split, language, id, row, cluster=None):
    wanted = {"language": language, "id": id, "row": row}
    if cluster is not None:
        wanted["cluster"] = cluster
    EXPECTED.setdefault(name, {}).setdefault(split, []).append(wanted)


def data(name):
    return OUT / name / "data"


NEWS = {
    "de": [("Die Brücke am Markt ist gesperrt. Ein Riss wurde gefunden.", "Brücke gesperrt"),
           ("Im Zoo ist ein Tapir geboren. Er wiegt acht Kilo.", "Ein Tapir im Zoo")],
    "en": [("The ferry was late. Fog lay over the bay.", "Fog delays ferry"),
           ("A choir sang at noon. Two hundred people came.", "Choir draws a crowd")],
    "ja": [("駅前の時計が止まった。修理は明日。", "時計が停止"),
           ("図書館が新しい本を買った。", "図書館に新刊")],
    "tr": [("Köprü bugün açıldı. Yol kısaldı.", "Köprü açıldı"),
           ("Pazarda elma ucuzladı.", "Elma ucuz")],
}


def xlsum():
    schema = [("id", TEXT), ("url", TEXT), ("title", TEXT), ("summary", TEXT), ("text", TEXT)]
    for code, language in [("english", "en"), ("japanese", "ja")]:
        for split in ["train", "validation", "test"]:
            rows = []
            for i, (text, summary) in enumerate(NEWS[language]):
                key = f"news-{split}-{i}"
                rows.append({"id": key, "url": f"https://news.test/{key}", "title": f"Title {i}",
                             "summary": summary, "text": text})
                row = {"document": text, "id": key, "summary": summary}
                expect("xlsum", split, language, key, row)
            parquet(data("xlsum") / code / f"xlsum-{split}.parquet", schema, rows)


def mlsum():
    schema = [(n, TEXT) for n in ["text", "summary", "topic", "url", "title", "date"]]
    for code, language in [("de", "de"), ("tu", "tr")]:
        for split in ["train", "validation", "test"]:
            rows = []
            for i, (text, summary) in enumerate(NEWS[language]):
                rows.append({"text": text, "summary": summary, "topic": "ort",
                             "url": f"https://zeitung.test/{i}", "title": "T", "date": "00/01/2020"})
                expect("mlsum", split, language, str(i + 1), {"document": text, "summary": summary})
            # An article without a summary, which the card leaves out.
            rows.append({**rows[0], "summary": " "})
            parquet(data("mlsum") / code / split / "0000.parquet", schema, rows)


def wikilingua():
    english = [("section_name", TEXTS), ("document", TEXTS), ("summary", TEXTS)]
    other = english + [("english_url", TEXTS), ("english_section_name", TEXTS)]
    rows = {"english": [], "german": []}
    # Which split an article is in follows from a hash; the test looks at all of them together.
    for i in range(12):
        url = f"https://guide.test/Fold-Paper-{i}"
        sections = {"section_name": ["One", "Two"],
                    "document": [f"Take sheet {i}. Fold it once.", f"Turn sheet {i}. Press it."],
                    "summary": [f"Fold sheet {i}.", f"Press sheet {i}."]}
        rows["english"].append({"url": url, "article": sections})
        for j in range(2):
            row = {"document": sections["document"][j], "summary": sections["summary"][j]}
            expect("wikilingua", "*", "en", f"{i + 1}.{j}", row, url)
        german = {"section_name": ["Eins", "Zwei"],
                  "document": [f"Nimm Blatt {i}. Falte es.", f"Wende Blatt {i}."],
                  "summary": [f"Falte Blatt {i}.", "" if i == 0 else f"Wende Blatt {i}."],
                  "english_url": [url, url], "english_section_name": ["One", "Two"]}
        rows["german"].append({"url": f"https://guide.test/de/Falten-{i}", "article": german})
        for j in range(2):
            if german["summary"][j]:
                row = {"document": german["document"][j], "summary": german["summary"][j]}
                expect("wikilingua", "*", "de", f"{i + 1}.{j}", row, url)
    for code, article in [("english", english), ("german", other)]:
        schema = [("url", TEXT), ("article", pa.struct(article))]
        parquet(data("wikilingua") / code / "train" / "0000.parquet", schema, rows[code])


def mcsqa():
    schema = [("id", TEXT), ("question", TEXT), ("question_concept", TEXT), ("choices", CHOICES),
              ("answerKey", TEXT), ("hard", FLAG)]
    words = {"de": ("Womit schneidet man Brot?", ["Gabel", "Messer", "Tasse", "Teller", "Topf"]),
             "ja": ("パンを切るものは何か？", ["箸", "包丁", "皿", "鍋", "匙"])}
    for language, (question, texts) in words.items():
        for split in ["train", "validation", "test"]:
            key = f"{language}-{split}-1"
            rows = [{"id": key, "question": question, "question_concept": "c",
                     "choices": {"label": list("ABCDE"), "text": texts}, "answerKey": "B",
                     "hard": split == "test"}]
            row = {"answer": 1, "choices": texts, "id": key, "question": question}
            expect("mcsqa", split, language, key, row)
            name = f"{split}-00000-of-00001.parquet"
            parquet(data("mcsqa") / language / name, schema, rows)


def xcsr(name, config, count, extra):
    question = pa.struct([("stem", TEXT), ("choices", CHOICES)])
    schema = [("id", TEXT), ("lang", TEXT), *extra, ("question", question), ("answerKey", TEXT)]
    stems = {"en": ("Where is milk kept?", ["fridge", "oven", "shelf", "well", "barn"]),
             "jap": ("牛乳はどこに置く？", ["冷蔵庫", "竈", "棚", "井戸", "納屋"])}
    for code, (stem, texts) in stems.items():
        language = {"jap": "ja"}.get(code, code)
        texts = texts[:count]
        rows = [{"id": "q1", "lang": code, "question_tag": "o", "answerKey": "A",
                 "question": {"stem": stem,
                              "choices": {"label": list("ABCDE")[:count], "text": texts}}}]
        rows = [{n: r[n] for n, _ in schema} for r in rows]
        row = {"answer": 0, "choices": texts, "id": "q1", "question": stem}
        expect(name, "test", language, "q1", row, "q1")
        file = data(name) / f"{config}-{code}" / "validation-00000-of-00001.parquet"
        parquet(file, schema, rows)


def mgsm():
    schema = [("question", TEXT), ("answer", TEXT), ("answer_number", pa.int32()),
              ("equation_solution", TEXT)]
    sums = {"de": "Ida hat 3 Äpfel und kauft 4. Wie viele hat sie?",
            "en": "Ida has 3 apples and buys 4. How many has she?"}
    for language, question in sums.items():
        for split, answer in [("train", "Step by step: 3 + 4 = 7. The answer is 7."), ("test", None)]:
            rows = [{"question": question, "answer": answer, "answer_number": 7,
                     "equation_solution": "3 + 4 = 7" if answer else None}]
            row = {"answer": 7, "question": question}
            expect("mgsm", split, language, "1", row, f"{split}-1")
            parquet(data("mgsm") / language / split / "0000.parquet", schema, rows)


def xcopa():
    schema = [("premise", TEXT), ("choice1", TEXT), ("choice2", TEXT), ("question", TEXT),
              ("label", pa.int32()), ("idx", pa.int32()), ("changed", FLAG)]
    items = {"it": [("La strada era bagnata.", "Ha piovuto.", "Era notte.", "cause", 0,
                     "La strada era bagnata perché"),
                    ("Il bambino cadde.", "Rise.", "Pianse.", "effect", 1,
                     "Il bambino cadde quindi")],
             "zh": [("路湿了。", "下雨了。", "天黑了。", "cause", 0, "路湿了 因为"),
                    ("孩子摔倒了。", "他笑了。", "他哭了。", "effect", 1, "孩子摔倒了 所以")]}
    for language, sentences in items.items():
        for split in ["validation", "test"]:
            rows = []
            for i, (premise, one, two, kind, label, question) in enumerate(sentences):
                rows.append({"premise": premise, "choice1": one, "choice2": two, "question": kind,
                             "label": label, "idx": i, "changed": False})
                row = {"answer": label, "choices": [one, two], "id": i, "question": question}
                expect("xcopa", split, language, str(i), row, f"{split}-{i}")
            file = data("xcopa") / language / f"{split}-00000-of-00001.parquet"
            parquet(file, schema, rows)


def xstorycloze():
    names = ["story_id", *[f"input_sentence_{i}" for i in range(1, 5)],
             "sentence_quiz1", "sentence_quiz2"]
    schema = [(n, TEXT) for n in names] + [("answer_right_ending", pa.int32())]
    stories = {"en": ["Mara baked.", "The oven broke.", "She called Tom.", "Tom came.",
                      "They sold the cake raw.", "They fixed the oven."],
               "es": ["Mara horneaba.", "El horno se rompió.", "Llamó a Tom.", "Tom vino.",
                      "Vendieron la masa.", "Arreglaron el horno."]}
    for language, story in stories.items():
        for split, part in [("train", "train"), ("eval", "test")]:
            key = f"{split}-1"
            rows = [dict(zip(names, [key, *story]), answer_right_ending=2)]
            row = {"answer": 1, "choices": story[4:], "id": key, "question": " ".join(story[:4])}
            expect("xstorycloze", part, language, key, row, key)
            parquet(data("xstorycloze") / language / split / "0000.parquet", schema, rows)


def belebele():
    items = {"deu_Latn": ("de", "Der Fluss ist lang.", "Wie ist der Fluss?",
                          ["kurz", "tief", "lang", "kalt"]),
             "zho_Hans": ("zh", "河很长。", "河怎么样？", ["短", "深", "长", "冷"])}
    for code, (language, passage, question, answers) in items.items():
        rows = []
        for number in [1, 2]:
            link = "https://wiki.test/River"
            rows.append({"link": link, "question_number": number, "flores_passage": passage,
                         "question": f"{question} {number}",
                         **{f"mc_answer{i + 1}": a for i, a in enumerate(answers)},
                         "correct_answer_num": "3", "dialect": code, "ds": "2023-05-03"})
            key = f"{link}#{number}"
            row = {"answer": 2, "choices": answers, "id": key,
                   "question": f"{passage}\n\n{question} {number}"}
            expect("belebele", "test", language, key, row, link)
        lines(data("belebele") / "data" / f"{code}.jsonl", rows)


def global_mmlu():
    names = ["sample_id", "subject", "subject_category", "question", "option_a", "option_b",
             "option_c", "option_d", "answer", "required_knowledge", "time_sensitive", "reference",
             "culture", "region", "country", "cultural_sensitivity_label"]
    schema = [(n, TEXT) for n in names] + [("is_annotated", FLAG)]
    items = {"de": ("Welche Zahl ist gerade?", ["1", "3", "5", "8"]),
             "en": ("Which number is even?", ["1", "3", "5", "8"])}
    for language, (question, options) in items.items():
        for split, part in [("dev", "validation"), ("test", "test")]:
            key = f"numbers/{split}/0"
            values = [key, "numbers", "STEM", question, *options, "D"] + ["[]"] * 7
            rows = [dict(zip(names, values), is_annotated=False)]
            row = {"answer": 3, "choices": options, "id": key, "question": question}
            expect("global-mmlu", part, language, key, row, key)
            file = data("global-mmlu") / language / f"{split}-00000-of-00001.parquet"
            parquet(file, schema, rows)


SAID = {"negative": "The soup was cold.", "neutral": "The soup has carrots.",
        "positive": "The soup was lovely."}


def clapai():
    schema = [(n, TEXT) for n in ["text", "label", "source", "domain", "language"]]
    for split in ["train", "validation", "test"]:
        rows = []
        for language in ["en", "de"]:
            for label, text in SAID.items():
                rows.append({"text": f"{text} ({split})", "label": label, "source": "s",
                             "domain": "food", "language": language})
                row = {"label": label, "language": language, "text": f"{text} ({split})"}
                expect("clapai-sentiment", split, language, str(len(rows)), row)
        file = data("clapai-sentiment") / "data" / f"{split}-00000-of-00001.parquet"
        # Two row groups, as large files have.
        parquet(file, schema, rows, row_group_size=4)


def integers(name, codes, order, text="text", extra=()):
    """A set whose labels are integers in the order of the set's own class names."""
    schema = [(n, TEXT) for n in extra] + [(text, TEXT), ("label", INT)]
    for code, language in codes:
        for split in ["train", "validation", "test"]:
            rows = []
            for label, said in SAID.items():
                said = f"{said} ({split})"
                rows.append({**{n: "x" for n in extra}, text: said, "label": order.index(label)})
                expect(name, split, language, str(len(rows)), {"label": label, "text": said})
            parquet(data(name) / code / split / "0000.parquet", schema, rows)


def mms():
    names = ["text", "original_dataset", "domain", "language", "Family"]
    schema = [("_id", INT), ("text", TEXT), ("label", INT)] + [(n, TEXT) for n in names[1:]]
    schema += [("cleanlab_self_confidence", pa.float64())]
    rows = []
    for i in range(30):
        label, said = list(SAID.items())[i % 3]
        language = ["de", "pl"][i % 2]
        rows.append({"_id": i, "text": f"{said} {i}", "label": i % 3, "original_dataset": "o",
                     "domain": "food", "language": language, "Family": "Indo-European",
                     "cleanlab_self_confidence": 0.5})
        row = {"id": i, "label": label, "language": language, "text": f"{said} {i}"}
        expect("mms", "*", language, str(i), row)
    parquet(data("mms") / "data" / "train-00000-of-00001.parquet", schema, rows)


def afrisenti():
    for code, language in [("hau", "ha"), ("orm", "om")]:
        for split, part in [("train", "train"), ("dev", "validation"), ("test", "test")]:
            if code == "orm" and split == "train":
                continue
            # Oromo has a column more than the others.
            names = ["ID", "tweet", "label"] if code == "orm" else ["tweet", "label"]
            rows = []
            for label, said in SAID.items():
                said = f'@user "{said}" ({split})'
                rows.append([f"{code}_{len(rows)}", said, label][-len(names):])
                row = {"label": label, "text": said}
                expect("afrisenti", part, language, str(len(rows)), row)
            tsv(data("afrisenti") / "data" / code / f"{split}.tsv", names, rows)


def nollysenti():
    for code, language in [("eng", "en"), ("yor", "yo")]:
        for split, part in [("train", "train"), ("dev", "validation"), ("test", "test")]:
            rows = [(f"{SAID[label]} ({split})", label) for label in ["negative", "positive"]]
            tsv(data("nollysenti") / "data" / code / f"{split}.tsv", ["review", "label"], rows)
            for i, (text, label) in enumerate(rows):
                row = {"label": label, "text": text}
                expect("nollysenti", part, language, str(i + 1), row)


def formats():
    """One table in every format."""
    names = ["key", "lang", "sentence", "stars"]
    rows = [("1", "de", 'Sie sagte: "ja", und ging.', "good"), ("2", "fr", "Oui,\nbien sûr.", "good"),
            ("3", "de", "いいえ", "bad")]
    folder = OUT / "formats"
    folder.mkdir(parents=True, exist_ok=True)
    text = "".join(json.dumps(dict(zip(names, r)), ensure_ascii=False) + "\n" for r in rows)
    plain = {"rows.jsonl": text.encode()}
    for ending, delimiter in [("csv", ","), ("tsv", "\t")]:
        out = io.StringIO(newline="")
        writer = csv.writer(out, delimiter=delimiter, lineterminator="\n")
        writer.writerow(names)
        writer.writerows(rows)
        plain[f"rows.{ending}"] = out.getvalue().encode()
    out = io.BytesIO()
    table = pa.Table.from_pylist([dict(zip(names, r)) for r in rows])
    pq.write_table(table, out, row_group_size=2)
    plain["rows.parquet"] = out.getvalue()
    for name, content in plain.items():
        (folder / name).write_bytes(content)
        (folder / f"{name}.gz").write_bytes(gzip.compress(content, mtime=0))
        packed = pa.Codec("zstd").compress(content, asbytes=True)
        (folder / f"{name}.zst").write_bytes(packed)
    for codec in ["none", "gzip", "zstd"]:
        pq.write_table(table, folder / f"{codec}.parquet", compression=codec)


def main():
    shutil.rmtree(OUT, ignore_errors=True)
    xlsum()
    mlsum()
    wikilingua()
    mcsqa()
    xcsr("xcsqa", "X-CSQA", 5, [])
    xcsr("xcodah", "X-CODAH", 4, [("question_tag", TEXT)])
    mgsm()
    xcopa()
    xstorycloze()
    belebele()
    global_mmlu()
    clapai()
    integers("tyqiangz-sentiment", [("german", "de"), ("chinese", "zh")],
             ["positive", "neutral", "negative"], extra=["source"])
    integers("cardiffnlp-tweets", [("german", "de"), ("english", "en")],
             ["negative", "neutral", "positive"])
    integers("naijasenti", [("hau", "ha"), ("pcm", "pcm")],
             ["positive", "negative", "neutral"], text="tweet")
    mms()
    afrisenti()
    nollysenti()
    formats()
    lines(OUT / "expected.jsonl",
          ({"set": name, "split": split, **row}
           for name, splits in EXPECTED.items() for split, rows in splits.items() for row in rows))


if __name__ == "__main__":
    main()
