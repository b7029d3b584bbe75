//! Training recipes: `[recipes.NAME]`.

use super::{reader::Reader, source::ManifestError};
use serde::{Deserialize, Serialize};

/// What is trained.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "tuning", rename_all = "snake_case")]
pub enum Tuning {
    /// Every weight.
    Full,
    /// Low-rank adapters (Hu et al. 2021, arXiv 2106.09685).
    Lora {
        /// Rank of the adapters.
        rank: usize,
        /// Numerator of the scale `alpha / rank`.
        alpha: f64,
        /// Dropout on the adapters' inputs.
        dropout: f64,
        /// Names of the adapted modules; empty means all linear ones.
        targets: Vec<String>,
        /// Scale by `alpha / sqrt(rank)`.
        rs_lora: bool,
    },
}

/// Which rows share a step.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Grouping {
    /// Such of like length.
    Length,
    /// Neighbours in the shuffled order.
    None,
}

/// Number format that a training computes its matrix products in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Precision {
    /// 32-bit floats throughout.
    F32,
    /// Products in bfloat16; weights, sums and moments in 32-bit floats.
    Bf16,
}

/// How a model is trained. Part of the content key of what it trains.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Recipe {
    /// What is trained.
    pub tuning: Tuning,
    /// Passes over the training rows.
    pub epochs: usize,
    /// Most steps, whatever the epochs.
    pub max_steps: Option<usize>,
    /// Rows in a step.
    pub batch_size: usize,
    /// Parts that a step is computed in, one after another.
    pub accumulation: usize,
    /// Which rows share a step.
    pub grouping: Grouping,
    /// Compute intermediate values anew in the backward pass.
    pub checkpointing: bool,
    /// Number format of the matrix products.
    pub precision: Precision,
    /// Largest learning rate.
    pub learning_rate: f64,
    /// Share of the steps in which the learning rate rises from 0.
    pub warmup: f64,
    /// Learning rate at the end of the cosine schedule, as a share of the largest.
    pub final_share: f64,
    /// Decoupled weight decay (AdamW).
    pub weight_decay: f64,
    /// Largest global gradient norm. 0 means no clipping.
    pub clip: f64,
    /// Longest sequence in tokens, the model's context where absent. Longer ones are cut on the
    /// left and counted.
    pub max_tokens: Option<usize>,
    /// Rows per language and task, all where absent.
    pub rows: Option<usize>,
    /// Keep the weights with the lowest validation loss instead of the last ones.
    pub keep_best: bool,
    /// Steps between validations; after each pass over the rows where absent.
    pub validate_every: Option<usize>,
    /// Validations in a row without a lower loss after which the training ends.
    pub patience: Option<usize>,
}

impl Recipe {
    pub(super) fn read(reader: &Reader<'_>) -> Result<Self, ManifestError> {
        let number = |key: &str, default: f64, low: f64, high: f64| {
            let Some(found) = reader.number(key)? else {
                return Ok(default);
            };
            if (low..=high).contains(&found.value) {
                Ok(found.value)
            } else {
                Err(reader.error(
                    found.span,
                    format!(
                        "`{key}` = {} is out of range: {low} to {high}.",
                        found.value
                    ),
                ))
            }
        };
        let whole = |key: &str, default: usize| -> Result<usize, ManifestError> {
            match reader.whole(key)? {
                Some(0) => Err(reader.error(reader.span_of(key), format!("`{key}` cannot be 0."))),
                Some(n) => Ok(n as usize),
                None => Ok(default),
            }
        };
        let some = |key: &str| -> Result<Option<usize>, ManifestError> {
            reader.whole(key)?.map(|_| whole(key, 1)).transpose()
        };
        let choice = |key: &str, names: [&str; 2]| -> Result<usize, ManifestError> {
            let Some(found) = reader.text(key)? else {
                return Ok(0);
            };
            names.iter().position(|n| *n == found.value).ok_or_else(|| {
                let (value, names) = (&found.value, names.join(", "));
                let message = format!("`{key}` = \"{value}\" is not one of {names}.");
                reader.error(found.span, message)
            })
        };
        let tuning = match reader.text("tuning")? {
            None => Tuning::Full,
            Some(t) if t.value == "full" => Tuning::Full,
            Some(t) if t.value == "lora" => Tuning::Lora {
                rank: whole("rank", 16)?,
                alpha: number("alpha", 16.0, 1e-6, 1e6)?,
                dropout: number("dropout", 0.0, 0.0, 0.99)?,
                targets: reader
                    .texts("targets")?
                    .map(|l| l.into_iter().map(|t| t.value).collect())
                    .unwrap_or_default(),
                rs_lora: reader.flag("rs_lora")?.unwrap_or(false),
            },
            Some(other) => {
                return Err(reader.error(
                    other.span,
                    format!("`tuning` = \"{}\" is not one of full, lora.", other.value),
                ));
            }
        };
        let recipe = Self {
            tuning,
            epochs: whole("epochs", 3)?,
            max_steps: reader.whole("max_steps")?.map(|n| n as usize),
            batch_size: whole("batch_size", 16)?,
            accumulation: whole("accumulation", 1)?,
            grouping: [Grouping::Length, Grouping::None][choice("grouping", ["length", "none"])?],
            checkpointing: reader.flag("checkpointing")?.unwrap_or(false),
            precision: [Precision::F32, Precision::Bf16][choice("precision", ["f32", "bf16"])?],
            learning_rate: number("learning_rate", 1e-3, 0.0, 10.0)?,
            warmup: number("warmup", 0.05, 0.0, 1.0)?,
            final_share: number("final_share", 0.1, 0.0, 1.0)?,
            weight_decay: number("weight_decay", 0.01, 0.0, 10.0)?,
            clip: number("clip", 1.0, 0.0, 1e6)?,
            max_tokens: reader.whole("max_tokens")?.map(|n| n as usize),
            rows: reader.whole("rows")?.map(|n| n as usize),
            keep_best: reader.flag("keep_best")?.unwrap_or(false),
            validate_every: some("validate_every")?,
            patience: some("patience")?,
        };
        reader.finish()?;
        Ok(recipe)
    }
}
