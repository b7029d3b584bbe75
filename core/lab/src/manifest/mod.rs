//! The manifest: one TOML file that says what an experiment is.

mod base;
mod endpoints;
mod experiment;
mod experts;
mod merges;
mod recipe;
mod selection;
mod statistics;
mod sweep;
mod tasks;

pub use base::{Base, Instruct, Origin, Pretrain};
pub use endpoints::EndpointEntry;
pub use experiment::{Evaluation, Manifest};
pub use experts::{Combined, Expert, Order, Sequential};
pub use mergelab_toml::{reader, source};
pub(crate) use merges::fits;
pub use merges::{MergeCell, MergeGrid};
pub use recipe::{Grouping, Precision, Recipe, Tuning};
pub use selection::{Combine, Halving, Round, Select};
pub use source::{Located, ManifestError, SourceFile, Span};
pub use statistics::{ChoiceSpans, StatisticsSpans};
pub use sweep::Sweep;
pub use tasks::{MetricEntry, PromptEntry, ShotsEntry, TaskEntry};
