//! What a metric exchanges with the host.
//!
//! A metric gives each example a row of *sufficient statistics*; a value is a function of their
//! sums over examples. So every test and every bootstrap works for every metric: resampling adds
//! rows up and calls `aggregate`, and nothing is scored twice.

use crate::{
    error::PluginError,
    task::{Prediction, Reference},
};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// Everything needed to make an instance of a metric.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct MetricSetup {
    /// Parameter values by name; absent ones take their defaults.
    pub params: Map<String, Value>,
    /// Language of the examples, as a BCP 47 code such as `de`.
    pub language: String,
    /// The label set that the dataset declares; empty where it declares none.
    #[serde(default)]
    pub labels: Vec<String>,
}

/// How a measure's value follows from its examples: decides the test that fits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Shape {
    /// The mean of 0/1 scores, such as accuracy.
    Binary,
    /// The mean of per-example scores, such as ROUGE F.
    Mean,
    /// A function of summed statistics that is no mean of examples, such as macro F1.
    Corpus,
}

/// One value that a metric reports.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Measure {
    /// Its name in result rows, such as `rouge1` or `f1_macro`.
    pub name: String,
    /// Which exact definition computed it, such as `rouge/google@0.1.2`.
    pub preset: String,
    /// How the value follows from the examples.
    pub shape: Shape,
    /// Number of sufficient statistics per example. 1 for `Binary` and `Mean`, where the
    /// statistic is the example's score.
    pub width: usize,
    /// Whether a larger value is better.
    pub higher_is_better: bool,
    /// Whether differences between models are tested. Diagnostics such as the share of invalid
    /// outputs are reported and not tested.
    #[serde(default = "yes")]
    pub tested: bool,
}

fn yes() -> bool {
    true
}

/// A prediction beside its reference.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Case {
    /// What the model gave.
    pub prediction: Prediction,
    /// What is right.
    pub reference: Reference,
}

/// A configured metric, on either side of the boundary.
pub trait Metric: Send + Sync {
    /// The values that it reports. Their order is the order of their statistics in `score`.
    fn measures(&self) -> Vec<Measure>;

    /// Sufficient statistics of each case: row-major, one row per case, the widths of all
    /// measures side by side.
    ///
    /// # Errors
    /// A case that the metric cannot score, such as one without a label.
    fn score(&self, cases: &[Case]) -> Result<Vec<f64>, PluginError>;

    /// Values of one measure from sums of statistics over `n` examples. `sums` is row-major, one
    /// row of that measure's width per wanted value; a batch of resamples crosses in one call.
    ///
    /// # Errors
    /// A measure that does not exist, or sums that do not fill whole rows.
    fn aggregate(&self, measure: usize, sums: &[f64], n: f64) -> Result<Vec<f64>, PluginError>;
}
