//! Rows under the tasks' names.

mod example;
mod explode;
pub(crate) mod slice;
mod stream;

pub use example::Example;
pub use slice::{Slice, SplitRows};
pub use stream::{Placed, Rows};

#[cfg(test)]
mod tests;
