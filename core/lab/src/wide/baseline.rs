//! Who differs from the baseline.

use super::{
    error::WideError,
    layout::Place,
    results::{ResultRow, field, number},
};
use crate::{
    cell::Cell,
    compare::{RegistryMetrics, Settings, comparisons},
    past::Past,
};
use mergelab_abi::registry::Registry;
use std::collections::{BTreeMap, BTreeSet};

/// A test of a model against a baseline.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Test {
    pub(super) test: String,
    pub(super) correction: String,
    pub(super) p_value: Option<f64>,
    pub(super) p_adjusted: Option<f64>,
    pub(super) alpha: f64,
    pub(super) family_size: usize,
    pub(super) margin: Option<f64>,
    pub(super) equivalent: bool,
    /// Model minus baseline.
    pub(super) difference: Option<f64>,
}

impl Test {
    pub(super) fn significant(&self) -> bool {
        self.p_adjusted.is_some_and(|p| p <= self.alpha) && self.difference != Some(0.0)
    }
}

/// Tests by model and place.
pub(super) type Tests = BTreeMap<(String, Place), Test>;

/// The tests of `significance.csv` against each baseline.
pub(super) fn of_table(rows: &[ResultRow]) -> BTreeMap<String, Tests> {
    let mut all: BTreeMap<String, Tests> = BTreeMap::new();
    for row in rows {
        let test = Test {
            test: field(row, "test").to_owned(),
            correction: field(row, "correction").to_owned(),
            p_value: number(row, "p_value"),
            p_adjusted: number(row, "p_adjusted"),
            alpha: number(row, "alpha").unwrap_or(0.05),
            family_size: number(row, "family_size").unwrap_or(0.0) as usize,
            margin: number(row, "margin"),
            equivalent: field(row, "within_margin") == "true",
            difference: number(row, "difference"),
        };
        let tests = all.entry(field(row, "baseline").to_owned()).or_default();
        tests.insert((field(row, "model").to_owned(), Place::of(row)), test);
    }
    all
}

/// The same tests, made anew from the run's predictions, against a model that the run does not
/// name as a baseline.
///
/// # Errors
/// Models that cannot be compared.
pub(super) fn of_cells(
    run: &Past,
    baseline: &str,
    cells: &[Cell],
    registry: &Registry,
) -> Result<Tests, WideError> {
    // Margins of measures that these cells do not have would be refused.
    let measures: BTreeSet<&str> = cells
        .iter()
        .flat_map(|cell| &cell.metrics)
        .flat_map(|m| m.measures.iter().map(|own| &*own.name).chain([&*m.metric]))
        .collect();
    let mut settings = Settings {
        baselines: vec![baseline.to_owned()],
        ..run.record.statistics.clone()
    };
    settings
        .margins
        .retain(|name, _| measures.contains(name.as_str()));
    let found = comparisons(
        cells,
        &run.record.models,
        &RegistryMetrics(registry),
        &settings,
    )?;
    let test = |row: crate::compare::Comparison| {
        let place = Place {
            task: row.task,
            metric: row.metric,
            metric_parameters: row.metric_parameters,
            measure: row.measure.name,
            language: row.language,
        };
        let test = Test {
            test: row.test.name().to_owned(),
            correction: row.correction.name().to_owned(),
            p_value: row.p_value,
            p_adjusted: row.p_adjusted,
            alpha: row.alpha,
            family_size: row.family_size,
            margin: row.margin,
            equivalent: row.within_margin,
            difference: row.difference,
        };
        ((row.model, place), test)
    };
    Ok(found.into_iter().map(test).collect())
}
