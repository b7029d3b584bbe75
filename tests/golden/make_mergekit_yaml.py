"""Makes mergekit_yaml.json: whole merges by mergekit of tiny models, from YAML files.

Versions: Python 3.11, mergekit 0.1.4, torch 2.2.2, transformers 4.48.3, tokenizers 0.21.4,
peft 0.14.0, pydantic 2.10.6.

    PYTHONHASHSEED=0 python make_mergekit_yaml.py mergekit_yaml.json

Each case has the YAML (`{a}` stands for the folder of model `a`), and what mergekit wrote: tensors,
sizes in config.json, the vocabulary, the chat template; or the kind of error that it ended with.
The models are in the file as well: their tensors and their tokenizer.json. Values are multiples of
1/16 below 4, so that sums in float32 are exact.
"""

import json
import os
import random
import shutil
import sys
import tempfile

import torch
import yaml
from mergekit.config import MergeConfiguration
from mergekit.merge import MergeOptions, run_merge
from safetensors.torch import load_file, save_file
from tokenizers import AddedToken, Tokenizer, models
from transformers import PreTrainedTokenizerFast

HIDDEN, INNER = 2, 2


def tokenizer_of(vocab, special, template):
    bpe = models.BPE(vocab={t: i for i, t in enumerate(vocab)}, merges=[])
    tok = Tokenizer(bpe)
    tok.add_special_tokens([AddedToken(t, special=True, normalized=False) for t in special])
    fast = PreTrainedTokenizerFast(tokenizer_object=tok, bos_token="<s>", eos_token="</s>")
    if template:
        fast.chat_template = template
    return fast


def write_model(folder, spec):
    os.makedirs(folder)
    draw = random.Random(spec["seed"])

    def tensor(*shape):
        count = 1
        for n in shape:
            count *= n
        return torch.tensor([draw.randrange(-63, 64) / 16 for _ in range(count)]).reshape(shape)

    rows = spec["rows"]
    tensors = {"model.embed_tokens.weight": tensor(rows, HIDDEN), "model.norm.weight": tensor(HIDDEN)}
    if not spec.get("tied"):
        tensors["lm_head.weight"] = tensor(rows, HIDDEN)
    for i in range(spec["layers"]):
        p = f"model.layers.{i}."
        for name in ["q", "k", "v", "o"]:
            tensors[p + f"self_attn.{name}_proj.weight"] = tensor(HIDDEN, HIDDEN)
        tensors[p + "mlp.gate_proj.weight"] = tensor(INNER, HIDDEN)
        tensors[p + "mlp.up_proj.weight"] = tensor(INNER, HIDDEN)
        tensors[p + "mlp.down_proj.weight"] = tensor(HIDDEN, INNER)
        tensors[p + "input_layernorm.weight"] = tensor(HIDDEN)
        tensors[p + "post_attention_layernorm.weight"] = tensor(HIDDEN)
    save_file(tensors, f"{folder}/model.safetensors", metadata={"format": "pt"})
    config = {
        "architectures": ["LlamaForCausalLM"],
        "model_type": "llama",
        "hidden_size": HIDDEN,
        "intermediate_size": INNER,
        "num_hidden_layers": spec["layers"],
        "num_attention_heads": 1,
        "num_key_value_heads": 1,
        "vocab_size": rows,
        "torch_dtype": "float32",
        "tie_word_embeddings": bool(spec.get("tied")),
        "bos_token_id": 0,
        "eos_token_id": 1,
    }
    with open(f"{folder}/config.json", "w") as f:
        json.dump(config, f)
    tokenizer_of(spec["vocab"], spec["special"], spec.get("template")).save_pretrained(folder)
    with open(f"{folder}/tokenizer.json") as f:
        tokenizer = json.load(f)
    with open(f"{folder}/tokenizer_config.json") as f:
        tokenizer_config = json.load(f)
    return {
        "config": config,
        "tokenizer": tokenizer,
        "tokenizer_config": tokenizer_config,
        "tensors": {n: {"shape": list(t.shape), "values": t.flatten().tolist()} for n, t in tensors.items()},
    }


