"""Makes tests/golden/vectors/: a base, two fine-tuned models, two LoRA adapters, and what numpy says
of their task vectors.

Python 3.11, numpy 2.4.6, safetensors 0.8.0. Run from anywhere; takes seconds, needs no network.

Everything is computed in float64 from dense matrices; singular values are numpy's SVD.
"""

import json
from pathlib import Path

import numpy as np
from safetensors.numpy import save_file

OUT = Path(__file__).parent / "vectors"
generator = np.random.default_rng(11)
SHAPES = {
    # More than one tile, and no multiple of it.
    "model.embed_tokens.weight": (150, 130),
    "model.layers.0.input_layernorm.weight": (24,),
    "model.layers.0.mlp.down_proj.weight": (24, 40),
    "model.layers.0.mlp.up_proj.weight": (40, 24),
    "model.layers.0.self_attn.q_proj.weight": (24, 24),
    "model.layers.1.mlp.down_proj.weight": (24, 40),
    "model.layers.1.self_attn.q_proj.weight": (24, 24),
}
RANK, ALPHA = 3, 6
SHARES = {"overlap_top1": 0.01, "overlap_top10": 0.1, "overlap_top20": 0.2}


def save(name, tensors):
    (OUT / name).mkdir(parents=True, exist_ok=True)
    save_file(tensors, OUT / name / "model.safetensors", metadata={"format": "pt"})


def adapter(name, modules):
    """Writes an adapter and gives its dense updates."""
    folder = OUT / name
    folder.mkdir(parents=True, exist_ok=True)
    tensors, updates = {}, {}
    for module in modules:
        rows, columns = SHAPES[f"{module}.weight"]
        a = (generator.standard_normal((RANK, columns)) * 0.1).astype(np.float32)
        b = (generator.standard_normal((rows, RANK)) * 0.1).astype(np.float32)
        prefix = f"base_model.model.{module}"
        tensors |= {f"{prefix}.lora_A.weight": a, f"{prefix}.lora_B.weight": b}
        updates[f"{module}.weight"] = ALPHA / RANK * (b.astype(np.float64) @ a.astype(np.float64))
    save_file(tensors, folder / "adapter_model.safetensors", metadata={"format": "pt"})
    config = {
        "peft_type": "LORA", "r": RANK, "lora_alpha": ALPHA, "bias": "none", "fan_in_fan_out": False,
        "target_modules": sorted({module.rsplit(".", 1)[1] for module in modules}),
    }
    (folder / "adapter_config.json").write_text(json.dumps(config, indent=1) + "\n")
    return updates


def largest(vector, share):
    """Which entries are among the largest."""
    k = max(1, int(np.ceil(share * vector.size)))
    magnitudes = np.abs(vector)
    return (magnitudes >= np.sort(magnitudes)[-k]) & (magnitudes > 0)


def rows(scope, place, tensors, base, vectors):
    flat = lambda of: np.concatenate([of[t].ravel() for t in tensors])
    out = []
    add = lambda quantity, model, other, value: out.append([scope, place, quantity, model, other, value])
    for model, vector in vectors.items():
        add("norm", model, "", float(np.linalg.norm(flat(vector))))
        add("relative_norm", model, "", float(np.linalg.norm(flat(vector)) / np.linalg.norm(flat(base))))
    names = list(vectors)
    for j, second in enumerate(names):
        for first in names[:j]:
            a, b = flat(vectors[first]), flat(vectors[second])
            norms = np.linalg.norm(a) * np.linalg.norm(b)
            add("cosine", first, second, float(a @ b / norms) if norms > 0 else None)
            both = (a != 0) & (b != 0)
            conflicts = ((a < 0) != (b < 0)) & both
            add("sign_conflict", first, second, float(conflicts.sum() / both.sum()) if both.any() else None)
            for quantity, share in SHARES.items():
                common = smaller = 0
                for t in tensors:
                    a, b = vectors[first][t].ravel(), vectors[second][t].ravel()
                    if not (a.any() or b.any()):
                        continue
                    in_a, in_b = largest(a, share), largest(b, share)
                    common += (in_a & in_b).sum()
                    smaller += min(in_a.sum(), in_b.sum())
                add(quantity, first, second, float(common / smaller) if smaller else None)
    return out


base = {name: (generator.standard_normal(shape) * 0.1).astype(np.float16) for name, shape in SHAPES.items()}
save("base", base)
vectors = {}
for name in ["first", "second"]:
    model = {
        t: (w.astype(np.float32) + generator.standard_normal(w.shape) * 0.01).astype(np.float16)
        for t, w in base.items()
    }
    # Left as it was in both, so that vectors of zeros occur.
    model["model.layers.0.input_layernorm.weight"] = base["model.layers.0.input_layernorm.weight"]
    if name == "second":
        # Correlated with the first.
        up = "model.layers.0.mlp.up_proj.weight"
        model[up] = (first[up].astype(np.float32) * 0.5 + model[up].astype(np.float32) * 0.5).astype(np.float16)
    first = model
    save(name, model)
    vectors[name] = {
        t: (model[t].astype(np.float32) - base[t].astype(np.float32)).astype(np.float64) for t in base
    }
attention = [f"model.layers.{i}.self_attn.q_proj" for i in range(2)]
for name, modules in [("lora_a", attention + ["model.layers.0.mlp.up_proj"]), ("lora_b", attention)]:
    updates = adapter(name, modules)
    vectors[name] = {t: updates.get(t, np.zeros(base[t].shape)) for t in base}

base = {t: w.astype(np.float64) for t, w in base.items()}
expected = rows("model", "", list(SHAPES), base, vectors)
for layer in range(2):
    expected += rows("layer", str(layer), [t for t in SHAPES if f".{layer}." in t], base, vectors)
for module, part in [("embedding", "embed_tokens"), ("mlp.down_proj", "down_proj"), ("mlp.up_proj", "up_proj"),
                     ("norm", "layernorm"), ("self_attn.q_proj", "q_proj")]:
    expected += rows("module", module, [t for t in SHAPES if part in t], base, vectors)
for t, shape in sorted(SHAPES.items()):
    expected += rows("tensor", t, [t], base, vectors)
    for model, vector in vectors.items():
        if len(shape) != 2 or not vector[t].any():
            continue
        values = np.linalg.svd(vector[t], compute_uv=False)
        shares = values / values.sum()
        shares = shares[shares > 0]
        expected.append(["tensor", t, "effective_rank", model, "", float(np.exp(-(shares * np.log(shares)).sum()))])
        expected.append(["tensor", t, "stable_rank", model, "", float((values**2).sum() / values[0] ** 2)])
lines = ",\n".join(json.dumps(row) for row in expected)
(OUT / "expected.json").write_text(f"[\n{lines}\n]\n")
print(len(expected), "rows")
