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
    /// Give the log-likelihood of a whole text. The first token follows the token that begins
    /// texts (where a model has none, the one that ends them).
    ///
    /// A text of more tokens than `window` is read in windows of `window` tokens: the first gives
    /// all its tokens, each later one the next `stride` tokens, which therefore follow
    /// `window - stride` to `window` tokens of context. Every token counts once.
    Likelihood {
        /// The text, not empty.
        text: String,
        /// Most tokens that the model reads at a time. The model's context where it is left out.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        window: Option<usize>,
        /// Tokens that each window after the first adds, from 1 to `window`. Half of `window`
        /// where it is left out.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        stride: Option<usize>,
    },
}

impl Request {
    /// The prompt; empty where a text is scored from its start.
    pub fn prompt(&self) -> &str {
        match self {
            Request::Generate { prompt, .. } | Request::Choose { prompt, .. } => prompt,
            Request::Likelihood { .. } => "",
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
    /// Log-likelihoods, one per choice, in the order of the request; one for a whole text.
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
    /// The choices and how likely the model finds each, in the order of the request. Empty where
    /// none were scored.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub choices: Vec<ScoredChoice>,
    /// How likely the model finds the row's text, for language modelling.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub likelihood: Option<Likelihood>,
}

/// How likely a model finds a text, and the text's length in the units that metrics divide by.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
pub struct Likelihood {
    /// Natural logarithm of the text's probability, summed over tokens.
    pub log_likelihood: f64,
    /// Tokens of the model's tokenizer.
    pub tokens: usize,
    /// Pieces between white space.
    pub words: usize,
    /// UTF-8 bytes.
    pub bytes: usize,
    /// Unicode code points.
    pub characters: usize,
}

impl Likelihood {
    /// That of a text, with its lengths counted.
    ///
    /// ```
    /// let likelihood = mergelab_abi::task::Likelihood::of("né en 1999", -7.5, 4);
    /// assert_eq!((likelihood.words, likelihood.bytes, likelihood.characters), (3, 11, 10));
    /// ```
    pub fn of(text: &str, log_likelihood: f64, tokens: usize) -> Self {
        Self {
            log_likelihood,
            tokens,
            words: text.split_whitespace().count(),
            bytes: text.len(),
            characters: text.chars().count(),
        }
    }
}

/// A choice and how likely the model finds it.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct ScoredChoice {
    /// The label that the choice stands for.
    pub label: String,
    /// The likelihood of its text, without the white space that parts it from the prompt.
    pub likelihood: Likelihood,
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
