//! The shape of a model: Hugging Face's `config.json` of Llama-type decoders.

use std::path::Path;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::error::{ModelError, Result};

/// Architectures whose decoder this crate computes, as `config.json` names them.
pub const ARCHITECTURES: [&str; 1] = ["LlamaForCausalLM"];

/// The shape and constants of a Llama-type decoder (Touvron et al., 2023).
#[derive(Clone, Debug, PartialEq)]
pub struct ModelConfig {
    /// Entries of the vocabulary.
    pub vocab_size: usize,
    /// Features of a token between the layers.
    pub hidden_size: usize,
    /// Features inside the feed-forward blocks.
    pub intermediate_size: usize,
    /// Layers.
    pub num_hidden_layers: usize,
    /// Heads of the queries.
    pub num_attention_heads: usize,
    /// Heads of keys and values; each serves a group of query heads.
    pub num_key_value_heads: usize,
    /// Features of a head, even.
    pub head_dim: usize,
    /// Longest sequence, in tokens.
    pub max_position_embeddings: usize,
    /// The epsilon of the RMS norms.
    pub rms_norm_eps: f64,
    /// The base of the rotary angles.
    pub rope_theta: f64,
    /// How the rotary angles are stretched for long contexts.
    pub rope_scaling: Option<RopeScaling>,
    /// Whether the output layer is the embedding.
    pub tie_word_embeddings: bool,
    /// Token that begins a text.
    pub bos_token_id: Option<u32>,
    /// Tokens that end a text; empty if none is known.
    pub eos_token_ids: Vec<u32>,
    /// Deviation of the normal distribution that new weights are drawn from.
    pub initializer_range: f64,
}

/// Llama 3's stretching of the rotary angles (`rope_type` "llama3").
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RopeScaling {
    /// Low frequencies are divided by this.
    pub factor: f64,
    /// Wavelengths above `original_max_position_embeddings / low_freq_factor` are stretched whole.
    pub low_freq_factor: f64,
    /// Wavelengths below `original_max_position_embeddings / high_freq_factor` are left alone.
    pub high_freq_factor: f64,
    /// The context length that the model was trained with first.
    pub original_max_position_embeddings: usize,
}

/// What `config.json` may hold, as far as it bears on the computation.
#[derive(Deserialize)]
struct File {
    #[serde(default)]
    architectures: Vec<String>,
    model_type: Option<String>,
    vocab_size: usize,
    hidden_size: usize,
    intermediate_size: usize,
    num_hidden_layers: usize,
    num_attention_heads: usize,
    num_key_value_heads: Option<usize>,
    head_dim: Option<usize>,
    #[serde(default = "default_positions")]
    max_position_embeddings: usize,
    #[serde(default = "default_epsilon")]
    rms_norm_eps: f64,
    rope_theta: Option<f64>,
    rope_scaling: Option<Value>,
    rope_parameters: Option<Value>,
    #[serde(default)]
    tie_word_embeddings: bool,
    bos_token_id: Option<u32>,
    eos_token_id: Option<Value>,
    #[serde(default = "default_range")]
    initializer_range: f64,
    #[serde(default = "default_activation")]
    hidden_act: String,
    #[serde(default)]
    attention_bias: bool,
    #[serde(default)]
    mlp_bias: bool,
    quantization_config: Option<Value>,
}

// The defaults of transformers' LlamaConfig.
fn default_positions() -> usize {
    2048
}
fn default_epsilon() -> f64 {
    1e-6
}
fn default_range() -> f64 {
    0.02
}
fn default_activation() -> String {
    "silu".into()
}

impl ModelConfig {
    /// Reads `config.json` in `folder`.
    ///
    /// # Errors
    /// If the file cannot be read, lacks a key, or describes a model that this crate does not
    /// compute: another architecture, biases, another activation, quantised weights, or a scaling
    /// of the rotary angles other than Llama 3's.
    pub fn read(folder: &Path) -> Result<Self> {
        let path = folder.join("config.json");
        let text = std::fs::read_to_string(&path).map_err(ModelError::io(&path))?;
        let value = serde_json::from_str(&text).map_err(|error| ModelError::Config {
            path: path.clone(),
            reason: format!("is not JSON: {error}"),
        })?;
        Self::from_json(&value, &path)
    }

