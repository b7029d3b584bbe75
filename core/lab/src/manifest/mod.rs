//! The manifest: one TOML file that says what an experiment is.

mod experiment;
mod merges;
mod models;
pub mod reader;
mod recipe;
pub mod source;
mod tasks;

pub use experiment::{Evaluation, Manifest};
pub use merges::{MergeCell, MergeGrid};
pub use models::{Base, Combined, Expert, Instruct, Origin, Pretrain};
pub use recipe::{Grouping, Precision, Recipe, Tuning};
pub use source::{Located, ManifestError, SourceFile, Span};
pub use tasks::{MetricEntry, TaskEntry};
