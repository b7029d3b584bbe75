//! Small cells and a metric for tests.

use std::sync::Arc;

use mergelab_abi::PluginError;
use mergelab_abi::metric::{Case, Measure, Metric, Shape};
use serde_json::{Map, Value};

use super::aggregate::{MetricSource, SourceError};
use super::comparison::Comparison;
use super::settings::Settings;
use crate::cell::{Cell, MetricScores, ModelLabel, PluginStamp, Role};

/// A cell without metrics.
pub(crate) fn cell(model: &str, task: &str, language: &str, examples: usize) -> Cell {
    Cell {
        model: model.into(),
        task: task.into(),
        dataset: format!("{task}-data"),
        language: language.into(),
        split: "test".into(),
        ids: (0..examples).map(|i| format!("{language}-{i}")).collect(),
        clusters: None,
        truncated: 0,
        labels: vec!["no".into(), "yes".into()],
        metrics: Vec::new(),
        key: format!("key-{model}-{task}-{language}"),
    }
}

/// A metric with one measure.
pub(crate) fn scores(name: &str, shape: Shape, width: usize, statistics: Vec<f64>) -> MetricScores {
    let metric = if name == "rouge1" { "rouge" } else { name };
    MetricScores {
        metric: metric.into(),
        params: Map::new(),
        plugin: PluginStamp {
            id: metric.into(),
            version: "0.1.0".into(),
            hash: "ab12".into(),
        },
        measures: vec![Measure {
            name: name.into(),
            preset: format!("{metric}/test@1"),
            shape,
            width,
            higher_is_better: true,
            tested: true,
        }],
        statistics,
    }
}

/// A cell with accuracies.
pub(crate) fn binary(model: &str, task: &str, language: &str, right: &[u8]) -> Cell {
    let mut cell = cell(model, task, language, right.len());
    let rows = right.iter().map(|&r| f64::from(r)).collect();
    cell.metrics = vec![scores("accuracy", Shape::Binary, 1, rows)];
    cell
}

/// A cell with ROUGE scores.
pub(crate) fn mean(model: &str, task: &str, language: &str, values: &[f64]) -> Cell {
    let mut cell = cell(model, task, language, values.len());
    cell.metrics = vec![scores("rouge1", Shape::Mean, 1, values.to_vec())];
    cell
}

/// A cell with macro F1 over two classes and the share of predictions of class 1, a diagnostic.
pub(crate) fn f1(model: &str, task: &str, language: &str, gold: &[usize], given: &[usize]) -> Cell {
    let mut cell = cell(model, task, language, gold.len());
    let mut rows = Vec::new();
    for (&gold, &given) in gold.iter().zip(given) {
        let mut row = [0.0; 7];
        if gold == given {
            row[3 * gold] = 1.0;
        } else {
            row[3 * given + 1] = 1.0;
            row[3 * gold + 2] = 1.0;
        }
        row[6] = given as f64;
        rows.extend(row);
    }
    let mut scores = scores("f1", Shape::Corpus, 6, rows);
    scores.measures = MacroF1 { classes: 2 }.measures();
    cell.metrics = vec![scores];
    cell
}

/// Macro F1 from the true positives, false positives and false negatives of each class.
pub(crate) struct MacroF1 {
    pub(crate) classes: usize,
}

impl Metric for MacroF1 {
    fn measures(&self) -> Vec<Measure> {
        let measure = |name: &str, width, tested| Measure {
            name: name.into(),
            preset: "f1/test@1".into(),
            shape: Shape::Corpus,
            width,
            higher_is_better: true,
            tested,
        };
        vec![
            measure("f1_macro", 3 * self.classes, true),
            measure("share_yes", 1, false),
        ]
    }

    fn score(&self, _: &[Case]) -> Result<Vec<f64>, PluginError> {
        Err(PluginError::input("the fixture has no texts"))
    }

    fn aggregate(&self, measure: usize, sums: &[f64], n: f64) -> Result<Vec<f64>, PluginError> {
        if measure == 1 {
            return Ok(sums.iter().map(|sum| sum / n).collect());
        }
        let f1 = |s: &[f64]| match 2.0 * s[0] + s[1] + s[2] {
            0.0 => 0.0,
            counts => 2.0 * s[0] / counts,
        };
        let rows = sums.chunks_exact(3 * self.classes);
        Ok(rows
            .map(|row| row.chunks_exact(3).map(f1).sum::<f64>() / self.classes as f64)
            .collect())
    }
}

/// Knows macro F1 alone.
pub(crate) struct Source;

impl MetricSource for Source {
    fn metric(
        &self,
        metric: &str,
        _: &Map<String, Value>,
        _: &str,
        labels: &[String],
    ) -> Result<Arc<dyn Metric>, SourceError> {
        match metric {
            "f1" => Ok(Arc::new(MacroF1 {
                classes: labels.len(),
            })),
            _ => Err(format!("there is no metric `{metric}`").into()),
        }
    }
}

/// A model of an experiment.
pub(crate) fn model(name: &str, role: Role) -> ModelLabel {
    ModelLabel {
        name: name.into(),
        role,
        method: None,
        parameters: Map::new(),
        swept: Default::default(),
        seed: Some(7),
        languages: vec!["de".into(), "en".into()],
        experts: Vec::new(),
        plugin: None,
        replicate: None,
        replicate_of: None,
        replicates: Vec::new(),
        candidate: false,
        selected: None,
        key: format!("model-{name}"),
    }
}

/// A baseline called `joint` and merges called as given.
pub(crate) fn models(merges: &[&str]) -> Vec<ModelLabel> {
    let joint = model("joint", Role::Combined);
    let merges = merges.iter().map(|name| model(name, Role::Merge));
    std::iter::once(joint).chain(merges).collect()
}

/// [`MacroF1`] of two classes whose diagnostic is tested.
pub(crate) struct TestedShare;

impl Metric for TestedShare {
    fn measures(&self) -> Vec<Measure> {
        let mut measures = MacroF1 { classes: 2 }.measures();
        measures[1].tested = true;
        measures
    }

    fn score(&self, cases: &[Case]) -> Result<Vec<f64>, PluginError> {
        MacroF1 { classes: 2 }.score(cases)
    }

    fn aggregate(&self, measure: usize, sums: &[f64], n: f64) -> Result<Vec<f64>, PluginError> {
        MacroF1 { classes: 2 }.aggregate(measure, sums, n)
    }
}

/// A thousand resamples against `joint`.
pub(crate) fn settings() -> Settings {
    Settings {
        resamples: 1_000,
        seed: 11,
        baselines: vec!["joint".into()],
        ..Settings::default()
    }
}

/// Scores around 0.5 that no two examples share.
pub(crate) fn noise(n: usize, salt: usize) -> Vec<f64> {
    (0..n)
        .map(|i| 0.3 + 0.4 * (((i * 7919 + salt * 104_729) % 1009) as f64 / 1009.0))
        .collect()
}

/// The only comparison of a model in a language.
pub(crate) fn row<'a>(rows: &'a [Comparison], model: &str, language: &str) -> &'a Comparison {
    let found = |r: &&Comparison| r.model == model && r.language == language;
    rows.iter().find(found).unwrap()
}
