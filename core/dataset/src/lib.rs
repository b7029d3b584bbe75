//! Data sets: a card that says what a set is, and rows read as the card says.
//!
//! | module | what it does |
//! |---|---|
//! | [`card`] | reads `card.toml`; every error has a line |
//! | [`field`] | where a task's field comes from: paths, lists, names for labels, positions in lists |
//! | [`file`] | JSON Lines, CSV, TSV and Parquet, also compressed, as rows |
//! | [`split`] | the files of a split, and splits made by group |
//! | [`rows`] | rows under the tasks' names, streamed or one language at a time |
//! | [`check`] | what is wrong with a set |
//! | [`stats`] | what is in a set |
//! | [`fetch`] | downloads, resumed and checked |
//!
//! A row is the same bytes whatever format its file has, so what is computed from it keeps its key
//! when a set is stored in another form.
#![forbid(unsafe_code)]

pub mod card;
pub mod check;
pub mod error;
pub mod fetch;
pub mod field;
pub mod file;
pub mod rows;
pub mod split;
pub mod stats;

pub use card::Card;
pub use error::DatasetError;
pub use rows::{Example, Placed, Rows, Slice, SplitRows};
pub use split::Split;
