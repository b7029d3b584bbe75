//! Why an experiment is refused before anything runs.

use crate::{dataset::DatasetError, manifest::ManifestError, store::StoreError};

/// Why an experiment is refused before anything runs.
#[derive(Debug, thiserror::Error)]
pub enum PlanError {
    /// The manifest or a card is wrong.
    #[error(transparent)]
    Manifest(Box<ManifestError>),
    /// A dataset is wrong.
    #[error(transparent)]
    Dataset(#[from] DatasetError),
    /// The store cannot be used.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl From<ManifestError> for PlanError {
    fn from(error: ManifestError) -> Self {
        Self::Manifest(Box::new(error))
    }
}
