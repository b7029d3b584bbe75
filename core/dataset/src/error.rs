//! What can be wrong with a set.

use std::path::PathBuf;

/// What is wrong with a dataset's files or rows.
#[derive(Debug, Clone, thiserror::Error)]
pub enum DatasetError {
    /// The file cannot be read.
    #[error("{}: {message}", file.display())]
    File {
        /// The file.
        file: PathBuf,
        /// Why.
        message: String,
    },
    /// A row cannot be read as the card says.
    #[error("{}:{line}: {message}", file.display())]
    Line {
        /// The file.
        file: PathBuf,
        /// The line, or the row in Parquet, counted from 1.
        line: u64,
        /// What is wrong.
        message: String,
    },
    /// There is no row of a language.
    #[error(
        "{}: no row of the language `{language}`. The file's rows have: {found}",
        file.display()
    )]
    Empty {
        /// The file.
        file: PathBuf,
        /// The language.
        language: String,
        /// The languages that the rows have.
        found: String,
    },
    /// The files of a split are not there.
    #[error("there is no file {}. {help}", file.display())]
    Missing {
        /// What was looked for; may hold `*`.
        file: PathBuf,
        /// What to do.
        help: String,
    },
    /// The card has no such split.
    #[error("{0}")]
    Split(String),
}
