#!/usr/bin/env python3
"""Examples per second of lm-evaluation-harness and of transformers on the work of evaluation.rs.

Pinned: Python 3.11, torch 2.15.0, transformers 5.24.0, lm_eval 0.4.13, tokenizers 0.23.3.

    cargo bench -p mergelab-model --bench evaluation > ours.csv
    python core/model/benches/lm_eval_throughput.py --threads 2 --ours ours.csv

The same decoders, f32, eager mode, scaled-dot-product attention, batches of 16, the best of
three runs. `lm_eval` is the harness's own loop over requests that are tokens already, without its
progress bars, so that neither its tokenizer nor its start count. `transformers` is written by hand:
texts sorted by length, padded batches of 16, and logits of the choices' tokens alone; for
generation `generate` on left-padded batches. Both read a context again for each choice. With
--ours, columns of the other bench's figures and of their ratio to the faster one.
"""

import argparse
import logging
import time
import types

import torch
from lm_eval.models.huggingface import HFLM
from tokenizers import Tokenizer, models
from transformers import PreTrainedTokenizerFast

from decoders import MODELS, figures, model, options

CONTEXT, BATCH, EXAMPLES = 1024, 16, 64
CHOICES = {
    "labels": (0, (40, 120), 3, (1, 1)),
    "choices": (0, (40, 120), 4, (2, 12)),
    "few-shot choices": (480, (40, 120), 4, (2, 12)),
}
GENERATE = ((40, 120), 32)


def tokens(count, seed, vocabulary):
    return [(seed * 7919 + i * 104729 + i * i * 31) % (vocabulary - 3) + 3 for i in range(count)]


def length(bounds, seed):
    return bounds[0] + seed * 37 % (bounds[1] - bounds[0] + 1)


def pairs(vocabulary, shared, lengths, choices, sizes):
    begin = tokens(shared, 0, vocabulary)
    for example in range(EXAMPLES):
        context = begin + tokens(length(lengths, example), example + 1, vocabulary)
        for choice in range(choices):
            number = example * choices + choice
            yield context, tokens(length(sizes, number), number + 1000, vocabulary)


def harness(net, vocabulary):
    words = {str(token): token for token in range(vocabulary)}
    tokenizer = PreTrainedTokenizerFast(
        tokenizer_object=Tokenizer(models.WordLevel(words, unk_token="0")),
        unk_token="0",
        pad_token="0",
        bos_token="1",
        eos_token="2",
    )
    return HFLM(pretrained=net, tokenizer=tokenizer, batch_size=BATCH, max_length=CONTEXT)


def by_harness(lm, work):
    requests = [((str(i), str(i)), context, answer) for i, (context, answer) in enumerate(work)]
    found = lm._loglikelihood_tokens(requests, disable_tqdm=True)
    assert len(found) == len(work)


def by_transformers(net, work):
    order = sorted(work, key=lambda pair: len(pair[0]) + len(pair[1]))
    total = 0.0
    with torch.inference_mode():
        for start in range(0, len(order), BATCH):
            batch = order[start : start + BATCH]
            read = [(context + answer)[:-1] for context, answer in batch]
            longest = max(map(len, read))
            ids = torch.tensor([text + [0] * (longest - len(text)) for text in read])
            hidden = net.model(input_ids=ids, use_cache=False).last_hidden_state
            rows, targets = [], []
            for index, (context, answer) in enumerate(batch):
                rows += [index * longest + len(context) - 1 + at for at in range(len(answer))]
                targets += answer
            logits = net.lm_head(hidden.reshape(-1, hidden.shape[-1])[rows])
            found = torch.log_softmax(logits, -1).gather(1, torch.tensor(targets)[:, None])
            total += found.sum().item()
    return total


def prompts(vocabulary):
    return [tokens(length(GENERATE[0], i), i + 1, vocabulary) for i in range(EXAMPLES)]


def write_by_harness(lm, work):
    arguments = {"until": [], "do_sample": False, "max_gen_toks": GENERATE[1]}
    requests = [types.SimpleNamespace(args=(" ".join(map(str, text)), dict(arguments))) for text in work]
    assert len(lm.generate_until(requests, disable_tqdm=True)) == len(work)


def write_by_transformers(net, work):
    work = sorted(work, key=len)
    with torch.inference_mode():
        for start in range(0, len(work), BATCH):
            batch = work[start : start + BATCH]
            longest = max(map(len, batch))
            ids = torch.tensor([[0] * (longest - len(text)) + text for text in batch])
            mask = torch.tensor([[0] * (longest - len(text)) + [1] * len(text) for text in batch])
            found = net.generate(
                input_ids=ids,
                attention_mask=mask,
                max_new_tokens=GENERATE[1],
                min_new_tokens=GENERATE[1],
                do_sample=False,
                use_cache=True,
            )
            assert found.shape == (len(batch), longest + GENERATE[1])


def best(run, runs):
    seconds = []
    for _ in range(runs):
        started = time.perf_counter()
        run()
        seconds.append(time.perf_counter() - started)
    return EXAMPLES / min(seconds)


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--tasks", default=",".join([*CHOICES, "generate"]))
    parser.add_argument("--runs", type=int, default=3)
    options(parser)
    arguments = parser.parse_args()
    logging.disable(logging.WARNING)
    torch.set_num_threads(arguments.threads)
    ours = figures(arguments.ours, "examples_per_second")
    print("model,task,lm_eval,transformers" + (",mergelab,ratio" if ours else ""))

    def show(name, task, harness, own):
        beside = ours.get((name, task))
        more = f",{beside:.1f},{beside / max(harness, own):.2f}" if beside else ""
        print(f"{name},{task},{harness:.1f},{own:.1f}{more}", flush=True)

    for name in arguments.models.split(","):
        net = model(name, CONTEXT).eval()
        vocabulary = MODELS[name][0]
        lm = harness(net, vocabulary)
        for task in arguments.tasks.split(","):
            if task == "generate":
                work = prompts(vocabulary)
                show(
                    name,
                    task,
                    best(lambda: write_by_harness(lm, work), arguments.runs),
                    best(lambda: write_by_transformers(net, work), arguments.runs),
                )
            else:
                work = list(pairs(vocabulary, *CHOICES[task]))
                show(
                    name,
                    task,
                    best(lambda: by_harness(lm, work), arguments.runs),
                    best(lambda: by_transformers(net, work), arguments.runs),
                )


if __name__ == "__main__":
    main()
