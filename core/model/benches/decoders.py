"""The decoders of the benches in Rust, by transformers, and what those benches printed."""

import csv

import torch
from transformers import LlamaConfig, LlamaForCausalLM

# Vocabulary, width, inner width, layers, heads.
MODELS = {"quickstart": (2048, 128, 384, 4, 4), "small": (8192, 256, 768, 6, 8)}


def model(name, context):
    """A decoder with random weights, in f32, that reads up to `context` tokens."""
    vocabulary, width, inner, layers, heads = MODELS[name]
    torch.manual_seed(0)
    config = LlamaConfig(
        vocab_size=vocabulary,
        hidden_size=width,
        intermediate_size=inner,
        num_hidden_layers=layers,
        num_attention_heads=heads,
        num_key_value_heads=heads,
        max_position_embeddings=context,
        tie_word_embeddings=True,
        attn_implementation="sdpa",
        bos_token_id=1,
        eos_token_id=None,
        pad_token_id=0,
    )
    return LlamaForCausalLM(config).float()


def options(parser):
    """The options that benches share: threads, models, and the output of the bench in Rust."""
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--models", default=",".join(MODELS))
    parser.add_argument("--ours", help="output of the other bench")


def figures(path, column):
    """A column of the output of the bench in Rust, by model and task; none without a path."""
    if not path:
        return {}
    with open(path) as file:
        return {(row["model"], row["task"]): float(row[column]) for row in csv.DictReader(file)}