LETTERS = ["a", "b", "c", "d", "e"]
MODELS = {
    "base": {"seed": 1, "layers": 3, "rows": 7, "vocab": LETTERS, "special": ["<s>", "</s>"], "template": "T1"},
    "a": {"seed": 2, "layers": 3, "rows": 7, "vocab": LETTERS, "special": ["<s>", "</s>"], "template": "T2"},
    "b": {"seed": 3, "layers": 3, "rows": 7, "vocab": LETTERS, "special": ["<s>", "</s>"], "template": "T2"},
    # The same tokens in another order.
    "permuted": {"seed": 4, "layers": 3, "rows": 7, "vocab": ["e", "a", "d", "b", "c"], "special": ["</s>", "<s>"]},
    # Tokens of its own, and it lacks `d` and `e`.
    "other": {"seed": 5, "layers": 3, "rows": 7, "vocab": ["a", "b", "x", "c"], "special": ["<s>", "</s>", "<im>"]},
    "third": {"seed": 6, "layers": 3, "rows": 6, "vocab": ["c", "b", "x", "y"], "special": ["<s>", "</s>"]},
    # More rows than tokens.
    "padded": {"seed": 7, "layers": 3, "rows": 10, "vocab": LETTERS, "special": ["<s>", "</s>"]},
    "padded2": {"seed": 8, "layers": 3, "rows": 10, "vocab": LETTERS, "special": ["<s>", "</s>"]},
    "tied": {"seed": 9, "layers": 3, "rows": 7, "vocab": LETTERS, "special": ["<s>", "</s>"], "tied": True},
    "tied2": {"seed": 10, "layers": 3, "rows": 7, "vocab": LETTERS, "special": ["<s>", "</s>"], "tied": True},
}

