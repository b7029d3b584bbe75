//! Why task vectors were not analysed.

use mergelab_checkpoint::{AdapterError, CheckpointError};

/// Why task vectors were not analysed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum VectorError {
    /// A checkpoint cannot be read.
    #[error("{role}: {source}")]
    Checkpoint {
        /// `the base` or the model's name.
        role: String,
        /// The reason.
        source: Box<CheckpointError>,
    },
    /// An adapter cannot be read or put on the base.
    #[error("{role}: {source}")]
    Adapter {
        /// The model's name.
        role: String,
        /// The reason.
        source: Box<AdapterError>,
    },
    /// A value that is NaN or infinite.
    #[error(
        "tensor {tensor:?} of {role}: the value of element {element} is not finite; the run that \
         made it diverged or the file is corrupt"
    )]
    NonFinite {
        /// `the base` or the model's name.
        role: String,
        /// The tensor.
        tensor: String,
        /// The first such element.
        element: usize,
    },
    /// Nothing to compare.
    #[error(
        "no floating-point tensor of the base is in all models with the same shape: are they of one \
         base?"
    )]
    NothingShared,
    /// No models.
    #[error("no models: name at least one beside the base")]
    NoModels,
    /// Two models of one name.
    #[error("two models are called {name:?}: their last path components must differ")]
    SameName {
        /// The name.
        name: String,
    },
    /// The singular values of a tensor were not found.
    #[error("tensor {tensor:?} of {role}: its singular values were not found: {reason}")]
    Spectrum {
        /// The model.
        role: String,
        /// The tensor.
        tensor: String,
        /// What the solver says.
        reason: String,
    },
    /// The caller asked to stop.
    #[error("interrupted; nothing was written")]
    Interrupted,
}
