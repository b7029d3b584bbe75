//! `config.json` from the metadata.

use serde_json::{Map, Value, json};

use super::super::{GgufError, GgufFile};
use super::Architecture;
use super::rope::rope_scaling;

/// The numbers of `{architecture}.*` that all architectures have.
struct Shape<'a> {
    file: &'a GgufFile,
    architecture: Architecture,
    vocabulary: usize,
    hidden: u64,
    layers: u64,
    heads: u64,
    key_value_heads: u64,
    head: u64,
}

/// `config.json` of the Hugging Face model, without the dtype.
pub(crate) fn config(
    file: &GgufFile,
    architecture: Architecture,
) -> Result<Map<String, Value>, GgufError> {
    let shape = Shape::read(file, architecture)?;
    let mut config = shape.common()?;
    shape.particular(&mut config)?;
    Ok(config)
}

/// The numbers that the weights are checked and reordered by.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Sizes {
    /// Layers.
    pub(crate) layers: u64,
    /// Heads of the queries.
    pub(crate) heads: u64,
    /// Heads of keys and values.
    pub(crate) key_value_heads: u64,
}

/// The numbers that the weights are checked and reordered by.
pub(crate) fn sizes(file: &GgufFile, architecture: Architecture) -> Result<Sizes, GgufError> {
    let shape = Shape::read(file, architecture)?;
    Ok(Sizes {
        layers: shape.layers,
        heads: shape.heads,
        key_value_heads: shape.key_value_heads,
    })
}

