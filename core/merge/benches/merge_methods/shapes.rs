//! Names and shapes of the tensors of known models.

use crate::Result;
use serde_json::{Value, json};

/// The tensors of a model.
pub(crate) struct Shapes {
    pub(crate) name: String,
    /// What mergekit and transformers read them by.
    pub(crate) config: Value,
    pub(crate) tensors: Vec<(String, Vec<usize>)>,
}

impl Shapes {
    pub(crate) fn parameters(&self) -> usize {
        self.tensors.iter().map(|(_, s)| elements(s)).sum()
    }
}

pub(crate) fn elements(shape: &[usize]) -> usize {
    shape.iter().product()
}

/// A decoder as in Llama and Qwen2.
struct Decoder {
    name: &'static str,
    hidden: usize,
    feed_forward: usize,
    layers: usize,
    heads: usize,
    key_value_heads: usize,
    head: usize,
    vocabulary: usize,
    /// Whether the output head is the embedding.
    tied: bool,
    /// Whether queries, keys and values have a bias.
    bias: bool,
}

const KNOWN: [Decoder; 4] = [
    Decoder {
        name: "tiny",
        hidden: 256,
        feed_forward: 1024,
        layers: 2,
        heads: 4,
        key_value_heads: 2,
        head: 64,
        vocabulary: 4096,
        tied: true,
        bias: true,
    },
    Decoder {
        name: "qwen2.5-0.5b",
        hidden: 896,
        feed_forward: 4864,
        layers: 24,
        heads: 14,
        key_value_heads: 2,
        head: 64,
        vocabulary: 151_936,
        tied: true,
        bias: true,
    },
    Decoder {
        name: "qwen2.5-1.5b",
        hidden: 1536,
        feed_forward: 8960,
        layers: 28,
        heads: 12,
        key_value_heads: 2,
        head: 128,
        vocabulary: 151_936,
        tied: true,
        bias: true,
    },
    Decoder {
        name: "llama-7b",
        hidden: 4096,
        feed_forward: 11_008,
        layers: 32,
        heads: 32,
        key_value_heads: 32,
        head: 128,
        vocabulary: 32_000,
        tied: false,
        bias: false,
    },
];

/// The shapes of this name.
pub(crate) fn of(name: &str, layers: Option<usize>) -> Result<Shapes> {
    let names: Vec<&str> = KNOWN.iter().map(|d| d.name).collect();
    let decoder = KNOWN
        .iter()
        .find(|d| d.name == name)
        .ok_or_else(|| format!("no shapes are called `{name}`: there are {names:?}"))?;
    let count = layers.unwrap_or(decoder.layers);
    let mut tensors = Vec::new();
    let mut push = |name: String, shape: &[usize]| tensors.push((name, shape.to_vec()));
    let hidden = decoder.hidden;
    push(
        "model.embed_tokens.weight".to_owned(),
        &[decoder.vocabulary, hidden],
    );
    push("model.norm.weight".to_owned(), &[hidden]);
    if !decoder.tied {
        push("lm_head.weight".to_owned(), &[decoder.vocabulary, hidden]);
    }
    for layer in 0..count {
        let mut part = |name: &str, shape: &[usize]| {
            push(format!("model.layers.{layer}.{name}"), shape);
        };
        part("input_layernorm.weight", &[hidden]);
        part("post_attention_layernorm.weight", &[hidden]);
        for (name, heads) in [
            ("q", decoder.heads),
            ("k", decoder.key_value_heads),
            ("v", decoder.key_value_heads),
        ] {
            let width = heads * decoder.head;
            part(&format!("self_attn.{name}_proj.weight"), &[width, hidden]);
            if decoder.bias {
                part(&format!("self_attn.{name}_proj.bias"), &[width]);
            }
        }
        let width = decoder.heads * decoder.head;
        part("self_attn.o_proj.weight", &[hidden, width]);
        part("mlp.gate_proj.weight", &[decoder.feed_forward, hidden]);
        part("mlp.up_proj.weight", &[decoder.feed_forward, hidden]);
        part("mlp.down_proj.weight", &[hidden, decoder.feed_forward]);
    }
    tensors.sort();
    Ok(Shapes {
        name: match layers {
            Some(count) => format!("{name}-{count}-layers"),
            None => name.to_owned(),
        },
        config: json!({
            // Qwen2 has biases where Llama has none.
            "architectures": [if decoder.bias { "Qwen2ForCausalLM" } else { "LlamaForCausalLM" }],
            "model_type": if decoder.bias { "qwen2" } else { "llama" },
            "torch_dtype": "bfloat16",
            "hidden_size": hidden,
            "intermediate_size": decoder.feed_forward,
            "num_hidden_layers": count,
            "num_attention_heads": decoder.heads,
            "num_key_value_heads": decoder.key_value_heads,
            "vocab_size": decoder.vocabulary,
            "tie_word_embeddings": decoder.tied,
        }),
        tensors,
    })
}
