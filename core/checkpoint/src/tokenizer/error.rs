//! What can be wrong with a vocabulary.

use std::path::PathBuf;

/// Why a vocabulary could not be read.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TokenizerError {
    /// No `tokenizer.json`.
    #[error(
        "{} has no tokenizer.json, so its vocabulary is not known: save the tokenizer there \
         (`save_pretrained` of a fast tokenizer writes one)", .dir.display()
    )]
    Missing {
        /// The folder.
        dir: PathBuf,
    },
    /// The operating system refused.
    #[error("cannot read {}: {source}", .path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// The reason it gave.
        source: std::io::Error,
    },
    /// Something else than a tokenizer.
    #[error("{} is no tokenizer: {reason}", .path.display())]
    Bad {
        /// The file.
        path: PathBuf,
        /// Why.
        reason: String,
    },
}

/// Why rows cannot be gathered.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the rows of `{tensor}` cannot be brought into the order of one vocabulary: {reason}")]
pub struct AlignError {
    /// The tensor.
    pub tensor: String,
    /// Why, in a clause.
    pub reason: String,
}
