//! What a stage does, and the key that follows from it.

use super::missing;
use crate::{
    cell::PluginStamp,
    manifest::{Recipe, source::Span},
};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use std::{collections::BTreeMap, path::PathBuf};

/// Raised when a stage computes something else than before, so that older artifacts are not used.
pub const STAGE_VERSION: u32 = 2;

/// A stage: what it computes, and where its inputs lie on this machine.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct StageSpec {
    /// What it computes. Its content key is a hash of this, so it names inputs by content.
    pub what: What,
    /// Where inputs lie. Not part of the key.
    pub how: How,
}

/// What a stage computes.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "stage", rename_all = "snake_case")]
pub enum What {
    /// Trains a vocabulary and a small decoder from scratch.
    Pretrain(PretrainWhat),
    /// Fine-tunes a model.
    Train(TrainWhat),
    /// Merges experts.
    Merge(MergeWhat),
    /// Compares the task vectors of experts.
    Vectors(VectorsWhat),
    /// Asks a model for its responses to one task in one language.
    Generate(GenerateWhat),
    /// Reads responses as predictions and scores them.
    Score(ScoreWhat),
}

/// Rows by content.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SliceRef {
    /// Name of the dataset.
    pub dataset: String,
    /// The split.
    pub split: String,
    /// The language.
    pub language: String,
    /// Most rows.
    pub limit: Option<usize>,
    /// Content hash of the rows.
    pub hash: String,
}

/// A task by content.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct TaskRef {
    /// Its name in the manifest.
    pub name: String,
    /// Its plugin.
    pub plugin: PluginStamp,
    /// Its parameters, all of them.
    pub params: Map<String, Value>,
    /// The dataset's label set.
    pub labels: Vec<String>,
}

/// A metric by content.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct MetricRef {
    /// Its plugin.
    pub plugin: PluginStamp,
    /// Its parameters as given.
    pub params: Map<String, Value>,
}

/// See [`What::Pretrain`].
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct PretrainWhat {
    /// The field that holds the text.
    pub field: String,
    /// Training texts.
    pub train: Vec<SliceRef>,
    /// Validation texts.
    pub validation: Vec<SliceRef>,
    /// Tokens of the vocabulary.
    pub vocabulary: usize,
    /// Width of the model.
    pub hidden_size: usize,
    /// Width of the feed-forward layers.
    pub intermediate_size: usize,
    /// Decoder layers.
    pub layers: usize,
    /// Attention heads.
    pub heads: usize,
    /// Key and value heads.
    pub key_value_heads: usize,
    /// Longest text in tokens.
    pub context: usize,
    /// How it is trained.
    pub recipe: Recipe,
    /// Seed.
    pub seed: u64,
    /// Device.
    pub device: String,
}

/// Training rows of one task.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct TaskRows {
    /// The task.
    pub task: TaskRef,
    /// Training rows, a slice per language.
    pub train: Vec<SliceRef>,
    /// Validation rows, a slice per language.
    pub validation: Vec<SliceRef>,
}

/// See [`What::Train`].
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct TrainWhat {
    /// Content key of the model that is fine-tuned.
    pub base: String,
    /// Whether prompts are wrapped as chat.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub chat: bool,
    /// What it learns.
    pub rows: Vec<TaskRows>,
    /// How it is trained.
    pub recipe: Recipe,
    /// Seed.
    pub seed: u64,
    /// Device.
    pub device: String,
}

/// An expert in a merge.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ExpertRef {
    /// Its name: random masks depend on it.
    pub name: String,
    /// Its content key.
    pub key: String,
}

/// See [`What::Merge`].
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct MergeWhat {
    /// Content key of the base.
    pub base: String,
    /// The experts.
    pub experts: Vec<ExpertRef>,
    /// The method's plugin.
    pub plugin: PluginStamp,
    /// The method, with its preset where one was asked for.
    pub method: String,
    /// Its parameters, all of them; per-model ones as arrays in the order of the experts.
    pub params: Map<String, Value>,
    /// Seed of random masks; 0 where the method draws none.
    pub seed: u64,
}

/// See [`What::Vectors`].
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct VectorsWhat {
    /// Content key of the base.
    pub base: String,
    /// The experts.
    pub experts: Vec<ExpertRef>,
}

/// See [`What::Generate`].
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct GenerateWhat {
    /// Who answers.
    pub answerer: Answerer,
    /// The task.
    pub task: TaskRef,
    /// The rows.
    pub rows: SliceRef,
    /// Examples that are shown before every prompt.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub shots: Option<Shots>,
}

/// Examples that are shown before every prompt: see [`crate::shots`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Shots {
    /// How many.
    pub count: usize,
    /// Seed of their choice.
    pub seed: u64,
    /// The rows that they are chosen from.
    pub rows: SliceRef,
}

/// Who answers a task.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "answerer", rename_all = "snake_case")]
pub enum Answerer {
    /// A model, by content key, on a device.
    Model {
        /// Its key.
        key: String,
        /// The device.
        device: String,
        /// Whether prompts are wrapped as chat.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        chat: bool,
    },
    /// A model that is served elsewhere. It has no content hash, so what names it takes its place.
    Served(Box<Served>),
    /// A trivial output that the task offers.
    Trivial {
        /// Its name.
        name: String,
    },
}

