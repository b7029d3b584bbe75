//! The families of decoders: what each has that `config.json` does not say.

use super::Activation;

/// A family of decoders, by its classes in transformers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Family {
    /// Llama 1 to 3 and what has their shape, such as SmolLM2.
    Llama,
    /// Mistral: a sliding window.
    Mistral,
    /// Qwen2 and 2.5: biases on queries, keys and values.
    Qwen2,
    /// Qwen3: norms on queries and keys.
    Qwen3,
    /// Gemma 3, text only: norms everywhere, windows in most layers.
    Gemma3,
}

/// Architectures that this crate computes, as `config.json` names them.
pub const ARCHITECTURES: [&str; 5] = [
    "LlamaForCausalLM",
    "MistralForCausalLM",
    "Qwen2ForCausalLM",
    "Qwen3ForCausalLM",
    "Gemma3ForCausalLM",
];

/// Which of the matrices of attention have biases.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum AttentionBias {
    /// None.
    None,
    /// Queries, keys and values.
    Inputs,
    /// All four if `attention_bias` is set.
    Key,
}

/// Which layers have a sliding window.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Windows {
    /// None.
    None,
    /// All, if `sliding_window` is not null.
    All,
    /// If `use_sliding_window` is set, those that `layer_types` lists, else those from
    /// `max_window_layers` on.
    Later,
    /// Those that `layer_types` lists, else all but each `sliding_window_pattern`-th.
    Pattern,
}

/// What a family has that `config.json` does not say, and what transformers fills in for keys that
/// it lacks.
pub(super) struct Traits {
    pub(super) family: Family,
    pub(super) architecture: &'static str,
    pub(super) model_type: &'static str,
    /// The key of the activation, and its default.
    pub(super) activation: (&'static str, Activation),
    pub(super) norm_offset: f64,
    pub(super) head_norms: bool,
    pub(super) branch_norms: bool,
    /// Whether embeddings are multiplied by the root of the hidden size.
    pub(super) scales_embedding: bool,
    /// Default of `query_pre_attn_scalar`, where the family reads it.
    pub(super) query_scalar: Option<f64>,
    pub(super) attention_bias: AttentionBias,
    /// Whether the family reads `mlp_bias`.
    pub(super) feed_forward_bias: bool,
    pub(super) windows: Windows,
    /// Default of `rope_theta`.
    pub(super) theta: f64,
    /// Default of `rope_local_base_freq`, where layers with a window have a base of their own.
    pub(super) window_theta: Option<f64>,
    /// Default of `num_key_value_heads`; that of `num_attention_heads` where absent.
    pub(super) key_value_heads: Option<usize>,
    /// Default of `head_dim`; the hidden size shared out over the heads where absent.
    pub(super) head_dim: Option<usize>,
    pub(super) positions: usize,
    pub(super) tied: bool,
}

const LLAMA: Traits = Traits {
    family: Family::Llama,
    architecture: ARCHITECTURES[0],
    model_type: "llama",
    activation: ("hidden_act", Activation::Silu),
    norm_offset: 0.0,
    head_norms: false,
    branch_norms: false,
    scales_embedding: false,
    query_scalar: None,
    attention_bias: AttentionBias::Key,
    feed_forward_bias: true,
    windows: Windows::None,
    theta: 10_000.0,
    window_theta: None,
    key_value_heads: None,
    head_dim: None,
    positions: 2048,
    tied: false,
};

const TRAITS: [Traits; 5] = [
    LLAMA,
    Traits {
        family: Family::Mistral,
        architecture: ARCHITECTURES[1],
        model_type: "mistral",
        attention_bias: AttentionBias::None,
        feed_forward_bias: false,
        windows: Windows::All,
        key_value_heads: Some(8),
        positions: 131_072,
        ..LLAMA
    },
    Traits {
        family: Family::Qwen2,
        architecture: ARCHITECTURES[2],
        model_type: "qwen2",
        attention_bias: AttentionBias::Inputs,
        feed_forward_bias: false,
        windows: Windows::Later,
        key_value_heads: Some(32),
        positions: 32_768,
        ..LLAMA
    },
    Traits {
        family: Family::Qwen3,
        architecture: ARCHITECTURES[3],
        model_type: "qwen3",
        head_norms: true,
        feed_forward_bias: false,
        windows: Windows::Later,
        key_value_heads: Some(32),
        head_dim: Some(128),
        positions: 32_768,
        ..LLAMA
    },
    Traits {
        family: Family::Gemma3,
        architecture: ARCHITECTURES[4],
        model_type: "gemma3_text",
        activation: ("hidden_activation", Activation::GeluTanh),
        norm_offset: 1.0,
        head_norms: true,
        branch_norms: true,
        scales_embedding: true,
        query_scalar: Some(256.0),
        feed_forward_bias: false,
        windows: Windows::Pattern,
        theta: 1_000_000.0,
        window_theta: Some(10_000.0),
        key_value_heads: Some(4),
        head_dim: Some(256),
        positions: 131_072,
        tied: true,
        ..LLAMA
    },
];

impl Family {
    pub(super) fn traits(self) -> &'static Traits {
        &TRAITS[self as usize]
    }

    /// The family that `config.json` names by its architecture, or by its type where it names none.
    pub(super) fn named(architecture: Option<&str>, model_type: Option<&str>) -> Option<Self> {
        let found = TRAITS.iter().find(|traits| match architecture {
            Some(name) => traits.architecture == name,
            None => Some(traits.model_type) == model_type,
        });
        found.map(|traits| traits.family)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_family_finds_its_own_traits() {
        for traits in &TRAITS {
            assert_eq!(traits.family.traits().architecture, traits.architecture);
            assert_eq!(
                Family::named(Some(traits.architecture), None),
                Some(traits.family)
            );
            assert_eq!(
                Family::named(None, Some(traits.model_type)),
                Some(traits.family)
            );
        }
    }
}
