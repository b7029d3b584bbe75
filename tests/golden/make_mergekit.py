"""Makes mergekit.json: what mergekit computes for one tensor, method by method.

Versions: Python 3.11, mergekit 0.1.4, torch 2.2.2, transformers 4.48.3, safetensors 0.8.0.

    PYTHONHASHSEED=0 python make_mergekit.py mergekit.json            # makes all again
    PYTHONHASHSEED=0 python make_mergekit.py mergekit.json --check    # compares, writes nothing

The file holds its inputs: this reads them, and runs each case as a merge of models whose tensors
are all the one of the case. The committed numbers were made with mergekit's commit a6e4028 and torch
2.15.0. The released 0.1.4 lacks `ram` and `ramplus_tl`, whose cases are then left as they are, and
another torch may round sums otherwise: `--check` says by how much results differ. With the versions
above most do not; model_stock and karcher differ in f32 by up to 8e-6 and 8e-7 of a value, and karcher
in bf16, where the roundings of an iteration add up, by up to 3 %.

`cases` are merges: method, dtype, shape, base, parameters, the tensors, the result and its dtype.
`stochastic` has what does not depend on chance in methods that draw: `rescaled_masked` scales what
a mask leaves so that a norm stays, `della_keep_probs` are the probabilities of keeping entries.
"""

import json
import os
import sys
import tempfile

import torch
from mergekit.config import MergeConfiguration
from mergekit.merge import MergeOptions, run_merge
from mergekit.merge_methods import REGISTERED_MERGE_METHODS as REGISTRY
from safetensors.torch import load_file, save_file

# A model whose tensors are all the one of the case; that of the last norm is looked at.
CONFIG = {
    "architectures": ["LlamaForCausalLM"],
    "model_type": "llama",
    "num_hidden_layers": 1,
    "tie_word_embeddings": True,
}
OPTIONS = MergeOptions(quiet=True, copy_tokenizer=False)
LAYER = "model.layers.0."
NORM = "model.norm.weight"
NAMES = [NORM, "model.embed_tokens.weight"]
NAMES += [f"{LAYER}self_attn.{x}_proj.weight" for x in "qkvo"]
NAMES += [f"{LAYER}mlp.{x}_proj.weight" for x in ("gate", "up", "down")]
NAMES += [f"{LAYER}{x}_layernorm.weight" for x in ("input", "post_attention")]
DTYPES = {"float32": torch.float32, "bfloat16": torch.bfloat16}


def merged(case):
    """The result of one case: its values and its dtype."""
    dtype = DTYPES[case["dtype"]]
    with tempfile.TemporaryDirectory() as folder:
        paths = {}
        for name, values in case["inputs"].items():
            paths[name] = os.path.join(folder, name)
            os.mkdir(paths[name])
            with open(os.path.join(paths[name], "config.json"), "w") as f:
                json.dump(CONFIG, f)
            tensor = torch.tensor(values, dtype=torch.float32).reshape(case["shape"]).to(dtype)
            file = os.path.join(paths[name], "model.safetensors")
            save_file({n: tensor.clone() for n in NAMES}, file, metadata={"format": "pt"})
        named = list(case["tensor_params"]) or [n for n in case["inputs"] if n != case["base"]]
        config = {
            "merge_method": case["method"],
            "models": [
                {"model": paths[n], "parameters": case["tensor_params"].get(n, {})} for n in named
            ],
            "parameters": case["params"],
            "dtype": case["dtype"],
        }
        if case["base"]:
            config["base_model"] = paths[case["base"]]
        out = os.path.join(folder, "out")
        run_merge(MergeConfiguration.model_validate(config), out, OPTIONS)
        result = {}
        for name in os.listdir(out):
            if name.endswith(".safetensors"):
                result.update(load_file(os.path.join(out, name)))
        tensor = result[NORM]
        return tensor, str(tensor.dtype).removeprefix("torch.")


def main():
    path, check = sys.argv[1], "--check" in sys.argv
    with open(path) as f:
        golden = json.load(f)
    worst = {}
    for case in golden["cases"]:
        if case["method"] not in REGISTRY:
            worst[(case["method"], case["dtype"])] = float("nan")
            continue
        tensor, dtype = merged(case)
        values = tensor.float().flatten().tolist()
        if check:
            wanted = torch.tensor(case["output"])
            error = (torch.tensor(values) - wanted).abs() / wanted.abs().clamp(min=1e-30)
            key = (case["method"], case["dtype"])
            worst[key] = max(worst.get(key, 0.0), float(error.max()))
            continue
        case["output"], case["out_dtype"] = values, dtype
        case["out_shape"] = list(tensor.shape)
    for (method, dtype), error in worst.items():
        print(f"{method} {dtype}: largest relative difference {error:.3g}")
    if not check:
        golden["source"] = f"mergekit 0.1.4, torch {torch.__version__} CPU"
        with open(path, "w") as f:
            json.dump(golden, f)


if __name__ == "__main__":
    main()
