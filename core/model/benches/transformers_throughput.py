#!/usr/bin/env python3
"""Tokens per second of transformers and peft on the work of throughput.rs.

Pinned: Python 3.11, torch 2.15.0, transformers 5.24.0, peft 0.21.2.

    cargo bench -p mergelab-model --bench throughput > ours.csv
    python core/model/benches/transformers_throughput.py --threads 2 --ours ours.csv

The same decoders, f32, eager mode, scaled-dot-product attention, fused AdamW, gradients clipped at
norm 1; training steps of 16 sequences of 128 tokens; greedy generation of 128 tokens after prompts
of 32. Training is the median step after five, generation the best of three runs. With --ours, a
column of the other bench's figures and their ratio.
"""

import argparse
import statistics
import time

import torch
from peft import LoraConfig, get_peft_model

from decoders import MODELS, figures, model, options

CONTEXT, BATCH, TOKENS, ANSWER, WARMUP, PROMPT, NEW = 512, 16, 128, 32, 5, 32, 128
TARGETS = ["q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj"]


def train(name, lora, answer, steps):
    net = model(name, CONTEXT)
    if lora:
        net = get_peft_model(net, LoraConfig(r=16, lora_alpha=16, target_modules=TARGETS))
    net.train()
    trained = [p for p in net.parameters() if p.requires_grad]
    optimizer = torch.optim.AdamW(trained, lr=1e-3, weight_decay=0.01, fused=True)
    vocabulary = MODELS[name][0]
    seconds = []
    for step in range(WARMUP + steps):
        ids = torch.randint(3, vocabulary, (BATCH, TOKENS + 1))
        labels = ids[:, 1:].clone()
        labels[:, : TOKENS - answer] = -100
        started = time.perf_counter()
        loss = net(input_ids=ids[:, :-1], labels=labels, shift_labels=labels, use_cache=False).loss
        loss.backward()
        torch.nn.utils.clip_grad_norm_(trained, 1.0)
        optimizer.step()
        optimizer.zero_grad(set_to_none=True)
        loss.item()
        if step >= WARMUP:
            seconds.append(time.perf_counter() - started)
    return BATCH * TOKENS / statistics.median(seconds)


def generate(name, batch):
    net = model(name, CONTEXT).eval()
    ids = torch.randint(3, MODELS[name][0], (batch, PROMPT))
    best = 0.0
    with torch.inference_mode():
        for _ in range(3):
            started = time.perf_counter()
            found = net.generate(
                input_ids=ids,
                attention_mask=torch.ones_like(ids),
                max_new_tokens=NEW,
                min_new_tokens=NEW,
                do_sample=False,
                use_cache=True,
            )
            assert found.shape == (batch, PROMPT + NEW)
            best = max(best, batch * NEW / (time.perf_counter() - started))
    return best


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--steps", type=int, default=40)
    parser.add_argument("--tasks", default="full,lora,lora answers,generate")
    options(parser)
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    ours = figures(arguments.ours, "tokens_per_second")
    print("model,task,transformers,mergelab,ratio" if ours else "model,task,tokens_per_second")
    tasks = arguments.tasks.split(",")

    def show(name, task, rate):
        beside = ours.get((name, task))
        more = f",{beside:.0f},{beside / rate:.2f}" if beside else ""
        print(f"{name},{task},{rate:.0f}{more}", flush=True)

    for name in arguments.models.split(","):
        for task, lora, answer in [
            ("full", False, TOKENS),
            ("lora", True, TOKENS),
            ("lora answers", True, ANSWER),
        ]:
            if task in tasks:
                show(name, task, train(name, lora, answer, arguments.steps))
        for batch in (1, 16, 64):
            task = f"generate {batch}"
            if task in tasks or "generate" in tasks:
                show(name, task, generate(name, batch))


if __name__ == "__main__":
    main()
