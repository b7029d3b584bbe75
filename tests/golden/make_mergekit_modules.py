"""Makes mergekit_modules.json: whole merges by mergekit 0.1.5 of models of several components.

Versions: Python 3.11, mergekit 0.1.5, torch 2.15.0, transformers 5.24.0, safetensors 0.8.0.

    PYTHONHASHSEED=0 python make_mergekit_modules.py mergekit_modules.json

Two architectures: one that mergekit's files define with three modules (`text_decoder`,
`multi_modal_projector`, `vision_tower`), and one that it has no file for, whose modules it names by
what stands before the numbers of their layers. Values are multiples of 1/16 below 4, so that sums in
float32 are exact. Each case has the YAML (`{a}` stands for the folder of model `a`) and the tensors
that mergekit wrote, and the numbers of layers in config.json. A last set of cases, of plain decoders
in slices, is about which name a filter is compared with and about values in unusual forms.
"""

import importlib.resources
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
from transformers import BartConfig, BartForConditionalGeneration

HIDDEN, INNER = 2, 2


def drawn(seed):
    draw = random.Random(seed)

    def tensor(*shape):
        count = 1
        for n in shape:
            count *= n
        return torch.tensor([draw.randrange(-63, 64) / 16 for _ in range(count)]).reshape(shape)

    return tensor


def defined(spec):
    """Mistral 3, with every tensor that mergekit's definition of it names."""
    text = importlib.resources.files("mergekit._data.architectures") / "mistral3.json"
    tensor, tensors = drawn(spec["seed"]), {}
    for name, module in json.loads(text.read_text())["modules"].items():
        parts, count = module["architecture"], spec["layers"].get(name, 0)
        names = [w["name"] for w in parts["pre_weights"] + parts["post_weights"]]
        for i in range(count):
            templates = parts["layer_templates"]["weights"]
            names += [w["name"].replace("${layer_index}", str(i)) for w in templates]
        for weight in names:
            one = weight.endswith("norm.weight") or "ln_pre" in weight
            tensors[(module.get("weight_prefix") or "") + weight] = tensor(HIDDEN) if one else tensor(INNER, HIDDEN)
    text, vision = spec["layers"]["text_decoder"], spec["layers"]["vision_tower"]
    config = {
        "architectures": ["Mistral3ForConditionalGeneration"],
        "model_type": "mistral3",
        "text_config": {"model_type": "mistral", "num_hidden_layers": text, "hidden_size": HIDDEN, "vocab_size": INNER},
        "vision_config": {"model_type": "pixtral", "num_hidden_layers": vision, "hidden_size": HIDDEN},
    }
    return tensors, config


def inferred(spec):
    """An encoder and a decoder that mergekit has no definition of, and transformers has."""
    config = BartConfig(
        vocab_size=4,
        d_model=HIDDEN,
        encoder_layers=spec["encoder"],
        decoder_layers=spec["decoder"],
        encoder_attention_heads=1,
        decoder_attention_heads=1,
        encoder_ffn_dim=INNER,
        decoder_ffn_dim=INNER,
        max_position_embeddings=2,
        pad_token_id=1,
        bos_token_id=0,
        eos_token_id=2,
        forced_eos_token_id=None,
        decoder_start_token_id=2,
        architectures=["BartForConditionalGeneration"],
    )
    tensor, folder = drawn(spec["seed"]), tempfile.mkdtemp()
    BartForConditionalGeneration(config).save_pretrained(folder)
    names = load_file(f"{folder}/model.safetensors")
    shutil.rmtree(folder)
    return {n: tensor(*t.shape) for n, t in sorted(names.items())}, config.to_dict()


def decoder(spec):
    tensor, rows = drawn(spec["seed"]), 3
    tensors = {"model.embed_tokens.weight": tensor(rows, HIDDEN), "model.norm.weight": tensor(HIDDEN)}
    tensors["lm_head.weight"] = tensor(rows, HIDDEN)
    for i in range(4):
        p = f"model.layers.{i}."
        for name in ["q", "k", "v", "o"]:
            tensors[p + f"self_attn.{name}_proj.weight"] = tensor(HIDDEN, HIDDEN)
        for name in ["gate", "up", "down"]:
            tensors[p + f"mlp.{name}_proj.weight"] = tensor(INNER, HIDDEN)
        for name in ["input", "post_attention"]:
            tensors[p + f"{name}_layernorm.weight"] = tensor(HIDDEN)
    dtype = spec.get("dtype", torch.float32)
    config = {
        "architectures": ["LlamaForCausalLM"],
        "model_type": "llama",
        "hidden_size": HIDDEN,
        "num_hidden_layers": 4,
        "num_attention_heads": 1,
        "vocab_size": rows,
    }
    return {n: t.to(dtype) for n, t in tensors.items()}, config