impl<'a> Shape<'a> {
    fn read(file: &'a GgufFile, architecture: Architecture) -> Result<Shape<'a>, GgufError> {
        let mut shape = Shape {
            file,
            architecture,
            vocabulary: 0,
            hidden: 0,
            layers: 0,
            heads: 0,
            key_value_heads: 0,
            head: 0,
        };
        shape.hidden = shape.needed("embedding_length")?;
        shape.layers = shape.needed("block_count")?;
        // Each layer has tensors, so the file bounds the number.
        if shape.layers > file.tensors().len() as u64 {
            let (layers, tensors) = (shape.layers, file.tensors().len());
            let reason = format!("is {layers}, the file has {tensors} tensors");
            return Err(file.metadata().bad(&shape.key("block_count"), reason));
        }
        shape.heads = shape.needed("attention.head_count")?;
        let key_value = shape.optional("attention.head_count_kv")?;
        shape.key_value_heads = key_value.unwrap_or(shape.heads);
        let head = shape.optional("attention.key_length")?;
        shape.head = head.unwrap_or(shape.hidden / shape.heads);
        for (name, value) in [
            ("attention.head_count_kv", shape.key_value_heads),
            ("attention.key_length", shape.head),
        ] {
            if value == 0 {
                return Err(file.metadata().bad(&shape.key(name), "is 0"));
            }
        }
        let embedding = file.tensor("token_embd.weight");
        let embedding = embedding.ok_or_else(|| GgufError::MissingTensor {
            path: file.path().to_owned(),
            tensor: "token_embd.weight".to_owned(),
        })?;
        match embedding.shape[..] {
            [rows, columns] if columns as u64 == shape.hidden => shape.vocabulary = rows,
            _ => {
                let reason = format!(
                    "its shape {:?} is not (vocabulary, {})",
                    embedding.shape, shape.hidden
                );
                let place = "tensor \"token_embd.weight\"";
                return Err(GgufError::malformed(file.path(), place, reason));
            }
        }
        Ok(shape)
    }

    fn key(&self, name: &str) -> String {
        format!("{}.{name}", self.architecture.name())
    }

    fn optional(&self, name: &str) -> Result<Option<u64>, GgufError> {
        self.file.metadata().unsigned(&self.key(name))
    }

    /// A number that must be there and above 0.
    fn needed(&self, name: &str) -> Result<u64, GgufError> {
        let key = self.key(name);
        match self.optional(name)? {
            None => Err(self.file.metadata().missing(&key)),
            Some(0) => Err(self.file.metadata().bad(&key, "is 0")),
            Some(value) => Ok(value),
        }
    }

    fn float(&self, name: &str) -> Result<Option<f64>, GgufError> {
        let value = self.file.metadata().float(&self.key(name))?;
        Ok(value.map(shortest))
    }

    /// Whether a layer has a bias on that projection.
    fn has_bias(&self, part: &str) -> bool {
        self.file.tensor(&format!("blk.0.{part}.bias")).is_some()
    }

    fn common(&self) -> Result<Map<String, Value>, GgufError> {
        let metadata = self.file.metadata();
        let (class, model_type) = self.architecture.classes();
        let epsilon = self.float("attention.layer_norm_rms_epsilon")?;
        let epsilon = epsilon
            .ok_or_else(|| metadata.missing(&self.key("attention.layer_norm_rms_epsilon")))?;
        let theta = self.float("rope.freq_base")?.unwrap_or(10_000.0);
        let token = |name: &str| metadata.unsigned(&format!("tokenizer.ggml.{name}_token_id"));
        let activation = match self.architecture.is_gemma() {
            true => "gelu_pytorch_tanh",
            false => "silu",
        };
        let mut config = Map::new();
        let mut set = |key: &str, value: Value| config.insert(key.to_owned(), value);
        set("architectures", json!([class]));
        set("model_type", model_type.into());
        set("attention_dropout", 0.0.into());
        set("bos_token_id", token("bos")?.into());
        set("eos_token_id", token("eos")?.into());
        if let Some(pad) = token("padding")? {
            set("pad_token_id", pad.into());
        }
        set("hidden_act", activation.into());
        set("hidden_size", self.hidden.into());
        set("initializer_range", 0.02.into());
        set(
            "intermediate_size",
            self.needed("feed_forward_length")?.into(),
        );
        set(
            "max_position_embeddings",
            self.needed("context_length")?.into(),
        );
        set("num_attention_heads", self.heads.into());
        set("num_hidden_layers", self.layers.into());
        set("num_key_value_heads", self.key_value_heads.into());
        set("head_dim", self.head.into());
        set("rms_norm_eps", epsilon.into());
        set("rope_theta", theta.into());
        let rotated = self.optional("rope.dimension_count")?.unwrap_or(self.head);
        let scaling = rope_scaling(self.file, self.architecture, rotated, theta)?;
        set("rope_scaling", scaling.into());
        let tied = self.file.tensor("output.weight").is_none();
        set("tie_word_embeddings", tied.into());
        set("use_cache", true.into());
        set("vocab_size", self.vocabulary.into());
        Ok(config)
    }

    /// What the architectures do not share.
    fn particular(&self, config: &mut Map<String, Value>) -> Result<(), GgufError> {
        let window = self.optional("attention.sliding_window")?;
        let mut set = |key: &str, value: Value| config.insert(key.to_owned(), value);
        match self.architecture {
            Architecture::Llama => {
                set("attention_bias", self.has_bias("attn_q").into());
                set("mlp_bias", self.has_bias("ffn_up").into());
            }
            Architecture::Mistral => {
                set("sliding_window", window.into());
            }
            Architecture::Qwen2 => {
                set("use_sliding_window", false.into());
            }
            Architecture::Qwen3 => {
                set("attention_bias", self.has_bias("attn_q").into());
                set("use_sliding_window", false.into());
            }
            Architecture::Gemma => {
                set("hidden_activation", "gelu_pytorch_tanh".into());
            }
            Architecture::Gemma2 | Architecture::Gemma3 => {
                set("hidden_activation", "gelu_pytorch_tanh".into());
                set("attention_bias", false.into());
                set("sliding_window", window.into());
                set("query_pre_attn_scalar", self.query_scalar().into());
                for (ours, theirs) in [
                    ("attn_logit_softcapping", "attn_logit_softcapping"),
                    ("final_logit_softcapping", "final_logit_softcapping"),
                ] {
                    set(ours, self.float(theirs)?.into());
                }
                if self.architecture == Architecture::Gemma3 {
                    // Not stored: all Gemma 3 models have the same.
                    let local = self.float("rope.freq_base_swa")?;
                    set("rope_local_base_freq", local.unwrap_or(10_000.0).into());
                    set("sliding_window_pattern", 6.into());
                    let layers = (1..=self.layers).map(|layer| match layer % 6 {
                        0 => "full_attention",
                        _ => "sliding_attention",
                    });
                    set("layer_types", layers.collect::<Vec<_>>().into());
                }
            }
            Architecture::Phi3 => {
                set("sliding_window", window.into());
                let original = self.optional("rope.scaling.original_context_length")?;
                if let Some(original) = original {
                    set("original_max_position_embeddings", original.into());
                }
                let rotated = self.optional("rope.dimension_count")?;
                if let Some(rotated) = rotated.filter(|rotated| *rotated != self.head) {
                    let share = rotated as f64 / self.head as f64;
                    set("partial_rotary_factor", share.into());
                }
            }
        }
        Ok(())
    }

    /// What queries are scaled by the root of. GGUF does not have it; llama.cpp tells the 27B
    /// models, where it is the width over the heads, by their layers. It is the features of a
    /// head in all others.
    fn query_scalar(&self) -> u64 {
        let large = match self.architecture {
            Architecture::Gemma2 => 46,
            _ => 62,
        };
        if self.layers == large {
            self.hidden / self.heads
        } else {
            self.head
        }
    }
}

/// The f64 that is written with the digits of the f32, such as 1e-5 for the f32 nearest to it.
fn shortest(value: f64) -> f64 {
    let single = value as f32;
    if f64::from(single) != value {
        return value;
    }
    single.to_string().parse().unwrap_or(value)
}

#[cfg(test)]
mod tests {
    #[test]
    fn a_single_is_written_with_its_own_digits() {
        assert_eq!(super::shortest(f64::from(1e-5f32)), 1e-5);
        assert_eq!(super::shortest(f64::from(1e6f32)), 1e6);
        assert_eq!(super::shortest(0.1), 0.1);
    }
}
