"""Writes matrix_methods.json: what merge methods that work on matrices, masks and low-rank
factors give, for the tests of plugins/methods/*.

Each method is written out from its paper's formulas, in float64, with numpy.linalg for
decompositions and torch.optim.Adam with automatic differentiation for WUDI. Run with Python 3.11
and
    numpy==1.26.4 torch==2.2.2
as `python make_matrix_methods.py`, from any folder. The output depends on nothing else.
"""

import json
from pathlib import Path

import numpy as np
import torch

rng = np.random.default_rng(20241130)
MATRIX = "model.layers.0.mlp.up_proj.weight"
# Singular values up to this share of the largest count as zero, here as in the plugins.
NEGLIGIBLE = 1e-5


# Groups of tensors. Values are float32, so that both sides start from the same numbers.


def f32(x):
    return np.asarray(x, dtype=np.float32)


def normal(shape, scale):
    return f32(rng.normal(0, scale, shape))


def tensor(shape, deltas, name=MATRIX):
    base = normal(shape, 0.05)
    models = [{"id": f"expert-{i}", "values": f32(base + f32(d))} for i, d in enumerate(deltas)]
    return {"name": name, "shape": list(shape), "base": base, "models": models}


def adapters(shape, ranks):
    base = normal(shape, 0.05)
    models = []
    for i, rank in enumerate(ranks):
        left, right = normal((shape[0], rank), 0.1), normal((rank, shape[1]), 0.1)
        models.append({"id": f"expert-{i}", "rank": rank, "left": left, "right": right})
    return {"name": MATRIX, "shape": list(shape), "base": base, "models": models}


def dense(shape, count, **more):
    return tensor(shape, [normal(shape, 0.01) for _ in range(count)], **more)


def decaying(shape, count):
    """Task vectors with falling spectra, as fine-tuning gives them."""
    deltas = []
    for _ in range(count):
        u, s, vt = np.linalg.svd(rng.normal(0, 1, shape), full_matrices=False)
        deltas.append((u * 0.05 * 0.7 ** np.arange(len(s))) @ vt)
    return tensor(shape, deltas)


one_delta = normal((9, 8), 0.01)
GROUPS = {
    "tall": [dense((12, 9), 3)],
    "wide": [decaying((7, 15), 3)],
    "square": [decaying((10, 10), 2)],
    "one_model": [dense((6, 8), 1)],
    "same_twice": [tensor((9, 8), [one_delta, one_delta, normal((9, 8), 0.01)])],
    "one_unchanged": [tensor((8, 7), [normal((8, 7), 0.01), np.zeros((8, 7)), normal((8, 7), 0.01)])],
    "all_unchanged": [tensor((5, 4), [np.zeros((5, 4))] * 3)],
    "adapters": [adapters((14, 10), [2, 3, 2])],
    "adapters_wide": [adapters((9, 16), [3, 3])],
    "convolution": [dense((4, 3, 2), 3)],
    "vector": [dense((11,), 3, name="model.norm.weight")],
    "embedding": [dense((9, 4), 3, name="model.embed_tokens.weight")],
    "model": [
        dense((8, 6), 3),
        tensor((6, 5), [normal((6, 5), s) for s in (0.03, 0.01, 0.002)], name="model.layers.0.mlp.down_proj.weight"),
        dense((7,), 3, name="model.norm.weight"),
    ],
}


def task_vectors(t):
    base = t["base"].astype(np.float64)
    for m in t["models"]:
        if "rank" in m:
            yield m["left"].astype(np.float64) @ m["right"].astype(np.float64)
        else:
            yield m["values"].astype(np.float64) - base


def as_matrices(t):
    return [d.reshape(t["shape"][0], -1) for d in task_vectors(t)]


def is_matrix(t):
    return len(t["shape"]) > 1 and "embed" not in t["name"]


# Methods: what each adds to the base model.


def svd(x):
    u, s, vt = np.linalg.svd(x, full_matrices=False)
    return u, s, vt.T


def nearest_orthogonal(x):
    u, s, v = svd(x)
    keep = s > NEGLIGIBLE * s.max()
    return u[:, keep] @ v[:, keep].T


def tsv_m(deltas, share=None):
    size = min(deltas[0].shape)
    rank = max(1, int(size * (share or 1 / len(deltas)) + 1e-9))
    us, ss, vs = [], [], []
    for delta in deltas:
        u, s, v = svd(delta)
        keep = (s > NEGLIGIBLE * s.max()) & (np.arange(size) < rank)
        us.append(u[:, keep]), ss.append(s[keep]), vs.append(v[:, keep])
    if sum(len(s) for s in ss) == 0:
        return np.zeros_like(deltas[0])
    u, v = nearest_orthogonal(np.hstack(us)), nearest_orthogonal(np.hstack(vs))
    return u @ np.diag(np.concatenate(ss)) @ v.T


def iso_c(deltas):
    u, s, v = svd(sum(deltas))
    keep = s > NEGLIGIBLE * s.max()
    return u[:, keep] @ v[:, keep].T * (s[keep].mean() if keep.any() else 0)