CASES = {
    "slices_linear_levels": """
slices:
- sources:
  - {model: '{a}', layer_range: [0, 2], parameters: {weight: [{filter: mlp, value: [0.25, 0.75]}]}}
  - {model: '{b}', layer_range: [1, 3]}
  parameters: {weight: [{filter: self_attn, value: 0.5}]}
- sources:
  - {model: '{a}', layer_range: [2, 3], parameters: {weight: [0.25, 0.5]}}
  - {model: '{b}', layer_range: [0, 1], parameters: {weight: [2, 1, 0.5]}}
merge_method: linear
parameters: {normalize: false, weight: 1}
dtype: float32
""",
    "frankenmerge": """
slices:
- sources: [{model: '{a}', layer_range: [0, 2]}]
- sources:
  - model: '{b}'
    layer_range: [1, 3]
    parameters:
      scale: [{filter: o_proj, value: 0.0}, {filter: down_proj, value: 0.5}, {value: 1.0}]
- sources: [{model: '{a}', layer_range: [1, 3]}]
merge_method: passthrough
dtype: float32
""",
    "slices_task_arithmetic": """
slices:
- sources:
  - {model: '{base}', layer_range: [0, 3]}
  - {model: '{a}', layer_range: [0, 3], parameters: {weight: [0, 0.5, 1]}}
  - {model: '{b}', layer_range: [0, 3], parameters: {weight: [1, 0.5, 0.25]}}
merge_method: task_arithmetic
base_model: '{base}'
parameters: {lambda: 0.5}
dtype: float32
""",
    "slices_base_not_among_sources": """
slices:
- sources:
  - {model: '{a}', layer_range: [0, 3], parameters: {weight: 0.5}}
merge_method: task_arithmetic
base_model: '{base}'
dtype: float32
""",
    "slices_with_their_base": """
slices:
- base_model: '{base}'
  sources:
  - {model: '{base}', layer_range: [0, 2]}
  - {model: '{a}', layer_range: [0, 2], parameters: {weight: 0.5}}
- base_model: '{base}'
  sources:
  - {model: '{base}', layer_range: [0, 1]}
  - {model: '{b}', layer_range: [2, 3], parameters: {weight: 0.25}}
merge_method: task_arithmetic
parameters: {normalize: 1.0, int8_mask: 1.0}
dtype: float32
""",
    "numbers_for_truth_values": """
models:
- {model: '{a}', parameters: {weight: 0.5}}
- {model: '{b}', parameters: {weight: 1.5}}
merge_method: linear
parameters: {normalize: 0}
dtype: float32
""",
    "slices_lengths_differ": """
slices:
- sources:
  - {model: '{a}', layer_range: [0, 3]}
  - {model: '{b}', layer_range: [0, 2]}
merge_method: linear
parameters: {weight: 1}
dtype: float32
""",
    "module_default": """
modules:
  default:
    slices:
    - sources: [{model: '{a}', layer_range: [0, 1]}]
    - sources: [{model: '{b}', layer_range: [2, 3]}]
      parameters: {weight: [{filter: mlp, value: 2}]}
    parameters: {weight: [{filter: self_attn, value: 3}]}
merge_method: linear
parameters: {weight: 0.5, normalize: false}
dtype: float32
""",
    "gradient_ends": """
models:
- {model: '{a}', parameters: {weight: [0.25, 0.5, 2]}}
merge_method: linear
parameters: {normalize: false}
dtype: float32
""",
    "one_layer_slice": """
slices:
- sources: [{model: '{a}', layer_range: [1, 2], parameters: {weight: [0.25, 0.5, 2]}}]
merge_method: linear
parameters: {normalize: false}
dtype: float32
""",
    "tokenizer_base_permuted": """
models:
- {model: '{base}', parameters: {weight: 1}}
- {model: '{permuted}', parameters: {weight: 1}}
merge_method: linear
base_model: '{base}'
parameters: {normalize: false}
dtype: float32
tokenizer_source: base
""",
    "tokenizer_union": """
models:
- {model: '{base}', parameters: {weight: 1}}
- {model: '{other}', parameters: {weight: 1}}
- {model: '{third}', parameters: {weight: 2}}
merge_method: linear
base_model: '{base}'
parameters: {normalize: false}
dtype: float32
tokenizer_source: union
""",
    "tokenizer_union_without_base": """
models:
- {model: '{other}', parameters: {weight: 1}}
- {model: '{third}', parameters: {weight: 2}}
- {model: '{permuted}', parameters: {weight: 4}}
merge_method: linear
parameters: {normalize: false}
dtype: float32
tokenizer_source: union
""",
    "tokenizer_union_task_arithmetic": """
models:
- {model: '{other}', parameters: {weight: 0.5}}
- {model: '{third}', parameters: {weight: 0.25}}
merge_method: task_arithmetic
base_model: '{base}'
dtype: float32
tokenizer_source: union
""",
    "tokenizer_of_a_model": """
models:
- {model: '{base}', parameters: {weight: 1}}
- {model: '{other}', parameters: {weight: 1}}
merge_method: linear
base_model: '{base}'
parameters: {normalize: false}
dtype: float32
tokenizer_source: '{other}'
""",
    "tokenizer_block_union": """
models:
- {model: '{base}', parameters: {weight: 1}}
- {model: '{other}', parameters: {weight: 1}}
- {model: '{third}', parameters: {weight: 2}}
merge_method: linear
base_model: '{base}'
parameters: {normalize: false}
dtype: float32
tokenizer:
  source: union
  pad_to_multiple_of: 4
""",
    "tokens_model_token": """
models:
- {model: '{base}', parameters: {weight: 1}}
- {model: '{other}', parameters: {weight: 1}}
- {model: '{third}', parameters: {weight: 2}}
merge_method: linear
base_model: '{base}'
parameters: {normalize: false}
dtype: float32
tokenizer:
  source: union
  tokens:
    '<im>': {source: {kind: model_token, model: '{base}', token: '</s>'}}
""",
    "tokens_model_token_id": """
models:
- {model: '{base}', parameters: {weight: 1}}
- {model: '{other}', parameters: {weight: 1}}
- {model: '{third}', parameters: {weight: 2}}
merge_method: linear
base_model: '{base}'
parameters: {normalize: false}
dtype: float32
tokenizer:
  source: union
  tokens:
    a: {source: {kind: model_token, model: '{third}', token_id: 2}, force: true}
""",
    "tokens_model": """
models:
- {model: '{base}', parameters: {weight: 1}}
- {model: '{other}', parameters: {weight: 1}}
- {model: '{third}', parameters: {weight: 2}}
merge_method: linear
base_model: '{base}'
parameters: {normalize: false}
dtype: float32
tokenizer:
  source: union
  tokens:
    x: {source: '{other}'}
    y: {source: '{third}'}
    a: {source: '{other}', force: true}
""",
    "tokens_zero": """
models:
- {model: '{base}', parameters: {weight: 1}}
- {model: '{other}', parameters: {weight: 1}}
- {model: '{third}', parameters: {weight: 2}}
merge_method: linear
base_model: '{base}'
parameters: {normalize: false}
dtype: float32
tokenizer:
  source: union
  tokens:
    y: {source: {kind: zero}}
""",
    "tokens_zero_forced": """
models:
- {model: '{base}', parameters: {weight: 1}}
- {model: '{other}', parameters: {weight: 1}}
- {model: '{third}', parameters: {weight: 2}}
merge_method: linear
base_model: '{base}'
parameters: {normalize: false}
dtype: float32
tokenizer:
  source: union
  tokens:
    y: {source: {kind: zero}, force: true}
""",
    "tokens_new": """
models:
- {model: '{base}', parameters: {weight: 1}}
- {model: '{other}', parameters: {weight: 1}}
- {model: '{third}', parameters: {weight: 2}}
merge_method: linear
base_model: '{base}'
parameters: {normalize: false}
dtype: float32
tokenizer:
  source: union
  tokens:
    new: {source: {kind: model_token, model: '{base}', token: b}}
""",
    "tokens_new_without_source": """
models:
- {model: '{base}', parameters: {weight: 1}}
- {model: '{other}', parameters: {weight: 1}}
- {model: '{third}', parameters: {weight: 2}}
merge_method: linear
base_model: '{base}'
parameters: {normalize: false}
dtype: float32
tokenizer:
  source: base
  tokens:
    new: {}
""",
    "tokens_base": """
models:
- {model: '{base}', parameters: {weight: 1}}
- {model: '{other}', parameters: {weight: 1}}
- {model: '{third}', parameters: {weight: 2}}
merge_method: linear
base_model: '{base}'
parameters: {normalize: false}
dtype: float32
tokenizer:
  source: base
  tokens:
    e: {source: {kind: model_token, model: '{base}', token: a}}
""",
    "tokenizer_padded_rows": """
models:
- {model: '{padded}', parameters: {weight: 1}}
- {model: '{padded2}', parameters: {weight: 1}}
merge_method: linear
parameters: {normalize: false}
dtype: float32
tokenizer_source: base
""",
    "tokenizer_padded_block": """
models:
- {model: '{padded}', parameters: {weight: 1}}
- {model: '{padded2}', parameters: {weight: 1}}
merge_method: linear
parameters: {normalize: false}
dtype: float32
tokenizer: {source: union, pad_to_multiple_of: 8}
""",
    "chat_template_auto": """
models:
- {model: '{base}', parameters: {weight: 1}}
- {model: '{a}', parameters: {weight: 1}}
- {model: '{b}', parameters: {weight: 1}}
merge_method: linear
parameters: {normalize: false}
dtype: float32
base_model: '{base}'
chat_template: auto
""",
    "chat_template_text": """
models:
- {model: '{base}', parameters: {weight: 1}}
- {model: '{a}', parameters: {weight: 1}}
merge_method: linear
dtype: float32
chat_template: "{{ messages[0]['content'] }}"
""",
    "tied_and_untied": """
models:
- {model: '{tied}', parameters: {weight: 1}}
- {model: '{a}', parameters: {weight: 2}}
merge_method: linear
parameters: {normalize: false}
dtype: float32
""",
    "untied_and_tied": """
models:
- {model: '{a}', parameters: {weight: 2}}
- {model: '{tied}', parameters: {weight: 1}}
merge_method: linear
parameters: {normalize: false}
dtype: float32
""",
    "tied_all": """
models:
- {model: '{tied}', parameters: {weight: 1}}
- {model: '{tied2}', parameters: {weight: 2}}
merge_method: linear
parameters: {normalize: false}
dtype: float32
""",
    "slices_slerp": """
slices:
- sources:
  - {model: '{a}', layer_range: [0, 3]}
  - {model: '{base}', layer_range: [0, 3]}
merge_method: slerp
base_model: '{base}'
parameters:
  t:
  - {filter: self_attn, value: [0, 0.5, 0.3, 0.7, 1]}
  - {filter: mlp, value: [1, 0.25]}
  - value: 0.5
dtype: float32
""",
    "slices_ties": """
slices:
- sources:
  - {model: '{base}', layer_range: [0, 2]}
  - {model: '{a}', layer_range: [0, 2], parameters: {weight: 0.5, density: 0.5}}
  - {model: '{b}', layer_range: [0, 2], parameters: {weight: 0.25}}
- sources:
  - {model: '{b}', layer_range: [0, 2], parameters: {weight: 0.5}}
  - {model: '{base}', layer_range: [1, 3]}
  parameters: {normalize: false}
merge_method: ties
base_model: '{base}'
parameters: {density: 1.0, lambda: 0.5}
dtype: float32
""",
    "nuslerp_with_base": """
models:
- {model: '{a}', parameters: {weight: [0.25, 0.75]}}
- {model: '{b}', parameters: {weight: 0.5}}
merge_method: nuslerp
base_model: '{base}'
parameters: {nuslerp_flatten: 1.0}
dtype: float32
""",
    "tokenizer_union_karcher": """
models:
- model: '{other}'
- model: '{third}'
merge_method: karcher
base_model: '{base}'
dtype: float32
tokenizer_source: union
""",
    "karcher_base_not_listed": """
models:
- model: '{a}'
- model: '{b}'
merge_method: karcher
base_model: '{base}'
dtype: float32
""",
}


