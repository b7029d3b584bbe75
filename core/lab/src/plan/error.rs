//! Why an experiment is refused before anything runs.

use crate::{
    compare::CompareError, dataset::DatasetError, manifest::ManifestError, store::StoreError,
};
use std::path::PathBuf;

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
    /// Candidates of a selection cannot be compared.
    #[error(transparent)]
    Compare(#[from] CompareError),
    /// An artifact cannot be read.
    #[error("{}: {message}", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// What went wrong.
        message: String,
    },
}

impl From<ManifestError> for PlanError {
    fn from(error: ManifestError) -> Self {
        Self::Manifest(Box::new(error))
    }
}
