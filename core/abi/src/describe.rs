//! What a plugin says about itself.

use crate::schema::Schema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use std::collections::BTreeMap;

/// What a plugin does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// Merges models, tensor by tensor.
    Method,
    /// Turns dataset rows into prompts, and outputs into predictions.
    Task,
    /// Turns predictions and references into values.
    Metric,
}

impl Kind {
    /// All kinds, in the order in which lists show them.
    pub const ALL: [Kind; 3] = [Kind::Method, Kind::Task, Kind::Metric];

    /// The word that users write: `method`, `task` or `metric`.
    pub fn name(self) -> &'static str {
        match self {
            Kind::Method => "method",
            Kind::Task => "task",
            Kind::Metric => "metric",
        }
    }
}

impl std::fmt::Display for Kind {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.pad(self.name())
    }
}

/// One plugin of a library.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct PluginInfo {
    /// What it does.
    pub kind: Kind,
    /// Its name in manifests and result tables. Unique within a kind.
    pub id: String,
    /// One line that says what it does.
    pub summary: String,
    /// Version of the crate that holds it.
    pub version: String,
    /// Its parameters.
    pub parameters: Schema,
    /// What a merge method needs. `None` for other kinds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub method: Option<MethodTraits>,
    /// What a task reads. `None` for other kinds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub task: Option<TaskTraits>,
}

/// Whether a merge method uses a base model.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum BaseUse {
    /// Without a base there are no task vectors: the host refuses a recipe that names none.
    Required,
    /// A base changes what is computed, and may be left out.
    Optional,
    /// A base is not looked at.
    Unused,
}

/// What a merge method needs and promises. The host checks the needs before a merge, and
/// conformance tests check the promises.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct MethodTraits {
    /// Whether the method uses a base model.
    pub base: BaseUse,
    /// Fewest models, the base not counted.
    pub min_models: usize,
    /// Most models, the base not counted.
    #[serde(default)]
    pub max_models: Option<usize>,
    /// The result does not depend on the order of the models beyond float rounding.
    pub order_independent: bool,
    /// Merging copies of one model (base included) gives that model.
    pub identity: bool,
    /// Draws random numbers: results depend on the seed.
    pub random: bool,
    /// Asks for numbers about all tensors together before it merges any.
    #[serde(default)]
    pub surveys: bool,
    /// Hands out more than the merged tensors.
    #[serde(default)]
    pub artifacts: bool,
    /// Computes in f32 whatever precision the merge imitates: inputs are rounded to that precision
    /// and the result is, nothing between.
    #[serde(default)]
    pub always_f32: bool,
    /// Named sets of parameter values, such as the rules of another tool. A recipe asks for one
    /// with `method@preset`.
    #[serde(default)]
    pub presets: BTreeMap<String, Map<String, Value>>,
}

/// What a task reads from a dataset row and which metrics fit it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TaskTraits {
    /// Fields that each row must have, under these names, after the card's mapping.
    pub fields: Vec<String>,
    /// Fields that a row may have.
    #[serde(default)]
    pub optional_fields: Vec<String>,
    /// Whether the dataset must declare a label set.
    pub labels: bool,
    /// Metrics that are used when a manifest names none.
    pub metrics: Vec<String>,
    /// A row that the task takes, for documentation and conformance checks.
    pub example: crate::task::Row,
    /// The label set of the example's dataset.
    #[serde(default)]
    pub example_labels: Vec<String>,
}
