#!/usr/bin/env python3
"""Makes tests/golden/lm_eval: a small random model, four tasks, and what lm-evaluation-harness
answers to each example.

Pinned: Python 3.11, lm_eval 0.4.13, torch 2.15.0, transformers 5.24.0, tokenizers 0.23.3,
datasets 5.2.0, blake3 1.0.11.

    python make_lm_eval.py

model/           a Llama of two layers with a byte-level BPE of the tasks' own texts
TASK/            rows as jsonl and a card.toml:
  arc            ARC-easy's form: multiple choice among four, its prompt, no examples shown
  copa           XCOPA's form in German: multiple choice between two, no examples shown
  sst            SST-2's form: two label words, three examples shown
  sums           GSM8k's form: generation with several stops, exact match, two examples shown
expected.json    by task the harness's metrics, and by example its log-likelihoods (of each choice,
                 in nats), the choices by raw likelihood and by that per byte, or the text

The examples shown are those of mergelab's rule: the rows of `train` by the BLAKE3 hash of "shots",
the seed (8 bytes, little endian) and the id, the least first.
"""

import json
import pathlib
import shutil
import tempfile

import blake3
import torch
import yaml
from lm_eval import simple_evaluate
from lm_eval.models.huggingface import HFLM
from lm_eval.tasks import TaskManager
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast

HERE = pathlib.Path(__file__).parent / "lm_eval"
SEED = 11
# Smaller margins between the best two could turn with the order of sums in f32.
MARGIN = 1e-3

PEOPLE = ["Ida", "Jan", "Noor", "Emil", "Lena", "Tariq", "Mei", "Oskar", "Rosa", "Yusuf"]
THINGS = ["pens", "apples", "stones", "books", "cups", "shells", "keys", "coins"]


def arc():
    stuff = [
        ("Which of these conducts electricity best", ["copper wire", "dry wood", "glass", "a rubber band"]),
        ("What do plants take in from the air", ["carbon dioxide", "helium", "neon gas", "sugar"]),
        ("Which tool measures temperature", ["a ruler", "a thermometer", "a balance", "a clock with hands"]),
        ("What makes day and night on Earth", ["the Moon", "the tilt of the axis", "its rotation", "wind"]),
        ("Which animal lays eggs", ["a dog", "a whale", "a hen", "a mouse"]),
        ("What does ice become when it is heated", ["water", "stone", "sand", "oxygen and nothing else"]),
    ]
    rows = []
    for i in range(24):
        question, choices = stuff[i % len(stuff)]
        turn = i // len(stuff)
        answer = [0, 0, 1, 2, 2, 0][i % len(stuff)]
        turned = choices[turn:] + choices[:turn]
        who = PEOPLE[i % len(PEOPLE)]
        rows.append({
            "id": f"arc-{i}",
            "question": f"{who} asks: {question.lower()}?",
            "choices": turned,
            "answer": (answer - turn) % 4,
        })
    return [], rows


