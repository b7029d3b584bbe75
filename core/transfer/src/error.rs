//! Why a request or a transfer failed.

use std::path::{Path, PathBuf};

/// Why a request or a transfer failed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TransferError {
    /// The server answers with a status that asking again will not change.
    #[error("the server answers {0}")]
    Status(u16),
    /// The network or the server fails, which may pass.
    #[error("{reason}")]
    Passing {
        /// The status, where the server answers: 408, 429 or above 499.
        status: Option<u16>,
        /// What is wrong.
        reason: String,
    },
    /// It was told to stop.
    #[error("interrupted")]
    Interrupted,
    /// The disk refuses.
    #[error("{}: {source}", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// The system's reason.
        source: std::io::Error,
    },
}

impl TransferError {
    pub(crate) fn passing(reason: impl ToString) -> Self {
        Self::Passing {
            status: None,
            reason: reason.to_string(),
        }
    }

    pub(crate) fn io(path: &Path) -> impl Fn(std::io::Error) -> Self + '_ {
        move |source| Self::Io {
            path: path.to_path_buf(),
            source,
        }
    }
}

/// The result of this crate's operations.
pub type Result<T> = std::result::Result<T, TransferError>;
