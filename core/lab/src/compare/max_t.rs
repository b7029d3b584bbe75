//! Max-T: all models of a family exchanged with their baselines at once.

use std::collections::BTreeMap;

use mergelab_stats::{FamilyComparison, Statistics, StatsError, max_t};
use rayon::prelude::*;

use super::ALL_LANGUAGES;
use super::aggregate::MetricSource;
use super::comparison::Comparison;
use super::error::{CompareError, unless_undefined};
use super::grid::{Column, place};
use super::jobs::Job;
use super::macro_average::{encode, items, metric};
use super::part::Part;
use super::settings::{Correction, Settings};
use super::stream::stream;

/// The corrected p-values, by the number of the row, where max-T is asked for and can be had.
pub(super) fn p_values(
    jobs: &[Job<'_>],
    rows: &[Comparison],
    source: &dyn MetricSource,
    settings: &Settings,
) -> Result<BTreeMap<usize, f64>, CompareError> {
    if settings.correction != Correction::MaxT {
        return Ok(BTreeMap::new());
    }
    let mut families: BTreeMap<&str, Vec<usize>> = BTreeMap::new();
    for (number, row) in rows.iter().enumerate() {
        if row.p_value.is_some() {
            families.entry(&row.family).or_default().push(number);
        }
    }
    let families: Vec<(&str, Vec<usize>)> = families.into_iter().collect();
    let corrected = families
        .par_iter()
        .map(|(family, members)| {
            let jobs: Vec<&Job<'_>> = members.iter().map(|&number| &jobs[number]).collect();
            let p_values = correct(&jobs, family, source, settings)?;
            let both = members.iter().copied().zip(p_values.unwrap_or_default());
            Ok(both.collect::<Vec<_>>())
        })
        .collect::<Result<Vec<_>, CompareError>>()?;
    Ok(corrected.into_iter().flatten().collect())
}

/// The corrected p-values of comparisons by one measure. None where they cannot be exchanged together: not all are on the
/// same examples, or some are of replicates, and an exchange takes trainings as given.
fn correct(
    jobs: &[&Job<'_>],
    family: &str,
    source: &dyn MetricSource,
    settings: &Settings,
) -> Result<Option<Vec<f64>>, CompareError> {
    let Some(first) = jobs.first() else {
        return Ok(None);
    };
    let replicated = |job: &&Job<'_>| job.columns.iter().flatten().any(|side| side.len() != 1);
    if jobs.iter().any(replicated) {
        return Ok(None);
    }
    let parts = (0..first.columns.len())
        .map(|language| {
            let each = jobs.iter().flat_map(|job| &job.columns[language]);
            let columns: Vec<Column<'_>> = each.map(|side| side[0]).collect();
            Part::paired(&columns, source)
        })
        .collect::<Result<Vec<_>, _>>();
    let parts = match parts {
        // Pairs of runs may have been made on other examples each.
        Err(CompareError::Examples { .. }) => return Ok(None),
        parts => parts?,
    };
    let seed = stream(settings.seed, &["max_t", family]);
    let averaged = first.language == ALL_LANGUAGES;
    let found = exchange(&parts, averaged, settings.resamples, seed);
    let found =
        unless_undefined(found, &mut Vec::new()).map_err(|source| CompareError::Statistics {
            place: place(first.columns[0][0][0].cell),
            measure: first.columns[0][0][0].measure.name.clone(),
            source,
        })?;
    Ok(found.map(|found| found.iter().map(|c| c.p_adjusted).collect()))
}

/// The systems of the parts are a model and its baseline in turn.
fn exchange(
    parts: &[Part<'_>],
    averaged: bool,
    resamples: usize,
    seed: u64,
) -> Result<Vec<FamilyComparison>, StatsError> {
    let count = parts.first().map_or(0, |part| part.systems.len());
    let items = items(parts);
    let systems: Vec<Statistics> = (0..count)
        .map(|system| {
            if averaged {
                encode(parts, &items, system)
            } else {
                parts[0].system(system)
            }
        })
        .collect::<Result<_, _>>()?;
    let pairs: Vec<[&Statistics; 2]> = systems.chunks_exact(2).map(|p| [&p[0], &p[1]]).collect();
    if averaged {
        max_t(&pairs, &metric(parts), resamples, seed)
    } else {
        max_t(&pairs, parts[0].metric.as_ref(), resamples, seed)
    }
}

#[cfg(test)]
mod tests {
    use crate::cell::Cell;
    use crate::compare::fixture::{Source, f1, mean, models, noise, row, settings};
    use crate::compare::{Correction, Settings, comparisons};

    fn cells() -> Vec<Cell> {
        let mut cells = Vec::new();
        for language in ["de", "en"] {
            let joint = noise(60, 1);
            let ahead = |by: f64, salt: usize| -> Vec<f64> {
                let own = noise(60, salt);
                joint
                    .iter()
                    .zip(own)
                    .map(|(x, e)| x + by + 0.3 * (e - 0.5))
                    .collect()
            };
            cells.push(mean("joint", "t", language, &joint));
            cells.push(mean("m1", "t", language, &ahead(0.04, 2)));
            // Nearly a copy of the first.
            let copy: Vec<f64> = ahead(0.04, 2).iter().map(|x| x + 1e-6).collect();
            cells.push(mean("m2", "t", language, &copy));
            for (salt, model) in ["joint", "m1", "m2"].iter().enumerate() {
                let given: Vec<usize> = (0..40).map(|i| (i * (salt + 3) / 4) % 2).collect();
                cells.push(f1(model, "u", language, &[0, 1].repeat(20), &given));
            }
        }
        cells
    }

    #[test]
    fn copies_of_a_model_cost_nothing() {
        let with = |correction| {
            let settings = Settings {
                correction,
                ..settings()
            };
            comparisons(&cells(), &models(&["m1", "m2"]), &Source, &settings).unwrap()
        };
        let (max_t, holm) = (with(Correction::MaxT), with(Correction::Holm));
        assert_eq!(max_t.len(), 12);
        for found in &max_t {
            assert_eq!(found.correction, Correction::MaxT);
            assert_eq!(found.family_size, 2);
            assert!(found.p_adjusted >= found.p_value, "{found:?}");
        }
        for language in ["de", "all"] {
            let (max_t, holm) = (row(&max_t, "m1", language), row(&holm, "m1", language));
            assert!(max_t.p_adjusted < holm.p_adjusted);
            assert_eq!(max_t.p_value, holm.p_value);
        }
        assert_eq!(row(&max_t, "m1", "de").family, "joint/t/rouge1/de");
        assert_eq!(row(&max_t, "m1", "all").family, "joint/t/rouge1/all");
    }
}