def copa():
    causes = [
        ("Der Schlüssel passte nicht, weil", ["das Schloss ausgetauscht worden war.", "es regnete."]),
        ("Die Straße war nass, weil", ["die Bäckerei öffnete.", "es die ganze Nacht geregnet hatte."]),
        ("Er zog die Jacke an, weil", ["ihm kalt war.", "er müde war und schlafen wollte."]),
        ("Das Glas fiel vom Tisch, also", ["zerbrach es.", "wurde der Tisch größer."]),
        ("Sie übte jeden Tag Klavier, also", ["vergaß sie das Stück.", "spielte sie bald besser."]),
    ]
    rows = []
    for i in range(20):
        text, choices = causes[i % len(causes)]
        swap = (i // len(causes)) % 2
        who = PEOPLE[(i * 3) % len(PEOPLE)]
        right = [0, 1, 0, 0, 1][i % len(causes)]
        rows.append({
            "id": f"copa-{i}",
            "question": f"{who} erzählt. {text}",
            "choices": choices[::-1] if swap else choices,
            "answer": 1 - right if swap else right,
        })
    return [], rows


def sst():
    good = ["a warm and funny film", "sharp, quick and full of life", "a joy from start to end"]
    bad = ["a dull and slow affair", "loud, long and without a point", "a waste of good actors"]
    tails = ["that stays with you", "by a new director", "with a strong cast", "on a small budget"]

    def row(i, split):
        label = (i * 7 + i // 3) % 2
        texts = good if label else bad
        text = f"{texts[i % 3]} {tails[(i // 2) % 4]}, says {PEOPLE[i % len(PEOPLE)]}"
        return {"id": f"{split}-{i}", "text": text, "label": ["negative", "positive"][label]}

    return [row(i + 50, "train") for i in range(9)], [row(i, "test") for i in range(21)]


def sums():
    def row(i, split):
        a, b = 2 + i * 5 % 11, 3 + i * 3 % 7
        who, what = PEOPLE[i % len(PEOPLE)], THINGS[i * 3 % len(THINGS)]
        text = f"{who} has {a} {what} and buys {b} more. How many {what} are there now?"
        return {"id": f"{split}-{i}", "question": text, "answer": str(a + b)}

    return [row(i + 40, "train") for i in range(6)], [row(i, "test") for i in range(16)]


CHOICE = {"output_type": "multiple_choice", "metric_list": [{"metric": "acc"}, {"metric": "acc_bytes"}]}
# Task, its language, examples shown, the harness's own description.
TASKS = {
    "arc": (arc, "en", 0, CHOICE | {
        "doc_to_text": "Question: {{question}}\nAnswer:",
        "doc_to_choice": "{{choices}}",
        "doc_to_target": "answer",
    }),
    "copa": (copa, "de", 0, CHOICE | {
        "doc_to_text": "{{question}}",
        "doc_to_choice": "{{choices}}",
        "doc_to_target": "answer",
    }),
    "sst": (sst, "en", 3, CHOICE | {
        "doc_to_text": "{{text}}\nQuestion: Is this sentence positive or negative?\nAnswer:",
        "doc_to_choice": ["negative", "positive"],
        "doc_to_target": "{{['negative', 'positive'].index(label)}}",
    }),
    "sums": (sums, "en", 2, {
        "output_type": "generate_until",
        "doc_to_text": "Question: {{question}}\nAnswer:",
        "doc_to_target": "{{answer}}",
        "generation_kwargs": {
            "until": ["\n", ".", "Question:"],
            "do_sample": False,
            "max_gen_toks": 24,
        },
        "metric_list": [{"metric": "exact_match"}],
    }),
}


def in_order(rows):
    """Rows in the order in which mergelab shows them."""
    seed = SEED.to_bytes(8, "little")
    return sorted(rows, key=lambda row: blake3.blake3(b"shots" + seed + row["id"].encode()).digest())


def write_rows(name, language, train, test):
    folder = HERE / name
    folder.mkdir(parents=True)
    for split, rows in [("train", train), ("test", test)]:
        if rows:
            lines = [json.dumps(row, ensure_ascii=False) for row in rows]
            (folder / f"{split}.jsonl").write_text("\n".join(lines) + "\n")
    labels = 'labels = ["negative", "positive"]\n' if name == "sst" else ""
    card = f'schema = 1\nname = "{name}"\ngenerated = true\nlanguages = ["{language}"]\n{labels}'
    for split, rows in [("train", train), ("test", test)]:
        if rows:
            card += f'\n[splits.{split}]\nfile = "{split}.jsonl"\n'
    (folder / "card.toml").write_text(card)


def make_model(texts):
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=420,
        special_tokens=["<unk>", "<s>", "</s>"],
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    tokenizer.train_from_iterator(texts, trainer)
    fast = PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, unk_token="<unk>", bos_token="<s>", eos_token="</s>", pad_token="</s>"
    )
    torch.manual_seed(SEED)
    config = LlamaConfig(
        vocab_size=len(fast),
        hidden_size=48,
        intermediate_size=96,
        num_hidden_layers=2,
        num_attention_heads=4,
        num_key_value_heads=2,
        max_position_embeddings=512,
        tie_word_embeddings=True,
        bos_token_id=1,
        eos_token_id=2,
        pad_token_id=2,
        # Wide enough that the model finds some tokens far likelier than others.
        initializer_range=0.3,
    )
    model = LlamaForCausalLM(config).float().eval()
    # What is generated would hardly ever be a stop.
    with torch.no_grad():
        for stop in ["Ċ", "."]:
            model.model.embed_tokens.weight[fast.convert_tokens_to_ids(stop)] *= 1.25
    model.save_pretrained(HERE / "model")
    fast.save_pretrained(HERE / "model")
    return model, fast


def best(scores):
    order = sorted(scores, reverse=True)
    assert order[0] - order[1] > MARGIN, scores
    return scores.index(order[0])


def main():
    shutil.rmtree(HERE, ignore_errors=True)
    data = {}
    for name, (rows, language, _, _) in TASKS.items():
        train, test = rows()
        data[name] = (train, test)
        write_rows(name, language, train, test)
    texts = [
        " ".join([row.get("question", row.get("text"))] + row.get("choices", []) + [str(row.get("answer", ""))])
        for train, test in data.values()
        for row in train + test
    ]
    texts += ["\nQuestion: Is this sentence positive or negative?\nAnswer: positive negative\n\n"] * 20
    make_model(texts)

    expected = {"seed": SEED, "tasks": {}}
    with tempfile.TemporaryDirectory() as folder:
        folder = pathlib.Path(folder)
        for name, (_, _, shots, description) in TASKS.items():
            train, test = data[name]
            files = {}
            for split, rows in [("train", in_order(train)), ("test", test)]:
                if rows:
                    path = folder / f"{name}.{split}.jsonl"
                    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
                    files[split] = str(path)
            config = description | {
                "task": f"golden_{name}",
                "dataset_path": "json",
                "dataset_kwargs": {"data_files": files},
                "test_split": "test",
                "num_fewshot": shots,
            }
            if shots:
                config |= {"fewshot_split": "train", "fewshot_config": {"sampler": "first_n"}}
            (folder / f"{name}.yaml").write_text(yaml.safe_dump(config))
        lm = HFLM(pretrained=str(HERE / "model"), device="cpu", dtype="float32", batch_size=4)
        found = simple_evaluate(
            model=lm,
            tasks=[f"golden_{name}" for name in TASKS],
            task_manager=TaskManager(include_path=str(folder), include_defaults=False),
            log_samples=True,
            bootstrap_iters=0,
        )
    for name, (_, _, shots, description) in TASKS.items():
        train, test = data[name]
        samples = sorted(found["samples"][f"golden_{name}"], key=lambda sample: sample["doc_id"])
        results = found["results"][f"golden_{name}"]
        metrics = {key.split(",")[0]: value for key, value in results.items() if key.endswith(",none")}
        metrics = {key: value for key, value in metrics.items() if "stderr" not in key}
        examples = []
        for row, sample in zip(test, samples, strict=True):
            assert sample["doc"]["id"] == row["id"]
            example = {"id": row["id"]}
            if description["output_type"] == "multiple_choice":
                scores = [float(answer[0]) for answer in sample["filtered_resps"]]
                choices = row.get("choices", ["negative", "positive"])
                example["log_likelihoods"] = scores
                example["choice"] = choices[best(scores)]
                example["choice_bytes"] = choices[best([s / len(c.encode()) for s, c in zip(scores, choices)])]
            else:
                example["text"] = sample["filtered_resps"][0]
            examples.append(example)
        expected["tasks"][name] = {
            "shots": [row["id"] for row in in_order(train)[:shots]],
            "metrics": metrics,
            "examples": examples,
        }
    path = HERE / "expected.json"
    path.write_text(json.dumps(expected, indent=1, ensure_ascii=False) + "\n")


if __name__ == "__main__":
    main()