    /// As [`read`](ModelConfig::read), from parsed JSON; `path` is for messages.
    ///
    /// # Errors
    /// As [`read`](ModelConfig::read).
    pub fn from_json(value: &Value, path: &Path) -> Result<Self> {
        let refuse = |reason: String| ModelError::Config {
            path: path.to_path_buf(),
            reason,
        };
        // Before the keys: another architecture's config lacks some of them, which is not the
        // point.
        let named = value["architectures"][0].as_str();
        let kind = value["model_type"].as_str();
        let known = match (named, kind) {
            (Some(name), _) => ARCHITECTURES.contains(&name),
            (None, Some(kind)) => kind == "llama",
            (None, None) => false,
        };
        if !known {
            let name = named.or(kind).unwrap_or("none given");
            return Err(refuse(format!(
                "architecture \"{name}\" is not supported; supported: {}",
                ARCHITECTURES.join(", ")
            )));
        }
        let file: File = serde_json::from_value(value.clone())
            .map_err(|error| refuse(format!("{error} (for a Llama-type model)")))?;
        debug_assert!(!file.architectures.is_empty() || file.model_type.is_some());
        if file.hidden_act != "silu" && file.hidden_act != "swish" {
            let act = file.hidden_act;
            return Err(refuse(format!(
                "`hidden_act` \"{act}\" is not supported, only \"silu\""
            )));
        }
        for (key, present) in [
            ("attention_bias", file.attention_bias),
            ("mlp_bias", file.mlp_bias),
            ("quantization_config", file.quantization_config.is_some()),
        ] {
            if present {
                return Err(refuse(format!(
                    "`{key}` is set; only plain weights without biases are supported"
                )));
            }
        }
        let (rope_theta, rope_scaling) =
            rope(&file).map_err(|reason| refuse(format!("rotary embedding: {reason}")))?;
        let eos_token_ids = match &file.eos_token_id {
            None | Some(Value::Null) => Vec::new(),
            Some(Value::Array(ids)) => ids.iter().filter_map(token_id).collect(),
            Some(id) => token_id(id).into_iter().collect(),
        };
        let config = Self {
            vocab_size: file.vocab_size,
            hidden_size: file.hidden_size,
            intermediate_size: file.intermediate_size,
            num_hidden_layers: file.num_hidden_layers,
            num_attention_heads: file.num_attention_heads,
            num_key_value_heads: file.num_key_value_heads.unwrap_or(file.num_attention_heads),
            head_dim: file
                .head_dim
                .unwrap_or(file.hidden_size / file.num_attention_heads.max(1)),
            max_position_embeddings: file.max_position_embeddings,
            rms_norm_eps: file.rms_norm_eps,
            rope_theta,
            rope_scaling,
            tie_word_embeddings: file.tie_word_embeddings,
            bos_token_id: file.bos_token_id,
            eos_token_ids,
            initializer_range: file.initializer_range,
        };
        config.check().map_err(refuse)?;
        Ok(config)
    }

    /// Says what makes the shape impossible, if anything.
    fn check(&self) -> Result<(), String> {
        for (key, value) in [
            ("vocab_size", self.vocab_size),
            ("hidden_size", self.hidden_size),
            ("intermediate_size", self.intermediate_size),
            ("num_hidden_layers", self.num_hidden_layers),
            ("num_attention_heads", self.num_attention_heads),
            ("num_key_value_heads", self.num_key_value_heads),
            ("head_dim", self.head_dim),
            ("max_position_embeddings", self.max_position_embeddings),
        ] {
            if value == 0 || value > 1 << 24 {
                return Err(format!("`{key}` is {value}; it must be from 1 to 16777216"));
            }
        }
        if !self
            .num_attention_heads
            .is_multiple_of(self.num_key_value_heads)
        {
            return Err(format!(
                "`num_attention_heads` ({}) must be a multiple of `num_key_value_heads` ({})",
                self.num_attention_heads, self.num_key_value_heads
            ));
        }
        if !self.head_dim.is_multiple_of(2) {
            return Err(format!("`head_dim` ({}) must be even", self.head_dim));
        }
        for (key, value) in [
            ("rms_norm_eps", self.rms_norm_eps),
            ("rope_theta", self.rope_theta),
        ] {
            if !value.is_finite() || value <= 0.0 {
                return Err(format!("`{key}` is {value}; it must be above 0"));
            }
        }
        if !self.initializer_range.is_finite() || self.initializer_range < 0.0 {
            return Err("`initializer_range` must not be negative".into());
        }
        Ok(())
    }

