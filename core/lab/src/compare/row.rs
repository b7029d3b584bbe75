//! One comparison, from its columns to its row.

use mergelab_stats::{Equivalence, Verdict};

use super::ALL_LANGUAGES;
use super::aggregate::MetricSource;
use super::comparison::Comparison;
use super::declared::check_fit;
use super::dominance::Trainings;
use super::error::CompareError;
use super::grid::{Column, place};
use super::jobs::Job;
use super::paired::{Outcome, Plan};
use super::part::Part;
use super::settings::Settings;
use super::stream::stream;
use super::value::datasets;
use super::{macro_average, paired, replicated};

/// What a row's verdict needs, and what depends on the size of its family.
pub(super) struct Undecided {
    pub(super) equivalence: Option<Equivalence>,
    pub(super) trainings: Trainings,
}

/// The row, not yet corrected for its family.
pub(super) fn row(
    job: &Job<'_>,
    source: &dyn MetricSource,
    settings: &Settings,
) -> Result<(Comparison, Undecided), CompareError> {
    let model = job.columns[0][0][0];
    let parts = job
        .columns
        .iter()
        .map(|sides| Part::paired(&sides.concat(), source))
        .collect::<Result<Vec<_>, _>>()?;
    let (names, measure) = (job.names, model.measure);
    let margin = settings.margin(&measure.name, job.measure.metric);
    let inferiority = settings.inferiority(&measure.name, job.measure.metric);
    let chosen = settings.chosen(job.task, &measure.name, job.measure.metric);
    let clustered = parts.iter().any(|part| part.clustered);
    check_fit(job, chosen, measure.shape, clustered)?;
    let key = [
        names[1],
        names[0],
        job.task,
        job.language,
        &job.measure.label,
    ];
    let plan = Plan {
        settings,
        seed: stream(settings.seed, &key),
        margin,
        inferiority,
        chosen,
    };
    let averaged = job.language == ALL_LANGUAGES;
    let replicates = [0, 1].map(|side| job.columns[0][side].len());
    let found: Outcome = if replicates != [1, 1] {
        replicated::compare(&parts, replicates[0], measure.shape, &plan)
    } else if averaged {
        macro_average::compare(&parts, measure.shape, &plan)
    } else {
        paired::compare(&parts[0], measure.shape, &plan)
    }
    .map_err(|source| CompareError::Statistics {
        place: place(model.cell),
        measure: measure.name.clone(),
        source,
    })?;
    let drawn = found.interval.is_some_and(|(_, method)| !method.closed());
    let closed = found.test.closed() && !drawn;
    let p_non_inferior = found
        .inferiority
        .map(|test| test.p_non_inferior(measure.higher_is_better));
    let columns: Vec<Column<'_>> = job.columns.iter().map(|sides| sides[0][0]).collect();
    let row = Comparison {
        baseline: names[1].to_owned(),
        model: names[0].to_owned(),
        task: job.task.to_owned(),
        dataset: datasets(&columns),
        language: job.language.to_owned(),
        metric: job.measure.metric.to_owned(),
        metric_parameters: job.measure.params.clone(),
        measure: measure.clone(),
        n: parts.iter().map(Part::examples).sum(),
        units: found.units,
        model_value: found.values.map(|values| values[0]),
        baseline_value: found.values.map(|values| values[1]),
        difference: found.difference,
        ci_low: found.interval.map(|(interval, _)| interval.low),
        ci_high: found.interval.map(|(interval, _)| interval.high),
        ci_level: settings.level,
        ci_method: found.interval.map(|(_, method)| method),
        test: found.test,
        exact: found.exact,
        resamples: if closed { 0 } else { settings.resamples },
        seed: plan.seed,
        p_value: found.p_value,
        p_adjusted: None,
        correction: settings.correction,
        family: settings.family_name([
            names[1],
            names[0],
            job.task,
            &job.measure.label,
            job.language,
        ]),
        family_size: 0,
        effect_name: found.effect.map(|(name, _)| name),
        effect: found.effect.map(|(_, value)| value),
        detectable: found.detectable,
        margin,
        p_equivalence: found.equivalence.map(|test| test.p_value),
        within_margin: false,
        alpha: settings.alpha,
        verdict: Verdict::Inconclusive,
        only_model: found.discordant.map(|(model, _)| model),
        only_baseline: found.discordant.map(|(_, baseline)| baseline),
        identical: parts.iter().all(Part::identical),
        inferiority_margin: inferiority,
        p_non_inferior,
        non_inferior: inferiority.map(|_| p_non_inferior.is_some_and(|p| p <= settings.alpha)),
        aso_model: None,
        aso_baseline: None,
        note: found.notes.join("; "),
    };
    let undecided = Undecided {
        equivalence: found.equivalence,
        trainings: found.trainings,
    };
    Ok((row, undecided))
}
