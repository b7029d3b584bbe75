//! Why a GGUF file was not read or imported.

use std::path::{Path, PathBuf};

use crate::{CheckpointError, WriteError};

/// Why a GGUF file was not read, or not turned into a Hugging Face folder.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum GgufError {
    /// The file cannot be opened, or what was written does not open again.
    #[error(transparent)]
    Checkpoint(#[from] CheckpointError),
    /// The output was not written.
    #[error(transparent)]
    Write(#[from] WriteError),
    /// Another kind of file.
    #[error("{} is not a GGUF file: {hint}", .path.display())]
    NotGguf {
        /// The file.
        path: PathBuf,
        /// What it is instead.
        hint: String,
    },
    /// A version of the format that is not read.
    #[error(
        "{}: GGUF version {version} is not read, only 2 and 3; convert it again with a newer \
         llama.cpp", .path.display()
    )]
    Version {
        /// The file.
        path: PathBuf,
        /// The version it says it has.
        version: u32,
    },
    /// The file ends too early.
    #[error(
        "{}: {what} needs {needed} bytes from byte {at} on, the file has {left} left: it is \
         truncated or corrupt, download it again", .path.display()
    )]
    Truncated {
        /// The file.
        path: PathBuf,
        /// What was being read.
        what: String,
        /// Where.
        at: u64,
        /// Bytes that it takes.
        needed: u64,
        /// Bytes that there are.
        left: u64,
    },
    /// The file contradicts the format or itself.
    #[error("{}: {place}: {reason}; the file is corrupt, download it again", .path.display())]
    Malformed {
        /// The file.
        path: PathBuf,
        /// Which part: a byte, a key or a tensor.
        place: String,
        /// What is wrong with it.
        reason: String,
    },
    /// A number format that ggml does not have, or not yet when this was written.
    #[error(
        "{}: tensor {tensor:?} has the unknown ggml type {id}; the file is corrupt or of a newer \
         llama.cpp", .path.display()
    )]
    UnknownType {
        /// The file.
        path: PathBuf,
        /// The tensor.
        tensor: String,
        /// The number of the type.
        id: u32,
    },
    /// A number format that is not decoded.
    #[error(
        "{}: tensor {tensor:?} is stored as {kind}, which is not decoded (decoded: {}); get a file \
         in one of these formats", .path.display(), super::GgmlType::decoded_names()
    )]
    UnsupportedType {
        /// The file.
        path: PathBuf,
        /// The tensor.
        tensor: String,
        /// The name of the type.
        kind: &'static str,
    },
    /// Elements outside a tensor, or a buffer of another length.
    #[error("tensor {tensor:?} has {elements} elements: cannot read {count} from element {start}")]
    Range {
        /// The tensor.
        tensor: String,
        /// Elements that it has.
        elements: usize,
        /// The first element asked for.
        start: usize,
        /// How many were asked for.
        count: usize,
    },
    /// A key that the model needs.
    #[error(
        "{}: the metadata lack `{key}`; the file is no whole model of its architecture",
        .path.display()
    )]
    MissingKey {
        /// The file.
        path: PathBuf,
        /// The key.
        key: String,
    },
    /// A tensor that the model needs.
    #[error("{}: tensor {tensor:?} is missing; the file is no whole model", .path.display())]
    MissingTensor {
        /// The file.
        path: PathBuf,
        /// The tensor.
        tensor: String,
    },
    /// A value that is not what its key asks for.
    #[error("{}: `{key}` {reason}", .path.display())]
    BadValue {
        /// The file.
        path: PathBuf,
        /// The key.
        key: String,
        /// What is wrong with the value.
        reason: String,
    },
    /// One part of a model in several files.
    #[error(
        "{} is one of {count} parts of a model; join them first: llama-gguf-split --merge FIRST OUT",
        .path.display()
    )]
    Split {
        /// The file.
        path: PathBuf,
        /// Number of parts.
        count: u64,
    },
    /// A model whose tensors have no known names in a Hugging Face folder.
    #[error(
        "{}: the architecture {name:?} is not imported (imported: {known}){suggestion}",
        .path.display()
    )]
    Architecture {
        /// The file.
        path: PathBuf,
        /// The architecture.
        name: String,
        /// Those that are imported.
        known: String,
        /// Empty, or the nearest of them.
        suggestion: String,
    },
    /// A tensor that the architecture does not have.
    #[error(
        "{}: tensor {tensor:?} has no counterpart in a Hugging Face model of architecture \
         {architecture:?}; the model is a variant that is not imported", .path.display()
    )]
    NoCounterpart {
        /// The file.
        path: PathBuf,
        /// The tensor.
        tensor: String,
        /// The architecture.
        architecture: String,
    },
    /// A tokenizer that is not rebuilt.
    #[error("{}: tokenizer: {reason}", .path.display())]
    Tokenizer {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        reason: String,
    },
    /// The caller asked to stop.
    #[error("interrupted; nothing was written")]
    Interrupted,
}

impl GgufError {
    pub(super) fn malformed(path: &Path, place: impl ToString, reason: impl ToString) -> Self {
        GgufError::Malformed {
            path: path.to_owned(),
            place: place.to_string(),
            reason: reason.to_string(),
        }
    }
}
