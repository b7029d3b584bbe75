//! Datasets: a card that says what a set is, and rows read as the card says.

mod card;
mod rows;

pub use card::{Card, Split};
pub use rows::{DatasetError, Example, Slice, SplitRows};
