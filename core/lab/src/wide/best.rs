//! Who is not shown to be worse than the best of a column.
//!
//! The best of each column is tested against all others of the column. What a reader scans is one
//! task and measure over all models and languages, so that is one family, and the means over
//! languages are another. The best was chosen by the values that are tested, which makes others look
//! a little worse than they are: what stays bold stays so with this against it.

use super::{
    baseline::Tests,
    error::WideError,
    layout::{About, Place},
};
use crate::{
    cell::{Cell, ModelLabel},
    compare::{ALL_LANGUAGES, Correction, RegistryMetrics, Settings, pairs},
    past::Past,
};
use mergelab_abi::registry::Registry;
use mergelab_stats::{benjamini_hochberg, benjamini_yekutieli, holm};
use std::collections::{BTreeMap, BTreeSet};

/// How a model stands to the best of a column.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Standing {
    /// The best as printed.
    Best,
    /// Not shown to be worse.
    Tied,
    /// Shown to be worse.
    Worse,
    /// Not tested.
    Unknown,
}

/// Standings by model and place, and what is to be said about the tests.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Standings {
    pub(super) of: BTreeMap<(String, Place), Standing>,
    /// Names of the tests.
    pub(super) tests: BTreeSet<String>,
    /// Sizes of the families.
    pub(super) families: BTreeSet<usize>,
}

/// A test that the view needs: a model against the best of a place.
#[derive(Debug, Clone, PartialEq)]
struct Needed {
    model: String,
    best: String,
    place: Place,
    p_value: Option<f64>,
    test: String,
}

/// Where predictions come from, read when they are needed.
pub(super) type Cells<'a> = dyn FnMut(&BTreeSet<String>) -> Result<Vec<Cell>, WideError> + 'a;

/// A model's value at a place, as it is and as it is shown.
pub(super) type Printed<'a> = dyn Fn(&str, &Place) -> Option<(f64, String)> + 'a;

/// Finds the best of each place and tests the others against it. `printed` is a value as it is
/// shown: what looks equal is treated equally.
///
/// # Errors
/// Models that cannot be compared.
pub(super) fn standings(
    run: &Past,
    places: &[About],
    models: &[String],
    printed: &Printed<'_>,
    table: &BTreeMap<String, Tests>,
    cells: &mut Cells<'_>,
    registry: &Registry,
) -> Result<Standings, WideError> {
    let mut found = Standings::default();
    let mut needed = Vec::new();
    for about in places {
        let place = &about.place;
        let better = |a: f64, b: f64| if about.higher_is_better { a > b } else { a < b };
        let mut best: Option<(&String, f64, String)> = None;
        for model in models {
            if let Some((value, text)) = printed(model, place)
                && best
                    .as_ref()
                    .is_none_or(|(_, known, _)| better(value, *known))
            {
                best = Some((model, value, text));
            }
        }
        let Some((best, _, text)) = best else {
            continue;
        };
        for model in models {
            let Some((_, own)) = printed(model, place) else {
                continue;
            };
            if own == text {
                found
                    .of
                    .insert((model.clone(), place.clone()), Standing::Best);
            } else {
                needed.push(Needed {
                    model: model.clone(),
                    best: best.clone(),
                    place: place.clone(),
                    p_value: None,
                    test: String::new(),
                });
            }
        }
    }
    from_table(&mut needed, table);
    from_cells(run, &mut needed, cells, registry)?;
    decide(needed, &run.record.statistics, &mut found)?;
    Ok(found)
}

/// Tests that `significance.csv` has, in either direction: p-values are two-sided.
fn from_table(needed: &mut [Needed], table: &BTreeMap<String, Tests>) {
    for need in needed {
        for (baseline, model) in [(&need.best, &need.model), (&need.model, &need.best)] {
            let known = table
                .get(baseline)
                .and_then(|tests| tests.get(&(model.clone(), need.place.clone())));
            if let Some(test) = known
                && need.p_value.is_none()
            {
                need.p_value = test.p_value;
                need.test.clone_from(&test.test);
            }
        }
    }
}

