//! What can go wrong with a model.

use std::path::{Path, PathBuf};

/// An error of loading, running or training a model.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ModelError {
    /// The device name is not known, or this build cannot use it.
    #[error("device \"{name}\": {reason}")]
    Device {
        /// The name as it was given.
        name: String,
        /// What is wrong with it and what to do.
        reason: String,
    },
    /// The device is known, and this build has no code for it.
    #[error("device \"{name}\": this build does not support it; build with `--features {feature}`")]
    NotBuilt {
        /// The name as it was given.
        name: String,
        /// The cargo feature that a build needs for it.
        feature: String,
    },
    /// `config.json` or another description of the model cannot be used.
    #[error("{}: {reason}", path.display())]
    Config {
        /// The file.
        path: PathBuf,
        /// What is wrong and what to do.
        reason: String,
    },
    /// A tensor is missing, has another shape than the config says, or is not finite.
    #[error("{}: tensor \"{tensor}\": {reason}", path.display())]
    Tensor {
        /// The folder of the model.
        path: PathBuf,
        /// The tensor's name.
        tensor: String,
        /// What is wrong and what to do.
        reason: String,
    },
    /// The tokenizer cannot be read, trained or applied.
    #[error("tokenizer: {0}")]
    Tokenizer(String),
    /// An option has a value that makes no sense.
    #[error("option `{option}`: {reason}")]
    Option {
        /// The option's name.
        option: &'static str,
        /// What is wrong and which values are allowed.
        reason: String,
    },
    /// There is nothing to train or evaluate on.
    #[error("{what} holds no example to learn from; {hint}")]
    EmptyDataset {
        /// Which data set.
        what: &'static str,
        /// Why it may be empty and what to do.
        hint: String,
    },
    /// The loss became NaN or infinite.
    #[error(
        "the loss became {loss} at step {step}; lower `learning_rate` (now {learning_rate:e}) or \
         `clip_norm`, or lengthen `warmup`"
    )]
    Diverged {
        /// The step, from 1.
        step: usize,
        /// The loss.
        loss: f64,
        /// The learning rate of that step.
        learning_rate: f64,
    },
    /// A training checkpoint does not belong to this run or is damaged.
    #[error("training checkpoint {}: {reason}", path.display())]
    Resume {
        /// The checkpoint's folder.
        path: PathBuf,
        /// What is wrong and what to do.
        reason: String,
    },
    /// A checkpoint cannot be read.
    #[error(transparent)]
    Checkpoint(#[from] mergelab_checkpoint::CheckpointError),
    /// A checkpoint cannot be written.
    #[error(transparent)]
    Write(#[from] mergelab_checkpoint::WriteError),
    /// An adapter cannot be written.
    #[error(transparent)]
    Adapter(#[from] mergelab_checkpoint::AdapterError),
    /// A file cannot be read or written.
    #[error("{}: {source}", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// The system's reason.
        source: std::io::Error,
    },
}

impl ModelError {
    pub(crate) fn io(path: &Path) -> impl FnOnce(std::io::Error) -> Self + '_ {
        move |source| Self::Io {
            path: path.to_path_buf(),
            source,
        }
    }

    pub(crate) fn option(option: &'static str, reason: impl Into<String>) -> Self {
        Self::Option {
            option,
            reason: reason.into(),
        }
    }
}

/// The result of this crate's operations.
pub type Result<T, E = ModelError> = std::result::Result<T, E>;