def case(text, folders):
    filled = text
    for name, folder in folders.items():
        filled = filled.replace("{" + name + "}", folder)
    out = tempfile.mkdtemp()
    record = {"yaml": text.lstrip("\n")}
    try:
        config = MergeConfiguration.model_validate(yaml.safe_load(filled))
        run_merge(config, out, MergeOptions(quiet=True, random_seed=0, copy_tokenizer=True))
    except BaseException as error:  # mergekit ends with many kinds
        record["error"] = f"{type(error).__name__}: {error}".split("\n")[0][:160].replace(folders["a"][:-2], "")
        return record
    tensors = {}
    for name in sorted(os.listdir(out)):
        if name.endswith(".safetensors"):
            tensors.update(load_file(f"{out}/{name}"))
    record["tensors"] = {
        n: {"shape": list(tensors[n].shape), "values": tensors[n].float().flatten().tolist()} for n in sorted(tensors)
    }
    with open(f"{out}/config.json") as f:
        config = json.load(f)
    record["config"] = {k: config.get(k) for k in ["vocab_size", "num_hidden_layers", "tie_word_embeddings"]}
    if os.path.exists(f"{out}/tokenizer.json"):
        tok = Tokenizer.from_file(f"{out}/tokenizer.json")
        vocab = tok.get_vocab(with_added_tokens=True)
        record["vocab"] = dict(sorted(vocab.items(), key=lambda kv: kv[1]))
        with open(f"{out}/tokenizer_config.json") as f:
            record["chat_template"] = json.load(f).get("chat_template")
    shutil.rmtree(out)
    return record


def main():
    root = tempfile.mkdtemp()
    folders = {name: f"{root}/{name}" for name in MODELS}
    inputs = {name: write_model(folders[name], spec) for name, spec in MODELS.items()}
    cases = {name: case(text, folders) for name, text in CASES.items()}
    shutil.rmtree(root)
    with open(sys.argv[1], "w") as f:
        json.dump({"models": inputs, "cases": cases}, f, separators=(",", ":"), ensure_ascii=False)
        f.write("\n")


main()
