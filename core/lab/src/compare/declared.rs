//! What the settings name must exist, and what they ask for must fit.

use std::collections::BTreeSet;

use mergelab_abi::metric::Shape;
use mergelab_abi::suggest::hint;

use super::choice::Chosen;
use super::error::CompareError;
use super::grid::Grid;
use super::jobs::Job;
use super::settings::Settings;
use crate::cell::ModelLabel;

/// Refuses baselines, margins and choices of what is not there.
pub(super) fn check_names(
    grid: &Grid<'_>,
    labels: &[ModelLabel],
    settings: &Settings,
) -> Result<(), CompareError> {
    let known = labels.iter().map(|label| label.name.as_str());
    for baseline in &settings.baselines {
        if !known.clone().any(|name| name == baseline) {
            return Err(CompareError::Baseline {
                baseline: baseline.clone(),
                hint: hint(baseline, known),
            });
        }
    }
    for model in &grid.models {
        if !known.clone().any(|name| name == *model) {
            return Err(CompareError::Model {
                model: (*model).to_owned(),
                hint: hint(model, known),
            });
        }
    }
    let measures = grid.tasks.values().flat_map(|task| &task.measures);
    let tested = measures
        .filter(|m| m.measure.tested)
        .flat_map(|m| [m.measure.name.as_str(), m.metric]);
    let tested: BTreeSet<&str> = tested.collect();
    // Before anything is scored, nothing is known about names.
    if tested.is_empty() {
        return Ok(());
    }
    let margins = settings.margins.keys();
    for name in margins.chain(settings.non_inferiority.keys()) {
        check_margin(name, &tested)?;
    }
    for name in settings.tests.iter().filter_map(|c| c.measure.as_ref()) {
        check_chosen(name, &tested)?;
    }
    Ok(())
}

/// Refuses a margin of what is neither a tested measure nor the metric of one.
pub(crate) fn check_margin(name: &str, tested: &BTreeSet<&str>) -> Result<(), CompareError> {
    if tested.contains(name) {
        return Ok(());
    }
    Err(CompareError::Margin {
        name: name.to_owned(),
        hint: hint(name, tested.iter().copied()),
    })
}

/// Refuses a choice of a test or an interval for such a name.
pub(crate) fn check_chosen(name: &str, tested: &BTreeSet<&str>) -> Result<(), CompareError> {
    if tested.contains(name) {
        return Ok(());
    }
    Err(CompareError::Chosen {
        name: name.to_owned(),
        hint: hint(name, tested.iter().copied()),
    })
}

/// Refuses a test or an interval that does not fit the measure.
pub(super) fn check_fit(
    job: &Job<'_>,
    chosen: Chosen,
    shape: Shape,
    clustered: bool,
) -> Result<(), CompareError> {
    let Some(misfit) = chosen.misfit(shape, clustered) else {
        return Ok(());
    };
    let measure = &job.columns[0][0][0].measure.name;
    Err(CompareError::unfit(misfit, measure, job.task))
}