MODELS = {
    "a": (defined, {"seed": 1, "layers": {"text_decoder": 3, "vision_tower": 2}}),
    "b": (defined, {"seed": 2, "layers": {"text_decoder": 3, "vision_tower": 2}}),
    "base": (defined, {"seed": 3, "layers": {"text_decoder": 3, "vision_tower": 2}}),
    "c": (inferred, {"seed": 4, "encoder": 3, "decoder": 2}),
    "d": (inferred, {"seed": 5, "encoder": 3, "decoder": 2}),
    "p": (decoder, {"seed": 6}),
    "q": (decoder, {"seed": 7}),
    "half": (decoder, {"seed": 8, "dtype": torch.bfloat16}),
    "float16": (decoder, {"seed": 9, "dtype": torch.float16}),
}

CASES = {
    "each_module_in_its_way": """
modules:
  text_decoder:
    models:
    - {model: '{a}', parameters: {weight: [0, 1]}}
    - {model: '{b}', parameters: {weight: [{filter: mlp, value: 2}, {value: 0.25}]}}
  multi_modal_projector:
    models: [{model: '{a}'}]
    parameters: {weight: 2}
  vision_tower:
    models: [{model: '{b}'}]
merge_method: linear
parameters: {normalize: false, weight: 0.5}
dtype: float32
""",
    "slices_of_modules": """
modules:
  text_decoder:
    slices:
    - sources: [{model: '{a}', layer_range: [0, 2]}]
    - sources:
      - {model: '{b}', layer_range: [1, 3], parameters: {scale: [{filter: o_proj, value: 0}, {value: 1}]}}
  multi_modal_projector:
    models: [{model: '{a}'}]
  vision_tower:
    slices:
    - sources: [{model: '{b}', layer_range: [1, 2]}]
merge_method: passthrough
dtype: float32
""",
    "modules_of_task_vectors": """
modules:
  text_decoder:
    models:
    - {model: '{a}', parameters: {weight: 0.5}}
    - {model: '{b}', parameters: {weight: [1, 0.25, 0]}}
    parameters: {lambda: 2}
  multi_modal_projector:
    models: [{model: '{a}', parameters: {weight: 1}}]
  vision_tower:
    slices:
    - sources:
      - {model: '{base}', layer_range: [0, 2]}
      - {model: '{b}', layer_range: [0, 2], parameters: {weight: 0.25}}
      parameters: {lambda: 4}
merge_method: task_arithmetic
base_model: '{base}'
parameters: {lambda: 0.5}
dtype: float32
""",
    "a_module_of_the_base_alone": """
modules:
  text_decoder:
    models: [{model: '{a}', parameters: {weight: 0.5}}]
  multi_modal_projector:
    models: [{model: '{base}'}]
  vision_tower:
    slices:
    - sources: [{model: '{base}', layer_range: [1, 2]}]
    - sources: [{model: '{base}', layer_range: [0, 1]}]
merge_method: task_arithmetic
base_model: '{base}'
dtype: float32
""",
    "modules_not_listed": """
modules:
  text_decoder:
    models: [{model: '{a}', parameters: {weight: 0.5}}, {model: '{b}', parameters: {weight: 0.25}}]
merge_method: linear
parameters: {normalize: false}
dtype: float32
""",
    "models_of_several_modules": """
models:
- {model: '{a}', parameters: {weight: [0, 1]}}
- {model: '{b}', parameters: {weight: [1, 0.5, 0.25]}}
merge_method: linear
parameters: {normalize: false}
dtype: float32
""",
    "inferred_modules": """
modules:
  model.encoder.layers:
    models: [{model: '{c}', parameters: {weight: [0, 1]}}, {model: '{d}', parameters: {weight: 0.25}}]
  model.decoder.layers:
    models: [{model: '{d}', parameters: {weight: 2}}]
  default:
    models: [{model: '{c}', parameters: {weight: 0.25}}]
merge_method: linear
parameters: {normalize: false}
dtype: float32
""",
    "names_that_filters_see": """
slices:
- sources:
  - {model: '{p}', layer_range: [0, 3], parameters: {weight: [{filter: mlp, value: [0.25, 0.75]}]}}
  - {model: '{q}', layer_range: [0, 3]}
  parameters: {weight: [{filter: q_proj, value: [0.5, 0.25]}, {filter: 'layers.1.', value: 2}]}
- sources:
  - {model: '{p}', layer_range: [1, 4]}
  - {model: '{q}', layer_range: [0, 3], parameters: {weight: [{filter: 'layers.1.', value: 3}, {filter: 'layers.4.', value: 4}]}}
  parameters: {weight: [{filter: 'layers.3.', value: 0.25}, {filter: 'layers.2.', value: 8}]}
parameters: {weight: [0.5, 1], normalize: false}
merge_method: linear
dtype: float32
""",
    "truth_values_by_layer": """
models:
- {model: '{p}', parameters: {weight: 2}}
- {model: '{q}', parameters: {weight: 0}}
merge_method: linear
parameters: {normalize: [true, false, true]}
dtype: float32
""",
    "values_in_unusual_forms": """
models:
- {model: '{p}', parameters: {weight: {value: 0.5}}}
- {model: '{q}', parameters: {weight: {filter: mlp, value: '0.25'}}}
merge_method: linear
parameters: {normalize: [{filter: '*', value: no}, {filter: mlp, value: yes}], weight: 2.5e-1}
lazy_unpickle: true
dtype: float32
""",
    "dtypes_are_promoted": """
models:
- {model: '{half}', parameters: {weight: 0.5}}
- {model: '{p}', parameters: {weight: 0.5}}
merge_method: linear
parameters: {normalize: false}
""",
    "halves_are_promoted": """
models:
- {model: '{half}', parameters: {weight: 0.5}}
- {model: '{float16}', parameters: {weight: 0.5}}
merge_method: linear
parameters: {normalize: false}
""",
    "a_narrow_base_is_promoted": """
models:
- {model: '{p}', parameters: {weight: 0.5}}
merge_method: task_arithmetic
base_model: '{half}'
""",
}

