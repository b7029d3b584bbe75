#!/usr/bin/env python3
"""Makes tests/golden/peft: adapters in PEFT's folder format, and what peft computes with them.

Pinned: Python 3.11, torch 2.15.0, transformers 5.24.0, peft 0.21.2.

    cargo test -p mergelab-model --lib writes_the_adapter_for_peft -- --ignored
    python make_peft.py

The base is tests/golden/model/gqa_tied. `ours` is an adapter that the first command trained and
saved; this script only reads it. `theirs` is made here. For both, expected.json holds the logits
of peft's model at the positions given.
"""

import json
import pathlib

import torch
from peft import LoraConfig, PeftModel, get_peft_model
from transformers import AutoModelForCausalLM

HERE = pathlib.Path(__file__).parent
BASE = HERE / "model" / "gqa_tied"
POSITIONS = [0, 3, 36, 39]


def base():
    return AutoModelForCausalLM.from_pretrained(BASE, dtype=torch.float32).eval()


def logits(model, ids):
    with torch.no_grad():
        found = model(input_ids=ids).logits
    return [
        [[round(float(x), 6) for x in found[b, t]] for t in POSITIONS] for b in range(ids.shape[0])
    ]


def make_theirs(folder):
    torch.manual_seed(7)
    config = LoraConfig(
        task_type="CAUSAL_LM",
        r=4,
        lora_alpha=6.0,
        use_rslora=True,
        lora_dropout=0.1,
        target_modules=["q_proj", "v_proj", "gate_proj", "down_proj"],
        # Another rank and alpha for one module: what their scalings depend on.
        rank_pattern={"layers.1.mlp.down_proj": 2},
        alpha_pattern={"layers.1.mlp.down_proj": 3.0},
    )
    model = get_peft_model(base(), config)
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            if "lora_" in name:
                # Large enough to move the logits by far more than the tolerance of the test.
                parameter.normal_(0.0, 0.2)
    model.save_pretrained(folder, safe_serialization=True)
    (folder / "README.md").unlink(missing_ok=True)
    # peft writes where the base lay; that is no one's business.
    path = folder / "adapter_config.json"
    config = json.loads(path.read_text())
    config["base_model_name_or_path"] = "base"
    path.write_text(json.dumps(config, indent=2, sort_keys=True) + "\n")


def main():
    ids = torch.tensor(json.loads((BASE / "expected.json").read_text())["input_ids"])
    make_theirs(HERE / "peft" / "theirs")
    plain = logits(base(), ids)
    expected = dict(positions=POSITIONS)
    for name in ("ours", "theirs"):
        model = PeftModel.from_pretrained(base(), HERE / "peft" / name).eval()
        expected[name] = logits(model, ids)
        moved = max(
            abs(x - y)
            for found, without in zip(expected[name], plain)
            for f, w in zip(found, without)
            for x, y in zip(f, w)
        )
        assert moved > 0.1, f"the adapter {name} moves no logit by more than {moved}"
    (HERE / "peft" / "expected.json").write_text(json.dumps(expected) + "\n")


if __name__ == "__main__":
    main()
