//! What a task exchanges with the host.

use crate::error::PluginError;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use std::collections::BTreeMap;

/// One row of a dataset, its fields already under the names that the task asked for.
pub type Row = Map<String, Value>;

/// Everything needed to make an instance of a task.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct TaskSetup {
    /// Parameter values by name; absent ones take their defaults.
    pub params: Map<String, Value>,
    /// Language of the rows, as a BCP 47 code such as `de`.
    pub language: String,
    /// The label set that the dataset declares; empty where it declares none.
    #[serde(default)]
    pub labels: Vec<String>,
}

/// What the model is asked for.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "request", rename_all = "snake_case")]
pub enum Request {
    /// Continue the prompt.
    Generate {
        /// The prompt.
        prompt: String,
        /// Most tokens to generate.
        max_new_tokens: usize,
        /// Generation ends before any of these.
        stop: Vec<String>,
    },
    /// Give the log-likelihood of each choice as a continuation of the prompt.
    Choose {
        /// The prompt.
        prompt: String,
        /// The continuations.
        choices: Vec<String>,
    },
}

impl Request {
    /// The prompt.
    pub fn prompt(&self) -> &str {
        match self {
            Request::Generate { prompt, .. } | Request::Choose { prompt, .. } => prompt,
        }
    }
}

/// What the model gave.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "response", rename_all = "snake_case")]
pub enum Response {
    /// Generated text, without the stop string.
    Generated {
        /// The text.
        text: String,
    },
    /// Log-likelihoods, one per choice, in the order of the request.
    Scored {
        /// Natural logarithm of each choice's probability given the prompt, summed over tokens.
        log_likelihoods: Vec<f64>,
        /// Tokens of each choice.
        tokens: Vec<usize>,
    },
}

/// What a row should have given.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Reference {
    /// Texts that count as right; a metric over several takes the best.
    #[serde(default)]
    pub texts: Vec<String>,
    /// The right label, for classification and multiple choice.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub label: Option<String>,
}

/// What the model's answer was read as.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Prediction {
    /// The output as text.
    pub output: String,
    /// The label read from it. `None` for a task with labels means an invalid output: no label
    /// could be read, which is wrong for every class.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub label: Option<String>,
}

/// A row made ready: what to ask, what to learn, and what is right.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Prepared {
    /// What to ask the model.
    pub request: Request,
    /// What a model that is fine-tuned on this row learns to say after the prompt.
    pub answer: String,
    /// What is right.
    pub reference: Reference,
    /// Outputs that need no model, by name, such as the first sentence of a document: what a model
    /// must beat. They are read like generated text.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub trivial: BTreeMap<String, String>,
}

/// A configured task, on either side of the boundary.
pub trait Task: Send + Sync {
    /// Makes rows ready, in order.
    ///
    /// # Errors
    /// A row that lacks a field, has one of the wrong type, or a label outside the label set; the
    /// message names the row by its position in `rows`.
    fn prepare(&self, rows: &[Row]) -> Result<Vec<Prepared>, PluginError>;

    /// Reads responses as predictions, in order.
    ///
    /// # Errors
    /// A response of the wrong kind.
    fn read(&self, rows: &[Row], responses: &[Response]) -> Result<Vec<Prediction>, PluginError>;
}