def iso_cts(deltas, common=0.8):
    size, tasks = min(deltas[0].shape), len(deltas)
    each = min(round((size - int(size * common + 1e-9)) / tasks), size // tasks)
    shared = size - each * tasks
    u, s, v = svd(sum(deltas))
    keep = (s > NEGLIGIBLE * s.max()) & (np.arange(size) < shared)
    uc = u[:, keep]
    us, ss, vs = [uc], [s[keep]], [v[:, keep]]
    for delta in deltas:
        u, s, v = svd(delta - uc @ (uc.T @ delta))
        keep = (s > NEGLIGIBLE * np.linalg.norm(delta)) & (np.arange(size) < each)
        us.append(u[:, keep]), ss.append(s[keep]), vs.append(v[:, keep])
    s = np.concatenate(ss)
    if len(s) == 0:
        return np.zeros_like(deltas[0])
    return nearest_orthogonal(np.hstack(us)) @ nearest_orthogonal(np.hstack(vs)).T * s.mean()


def top_share(x, share):
    count = int(np.count_nonzero(x) * share)
    mask = np.zeros(x.size)
    mask[np.argsort(-np.abs(x).ravel(), kind="stable")[:count]] = 1
    return x * mask.reshape(x.shape)


def ties(vectors, density, weight, normalize):
    vectors = np.array([top_share(v, density) if density < 1 else v for v in vectors])
    weight = np.array(weight)[:, None, None]
    elected = np.sign(vectors.sum(0))
    agrees = (np.sign(vectors) == elected) & (elected != 0)
    total = (weight * vectors * agrees).sum(0)
    count = (weight * agrees).sum(0)
    return total / np.where(count == 0, 1, count) if normalize else total


def knots(deltas, inner="ties", density=1.0, weight=None, normalize=True, tolerance=1e-5):
    weight = weight or [1.0] * len(deltas)
    # The wide matrix itself, which the plugin never forms.
    u, s, v = svd(np.hstack(deltas))
    u, s, v = u[:, s > tolerance], s[s > tolerance], v[:, s > tolerance]
    blocks = np.split(s[:, None] * v.T, len(deltas), axis=1)
    if inner == "task_arithmetic":
        merged = sum(w * b for w, b in zip(weight, blocks))
        return u @ (merged / sum(weight) if normalize else merged)
    return u @ ties(blocks, density, weight, normalize)


def wudi(deltas, steps=300, learning_rate=1e-5):
    vectors = [torch.tensor(d) for d in deltas]
    merged = torch.nn.Parameter(sum(vectors))
    optimiser = torch.optim.Adam([merged], lr=learning_rate, weight_decay=0)
    for _ in range(steps):
        loss = sum(
            ((merged - v) @ v.T).square().sum() / v.square().sum() for v in vectors if v.square().sum() > 0
        )
        if not torch.is_tensor(loss):
            break
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
    return merged.detach().numpy()


def lora_svd(deltas, ranks, weight=None, rank=None):
    total = sum(w * d for w, d in zip(weight or [1.0] * len(deltas), deltas))
    u, s, v = svd(total)
    rank = rank or max(ranks)
    u, s, v = u[:, :rank], s[:rank], v[:, :rank]
    low = u @ np.diag(s) @ v.T
    norm = np.linalg.norm(total)
    error = np.linalg.norm(total - low) / norm if norm else 0.0
    return low, error if error > 1e-12 else 0.0


def emr(tensors, model=None):
    vectors = [np.array(list(task_vectors(t))) for t in tensors]
    unified = []
    for tau in vectors:
        sign = np.sign(tau.sum(0))
        agreeing = np.where(np.sign(tau) == sign, np.abs(tau), 0)
        unified.append(sign * agreeing.max(0))
    masks = [tau * u > 0 for tau, u in zip(vectors, unified)]
    ids = [m["id"] for m in tensors[0]["models"]]
    rescalers = []
    for i in range(len(ids)):
        own = sum(np.abs(tau[i]).sum() for tau in vectors)
        kept = sum(np.abs(mask[i] * u).sum() for mask, u in zip(masks, unified))
        rescalers.append(own / kept if kept else 1.0)
    artifacts = []
    for mask in masks:
        artifacts.append({f"mask.{id}": mask[i].astype(int) for i, id in enumerate(ids)})
        artifacts[-1].update({f"rescaler.{id}": [rescalers[i]] for i, id in enumerate(ids)})
    if model is None:
        return unified, artifacts
    i = ids.index(model)
    return [rescalers[i] * mask[i] * u for mask, u in zip(masks, unified)], artifacts


def consensus_ta(tensors, threshold=0.4, votes=2):
    for t in tensors:
        deltas = list(task_vectors(t))
        total = sum(deltas)
        needs = sum((np.abs(d) > threshold * np.abs(total - d)).astype(int) for d in deltas)
        yield total * (needs >= votes)


def localize_and_stitch(tensors, density=0.1, scope="model"):
    vectors = [list(task_vectors(t)) for t in tensors]
    models = range(len(vectors[0]))

    def threshold(values):
        values = np.sort(np.abs(values).ravel())[::-1]
        return values[max(1, int(len(values) * density + 1e-9)) - 1]

    whole = [threshold(np.concatenate([v[i].ravel() for v in vectors])) for i in models]
    for deltas in vectors:
        bounds = whole if scope == "model" else [threshold(d) for d in deltas]
        masks = [(np.abs(d) >= b) & (d != 0) for d, b in zip(deltas, bounds)]
        count = sum(m.astype(int) for m in masks)
        yield sum(d * m for d, m in zip(deltas, masks)) / np.maximum(count, 1)


# Cases.

CASES = []


def case(method, group, params, updates, artifacts=None, scale=1.0):
    tensors = GROUPS[group]
    merged = [f32(t["base"] + scale * np.asarray(u).reshape(t["shape"])) for t, u in zip(tensors, updates)]
    entry = {"method": method, "group": group, "params": params, "merged": merged}
    if artifacts:
        entry["artifacts"] = artifacts
    CASES.append(entry)


def matrix_cases(method, function, group, params=None, **arguments):
    params = params or {}
    tensors = GROUPS[group]
    mean = lambda t: sum(task_vectors(t)) / len(t["models"])
    updates = [function(as_matrices(t), **arguments) if is_matrix(t) else mean(t) for t in tensors]
    case(method, group, params, updates, scale=params.get("lambda", 1.0))


for group in GROUPS:
    for method, function in [("tsv_m", tsv_m), ("iso_c", iso_c), ("iso_cts", iso_cts), ("knots", knots)]:
        matrix_cases(method, function, group)
for group in ["tall", "wide", "one_unchanged", "all_unchanged", "convolution", "vector", "adapters"]:
    matrix_cases("wudi", wudi, group)
matrix_cases("wudi", wudi, "square", {"steps": 40, "learning_rate": 1e-4}, steps=40, learning_rate=1e-4)
matrix_cases("tsv_m", tsv_m, "wide", {"share": 0.6, "lambda": 0.7}, share=0.6)
matrix_cases("iso_cts", iso_cts, "square", {"common": 0.4, "lambda": 1.5}, common=0.4)
matrix_cases("iso_cts", iso_cts, "tall", {"common": 0.0}, common=0.0)
matrix_cases("iso_cts", iso_c, "tall", {"common": 1.0})
for group in ["tall", "wide", "adapters", "adapters_wide"]:
    arithmetic = {"inner": "task_arithmetic", "normalize": False}
    matrix_cases("knots", knots, group, {**arithmetic, "lambda": 0.5}, **arithmetic)
    matrix_cases("knots", knots, group, {"density": 0.3, "normalize": False}, density=0.3, normalize=False)
weight = [0.5, 1.0, 2.0]
matrix_cases("knots", knots, "adapters", {"weight": weight}, weight=weight)

for group, params in [
    ("adapters", {}),
    ("adapters", {"weight": weight, "rank": 4}),
    ("adapters_wide", {}),
    ("adapters_wide", {"rank": 8}),
    ("tall", {"dense": True, "rank": 3}),
    ("all_unchanged", {"dense": True, "rank": 2}),
]:
    deltas, t = as_matrices(GROUPS[group][0]), GROUPS[group][0]
    arguments = {k: v for k, v in params.items() if k != "dense"}
    low, error = lora_svd(deltas, [m.get("rank", 0) for m in t["models"]], **arguments)
    case("lora_svd", group, params, [low], [{"relative_error": [error]}])

for group in ["model", "one_unchanged", "all_unchanged", "vector"]:
    case("emr", group, {}, *emr(GROUPS[group]))
    case("emr", group, {"model": "expert-1"}, *emr(GROUPS[group], "expert-1"))
for group in ["model", "one_unchanged", "all_unchanged", "adapters"]:
    case("consensus_ta", group, {}, list(consensus_ta(GROUPS[group])))
    params = {"threshold": 0.2, "votes": 3}
    case("consensus_ta", group, params, list(consensus_ta(GROUPS[group], **params)))
    for params in [{}, {"scope": "tensor"}, {"density": 0.4}, {"density": 0.4, "scope": "tensor"}]:
        case("localize_and_stitch", group, params, list(localize_and_stitch(GROUPS[group], **params)))


def plain(value):
    if isinstance(value, dict):
        return {k: plain(v) for k, v in value.items()}
    if isinstance(value, list):
        return [plain(v) for v in value]
    if isinstance(value, np.ndarray) and value.dtype.kind == "f":
        # Nine digits name a float32.
        return [float(f"{x:.9g}") for x in value.ravel().tolist()]
    if isinstance(value, np.ndarray):
        return value.ravel().tolist()
    return float(value) if isinstance(value, np.floating) else value


path = Path(__file__).with_name("matrix_methods.json")
lines = ",\n".join(json.dumps(plain(c), separators=(",", ":")) for c in CASES)
groups = json.dumps(plain(GROUPS), separators=(",", ":"))
path.write_text(f'{{"groups":{groups},\n"cases":[\n{lines}\n]}}\n')