COUNTS = ["/num_hidden_layers", "/text_config/num_hidden_layers", "/vision_config/num_hidden_layers"]


def pointed(config, pointer):
    for key in pointer.strip("/").split("/"):
        config = config.get(key) if isinstance(config, dict) else None
    return config


def stored(tensors):
    return {
        n: {"dtype": str(t.dtype).removeprefix("torch."), "shape": list(t.shape), "values": t.float().flatten().tolist()}
        for n, t in sorted(tensors.items())
    }


def case(text, folders):
    filled = text
    for name, folder in folders.items():
        filled = filled.replace("{" + name + "}", folder)
    out = tempfile.mkdtemp()
    config = MergeConfiguration.model_validate(yaml.safe_load(filled))
    run_merge(config, out, MergeOptions(quiet=True, random_seed=0, copy_tokenizer=False))
    tensors = {}
    for name in sorted(os.listdir(out)):
        if name.endswith(".safetensors"):
            tensors.update(load_file(f"{out}/{name}"))
    with open(f"{out}/config.json") as f:
        config = json.load(f)
    shutil.rmtree(out)
    counts = {pointer: pointed(config, pointer) for pointer in COUNTS}
    return {
        "yaml": text.lstrip("\n"),
        "tensors": stored(tensors),
        "layers": {pointer: count for pointer, count in counts.items() if count is not None},
    }


def main():
    root = tempfile.mkdtemp()
    folders = {name: f"{root}/{name}" for name in MODELS}
    inputs = {}
    for name, (make, spec) in MODELS.items():
        tensors, config = make(spec)
        os.makedirs(folders[name])
        save_file(tensors, f"{folders[name]}/model.safetensors", metadata={"format": "pt"})
        with open(f"{folders[name]}/config.json", "w") as f:
            json.dump(config, f)
        inputs[name] = {"config": config, "tensors": stored(tensors)}
    cases = {name: case(text, folders) for name, text in CASES.items()}
    shutil.rmtree(root)
    with open(sys.argv[1], "w") as f:
        json.dump({"models": inputs, "cases": cases}, f, separators=(",", ":"), ensure_ascii=False)
        f.write("\n")


main()
