//! Floating-point operations, estimated from a model's size and the lengths of its sequences.
//!
//! A multiplication and an addition are two operations. With `N` weights that every token is
//! multiplied with, `L` layers and attention `d` features wide (heads times features of a head),
//! reading a sequence of `t` tokens takes
//!
//! `forward = 2 N t + 4 L d t (t + 1) / 2`
//!
//! operations: the first term is Kaplan et al. (2020, arXiv 2001.08361), section 2.1; the second
//! multiplies each token's query with the keys, and the weights with the values, of itself and of
//! all tokens before it. Going back takes twice as much where every weight is trained, so
//!
//! `training = 6 N t + 12 L d t (t + 1) / 2`
//!
//! (Chowdhery et al. 2022, arXiv 2204.02311, appendix B, who do not halve the second term for the
//! causal mask). Where `A` adapter weights are trained and the `N` are frozen, the gradients of the
//! frozen ones are not computed: `training = 4 (N + A) t + 2 A t + 12 L d t (t + 1) / 2`.
//!
//! `N` are the entries of all matrices. The table of the embeddings is looked up, not multiplied
//! with: it counts once, as the output layer, where both are one. Norms, softmax, the optimizer's
//! step and passes over validation data are left out. A sliding window is not taken into account,
//! and the output layer counts for each token, also where only some tokens need it.

use mergelab_checkpoint::Checkpoint;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::path::Path;

/// What the operations of a model follow from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Size {
    /// Weights that every token is multiplied with.
    pub weights: u64,
    /// Layers times width of the attention, in features.
    pub attention: u64,
}

/// Tokens and what they attend to, over all sequences.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
pub struct Tokens {
    /// Number of tokens.
    pub tokens: f64,
    /// Positions that they attend to, themselves included, in all.
    pub attended: f64,
}

impl Tokens {
    /// Adds a sequence of `length` tokens.
    pub fn add(&mut self, length: usize) {
        let length = length as f64;
        self.tokens += length;
        self.attended += length * (length + 1.0) / 2.0;
    }

    /// Adds `length` tokens that follow on `before` others, which are counted already.
    pub fn add_after(&mut self, before: usize, length: usize) {
        let (before, length) = (before as f64, length as f64);
        self.tokens += length;
        self.attended += length * before + length * (length + 1.0) / 2.0;
    }
}

impl std::ops::AddAssign for Tokens {
    fn add_assign(&mut self, other: Self) {
        self.tokens += other.tokens;
        self.attended += other.attended;
    }
}

impl Size {
    /// The size of the model in a folder. `None` where its files do not tell.
    pub fn read(folder: &Path) -> Option<Self> {
        let checkpoint = Checkpoint::open(folder).ok()?;
        let matrices: Vec<(&str, u64)> = checkpoint
            .tensors()
            .filter(|t| t.shape.len() == 2 && t.dtype.is_float())
            .map(|t| (t.name, t.elements() as u64))
            .collect();
        let is_output = |name: &str| name.ends_with("lm_head.weight");
        let has_output = matrices.iter().any(|(name, _)| is_output(name));
        let weights = matrices
            .iter()
            .filter(|(name, _)| !(has_output && name.ends_with("embed_tokens.weight")))
            .map(|(_, elements)| elements)
            .sum();
        Some(Self {
            weights,
            attention: attention(checkpoint.config()?)?,
        })
    }

    /// Operations of reading and of writing tokens.
    pub fn forward(&self, tokens: Tokens) -> f64 {
        2.0 * self.weights as f64 * tokens.tokens + 4.0 * self.attention as f64 * tokens.attended
    }

    /// Operations of training; `adapters` are the weights of adapters, where they alone are
    /// trained.
    pub fn training(&self, tokens: Tokens, adapters: Option<u64>) -> f64 {
        let weights = self.weights as f64;
        let per_token = match adapters.map(|adapters| adapters as f64) {
            None => 6.0 * weights,
            Some(adapters) => 4.0 * (weights + adapters) + 2.0 * adapters,
        };
        per_token * tokens.tokens + 12.0 * self.attention as f64 * tokens.attended
    }
}

/// Layers times heads times features of a head.
fn attention(config: &Value) -> Option<u64> {
    // Models that see as well keep the decoder's numbers one level down.
    let config = config.get("text_config").unwrap_or(config);
    let number = |key: &str| config.get(key).and_then(Value::as_u64);
    let heads = number("num_attention_heads")?;
    let features = match number("head_dim") {
        Some(features) => features,
        None => number("hidden_size")?.checked_div(heads)?,
    };
    Some(number("num_hidden_layers")? * heads * features)
}

/// Operations of a merge, at the least: a multiplication and an addition for each entry of each
/// expert. Methods that look for the largest entries, or decompose matrices, take more.
pub fn merge(experts: usize, folder: &Path) -> Option<f64> {
    let checkpoint = Checkpoint::open(folder).ok()?;
    let entries: u64 = checkpoint
        .tensors()
        .filter(|t| t.dtype.is_float())
        .map(|t| t.elements() as u64)
        .sum();
    Some(2.0 * experts as f64 * entries as f64)
}

#[cfg(test)]
mod tests {
    use super::*;
    use mergelab_model::{Device, LanguageModel, ModelConfig};

    /// Vocabulary 10, width 8, inner width 16, 2 layers, 2 heads of 4 features.
    ///
    /// Each layer has 4 matrices of 8 x 8 and 3 of 8 x 16: 640 entries. Both have 1,280, the
    /// embedding 80.
    fn saved(tied: bool) -> Size {
        let folder = tempfile::tempdir().expect("a folder");
        let mut config = ModelConfig::new(10, 8, 16, 2, 2, 32).expect("sizes that fit");
        config.tie_word_embeddings = tied;
        let path = folder.path().join("model");
        LanguageModel::init(config, None, 1, Device::parse("cpu").expect("a device"))
            .expect("a model")
            .save(&path)
            .expect("saves");
        Size::read(&path).expect("a size")
    }

    #[test]
    fn an_embedding_counts_where_it_is_the_output_layer() {
        let size = Size {
            weights: 1360,
            attention: 16,
        };
        assert_eq!(saved(true), size);
        // The output layer's 80 count, the embedding's 80 do not.
        assert_eq!(saved(false), size);
    }

    #[test]
    fn operations_by_hand() {
        let size = Size {
            weights: 1360,
            attention: 16,
        };
        let mut tokens = Tokens::default();
        tokens.add(3);
        tokens.add(2);
        // 3 * 4 / 2 + 2 * 3 / 2
        assert_eq!((tokens.tokens, tokens.attended), (5.0, 9.0));
        assert_eq!(size.forward(tokens), 2.0 * 1360.0 * 5.0 + 4.0 * 16.0 * 9.0);
        assert_eq!(size.training(tokens, None), 3.0 * size.forward(tokens));
        // 4 * (1360 + 100) * 5 + 2 * 100 * 5 + 12 * 16 * 9
        assert_eq!(size.training(tokens, Some(100)), 31_928.0);
    }

    #[test]
    fn a_decoder_beside_other_parts_is_found() {
        let config = serde_json::json!({"text_config": {
            "num_hidden_layers": 3, "num_attention_heads": 4, "hidden_size": 64, "head_dim": 32,
        }});
        assert_eq!(attention(&config), Some(3 * 4 * 32));
        assert_eq!(attention(&serde_json::json!({})), None);
    }
}
