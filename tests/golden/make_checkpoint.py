"""Makes tests/golden/checkpoint/: checkpoints and adapters as other tools write them.

Python 3.11, torch 2.15.0, transformers 5.23.0, peft 0.21.2, safetensors 0.8.0,
numpy 2.4.6, blake3 1.0.11. Run from anywhere; takes a minute, needs no network.
"""

import json
import shutil
import struct
from pathlib import Path

import numpy as np
import torch
from blake3 import blake3
from peft import LoraConfig, get_peft_model
from safetensors import safe_open
from safetensors.torch import save_file
from transformers import GPT2Config, GPT2LMHeadModel, LlamaConfig, LlamaForCausalLM

OUT = Path(__file__).parent / "checkpoint"


def rounding():
    """f32 bit patterns and what torch rounds them to in both 16-bit formats."""
    generator = np.random.default_rng(7)
    bits = list(generator.integers(0, 2**32, 200, dtype=np.uint32))
    # Ties, neighbours of ties, subnormal and overflowing values of both formats.
    for exponent in (0, 1, 95, 100, 102, 103, 112, 113, 127, 130, 142, 143, 254):
        for low in (0x1000, 0x0FFF, 0x1001, 0x3000, 0x8000, 0x7FFF, 0x8001, 0x18000, 0x7FFFFF):
            bits.append(np.uint32(exponent << 23 | low))
            bits.append(np.uint32(1 << 31 | exponent << 23 | low))
    values = torch.from_numpy(np.array(bits, dtype=np.uint32).view(np.float32).copy())
    keep = torch.isfinite(values)
    values = values[keep]
    to_bits = lambda t: [x & 0xFFFF for x in t.view(torch.int16).tolist()]
    return {
        "f32": [x & 0xFFFFFFFF for x in values.view(torch.int32).tolist()],
        "f16": to_bits(values.to(torch.float16)),
        "bf16": to_bits(values.to(torch.bfloat16)),
    }


def dtypes():
    """One tensor of each format; the values are small integers, exact in all of them."""
    kinds = {
        "F64": torch.float64, "F32": torch.float32, "F16": torch.float16,
        "BF16": torch.bfloat16, "I64": torch.int64, "I32": torch.int32, "I16": torch.int16,
        "I8": torch.int8, "U8": torch.uint8, "BOOL": torch.bool,
        "F8_E4M3": torch.float8_e4m3fn, "F8_E5M2": torch.float8_e5m2,
    }
    values = torch.tensor([[0.0, 1.0, 2.0], [3.0, 4.0, 5.0]])
    tensors = {name: values.to(kind) for name, kind in kinds.items()}
    tensors["scalar"] = torch.tensor(1.5)
    tensors["empty"] = torch.zeros(0, 4)
    save_file(tensors, OUT / "dtypes.safetensors", metadata={"format": "pt"})


def content_hash(folder):
    """The content hash, written from its description rather than from the Rust code."""
    tensors = {}
    for file in sorted(Path(folder).glob("*.safetensors")):
        raw = file.read_bytes()
        length = struct.unpack("<Q", raw[:8])[0]
        for name, entry in json.loads(raw[8 : 8 + length]).items():
            if name != "__metadata__":
                begin, end = entry["data_offsets"]
                data = raw[8 + length + begin : 8 + length + end]
                tensors[name] = (entry["dtype"], entry["shape"], data)
    number = lambda n: struct.pack("<Q", n)
    hasher = blake3(derive_key_context="mergelab checkpoint content v1")
    for name in sorted(tensors, key=lambda n: n.encode()):
        dtype, shape, data = tensors[name]
        for text in (name.encode(), dtype.encode()):
            hasher.update(number(len(text)) + text)
        hasher.update(number(len(shape)) + b"".join(map(number, shape)))
        hasher.update(blake3(data).digest())
    return hasher.hexdigest()


def randomise(model):
    """PEFT starts with B = 0, which would make every update zero."""
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            if "lora_" in name:
                parameter.copy_(torch.randn_like(parameter) * 0.3)
            elif "modules_to_save" in name:
                parameter.add_(torch.randn_like(parameter) * 0.1)


def adapter(model, config, name):
    """Saves the adapter and the tensors that merging it into `model` changes."""
    before = {key: value.clone() for key, value in model.state_dict().items()}
    adapted = get_peft_model(model, config)
    randomise(adapted)
    # Otherwise PEFT stores the whole embedding beside its update.
    adapted.save_pretrained(OUT / name, save_embedding_layers=False)
    (OUT / name / "README.md").unlink(missing_ok=True)
    merged = adapted.merge_and_unload().state_dict()
    changed = {k: v.contiguous() for k, v in merged.items() if not torch.equal(v, before[k])}
    save_file(changed, OUT / f"{name}-merged.safetensors")


def llama():
    torch.manual_seed(1)
    config = LlamaConfig(
        vocab_size=24, hidden_size=16, intermediate_size=24, num_hidden_layers=1,
        num_attention_heads=2, num_key_value_heads=1, tie_word_embeddings=False,
    )
    model = LlamaForCausalLM(config)
    model.save_pretrained(OUT / "llama", max_shard_size="4KB")
    for file in (OUT / "llama").iterdir():
        if file.name == "generation_config.json":
            file.unlink()
    adapter(
        model,
        LoraConfig(
            r=4, lora_alpha=6, task_type="CAUSAL_LM",
            target_modules=["q_proj", "v_proj", "down_proj", "embed_tokens"],
            rank_pattern={"down_proj": 2}, alpha_pattern={"self_attn.[qk]_proj": 12},
            modules_to_save=["lm_head"],
        ),
        "llama-lora",
    )


def gpt2():
    torch.manual_seed(2)
    config = GPT2Config(vocab_size=16, n_positions=8, n_embd=8, n_layer=1, n_head=2)
    model = GPT2LMHeadModel(config)
    model.save_pretrained(OUT / "gpt2")
    (OUT / "gpt2" / "generation_config.json").unlink(missing_ok=True)
    adapter(
        model,
        LoraConfig(
            r=3, lora_alpha=5, use_rslora=True, fan_in_fan_out=True, task_type="CAUSAL_LM",
            target_modules=["c_attn", "mlp.c_proj"],
        ),
        "gpt2-lora",
    )


def main():
    shutil.rmtree(OUT, ignore_errors=True)
    OUT.mkdir()
    dtypes()
    llama()
    gpt2()
    expected = {
        "rounding": rounding(),
        "content_hash": {name: content_hash(OUT / name) for name in ("llama", "gpt2")},
    }
    (OUT / "expected.json").write_text(json.dumps(expected) + "\n")
    for file in sorted(OUT.rglob("*")):
        if file.suffix == ".safetensors":
            with safe_open(file, "pt") as opened:
                print(file.relative_to(OUT), file.stat().st_size, len(opened.keys()))


if __name__ == "__main__":
    main()