/// The other tests, from the run's predictions.
fn from_cells(
    run: &Past,
    needed: &mut [Needed],
    cells: &mut Cells<'_>,
    registry: &Registry,
) -> Result<(), WideError> {
    fn open(needed: &[Needed]) -> impl Iterator<Item = &Needed> {
        needed.iter().filter(|need| need.p_value.is_none())
    }
    let tasks: BTreeSet<String> = open(needed).map(|need| need.place.task.clone()).collect();
    if tasks.is_empty() {
        return Ok(());
    }
    let all = cells(&tasks)?;
    // p-values as they are: the view's own families are corrected later.
    let settings = Settings {
        correction: Correction::None,
        margins: BTreeMap::new(),
        ..run.record.statistics.clone()
    };
    let labels = &run.record.models;
    let label = |name: &str| -> Option<&ModelLabel> { labels.iter().find(|l| l.name == name) };
    for task in tasks {
        let wanted: Vec<Needed> = open(needed)
            .filter(|need| need.place.task == task)
            .cloned()
            .collect();
        let bests: BTreeSet<&str> = wanted.iter().map(|need| need.best.as_str()).collect();
        for best in bests {
            let own: Vec<&Needed> = wanted.iter().filter(|need| need.best == best).collect();
            let cells = only(&all, &own);
            let models: BTreeSet<&str> = own.iter().map(|need| need.model.as_str()).collect();
            let named: Vec<[&ModelLabel; 2]> = models
                .into_iter()
                .filter_map(|model| Some([label(model)?, label(best)?]))
                .collect();
            let rows = pairs(&cells, &named, &RegistryMetrics(registry), &settings)?;
            for need in needed.iter_mut().filter(|need| own.contains(&&**need)) {
                let row = rows.iter().find(|row| {
                    row.model == need.model
                        && (&row.language, &row.metric)
                            == (&need.place.language, &need.place.metric)
                        && row.measure.name == need.place.measure
                        && row.metric_parameters == need.place.metric_parameters
                });
                if let Some(row) = row {
                    need.p_value = row.p_value;
                    need.test = row.test.name().to_owned();
                }
            }
        }
    }
    Ok(())
}

/// The cells that these tests need: their languages, with no other measure to be tested.
fn only(cells: &[Cell], needed: &[&Needed]) -> Vec<Cell> {
    let every = needed
        .iter()
        .any(|need| need.place.language == ALL_LANGUAGES);
    let language = |cell: &&Cell| {
        every
            || needed
                .iter()
                .any(|need| need.place.language == cell.language)
    };
    let task = |cell: &&Cell| needed.iter().any(|need| need.place.task == cell.task);
    let mut own: Vec<Cell> = cells
        .iter()
        .filter(task)
        .filter(language)
        .cloned()
        .collect();
    for scores in own.iter_mut().flat_map(|cell| &mut cell.metrics) {
        for measure in &mut scores.measures {
            let mut places = needed.iter().map(|need| &need.place);
            measure.tested &=
                places.any(|place| place.measure == measure.name && place.metric == scores.metric);
        }
    }
    own
}

/// Corrects each family and says who is worse.
fn decide(
    needed: Vec<Needed>,
    settings: &Settings,
    found: &mut Standings,
) -> Result<(), WideError> {
    let mut families: BTreeMap<Place, Vec<&Needed>> = BTreeMap::new();
    for need in &needed {
        let mean = need.place.language == ALL_LANGUAGES;
        let family = Place {
            language: if mean { ALL_LANGUAGES } else { "" }.to_owned(),
            ..need.place.clone()
        };
        families.entry(family).or_default().push(need);
    }
    for family in families.values() {
        let tested = || family.iter().filter(|need| need.p_value.is_some());
        let p_values: Vec<f64> = tested().filter_map(|need| need.p_value).collect();
        let adjusted = match settings.correction {
            Correction::None => p_values,
            Correction::Bh => benjamini_hochberg(&p_values).map_err(refused)?,
            Correction::By => benjamini_yekutieli(&p_values).map_err(refused)?,
            Correction::Holm | Correction::MaxT => holm(&p_values).map_err(refused)?,
        };
        for need in family.iter().filter(|need| need.p_value.is_none()) {
            let key = (need.model.clone(), need.place.clone());
            found.of.insert(key, Standing::Unknown);
        }
        if !adjusted.is_empty() {
            found.families.insert(adjusted.len());
        }
        for (need, p) in tested().zip(adjusted) {
            found.tests.insert(need.test.clone());
            let standing = if p <= settings.alpha {
                Standing::Worse
            } else {
                Standing::Tied
            };
            let key = (need.model.clone(), need.place.clone());
            found.of.insert(key, standing);
        }
    }
    Ok(())
}

fn refused(error: mergelab_stats::StatsError) -> WideError {
    WideError::Layout(format!("p-values cannot be corrected: {error}"))
}
