//! What one model scored on one task in one language: the unit that tables and tests work on.

use mergelab_abi::metric::Measure;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use std::collections::BTreeMap;

/// What a model is in an experiment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// An output that needs no model, such as the first sentence of a document.
    Trivial,
    /// The shared base.
    Base,
    /// Fine-tuned on one language or task.
    Expert,
    /// The expert of each language: a reference without weights of its own.
    OwnExpert,
    /// Fine-tuned on everything at once.
    Combined,
    /// Fine-tuned on one language after the other.
    Sequential,
    /// Merged from experts.
    Merge,
    /// Served elsewhere: known by address and name, not by content.
    Served,
}

impl Role {
    /// Whether it is a model among others in rankings and confidence sets. Trivial outputs are none,
    /// and the answers of each language's own expert are those of the experts once more.
    pub(crate) fn competes(self) -> bool {
        !matches!(self, Role::Trivial | Role::OwnExpert)
    }

    /// The word in tables.
    pub fn name(self) -> &'static str {
        match self {
            Role::Trivial => "trivial",
            Role::Base => "base",
            Role::Expert => "expert",
            Role::OwnExpert => "own_expert",
            Role::Combined => "combined",
            Role::Sequential => "sequential",
            Role::Merge => "merge",
            Role::Served => "served",
        }
    }
}

/// A plugin as tables name it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PluginStamp {
    /// Its id.
    pub id: String,
    /// Version of its crate.
    pub version: String,
    /// BLAKE3 of its library, in hex.
    pub hash: String,
}

/// How a model came to be, for tables.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ModelLabel {
    /// Its name, unique in the experiment.
    pub name: String,
    /// What it is.
    pub role: Role,
    /// Merge method, with its preset where one was asked for: `ties@mergekit`.
    #[serde(default)]
    pub method: Option<String>,
    /// Every parameter of the method, defaults included.
    #[serde(default)]
    pub parameters: Map<String, Value>,
    /// The parameters that the manifest varies, with this model's values.
    #[serde(default)]
    pub swept: BTreeMap<String, Value>,
    /// Seed of the training or of the merge's random draws.
    #[serde(default)]
    pub seed: Option<u64>,
    /// Languages of the training data.
    #[serde(default)]
    pub languages: Vec<String>,
    /// The experts that a merge takes.
    #[serde(default)]
    pub experts: Vec<String>,
    /// The merge method's plugin.
    #[serde(default)]
    pub plugin: Option<PluginStamp>,
    /// Which replicate it is: its seed in the manifest's `seeds`.
    #[serde(default)]
    pub replicate: Option<u64>,
    /// The model that this one is a replicate of.
    #[serde(default)]
    pub replicate_of: Option<String>,
    /// Names of the replicates whose mean this is. Empty for a model of its own.
    #[serde(default)]
    pub replicates: Vec<String>,
    /// Whether a selection may choose it.
    #[serde(default)]
    pub candidate: bool,
    /// Whether the selection that it is a candidate of chose it, once that is decided.
    #[serde(default)]
    pub selected: Option<bool>,
    /// Content key of the model; empty for a mean over replicates.
    pub key: String,
}

/// One metric over the examples of a cell.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct MetricScores {
    /// Id of the metric.
    pub metric: String,
    /// Its parameters as the manifest gives them.
    pub params: Map<String, Value>,
    /// Its plugin.
    pub plugin: PluginStamp,
    /// The values that it reports.
    pub measures: Vec<Measure>,
    /// Sufficient statistics, row-major: one row per example, the widths of the measures side by
    /// side.
    pub statistics: Vec<f64>,
}

/// What one model scored on one task in one language.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Cell {
    /// Name of the model.
    pub model: String,
    /// Name of the task in the manifest.
    pub task: String,
    /// Name of the dataset.
    pub dataset: String,
    /// Language of the examples.
    pub language: String,
    /// The split of the examples.
    #[serde(default)]
    pub split: String,
    /// Ids of the examples. Cells of one task and language have the same ones in the same order.
    pub ids: Vec<String>,
    /// Which examples belong together, where the dataset says so.
    #[serde(default)]
    pub clusters: Option<Vec<String>>,
    /// Examples whose prompt did not fit into the context and was cut on the left.
    pub truncated: usize,
    /// The label set of the dataset, which metrics are set up with.
    #[serde(default)]
    pub labels: Vec<String>,
    /// Scores by metric.
    pub metrics: Vec<MetricScores>,
    /// Content key of the predictions.
    pub key: String,
}
