//! Why a view cannot be made.

use crate::{compare::CompareError, past::PastError, tables::TableError};

/// Why a view cannot be made.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum WideError {
    /// The run cannot be read.
    #[error(transparent)]
    Past(#[from] PastError),
    /// Models cannot be compared.
    #[error(transparent)]
    Compare(#[from] CompareError),
    /// CSV cannot be written.
    #[error(transparent)]
    Table(#[from] TableError),
    /// A name that the run or its tables do not have.
    #[error("{place}: there is no {what} `{name}`.{hint}")]
    Unknown {
        /// The option.
        place: &'static str,
        /// What was named.
        what: &'static str,
        /// The name.
        name: String,
        /// The nearest name, or all names.
        hint: String,
    },
    /// Rows and columns that make no table.
    #[error("{0}")]
    Layout(String),
    /// Nothing is left to show.
    #[error("no row of results.csv is left to show: {0}")]
    Empty(String),
}
