//! The shape of a model: what a decoder computes, whatever the family of its `config.json`.
//!
//! [`ModelConfig`] describes the computation; the decoder and its gradient read nothing else.
//! [`family`] says what sets the families apart, [`read`] and [`write`] turn `config.json` into a
//! description and back.

mod family;
mod read;
mod rope;
mod write;

pub use family::{ARCHITECTURES, Family};
pub(crate) use read::token_ids;
pub use rope::{RopeConfig, RopeScaling};

use crate::error::{ModelError, Result};

/// The shape and constants of a decoder: a stack of layers, each of attention with rotary positions
/// and a gated feed-forward block, both between RMS norms and residuals (Touvron et al., 2023).
#[derive(Clone, Debug, PartialEq)]
pub struct ModelConfig {
    /// The family whose names `config.json` and the tensors have.
    pub family: Family,
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
    /// Added to the weights of the RMS norms: 1 where weights are stored as differences from 1.
    pub norm_offset: f64,
    /// Whether queries and keys have a norm, over the features of each head.
    pub head_norms: bool,
    /// Whether what attention and feed-forward block give has a norm before it is added.
    pub branch_norms: bool,
    /// The function on the gates of the feed-forward blocks.
    pub activation: Activation,
    /// Factor on the embeddings.
    pub embedding_scale: f64,
    /// Factor on the products of queries and keys.
    pub attention_scale: f64,
    /// Whether queries, keys and values have biases.
    pub query_key_value_bias: bool,
    /// Whether the output of attention has a bias.
    pub attention_output_bias: bool,
    /// Whether the matrices of the feed-forward blocks have biases.
    pub feed_forward_bias: bool,
    /// Rotation in the layers that see the whole text.
    pub rope: RopeConfig,
    /// Rotation in the layers with a window.
    pub window_rope: RopeConfig,
    /// In layers with a window, a token sees this many tokens, itself the last of them.
    pub sliding_window: Option<usize>,
    /// The layers with a window: one entry a layer, or none if every layer sees the whole text.
    pub window_layers: Vec<bool>,
    /// Whether the output layer is the embedding.
    pub tie_word_embeddings: bool,
    /// Token that begins a text.
    pub bos_token_id: Option<u32>,
    /// Tokens that end a text; empty if none is known.
    pub eos_token_ids: Vec<u32>,
    /// Deviation of the normal distribution that new weights are drawn from.
    pub initializer_range: f64,
}

/// The function on the gates of a feed-forward block.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Activation {
    /// `x * sigmoid(x)`.
    Silu,
    /// `0.5 x (1 + tanh(sqrt(2 / pi) (x + 0.044715 x^3)))` (Hendrycks and Gimpel, 2016, "Gaussian
    /// error linear units", the approximation in section 2).
    GeluTanh,
}

impl ModelConfig {
    /// A small Llama for a model trained from scratch, with tied embeddings.
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
        let head_dim = hidden_size / num_attention_heads.max(1);
        let config = Self {
            family: Family::Llama,
            vocab_size,
            hidden_size,
            intermediate_size,
            num_hidden_layers,
            num_attention_heads,
            num_key_value_heads: num_attention_heads,
            head_dim,
            max_position_embeddings,
            rms_norm_eps: 1e-5,
            norm_offset: 0.0,
            head_norms: false,
            branch_norms: false,
            activation: Activation::Silu,
            embedding_scale: 1.0,
            attention_scale: (head_dim.max(1) as f64).powf(-0.5),
            query_key_value_bias: false,
            attention_output_bias: false,
            feed_forward_bias: false,
            rope: RopeConfig::plain(10_000.0),
            window_rope: RopeConfig::plain(10_000.0),
            sliding_window: None,
            window_layers: Vec::new(),
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
            ("sliding_window", self.sliding_window.unwrap_or(1)),
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
            ("rope_theta", self.rope.theta),
            ("rope_local_base_freq", self.window_rope.theta),
            ("query_pre_attn_scalar", self.attention_scale),
        ] {
            if !value.is_finite() || value <= 0.0 {
                return Err(format!("`{key}` is {value}; it must be above 0"));
            }
        }
        if !self.initializer_range.is_finite() || self.initializer_range < 0.0 {
            return Err("`initializer_range` must not be negative".into());
        }
        if !self.window_layers.is_empty() && self.window_layers.len() != self.num_hidden_layers {
            return Err(format!(
                "`layer_types` has {} entries, but there are {} layers",
                self.window_layers.len(),
                self.num_hidden_layers
            ));
        }
        Ok(())
    }

    /// The window of a layer, if it has one.
    pub(crate) fn window(&self, layer: usize) -> Option<usize> {
        let has_one = self.window_layers.get(layer).copied().unwrap_or(false);
        self.sliding_window.filter(|_| has_one)
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

#[cfg(test)]
mod tests;
