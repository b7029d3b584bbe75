//! Why a checkpoint was not written.

use std::io;
use std::ops::Range;
use std::path::{Path, PathBuf};

use super::TensorSpec;
use crate::{CheckpointError, ConvertError, DType};

/// Why a checkpoint, or a part of it, was not written.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum WriteError {
    /// The operating system refused.
    #[error("cannot {action} {}: {source}", .path.display())]
    Io {
        /// What was being done, such as `create`.
        action: &'static str,
        /// The file or folder.
        path: PathBuf,
        /// The reason it gave.
        source: io::Error,
    },
    /// The files do not open again, or one to be copied does not.
    #[error(transparent)]
    Checkpoint(#[from] CheckpointError),
    /// No tensors to write.
    #[error("a checkpoint without tensors cannot be written")]
    Empty,
    /// A tensor that no file can hold.
    #[error("tensor {tensor:?} cannot be written: {reason}")]
    Spec {
        /// The tensor.
        tensor: String,
        /// What is wrong with it.
        reason: String,
    },
    /// A path without a last component.
    #[error("{} does not name a folder: give the path of the new folder", .out.display())]
    OutName {
        /// The path given.
        out: PathBuf,
    },
    /// The output folder is in use.
    #[error(
        "{} exists and is not empty: choose another output folder, or allow overwriting",
        .out.display()
    )]
    Exists {
        /// The path given.
        out: PathBuf,
    },
    /// The output folder holds what overwriting would lose.
    #[error(
        "{} is not replaced although overwriting is allowed, because {reason}: remove it yourself \
         or choose another output folder", .out.display()
    )]
    NotACheckpoint {
        /// The path given.
        out: PathBuf,
        /// Why it is no checkpoint.
        reason: String,
    },
    /// A tensor that was not announced.
    #[error("tensor {tensor:?} is not among those the writer was created with")]
    UnknownTensor {
        /// The tensor.
        tensor: String,
    },
    /// Elements outside a tensor.
    #[error("tensor {tensor:?} has {elements} elements: {count} from element {offset} do not fit")]
    Range {
        /// The tensor.
        tensor: String,
        /// Elements that it has.
        elements: usize,
        /// The first element given.
        offset: usize,
        /// How many were given.
        count: usize,
    },
    /// Bytes that are not whole elements.
    #[error("tensor {tensor:?}: {bytes} bytes are not whole elements of {dtype}")]
    PartialElement {
        /// The tensor.
        tensor: String,
        /// Its format.
        dtype: DType,
        /// Bytes given.
        bytes: usize,
    },
    /// Values for a tensor that holds no floats.
    #[error("tensor {tensor:?}: {source}")]
    Convert {
        /// The tensor.
        tensor: String,
        /// The reason.
        source: ConvertError,
    },
    /// NaN or infinity.
    #[error(
        "tensor {tensor:?}: the value of element {element} is not finite; an input holds such a \
         value or the computation overflowed"
    )]
    NonFinite {
        /// The tensor.
        tensor: String,
        /// Index of the element.
        element: usize,
    },
    /// A finite value that the format cannot hold.
    #[error(
        "tensor {tensor:?}: element {element} is {value:e}, more than {dtype} can hold; write the \
         checkpoint as F32 or BF16"
    )]
    Overflow {
        /// The tensor.
        tensor: String,
        /// Index of the element.
        element: usize,
        /// The value.
        value: f32,
        /// The format.
        dtype: DType,
    },
    /// Elements written a second time.
    #[error("tensor {tensor:?}: elements {}..{} were written twice", .elements.start, .elements.end)]
    Twice {
        /// The tensor.
        tensor: String,
        /// Some of the elements.
        elements: Range<usize>,
    },
    /// Elements never written.
    #[error(
        "tensor {tensor:?}: elements {}..{} were never written (and {others} other tensors are \
         incomplete)", .elements.start, .elements.end
    )]
    Incomplete {
        /// The first incomplete tensor.
        tensor: String,
        /// The first missing elements.
        elements: Range<usize>,
        /// How many other tensors are incomplete.
        others: usize,
    },
    /// What was read back is not what was written.
    #[error("tensor {tensor:?} reads back differently than it was written; check the disk")]
    ReadBack {
        /// The tensor.
        tensor: String,
    },
    /// An extra file that is not a plain file name.
    #[error("{name:?} is not a file name: extra files go beside the weights, not into folders")]
    ExtraName {
        /// The name given.
        name: String,
    },
}

impl WriteError {
    pub(crate) fn io(action: &'static str, path: &Path) -> impl FnOnce(io::Error) -> Self {
        move |source| WriteError::Io {
            action,
            path: path.to_owned(),
            source,
        }
    }

    /// The error for a value that came out as NaN or infinite in the format of `spec`.
    pub(super) fn not_finite(spec: &TensorSpec, element: usize, value: f32) -> Self {
        let (tensor, dtype) = (spec.name.clone(), spec.dtype);
        if value.is_finite() {
            WriteError::Overflow {
                tensor,
                element,
                value,
                dtype,
            }
        } else {
            WriteError::NonFinite { tensor, element }
        }
    }
}