    /// A small config for a model trained from scratch: heads of 32 features where that divides
    /// `hidden_size`, tied embeddings.
    ///
    /// # Errors
    /// If the sizes do not fit each other.
    pub fn new(
        vocab_size: usize,
        hidden_size: usize,
        intermediate_size: usize,
        num_hidden_layers: usize,
        num_attention_heads: usize,
        max_position_embeddings: usize,
    ) -> Result<Self> {
        let config = Self {
            vocab_size,
            hidden_size,
            intermediate_size,
            num_hidden_layers,
            num_attention_heads,
            num_key_value_heads: num_attention_heads,
            head_dim: hidden_size / num_attention_heads.max(1),
            max_position_embeddings,
            rms_norm_eps: 1e-5,
            rope_theta: 10_000.0,
            rope_scaling: None,
            tie_word_embeddings: true,
            bos_token_id: None,
            eos_token_ids: Vec::new(),
            initializer_range: 0.02,
        };
        config.validate()?;
        Ok(config)
    }

    /// Checks the sizes of a config that was put together in memory.
    ///
    /// # Errors
    /// If a size is zero or the sizes do not fit each other.
    pub fn validate(&self) -> Result<()> {
        self.check().map_err(|reason| ModelError::Config {
            path: "model config".into(),
            reason,
        })
    }

    /// The content of `config.json`, as transformers reads it.
    pub fn to_json(&self) -> Value {
        let eos = match self.eos_token_ids.as_slice() {
            [] => Value::Null,
            [id] => (*id).into(),
            ids => ids.into(),
        };
        let scaling = self.rope_scaling.as_ref().map(|scaling| {
            serde_json::json!({
                "rope_type": "llama3",
                "factor": scaling.factor,
                "low_freq_factor": scaling.low_freq_factor,
                "high_freq_factor": scaling.high_freq_factor,
                "original_max_position_embeddings": scaling.original_max_position_embeddings,
            })
        });
        serde_json::json!({
            "architectures": ["LlamaForCausalLM"],
            "model_type": "llama",
            "attention_bias": false,
            "bos_token_id": self.bos_token_id,
            "eos_token_id": eos,
            "head_dim": self.head_dim,
            "hidden_act": "silu",
            "hidden_size": self.hidden_size,
            "initializer_range": self.initializer_range,
            "intermediate_size": self.intermediate_size,
            "max_position_embeddings": self.max_position_embeddings,
            "mlp_bias": false,
            "num_attention_heads": self.num_attention_heads,
            "num_hidden_layers": self.num_hidden_layers,
            "num_key_value_heads": self.num_key_value_heads,
            "rms_norm_eps": self.rms_norm_eps,
            "rope_scaling": scaling,
            "rope_theta": self.rope_theta,
            "tie_word_embeddings": self.tie_word_embeddings,
            "torch_dtype": "float32",
            "vocab_size": self.vocab_size,
        })
    }

    /// Query features: heads times features of a head.
    pub(crate) fn query_width(&self) -> usize {
        self.num_attention_heads * self.head_dim
    }

    /// Key features, as of values.
    pub(crate) fn key_width(&self) -> usize {
        self.num_key_value_heads * self.head_dim
    }
}

fn token_id(value: &Value) -> Option<u32> {
    value.as_u64().and_then(|id| u32::try_from(id).ok())
}

/// Reads the base and the scaling from `rope_theta` and `rope_scaling`, or from the
/// `rope_parameters` that newer files have in their place.
fn rope(file: &File) -> Result<(f64, Option<RopeScaling>), String> {
    let parameters = file
        .rope_parameters
        .as_ref()
        .filter(|value| !value.is_null());
    let scaling = parameters.or(file.rope_scaling.as_ref().filter(|value| !value.is_null()));
    let theta = parameters
        .and_then(|parameters| parameters["rope_theta"].as_f64())
        .or(file.rope_theta)
        .unwrap_or(10_000.0);
    let Some(scaling) = scaling else {
        return Ok((theta, None));
    };
    let kind = scaling["rope_type"]
        .as_str()
        .or(scaling["type"].as_str())
        .unwrap_or("default");
    match kind {
        "default" => Ok((theta, None)),
        "llama3" => {
            let read: RopeScaling = serde_json::from_value(scaling.clone())
                .map_err(|error| format!("`rope_type` \"llama3\": {error}"))?;
            if read.factor < 1.0 || read.high_freq_factor <= read.low_freq_factor {
                return Err(
                    "`factor` must be at least 1 and `high_freq_factor` above `low_freq_factor`"
                        .into(),
                );
            }
            Ok((theta, Some(read)))
        }
        other => Err(format!(
            "`rope_type` \"{other}\" is not supported; supported: default, llama3"
        )),
    }
}

#[cfg(test)]
mod tests;
