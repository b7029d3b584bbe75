//! What a training run is told, and what it tells.

use std::path::PathBuf;

use super::schedule::Schedule;
use crate::adapter::LoraOptions;
use crate::error::{ModelError, Result};

/// How a model is trained.
#[derive(Clone, Debug, PartialEq)]
pub struct TrainOptions {
    /// Times that each example is seen.
    pub epochs: usize,
    /// Most steps, whatever the epochs.
    pub max_steps: Option<usize>,
    /// Examples in a step.
    pub batch_size: usize,
    /// Parts that a step is computed in, one after another, their gradients summed: less memory
    /// for a longer run. The loss is the mean over all of the step's predicted tokens, so the
    /// result is that of one part but for the rounding of the sums.
    pub accumulation: usize,
    /// Which examples share a step.
    pub grouping: Grouping,
    /// Whether the backward pass computes each layer's intermediate values anew from the layer's
    /// input (Chen et al., 2016, "Training deep nets with sublinear memory cost"). Less memory for
    /// one more forward pass; the result is the same.
    pub checkpointing: bool,
    /// What products with the model's matrices are computed in.
    pub precision: Precision,
    /// Greatest step size.
    pub learning_rate: f64,
    /// Share of the steps over which the step size grows to `learning_rate`.
    pub warmup: f64,
    /// How the step size changes after that.
    pub schedule: Schedule,
    /// Decay of the matrices per step and step size; norms are not decayed.
    pub weight_decay: f64,
    /// Decay of the moments' averages.
    pub betas: (f64, f64),
    /// Added to the root of the second moment.
    pub epsilon: f64,
    /// Gradients of a greater norm, over all parameters, are scaled down to this.
    pub clip_norm: Option<f64>,
    /// Longest sequence in tokens; the model's context if not given.
    pub max_length: Option<usize>,
    /// Whether the end token is put after each answer or text, to be learned.
    pub append_eos: bool,
    /// Seed of the order of the examples, of new adapters and of the dropout.
    pub seed: u64,
    /// Train low-rank updates in place of all weights.
    pub lora: Option<LoraOptions>,
    /// Steps between validations; after each epoch if not given.
    pub validate_every: Option<usize>,
    /// Whether the weights with the least validation loss are kept in place of the last ones.
    pub keep_best: bool,
    /// Validations in a row without a lower loss after which the training ends; it goes on to its
    /// last step if not given.
    pub patience: Option<usize>,
    /// Where and when the state of the training is saved.
    pub snapshot: Option<SnapshotOptions>,
}

impl Default for TrainOptions {
    /// One epoch in batches of 16 with AdamW at 1e-3, cosine schedule, gradients clipped at 1.
    fn default() -> Self {
        Self {
            epochs: 1,
            max_steps: None,
            batch_size: 16,
            accumulation: 1,
            grouping: Grouping::Length,
            checkpointing: false,
            precision: Precision::F32,
            learning_rate: 1e-3,
            warmup: 0.0,
            schedule: Schedule::Cosine { floor: 0.1 },
            weight_decay: 0.01,
            betas: (0.9, 0.999),
            epsilon: 1e-8,
            clip_norm: Some(1.0),
            max_length: None,
            append_eos: true,
            seed: 0,
            lora: None,
            validate_every: None,
            keep_best: false,
            patience: None,
            snapshot: None,
        }
    }
}

/// Which examples share a step.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Grouping {
    /// Such of like length, out of windows of a few batches of the shuffled order: little is
    /// computed on padding, and what shares a step still changes from epoch to epoch.
    Length,
    /// Neighbours in the shuffled order.
    Shuffled,
}

/// What products with the model's matrices are computed in while it is trained.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Precision {
    /// 32-bit floats.
    F32,
    /// bfloat16, on devices that compute in it. The weights that are trained, the optimizer's
    /// moments, the sums of gradients, norms, softmax, the attention's products and validation
    /// stay in f32 (Micikevicius et al., 2018, "Mixed precision training"; with the range of
    /// bfloat16 the loss needs no scaling).
    Bf16,
}

