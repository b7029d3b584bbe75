//! Given pairs of models, each against its own counterpart.

use rayon::prelude::*;

use super::aggregate::MetricSource;
use super::comparison::Comparison;
use super::error::CompareError;
use super::family::decide;
use super::grid::Grid;
use super::jobs::add_jobs;
use super::max_t;
use super::row::row;
use super::settings::Settings;
use crate::cell::{Cell, ModelLabel};

/// Tests the first model of each pair against the second, as
/// [`comparisons`](super::comparisons) tests a model against a baseline.
///
/// What is corrected together is a task's measure over all pairs and languages: the family is
/// `<task>/<measure>`, with `/all` behind it for averages over languages, and with the language
/// where max-T exchanges the two sides of all pairs at once.
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
    let (mut rows, undecided): (Vec<_>, Vec<_>) = jobs
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
    let corrected = max_t::p_values(&jobs, &rows, source, settings)?;
    decide(&mut rows, &undecided, &corrected, settings)?;
    Ok(rows)
}

#[cfg(test)]
mod tests {
    use super::pairs;
    use crate::cell::{Cell, ModelLabel, Role};
    use crate::compare::fixture::{Source, mean, model, noise, settings};
    use crate::compare::{Comparison, Correction, Settings};

    /// Two models of two runs, ahead in the second on nearly every example and nearly alike.
    fn cells() -> Vec<Cell> {
        let mut cells = Vec::new();
        for language in ["de", "en"] {
            let old = noise(60, 1);
            let new: Vec<f64> = old
                .iter()
                .zip(noise(60, 2))
                .map(|(x, e)| x + 0.04 + 0.3 * (e - 0.5))
                .collect();
            for name in ["m", "n"] {
                cells.push(mean(&format!("{name} (A)"), "t", language, &old));
                cells.push(mean(&format!("{name} (B)"), "t", language, &new));
            }
        }
        cells
    }

    fn compare(cells: &[Cell], correction: Correction) -> Vec<Comparison> {
        let labels: Vec<[ModelLabel; 2]> = ["m", "n"]
            .map(|name| ["(B)", "(A)"].map(|run| model(&format!("{name} {run}"), Role::Merge)))
            .into();
        let pairs_of: Vec<[&ModelLabel; 2]> = labels.iter().map(|[b, a]| [b, a]).collect();
        let settings = Settings {
            correction,
            ..settings()
        };
        pairs(cells, &pairs_of, &Source, &settings).unwrap()
    }

    // What is the same difference twice is one chance of a false finding, not two.
    #[test]
    fn max_t_knows_that_pairs_moved_alike() {
        let (max_t, holm) = (
            compare(&cells(), Correction::MaxT),
            compare(&cells(), Correction::Holm),
        );
        assert_eq!(max_t.len(), 6);
        for (row, other) in max_t.iter().zip(&holm) {
            assert_eq!(
                (row.correction, other.correction),
                (Correction::MaxT, Correction::Holm)
            );
            let family = match row.language.as_str() {
                "all" => "t/rouge1/all".to_owned(),
                language => format!("t/rouge1/{language}"),
            };
            assert_eq!((row.family.as_str(), row.family_size), (family.as_str(), 2));
            assert_eq!(row.p_value, other.p_value);
            assert!(row.p_adjusted < other.p_adjusted, "{row:?}");
        }
    }

    #[test]
    fn pairs_on_other_examples_are_corrected_by_holm() {
        let mut cells = cells();
        for cell in cells.iter_mut().filter(|c| c.model.starts_with('n')) {
            cell.ids[0] = "another".to_owned();
        }
        let rows = compare(&cells, Correction::MaxT);
        assert!(rows.iter().all(|row| row.correction == Correction::Holm));
        assert!(rows.iter().all(|row| row.p_adjusted.is_some()));
    }
}
