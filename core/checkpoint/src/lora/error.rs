//! Why an adapter was refused.

use std::io;
use std::path::{Path, PathBuf};

use crate::{CheckpointError, WriteError};

/// Why an adapter could not be read, applied or written.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum AdapterError {
    /// The operating system refused.
    #[error("cannot {action} {}: {source}", .path.display())]
    Io {
        /// What was being done, such as `read`.
        action: &'static str,
        /// The file or folder.
        path: PathBuf,
        /// The reason it gave.
        source: io::Error,
    },
    /// The weights do not open, or the base lacks a tensor.
    #[error(transparent)]
    Checkpoint(#[from] CheckpointError),
    /// The weights could not be written.
    #[error(transparent)]
    Write(#[from] WriteError),
    /// Not a PEFT folder.
    #[error("{} is not a LoRA adapter: {reason}", .dir.display())]
    NotAnAdapter {
        /// The folder.
        dir: PathBuf,
        /// What is missing and what to do.
        reason: String,
    },
    /// A key of `adapter_config.json` that is missing or of the wrong kind.
    #[error("{}: {reason}", .path.display())]
    BadConfig {
        /// The configuration file.
        path: PathBuf,
        /// What is wrong.
        reason: String,
    },
    /// A feature that would change what the adapter means.
    #[error(
        "{}: `{key}` is {value}: {reason}; merge this adapter into its base with PEFT \
         (merge_and_unload) and use the result as a full checkpoint", .path.display()
    )]
    Unsupported {
        /// The configuration file.
        path: PathBuf,
        /// The key.
        key: String,
        /// Its value.
        value: String,
        /// Why it is refused.
        reason: &'static str,
    },
    /// A tensor of the adapter that is no part of LoRA.
    #[error("{}: tensor {tensor:?}: {reason}", .path.display())]
    BadTensor {
        /// The weights file.
        path: PathBuf,
        /// The tensor.
        tensor: String,
        /// What is wrong.
        reason: String,
    },
    /// A module of the adapter that the base lacks.
    #[error(
        "the adapter {} changes module {module:?}: {source}; was it trained on another base?",
        .dir.display()
    )]
    NoSuchModule {
        /// The adapter's folder.
        dir: PathBuf,
        /// The module.
        module: String,
        /// Which tensor was looked for where.
        source: Box<CheckpointError>,
    },
    /// Shapes of adapter and base that do not go together.
    #[error(
        "the adapter {} gives tensor {tensor:?} of the base an update of shape {update:?}, its shape \
         is {base:?}; {hint}", .dir.display()
    )]
    Shape {
        /// The adapter's folder.
        dir: PathBuf,
        /// The base's tensor.
        tensor: String,
        /// Shape of the update.
        update: Vec<usize>,
        /// Shape of the base's tensor.
        base: Vec<usize>,
        /// What to do.
        hint: &'static str,
    },
}

impl AdapterError {
    pub(crate) fn io(action: &'static str, path: &Path) -> impl FnOnce(io::Error) -> Self {
        move |source| AdapterError::Io {
            action,
            path: path.to_owned(),
            source,
        }
    }
}
