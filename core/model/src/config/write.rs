//! A description of the computation to `config.json`.

use serde_json::{Value, json};

use super::family::{AttentionBias, Windows};
use super::{Activation, ModelConfig};

impl ModelConfig {
    /// The content of `config.json`, as transformers reads it.
    pub fn to_json(&self) -> Value {
        let traits = self.family.traits();
        let eos = match self.eos_token_ids.as_slice() {
            [] => Value::Null,
            [id] => (*id).into(),
            ids => ids.into(),
        };
        let mut json = json!({
            "architectures": [traits.architecture],
            "model_type": traits.model_type,
            "bos_token_id": self.bos_token_id,
            "eos_token_id": eos,
            "head_dim": self.head_dim,
            "hidden_size": self.hidden_size,
            "initializer_range": self.initializer_range,
            "intermediate_size": self.intermediate_size,
            "max_position_embeddings": self.max_position_embeddings,
            "num_attention_heads": self.num_attention_heads,
            "num_hidden_layers": self.num_hidden_layers,
            "num_key_value_heads": self.num_key_value_heads,
            "rms_norm_eps": self.rms_norm_eps,
            "rope_scaling": self.rope.scaling_json(),
            "rope_theta": self.rope.theta,
            "tie_word_embeddings": self.tie_word_embeddings,
            "torch_dtype": "float32",
            "vocab_size": self.vocab_size,
        });
        let mut set = |key: &str, value: Value| json[key] = value;
        let (key, _) = traits.activation;
        let name = match self.activation {
            Activation::Silu => "silu",
            Activation::GeluTanh => "gelu_pytorch_tanh",
        };
        set(key, name.into());
        if traits.attention_bias == AttentionBias::Key {
            set("attention_bias", self.query_key_value_bias.into());
        }
        if traits.feed_forward_bias {
            set("mlp_bias", self.feed_forward_bias.into());
        }
        if traits.query_scalar.is_some() {
            // A root and a power undo each other but for the last bit.
            let scalar = self.attention_scale.powi(-2);
            let whole = scalar.round();
            let is_whole = (scalar - whole).abs() < 1e-9 * whole;
            let scalar = if is_whole {
                (whole as u64).into()
            } else {
                scalar.into()
            };
            set("query_pre_attn_scalar", scalar);
        }
        if traits.window_theta.is_some() {
            set("rope_local_base_freq", self.window_rope.theta.into());
        }
        if traits.windows != Windows::None {
            set("sliding_window", self.sliding_window.into());
        }
        if matches!(traits.windows, Windows::Later | Windows::Pattern) {
            let name = |layer| match self.window(layer) {
                Some(_) => "sliding_attention",
                None => "full_attention",
            };
            let names: Vec<&str> = (0..self.num_hidden_layers).map(name).collect();
            set("layer_types", names.into());
        }
        if traits.windows == Windows::Later {
            set("use_sliding_window", self.sliding_window.is_some().into());
        }
        json
    }
}
