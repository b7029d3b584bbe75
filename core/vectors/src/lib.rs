//! The geometry of task vectors: what fine-tuning changed, how much, and whether two models changed
//! it in the same direction.
//!
//! A task vector is a fine-tuned model minus its base (Ilharco et al., 2023, "Editing Models with
//! Task Arithmetic"). [`analyse`] gives one long table of [`Row`]s: norms, cosines, sign conflicts,
//! overlaps of the largest entries and effective ranks, of each tensor, each layer, each kind of
//! module and the whole model, with the band in which independent random vectors would lie.
//!
//! | module | what it is |
//! |---|---|
//! | `place` | which layer and module a tensor belongs to |
//! | `input` | the base and the models; a task vector read tile by tile |
//! | `pass` | sums over the tiles of a tensor |
//! | `largest` | the largest entries, found in passes without sorting |
//! | `spectrum` | singular values |
//! | `factors` | LoRA adapters, computed from their factors |
//! | `null` | what random vectors give |
//! | `totals` | sums of a tensor, and of many |
//! | `analyse`, `table` | all of it, and its rows |
#![forbid(unsafe_code)]

mod analyse;
mod error;
mod factors;
mod input;
mod largest;
mod null;
mod pass;
mod place;
mod spectrum;
mod table;
mod totals;

pub use analyse::{Analysis, Options, analyse};
pub use error::VectorError;
pub use input::{Inputs, Model};
pub use largest::SHARES;
pub use place::Place;
pub use spectrum::{Ranks, singular_values};
pub use table::{Row, Scope};
