//! Whether merging costs a language more where its expert's task vector is less orthogonal to the
//! others'.
//!
//! [`points`] joins, for each merge, language and measure, what the merge gains or loses beside the
//! language's expert and beside the base, with the mean cosine and the mean sign conflict of that
//! expert's vector with the other merged experts'. [`associations`] correlates both over languages.
//! Languages are few, so an association is a hint and its interval is wide.

mod associations;
mod points;
mod vectors;

pub use associations::{Association, Outcome, Predictor, associations};
pub use points::{Point, points};
pub use vectors::{VectorRow, Vectors, read};

#[cfg(test)]
mod tests;
