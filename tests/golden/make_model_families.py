#!/usr/bin/env python3
"""Makes the folders of tests/golden/model that are named below: a tiny random decoder of each
family, and what transformers computes with it (expected.json: see make_model.py).

Pinned: Python 3.11, torch 2.15.0, transformers 5.24.0, numpy 2.4.6.

    python make_model_families.py [NAME...]

Some have config.json as transformers 4 wrote it, which is what released models have, the others as
transformers 5 does. Weights are stored in f32, bf16 or f16 and computed with in f32.
"""

import copy
import json
import pathlib
import sys

import numpy as np
import torch
from transformers import (
    AutoModelForCausalLM,
    Gemma3TextConfig,
    LlamaConfig,
    MistralConfig,
    Qwen2Config,
    Qwen3Config,
)

from make_model import HERE, measure

SMALL = dict(
    vocab_size=64,
    hidden_size=24,
    intermediate_size=40,
    num_hidden_layers=2,
    num_attention_heads=4,
    num_key_value_heads=2,
    max_position_embeddings=128,
    rms_norm_eps=1e-5,
    bos_token_id=1,
    eos_token_id=2,
    attention_dropout=0.0,
)


def released(config, **keys):
    """`config.json` as transformers 4 wrote it."""
    for key in ("rope_parameters", "layer_types", "_sliding_window_pattern"):
        config.pop(key, None)
    return {**config, **keys}


# For each: the config, how weights are stored, and how config.json is rewritten.
VARIANTS = {
    "llama_biases_linear_rope": (
        LlamaConfig(
            **SMALL,
            tie_word_embeddings=False,
            attention_bias=True,
            mlp_bias=True,
            hidden_act="gelu_pytorch_tanh",
            rope_scaling=dict(rope_type="linear", factor=4.0),
        ),
        dict(config=lambda c: released(c, rope_scaling=dict(type="linear", factor=4.0))),
    ),
    "smollm2": (
        LlamaConfig(
            **{**SMALL, "num_attention_heads": 3, "num_key_value_heads": 1},
            tie_word_embeddings=True,
            rope_theta=100000.0,
        ),
        dict(
            dtype=torch.bfloat16,
            config=lambda c: released(
                c, rope_theta=100000, rope_scaling=None, rope_interleaved=False
            ),
        ),
    ),
    "mistral": (
        MistralConfig(**SMALL, sliding_window=8, rope_theta=10000.0),
        dict(
            dtype=torch.bfloat16,
            shard="6KB",
            config=lambda c: released(c, rope_theta=10000.0, sliding_window=8),
        ),
    ),
    "qwen2": (
        Qwen2Config(
            **{**SMALL, "num_hidden_layers": 3},
            tie_word_embeddings=True,
            use_sliding_window=True,
            sliding_window=12,
            max_window_layers=1,
            rope_theta=1000000.0,
        ),
        dict(
            dtype=torch.float16,
            config=lambda c: released(c, rope_theta=1000000.0, rope_scaling=None),
        ),
    ),
    "qwen3": (
        Qwen3Config(
            **SMALL,
            head_dim=12,
            attention_bias=True,
            tie_word_embeddings=True,
            rope_theta=1000000.0,
        ),
        dict(dtype=torch.bfloat16),
    ),
    "gemma3": (
        Gemma3TextConfig(
            **{**SMALL, "num_hidden_layers": 3, "num_key_value_heads": 1},
            head_dim=8,
            query_pre_attn_scalar=11,
            sliding_window=8,
            sliding_window_pattern=3,
        ),
        dict(
            dtype=torch.bfloat16,
            config=lambda c: released(
                c,
                rope_theta=1000000.0,
                rope_local_base_freq=10000.0,
                rope_scaling=None,
                sliding_window_pattern=3,
            ),
        ),
    ),
    "gemma3_linear_rope": (
        Gemma3TextConfig(
            **{**SMALL, "num_hidden_layers": 2},
            head_dim=6,
            tie_word_embeddings=False,
            attention_bias=True,
            query_pre_attn_scalar=6,
            sliding_window=16,
            layer_types=["full_attention", "sliding_attention"],
            rope_parameters=dict(
                full_attention=dict(rope_type="linear", factor=8.0, rope_theta=1000000.0),
                sliding_attention=dict(rope_type="default", rope_theta=10000.0),
            ),
        ),
        dict(dtype=torch.bfloat16),
    ),
}

def randomise(model):
    """The default deviation of 0.02 gives nearly flat logits, which would test little."""
    gemma = "gemma" in model.config.model_type
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            if parameter.dim() > 1:
                parameter.normal_(0.0, 0.15)
            elif name.endswith(".bias"):
                parameter.normal_(0.0, 0.2)
            else:
                # Gemma stores norms as differences from 1.
                parameter.normal_(0.0 if gemma else 1.0, 0.2)


def save(model, folder, dtype=torch.float32, shard="1GB", config=lambda c: c):
    folder.mkdir(parents=True, exist_ok=True)
    for old in folder.iterdir():
        old.unlink()
    stored = copy.deepcopy(model).to(dtype)
    stored.save_pretrained(folder, safe_serialization=True, max_shard_size=shard)
    (folder / "generation_config.json").unlink(missing_ok=True)
    path = folder / "config.json"
    path.write_text(json.dumps(config(json.loads(path.read_text())), indent=2) + "\n")
    # What is computed with is what was stored.
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.copy_(parameter.to(dtype).float())


def main():
    wanted = sys.argv[1:] or list(VARIANTS)
    for seed, (name, (config, storage)) in enumerate(VARIANTS.items()):
        if name not in wanted:
            continue
        torch.manual_seed(seed)
        model = AutoModelForCausalLM.from_config(config, attn_implementation="eager")
        model = model.float().eval()
        randomise(model)
        folder = HERE / name
        save(model, folder, **storage)

        # Apart from the seeds of make_model.py.
        rng = np.random.default_rng(100 + seed)
        ids = torch.tensor(rng.integers(3, config.vocab_size, size=(2, 40)))
        # The rewritten config.json must describe the same model.
        again = AutoModelForCausalLM.from_pretrained(
            folder, dtype=torch.float32, attn_implementation="eager"
        )
        with torch.no_grad():
            difference = (again(input_ids=ids).logits - model(input_ids=ids).logits).abs().max()
        assert difference < 1e-6, (name, float(difference))
        (folder / "expected.json").write_text(json.dumps(measure(model, ids)) + "\n")


if __name__ == "__main__":
    main()
