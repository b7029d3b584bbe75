//! Given pairs of models, each against its own counterpart.

use std::collections::BTreeMap;

use rayon::prelude::*;

use super::aggregate::MetricSource;
use super::comparison::{Comparison, add_jobs, decide, row};
use super::error::CompareError;
use super::grid::Grid;
use super::settings::Settings;
use crate::cell::{Cell, ModelLabel};

/// Tests the first model of each pair against the second, as
/// [`comparisons`](super::comparisons) tests a model against a baseline.
///
/// What is corrected together is a task's measure over all pairs and languages: the family is
/// `<task>/<measure>`, with `/all` behind it for averages over languages. Max-T, which needs one
/// baseline, gives way to Holm.
///
/// # Errors
/// Settings out of range, pairs that did not answer the same examples or were not scored alike, or
/// a metric that fails.
pub fn pairs(
    cells: &[Cell],
    pairs: &[[&ModelLabel; 2]],
    source: &dyn MetricSource,
    settings: &Settings,
) -> Result<Vec<Comparison>, CompareError> {
    settings.check()?;
    let grid = Grid::new(cells)?;
    let mut jobs = Vec::new();
    for &pair in pairs {
        for (name, task) in &grid.tasks {
            add_jobs(&mut jobs, name, task, pair)?;
        }
    }
    let (mut rows, equivalences): (Vec<_>, Vec<_>) = jobs
        .par_iter()
        .map(|job| row(job, source, settings))
        .collect::<Result<Vec<_>, _>>()?
        .into_iter()
        .unzip();
    for row in &mut rows {
        if let Some(family) = row.family.strip_prefix(&format!("{}/", row.baseline)) {
            row.family = family.to_owned();
        }
    }
    decide(&mut rows, &equivalences, &BTreeMap::new(), settings)?;
    Ok(rows)
}
