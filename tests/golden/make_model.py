#!/usr/bin/env python3
"""Makes tests/golden/model: tiny random Llama models and what transformers computes with them.

Pinned: Python 3.11, torch 2.2.2, transformers 4.48.3, numpy 1.26.4.

    python make_model.py

For each variant: model.safetensors, config.json, expected.json with
  input_ids, logits            of a forward pass
  generated                    greedy continuation of the first `prompt_len` ids
  loss, gradients              of next-token cross-entropy over all positions: for each parameter
                               the gradient's sum of squares and its dot product with
                               cos(0.1 * index), which no permutation of elements leaves alone
  adamw                        the loss after three AdamW steps on that loss, norms not decayed
"""

import json
import pathlib

import numpy as np
import torch
from transformers import LlamaConfig, LlamaForCausalLM

HERE = pathlib.Path(__file__).parent / "model"

COMMON = dict(
    vocab_size=96,
    hidden_size=32,
    intermediate_size=56,
    num_hidden_layers=2,
    num_attention_heads=4,
    num_key_value_heads=2,
    max_position_embeddings=128,
    rms_norm_eps=1e-5,
    bos_token_id=1,
    eos_token_id=2,
    attention_dropout=0.0,
)

VARIANTS = {
    "gqa_tied": dict(tie_word_embeddings=True, rope_theta=10000.0),
    "llama3_rope_untied": dict(
        tie_word_embeddings=False,
        rope_theta=500000.0,
        rope_scaling=dict(
            rope_type="llama3",
            factor=8.0,
            low_freq_factor=1.0,
            high_freq_factor=4.0,
            # Short, so that all three bands of the rule are met within the test's positions.
            original_max_position_embeddings=32,
        ),
    ),
    "head_dim_mha": dict(
        tie_word_embeddings=True,
        rope_theta=10000.0,
        head_dim=12,
        num_attention_heads=3,
        num_key_value_heads=3,
    ),
}


def loss_of(model, ids):
    return model(input_ids=ids, labels=ids).loss


def measure(model, ids):
    """What the test compares: see above."""
    positions = [0, 3, 36, 37, 38, 39]
    with torch.no_grad():
        logits = model(input_ids=ids).logits
        generated = model.generate(
            input_ids=ids[:, :10],
            attention_mask=torch.ones(2, 10, dtype=torch.long),
            max_new_tokens=24,
            do_sample=False,
            eos_token_id=None,
            pad_token_id=0,
        )
    loss = loss_of(model, ids)
    loss.backward()
    gradients = {}
    for key, parameter in model.named_parameters():
        g = parameter.grad.double().flatten()
        index = torch.arange(g.numel(), dtype=torch.float64)
        gradients[key] = [float((g * g).sum()), float((g * torch.cos(0.1 * index)).sum())]
    groups = [
        dict(params=[p for p in model.parameters() if p.dim() > 1], weight_decay=0.1),
        dict(params=[p for p in model.parameters() if p.dim() == 1], weight_decay=0.0),
    ]
    optimizer = torch.optim.AdamW(groups, lr=1e-2, betas=(0.9, 0.95), eps=1e-8)
    for _ in range(3):
        optimizer.zero_grad()
        loss_of(model, ids).backward()
        optimizer.step()
    with torch.no_grad():
        after = float(loss_of(model, ids))
    return dict(
        input_ids=ids.tolist(),
        # Two sequences, last four positions and two early ones: enough, and small.
        logit_positions=positions,
        logits=[[[round(float(x), 6) for x in logits[b, t]] for t in positions] for b in range(2)],
        prompt_len=10,
        generated=generated[:, 10:].tolist(),
        loss=float(loss.detach()),
        gradients=gradients,
        adamw=dict(
            learning_rate=1e-2, betas=[0.9, 0.95], epsilon=1e-8, weight_decay=0.1,
            steps=3, loss=after,
        ),
    )


def main():
    for seed, (name, changes) in enumerate(VARIANTS.items()):
        torch.manual_seed(seed)
        config = LlamaConfig(**{**COMMON, **changes})
        model = LlamaForCausalLM(config).float().eval()
        with torch.no_grad():
            # The default deviation of 0.02 gives nearly flat logits, which would test little.
            for parameter in model.parameters():
                if parameter.dim() > 1:
                    parameter.normal_(0.0, 0.15)
                else:
                    parameter.normal_(1.0, 0.2)
        folder = HERE / name
        folder.mkdir(parents=True, exist_ok=True)
        model.save_pretrained(folder, safe_serialization=True)
        (folder / "generation_config.json").unlink(missing_ok=True)

        rng = np.random.default_rng(seed)
        ids = torch.tensor(rng.integers(3, COMMON["vocab_size"], size=(2, 40)))
        (folder / "expected.json").write_text(json.dumps(measure(model, ids)) + "\n")


if __name__ == "__main__":
    main()
