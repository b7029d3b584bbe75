//! Merging checkpoints: from a recipe to a Hugging Face folder.
//!
//! | module | what it does |
//! |---|---|
//! | [`recipe`] | what to merge and how: our TOML, and mergekit's YAML |
//! | [`methods`] | where merge methods are found: plugin libraries, or the program itself |
//! | [`plan`] | opens the inputs, resolves parameters, decides about every tensor; all errors of a recipe appear here, before any output exists |
//! | [`run`](mod@run) | merges tensor by tensor in tiles and writes the folder, whole or not at all |
//! | [`provenance`] | the model card and the machine-readable record beside the weights |
//!
//! Inputs are memory-mapped and read range by range, results go range by range to the output, so
//! memory is bounded by the tiles and not by the models. The same recipe, inputs and seed give
//! the same bytes, whatever the number of threads.

#![forbid(unsafe_code)]

mod components;
mod document;
pub mod error;
mod inputs;
mod layers;
pub mod methods;
pub mod plan;
pub mod provenance;
pub mod recipe;
pub mod run;
mod side_files;
mod source;
mod untied;

pub use error::MergeError;
pub use methods::{Linked, MethodPlugin, Methods};
pub use plan::{Action, Description, DroppedTensor, Effective, Plan, PlannedTensor};
pub use provenance::{InputRecord, PluginRecord};
pub use recipe::{
    Alternative, ChatTemplate, Compute, InputPath, Model, Module, Position, Recipe, RecipeError,
    Rules, Setting, SettingValue, Slice, SliceSource, TokenRow, TokenRule, TokenizerRecipe,
    TokenizerSource,
};
pub use run::{Memory, Options, Phases, Progress, Rehearsal, Report, Space, TensorMemory, run};
