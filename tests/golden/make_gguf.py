"""Makes tests/golden/gguf/: quantised blocks, small GGUF files, and what they hold.

Python 3.11, gguf 0.19.0, sentencepiece 0.2.3, tokenizers 0.23.3, blake3 1.0.11, numpy 2.4.6.
Run from anywhere; takes seconds, needs no network.

`blocks.json` has bytes of each type and the values that ggml's own reader (the package `gguf`)
gives for them. The models have random weights. Their tokenizers were trained here, and
`expected.json` has the ids that the original tokenizer gives, not the rebuilt one.
"""

import codecs
import io
import json
import this
from pathlib import Path

import numpy as np
import sentencepiece as spm
from blake3 import blake3
from gguf import GGMLQuantizationType as Q
from gguf import GGML_QUANT_SIZES, GGUFWriter
from gguf.quants import dequantize, quantize
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers

OUT = Path(__file__).parent / "gguf"
TYPES = [Q.F32, Q.F16, Q.BF16, Q.Q4_0, Q.Q4_1, Q.Q5_0, Q.Q5_1, Q.Q8_0, Q.Q4_K, Q.Q5_K, Q.Q6_K]
# Offsets of the binary16 numbers of a block, which random bytes would make NaN at times.
HALVES = {
    Q.Q4_0: [0], Q.Q4_1: [0, 2], Q.Q5_0: [0], Q.Q5_1: [0, 2], Q.Q8_0: [0],
    Q.Q4_K: [0, 2], Q.Q5_K: [0, 2], Q.Q6_K: [208],
    Q.Q2_K: [80, 82], Q.Q3_K: [108], Q.IQ4_NL: [0], Q.IQ4_XS: [0],
}
# Types that the models below do not have. They draw from generators of their own, so that the others'
# numbers stay.
MORE_TYPES = [Q.Q2_K, Q.Q3_K, Q.IQ4_NL, Q.IQ4_XS]
generator = np.random.default_rng(20)

CORPUS = codecs.decode(this.s, "rot13").splitlines() * 2 + [
    "Die Hauptstadt von Frankreich ist Paris, und die von Japan ist Tokio.",
    "La capitale de la France est Paris ; celle du Japon est Tokyo.",
    "def merge(base, models):\n    return base + sum(m - base for m in models)",
    "In 1969 three astronauts flew 384,400 km to the Moon and back.",
]
TEXTS = [
    "Beautiful is better than ugly.",
    " leading and  double   triple    spaces ",
    "In 1969, 384400 km\nand\tback\r\n\r\n",
    "Übergrößenträger, naïve café, 東京 и Москва 🙂",
    "don't won't I'LL we've",
    "def f(x):\n    return x  # ok",
    "",
]


def raw(kind, rows, columns, generator=generator):
    """Random weights of that type as (rows, bytes of a row)."""
    if kind not in HALVES:
        values = generator.standard_normal((rows, columns)).astype(np.float32) * 0.05
        return quantize(values, kind)
    elements, size = GGML_QUANT_SIZES[kind]
    data = generator.integers(0, 256, (rows * columns // elements, size), dtype=np.uint8)
    for offset in HALVES[kind]:
        halves = (generator.standard_normal(len(data)) * 0.01).astype(np.float16)
        data[:, offset : offset + 2] = halves.view(np.uint8).reshape(-1, 2)
    return data.reshape(rows, -1)


def values(kind, data):
    return np.ascontiguousarray(dequantize(data, kind), dtype=np.float32)


def hash_of(array):
    return blake3(np.ascontiguousarray(array, dtype="<f4").tobytes()).hexdigest()


def blocks():
    out = {}
    for kind in TYPES + MORE_TYPES:
        own = np.random.default_rng(kind.value) if kind in MORE_TYPES else generator
        data = raw(kind, 1, 256, own)
        out[kind.name] = {
            "bytes": data.tobytes().hex(),
            "f32": values(kind, data).astype("<f4").tobytes().hex(),
        }
    return out


def train_pieces(prefix, user_defined):
    model = io.BytesIO()
    spm.SentencePieceTrainer.train(
        sentence_iterator=iter(CORPUS), model_writer=model, model_type="bpe", vocab_size=380,
        byte_fallback=True, normalization_rule_name="identity", add_dummy_prefix=prefix,
        remove_extra_whitespaces=False, user_defined_symbols=user_defined,
        control_symbols=["<end_of_turn>"], character_coverage=1.0, hard_vocab_limit=True,
        num_threads=1, minloglevel=2,
    )
    return spm.SentencePieceProcessor(model_proto=model.getvalue())


def add_pieces(writer, model, prefix, user_defined):
    count = model.get_piece_size()
    pieces = [model.id_to_piece(i) for i in range(count)]
    kinds = []
    for i, piece in enumerate(pieces):
        if piece in user_defined:
            kinds.append(4)
            # As llama.cpp's converter writes it.
            pieces[i] = piece.replace("\u2581", " ")
        else:
            kinds.append(
                2 if model.is_unknown(i) else 3 if model.is_control(i) else 6 if model.is_byte(i) else 1
            )
    writer.add_tokenizer_model("llama")
    writer.add_tokenizer_pre("default")
    writer.add_token_list(pieces)
    writer.add_token_scores([model.get_score(i) for i in range(count)])
    writer.add_token_types(kinds)
    writer.add_unk_token_id(0)
    writer.add_bos_token_id(1)
    writer.add_eos_token_id(2)
    writer.add_add_space_prefix(prefix)
    return count


def train_bpe():
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [pre_tokenizers.Digits(individual_digits=True), pre_tokenizers.ByteLevel(add_prefix_space=False)]
    )
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=330, special_tokens=["<|endoftext|>", "<|im_start|>", "<|im_end|>"],
        initial_alphabet=sorted(pre_tokenizers.ByteLevel.alphabet()), show_progress=False,
    )
    tokenizer.train_from_iterator(CORPUS, trainer)
    return tokenizer


