//! `results.csv`.

use super::{Measure, Record, table::Table};
use std::collections::BTreeMap;

/// A value of a model on the tested split.
#[derive(Debug, Clone)]
pub(crate) struct Score {
    pub(crate) model: String,
    pub(crate) method: String,
    pub(crate) task: String,
    pub(crate) dataset: String,
    pub(crate) language: String,
    pub(crate) measure: Measure,
    pub(crate) preset: String,
    pub(crate) higher_is_better: bool,
    pub(crate) n: u64,
    pub(crate) truncated: u64,
    pub(crate) value: Option<f64>,
    /// Its interval.
    pub(crate) interval: Option<(f64, f64)>,
    /// Parameters that the manifest varies, where they are numbers.
    pub(crate) varied: BTreeMap<String, f64>,
}

/// The rows of the tested split. Those that served to choose among candidates are left out: a chosen
/// model's are too good.
pub(super) fn scores(table: &Table, record: &Record) -> Vec<Score> {
    let varied = table.columns("param_");
    table
        .rows()
        .filter(|row| {
            let split = row.text("split");
            !record.selections.iter().any(|s| s.split == split)
        })
        .map(|row| Score {
            model: row.text("model"),
            method: row.text("method"),
            task: row.text("task"),
            dataset: row.text("dataset"),
            language: row.text("language"),
            measure: Measure {
                metric: row.text("metric"),
                parameters: row.text("metric_parameters"),
                name: row.text("measure"),
            },
            preset: row.text("preset"),
            higher_is_better: row.flag("higher_is_better").unwrap_or(true),
            n: row.count("n").unwrap_or(0),
            truncated: row.count("n_truncated").unwrap_or(0),
            value: row.number("value"),
            interval: row.number("ci_low").zip(row.number("ci_high")),
            varied: varied
                .iter()
                .filter_map(|name| Some((name.clone(), row.number(&format!("param_{name}"))?)))
                .collect(),
        })
        .collect()
}