/// What decides what a served model answers, as far as it can be told from here.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Served {
    /// Where the server is.
    pub url: String,
    /// The name that the model has there.
    pub model: String,
    /// What the user says that the model is.
    pub revision: Option<String>,
    /// Whether prompts are turns of a chat.
    pub chat: bool,
    /// Seed of the decoding, which is greedy.
    pub seed: u64,
    /// The request's key for the most tokens.
    pub max_tokens_key: String,
    /// Further keys of every request.
    pub body: Map<String, Value>,
}

impl Served {
    /// What stands for a content key in tables and among cells.
    pub fn key(&self) -> String {
        let mut value = serde_json::to_value(self).unwrap_or_default();
        sort_keys(&mut value);
        blake3::hash(value.to_string().as_bytes()).to_hex()[..32].to_owned()
    }
}

/// How a server is asked. What it answers does not depend on it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Asking {
    /// The name that the server writes into answers, where it is not the model's.
    pub reported_model: Option<String>,
    /// The environment variable that holds the key.
    pub api_key_env: Option<String>,
    /// Requests at the same time.
    pub concurrency: usize,
    /// Requests in a minute.
    pub requests_per_minute: Option<u64>,
    /// Tokens in a minute.
    pub tokens_per_minute: Option<u64>,
    /// Most seconds for an answer.
    pub timeout: f64,
    /// Most seconds for a question with all its tries.
    pub deadline: f64,
    /// Times that a question is asked again.
    pub retries: u32,
}

/// See [`What::Score`].
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ScoreWhat {
    /// Content key of the responses.
    pub responses: String,
    /// The task that reads them.
    pub task: TaskRef,
    /// The rows.
    pub rows: SliceRef,
    /// The metrics.
    pub metrics: Vec<MetricRef>,
}

/// Where a stage's inputs lie, by content key or hash: model folders, dataset cards, plugin
/// libraries, artifacts.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct How {
    /// Places.
    pub places: BTreeMap<String, PathBuf>,
    /// Examples in a batch of an evaluation. Results do not depend on it.
    pub batch_size: usize,
    /// How a server is asked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub asking: Option<Asking>,
}

impl What {
    /// The kind of stage, which is also the artifact's folder in the store.
    pub fn kind(&self) -> &'static str {
        match self {
            What::Pretrain(_) => "pretrain",
            What::Train(_) => "train",
            What::Merge(_) => "merge",
            What::Vectors(_) => "vectors",
            What::Generate(_) => "generate",
            What::Score(_) => "score",
        }
    }

    /// The device that it computes on.
    pub fn device(&self) -> &str {
        match self {
            What::Pretrain(what) => &what.device,
            What::Train(what) => &what.device,
            What::Generate(GenerateWhat {
                answerer: Answerer::Model { device, .. },
                ..
            }) => device,
            _ => "cpu",
        }
    }

    /// The address of the server that it asks. No two stages ask one server at the same time: it
    /// would be asked more at once than the manifest allows.
    pub fn server(&self) -> Option<&str> {
        match self {
            What::Generate(GenerateWhat {
                answerer: Answerer::Served(served),
                ..
            }) => Some(&served.url),
            _ => None,
        }
    }

    /// Content key: BLAKE3 over the stage's version and everything it computes from. Provisional
    /// where the content of an input is not known.
    pub fn key(&self) -> String {
        let mut value = serde_json::to_value(self).unwrap_or_default();
        sort_keys(&mut value);
        let mut hasher = blake3::Hasher::new();
        hasher.update(&STAGE_VERSION.to_le_bytes());
        hasher.update(value.to_string().as_bytes());
        let key = hasher.finalize().to_hex()[..32].to_owned();
        match missing::waits(self) {
            true => missing::provisional(&key),
            false => key,
        }
    }
}

/// Orders the keys of all objects, so that a key does not depend on the order in a manifest.
pub(crate) fn sort_keys(value: &mut Value) {
    match value {
        Value::Object(map) => {
            map.sort_keys();
            map.values_mut().for_each(sort_keys);
        }
        Value::Array(items) => items.iter_mut().for_each(sort_keys),
        _ => {}
    }
}

/// A node of the plan's graph.
#[derive(Debug, Clone)]
pub struct Node {
    /// Name in progress and tables, such as `train de`.
    pub name: String,
    /// The stage.
    pub spec: StageSpec,
    /// Its content key. Provisional where it waits for something missing.
    pub key: String,
    /// Nodes whose artifacts it reads.
    pub needs: Vec<usize>,
    /// Whether its artifact existed when the plan was made.
    pub cached: bool,
    /// The part of the manifest that asks for it.
    pub span: Span,
}

impl Node {
    /// Whether it depends on something that is missing, so that its key is not known.
    pub fn waits(&self) -> bool {
        missing::is_provisional(&self.key)
    }
}
