//! The manifest: one TOML file that says what an experiment is.

mod experiment;
mod merges;
mod models;
mod recipe;
mod tasks;

pub use experiment::{Evaluation, Manifest};
pub use mergelab_toml::{reader, source};
pub use merges::{MergeCell, MergeGrid};
pub use models::{Base, Combined, Expert, Instruct, Origin, Pretrain};
pub use recipe::{Recipe, Tuning};
pub use source::{Located, ManifestError, SourceFile, Span};
pub use tasks::{MetricEntry, TaskEntry};