def add_bpe(writer, tokenizer):
    state = json.loads(tokenizer.to_str())
    tokens = sorted(state["model"]["vocab"], key=state["model"]["vocab"].get)
    writer.add_tokenizer_model("gpt2")
    writer.add_tokenizer_pre("smollm")
    writer.add_token_list(tokens)
    writer.add_token_types([3 if i < 3 else 1 for i in range(len(tokens))])
    writer.add_token_merges([" ".join(pair) for pair in state["model"]["merges"]])
    writer.add_bos_token_id(0)
    writer.add_eos_token_id(2)
    writer.add_add_bos_token(False)
    writer.add_chat_template("{% for m in messages %}{{ m['content'] }}{% endfor %}")
    return len(tokens)


def restored(array, heads):
    """llama.cpp's order of the rows of a query or key projection to transformers'."""
    split = array.reshape(heads, array.shape[0] // heads // 2, 2, *array.shape[1:])
    return split.swapaxes(1, 2).reshape(array.shape)


class Model:
    """A file being written, and what its tensors should come out as."""

    def __init__(self, name, architecture):
        self.path = OUT / f"{name}.gguf"
        self.writer = GGUFWriter(self.path, architecture)
        self.tensors = {}

    def add(self, name, hf_name, kind, rows, columns=None, change=lambda array: array):
        data = raw(kind, 1 if columns is None else rows, columns or rows)
        array = values(kind, data)
        if columns is None:
            data, array = data[0], array[0]
        raw_dtype = None if kind in (Q.F32, Q.F16) else kind
        self.writer.add_tensor(name, data, raw_dtype=raw_dtype)
        self.tensors[hf_name] = {
            "shape": list(array.shape), "blake3": hash_of(change(array.astype(np.float32))),
        }

    def finish(self, config, ids):
        self.writer.write_header_to_file()
        self.writer.write_kv_data_to_file()
        self.writer.write_tensors_to_file()
        self.writer.close()
        return {"config": config, "tensors": self.tensors, "ids": ids}


def common(model, hidden, ff, heads, kv_heads, head, layers=1):
    writer = model.writer
    writer.add_block_count(layers)
    writer.add_context_length(128)
    writer.add_embedding_length(hidden)
    writer.add_feed_forward_length(ff)
    writer.add_head_count(heads)
    writer.add_head_count_kv(kv_heads)
    writer.add_key_length(head)
    writer.add_value_length(head)
    writer.add_layer_norm_rms_eps(1e-5)
    return {
        "hidden_size": hidden, "intermediate_size": ff, "num_attention_heads": heads,
        "num_key_value_heads": kv_heads, "head_dim": head, "num_hidden_layers": layers,
        "max_position_embeddings": 128, "rms_norm_eps": 1e-5,
    }


def llama():
    """Super-blocks, interleaved heads, Llama 3's factors, an output layer."""
    model = Model("llama", "llama")
    hidden, ff, heads, kv, head = 32, 256, 2, 1, 16
    config = common(model, hidden, ff, heads, kv, head, layers=3)
    model.writer.add_rope_freq_base(500000.0)
    model.writer.add_rope_dimension_count(head)
    user_defined = ["<start_of_turn>"]
    pieces = train_pieces(True, user_defined)
    count = add_pieces(model.writer, pieces, True, user_defined)
    model.add("token_embd.weight", "model.embed_tokens.weight", Q.Q8_0, count, hidden)
    model.add("output.weight", "lm_head.weight", Q.Q4_0, count, hidden)
    model.add("output_norm.weight", "model.norm.weight", Q.F32, hidden)
    kinds = [(Q.Q4_0, Q.Q4_1, Q.Q4_K), (Q.Q5_0, Q.Q5_1, Q.Q5_K), (Q.F16, Q.BF16, Q.Q6_K)]
    for i, (first, second, wide) in enumerate(kinds):
        ours, layer = f"blk.{i}.", f"model.layers.{i}."
        model.add(ours + "attn_norm.weight", layer + "input_layernorm.weight", Q.F32, hidden)
        model.add(ours + "ffn_norm.weight", layer + "post_attention_layernorm.weight", Q.F32, hidden)
        model.add(ours + "attn_q.weight", layer + "self_attn.q_proj.weight", first, heads * head, hidden,
                  lambda a: restored(a, heads))
        model.add(ours + "attn_k.weight", layer + "self_attn.k_proj.weight", second, kv * head, hidden,
                  lambda a: restored(a, kv))
        model.add(ours + "attn_v.weight", layer + "self_attn.v_proj.weight", first, kv * head, hidden)
        model.add(ours + "attn_output.weight", layer + "self_attn.o_proj.weight", second, hidden,
                  heads * head)
        model.add(ours + "ffn_gate.weight", layer + "mlp.gate_proj.weight", Q.Q4_0, ff, hidden)
        model.add(ours + "ffn_up.weight", layer + "mlp.up_proj.weight", Q.Q4_0, ff, hidden)
        model.add(ours + "ffn_down.weight", layer + "mlp.down_proj.weight", wide, hidden, ff)
    # Llama 3.1's factors, as llama.cpp's converter computes them.
    factor, low, high, original = 8.0, 1.0, 4.0, 8192
    factors = []
    for frequency in 1.0 / 500000.0 ** (np.arange(0, head, 2, dtype=np.float32) / head):
        wavelength = 2 * np.pi / frequency
        if wavelength < original / high:
            factors.append(1)
        elif wavelength > original / low:
            factors.append(factor)
        else:
            smooth = (original / wavelength - low) / (high - low)
            factors.append(1 / ((1 - smooth) / factor + smooth))
    assert len(set(factors)) > 2
    model.writer.add_tensor("rope_freqs.weight", np.array(factors, dtype=np.float32))
    config |= {
        "architectures": ["LlamaForCausalLM"], "rope_theta": 500000.0, "tie_word_embeddings": False,
        "vocab_size": count, "bos_token_id": 1, "eos_token_id": 2, "attention_bias": False,
        "rope_scaling": {
            "rope_type": "llama3", "factor": 8.0, "low_freq_factor": 1.0, "high_freq_factor": 4.0,
            "original_max_position_embeddings": 8192,
        },
    }
    return model.finish(config, {text: [1] + pieces.encode(text) for text in TEXTS})


def gemma3():
    """Norms with one added, four of them, head norms, runs of spaces in the vocabulary."""
    model = Model("gemma3", "gemma3")
    hidden, ff, heads, kv, head = 32, 64, 2, 1, 32
    config = common(model, hidden, ff, heads, kv, head)
    model.writer.add_rope_freq_base(1000000.0)
    model.writer.add_sliding_window(16)
    user_defined = ["\u2581\u2581", "\u2581\u2581\u2581", "<start_of_turn>", "\n\n"]
    pieces = train_pieces(False, user_defined)
    count = add_pieces(model.writer, pieces, False, user_defined)
    less = lambda a: a - np.float32(1)
    layer = "model.layers.0."
    model.add("token_embd.weight", "model.embed_tokens.weight", Q.Q8_0, count, hidden)
    model.add("output_norm.weight", "model.norm.weight", Q.F32, hidden, change=less)
    for ours, theirs in [
        ("attn_norm", "input_layernorm"), ("post_attention_norm", "post_attention_layernorm"),
        ("ffn_norm", "pre_feedforward_layernorm"), ("post_ffw_norm", "post_feedforward_layernorm"),
    ]:
        model.add(f"blk.0.{ours}.weight", f"{layer}{theirs}.weight", Q.F32, hidden, change=less)
    for part in "qk":
        model.add(f"blk.0.attn_{part}_norm.weight", f"{layer}self_attn.{part}_norm.weight", Q.F32, head,
                  change=less)
    model.add("blk.0.attn_q.weight", layer + "self_attn.q_proj.weight", Q.Q5_0, heads * head, hidden)
    model.add("blk.0.attn_k.weight", layer + "self_attn.k_proj.weight", Q.Q5_0, kv * head, hidden)
    model.add("blk.0.attn_v.weight", layer + "self_attn.v_proj.weight", Q.Q8_0, kv * head, hidden)
    model.add("blk.0.attn_output.weight", layer + "self_attn.o_proj.weight", Q.F16, hidden, heads * head)
    model.add("blk.0.ffn_gate.weight", layer + "mlp.gate_proj.weight", Q.Q4_0, ff, hidden)
    model.add("blk.0.ffn_up.weight", layer + "mlp.up_proj.weight", Q.Q4_1, ff, hidden)
    model.add("blk.0.ffn_down.weight", layer + "mlp.down_proj.weight", Q.Q5_1, hidden, ff)
    config |= {
        "architectures": ["Gemma3ForCausalLM"], "model_type": "gemma3_text", "rope_theta": 1000000.0,
        "rope_local_base_freq": 10000.0, "tie_word_embeddings": True, "sliding_window": 16,
        "query_pre_attn_scalar": 32, "hidden_activation": "gelu_pytorch_tanh",
        "layer_types": ["sliding_attention"], "rope_scaling": None, "vocab_size": count,
    }
    return model.finish(config, {text: [1] + pieces.encode(text) for text in TEXTS})


def qwen2():
    """Biases, byte-level BPE, a chat template."""
    model = Model("qwen2", "qwen2")
    hidden, ff, heads, kv, head = 32, 32, 4, 2, 8
    config = common(model, hidden, ff, heads, kv, head)
    model.writer.add_rope_freq_base(1000000.0)
    tokenizer = train_bpe()
    count = add_bpe(model.writer, tokenizer)
    layer = "model.layers.0."
    model.add("token_embd.weight", "model.embed_tokens.weight", Q.F16, count, hidden)
    model.add("output_norm.weight", "model.norm.weight", Q.F32, hidden)
    model.add("blk.0.attn_norm.weight", layer + "input_layernorm.weight", Q.F32, hidden)
    model.add("blk.0.ffn_norm.weight", layer + "post_attention_layernorm.weight", Q.F32, hidden)
    for part, rows in [("q", heads * head), ("k", kv * head), ("v", kv * head)]:
        model.add(f"blk.0.attn_{part}.weight", f"{layer}self_attn.{part}_proj.weight", Q.Q8_0, rows, hidden)
        model.add(f"blk.0.attn_{part}.bias", f"{layer}self_attn.{part}_proj.bias", Q.F32, rows)
    model.add("blk.0.attn_output.weight", layer + "self_attn.o_proj.weight", Q.F32, hidden, heads * head)
    model.add("blk.0.ffn_gate.weight", layer + "mlp.gate_proj.weight", Q.Q4_0, ff, hidden)
    model.add("blk.0.ffn_up.weight", layer + "mlp.up_proj.weight", Q.Q4_0, ff, hidden)
    model.add("blk.0.ffn_down.weight", layer + "mlp.down_proj.weight", Q.Q4_0, hidden, ff)
    config |= {
        "architectures": ["Qwen2ForCausalLM"], "tie_word_embeddings": True, "vocab_size": count,
        "bos_token_id": 0, "eos_token_id": 2,
    }
    return model.finish(config, {text: tokenizer.encode(text).ids for text in TEXTS})


OUT.mkdir(exist_ok=True)
(OUT / "blocks.json").write_text(json.dumps(blocks(), indent=1) + "\n")
expected = {"llama": llama(), "gemma3": gemma3(), "qwen2": qwen2()}
(OUT / "expected.json").write_text(json.dumps(expected, indent=1, ensure_ascii=False) + "\n")
for path in sorted(OUT.iterdir()):
    print(path.name, path.stat().st_size)