/// Where and when the state of a training run is saved.
#[derive(Clone, Debug, PartialEq)]
pub struct SnapshotOptions {
    /// The folder that holds the state: weights, moments and the step. Replaced by each save.
    pub folder: PathBuf,
    /// Steps between saves.
    pub every_steps: Option<usize>,
    /// Greatest share of the time that saving may take: the next save is due once the last one
    /// has taken no more than this share of the time since.
    pub share_of_time: Option<f64>,
    /// Whether a state found in the folder is continued from. The result is that of a run which
    /// was never interrupted, to the byte on the CPU.
    pub resume: bool,
}

impl TrainOptions {
    /// Checks every value; `context` is the model's longest sequence.
    pub(super) fn check(&self, context: usize) -> Result<()> {
        for (option, value) in [
            ("epochs", Some(self.epochs)),
            ("max_steps", self.max_steps),
            ("batch_size", Some(self.batch_size)),
            ("accumulation", Some(self.accumulation)),
            ("validate_every", self.validate_every),
            ("patience", self.patience),
        ] {
            if value == Some(0) {
                return Err(ModelError::option(option, "must be at least 1"));
            }
        }
        let beta = |beta: f64| (0.0..1.0).contains(&beta);
        for (option, ok, allowed) in [
            ("learning_rate", self.learning_rate > 0.0, "above 0"),
            ("weight_decay", self.weight_decay >= 0.0, "0 or above"),
            ("epsilon", self.epsilon > 0.0, "above 0"),
            ("warmup", (0.0..=1.0).contains(&self.warmup), "from 0 to 1"),
            (
                "betas",
                beta(self.betas.0) && beta(self.betas.1),
                "in [0, 1)",
            ),
            (
                "clip_norm",
                self.clip_norm.is_none_or(|norm| norm > 0.0),
                "above 0",
            ),
        ] {
            if !ok {
                return Err(ModelError::option(option, format!("must be {allowed}")));
            }
        }
        if !self.learning_rate.is_finite() || !self.weight_decay.is_finite() {
            return Err(ModelError::option("learning_rate", "must be finite"));
        }
        if let Some(length) = self.max_length
            && !(2..=context).contains(&length)
        {
            return Err(ModelError::option(
                "max_length",
                format!("{length} must be from 2 to the model's context of {context} tokens"),
            ));
        }
        self.schedule.check()
    }
}

/// How far a training run is; given after each step.
#[derive(Clone, Debug, PartialEq)]
pub struct Progress {
    /// Steps done.
    pub step: usize,
    /// Steps in all.
    pub total_steps: usize,
    /// Mean loss of the step's predicted tokens, in nats.
    pub loss: f64,
    /// Step size.
    pub learning_rate: f64,
    /// Norm of the gradient before clipping.
    pub gradient_norm: f64,
    /// Tokens read so far, in this call.
    pub tokens: usize,
    /// Tokens read per second, in this call, validation left out.
    pub tokens_per_second: f64,
    /// Seconds since the call.
    pub seconds: f64,
    /// Mean loss on the validation data, if it was computed after this step.
    pub validation_loss: Option<f64>,
}

/// What a training run did.
#[derive(Clone, Debug, PartialEq)]
pub struct TrainReport {
    /// Steps done, those before a resumption included.
    pub steps: usize,
    /// Tokens read, those before a resumption included.
    pub tokens: usize,
    /// Examples in the data: pairs, or windows of the packed texts.
    pub examples: usize,
    /// Tokens read per second, validation and saving left out, over all calls.
    pub tokens_per_second: f64,
    /// Examples that were cut to the greatest length.
    pub truncated_examples: usize,
    /// Positions that a token attends to, itself included, on average over the data.
    pub mean_attended: f64,
    /// Weights that were trained.
    pub trainable_parameters: usize,
    /// Mean loss of the last step, in nats a token.
    pub final_loss: f64,
    /// The last validation loss.
    pub validation_loss: Option<f64>,
    /// The least validation loss and the step it was reached after.
    pub best_validation: Option<(f64, usize)>,
    /// Seconds of this call.
    pub seconds: f64,
    /// The step that this call went on from, if it resumed a saved state.
    pub resumed_at: Option<usize>,
    /// Whether the validation loss ended the run before its last step.
    pub ended_early: bool,
    /// Whether the callback ended the run before its last step.
    pub stopped: bool,
}
