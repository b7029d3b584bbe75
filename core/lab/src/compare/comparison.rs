//! Every model against every baseline.

use std::collections::BTreeMap;

use mergelab_abi::metric::{Measure, Shape};
use mergelab_abi::suggest::hint;
use mergelab_stats::{Equivalence, Verdict, verdict};
use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use super::ALL_LANGUAGES;
use super::aggregate::MetricSource;
use super::choice::{Chosen, Fits, IntervalChoice, TestChoice};
use super::error::CompareError;
use super::family::adjust;
use super::grid::{Column, Grid, Task, TaskMeasure, place};
use super::names::{CiMethod, EffectSize, Test};
use super::paired::{Outcome, Plan};
use super::part::Part;
use super::settings::{Correction, Settings};
use super::stream::stream;
use super::value::datasets;
use super::{macro_average, max_t, paired, replicated};
use crate::cell::{Cell, ModelLabel};

/// One model against one baseline by one measure on one task in one language, or over all its
/// languages.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Comparison {
    /// Name of the baseline.
    pub baseline: String,
    /// Name of the model.
    pub model: String,
    /// Name of the task.
    pub task: String,
    /// Name of the dataset; several, with `+` between them, where languages are averaged.
    pub dataset: String,
    /// Language of the examples, or [`ALL_LANGUAGES`].
    pub language: String,
    /// Id of the metric.
    pub metric: String,
    /// The metric's parameters, as [`canonical`](super::canonical) JSON.
    pub metric_parameters: String,
    /// The measure.
    pub measure: Measure,
    /// Number of examples that both models answered.
    pub n: usize,
    /// Number of examples, clusters or items that the test exchanges as wholes.
    pub units: usize,
    /// The model's value.
    pub model_value: Option<f64>,
    /// The baseline's value.
    pub baseline_value: Option<f64>,
    /// Model minus baseline, in the measure's own unit.
    pub difference: Option<f64>,
    /// Lower end of the difference's confidence interval. Not corrected for the family.
    pub ci_low: Option<f64>,
    /// Upper end of the difference's confidence interval.
    pub ci_high: Option<f64>,
    /// Coverage of the interval.
    pub ci_level: f64,
    /// How the interval was computed.
    pub ci_method: Option<CiMethod>,
    /// The test.
    pub test: Test,
    /// Whether the p-value is free of Monte-Carlo error.
    pub exact: bool,
    /// Resamples asked for.
    pub resamples: usize,
    /// Seed of this comparison's draws, which follows from the experiment's and the names.
    pub seed: u64,
    /// Two-sided p-value.
    pub p_value: Option<f64>,
    /// The p-value corrected for the family.
    pub p_adjusted: Option<f64>,
    /// How it was corrected.
    pub correction: Correction,
    /// What is corrected together: `<baseline>/<task>/<measure>` over models and languages where the
    /// settings declare no other families, with `/all` behind it for averages over languages.
    pub family: String,
    /// Number of p-values in the family.
    pub family_size: usize,
    /// Which effect size follows.
    pub effect_name: Option<EffectSize>,
    /// Effect size, above 0 where the model's value is higher.
    pub effect: Option<f64>,
    /// Smallest true difference that this test would find at the uncorrected alpha with probability
    /// 0.8.
    pub detectable: Option<f64>,
    /// Declared difference that would be too small to matter.
    pub margin: Option<f64>,
    /// p-value of "the difference is at least the margin".
    pub p_equivalence: Option<f64>,
    /// Level of the verdict's tests.
    pub alpha: f64,
    /// Whether a margin was declared and the difference was shown to be within it.
    pub within_margin: bool,
    /// What can be said.
    #[serde(with = "VerdictWords")]
    pub verdict: Verdict,
    /// Examples that only the model gets right, of 0/1 scores in one language.
    pub only_model: Option<u64>,
    /// Examples that only the baseline gets right.
    pub only_baseline: Option<u64>,
    /// Whether both have the same statistics on every example.
    pub identical: bool,
    /// Declared difference by which the model may be worse.
    #[serde(default)]
    pub inferiority_margin: Option<f64>,
    /// p-value of "the model is worse by that or more".
    #[serde(default)]
    pub p_non_inferior: Option<f64>,
    /// Whether that was refuted. None where no margin is declared.
    #[serde(default)]
    pub non_inferior: Option<bool>,
    /// Why a number is missing.
    pub note: String,
}

/// Lets a verdict be read back.
#[derive(Serialize, Deserialize)]
#[serde(remote = "Verdict", rename_all = "snake_case")]
enum VerdictWords {
    Better,
    Worse,
    Equivalent,
    Inconclusive,
}

pub(super) struct Job<'a> {
    /// Names of the model and the baseline.
    names: [&'a str; 2],
    task: &'a str,
    measure: &'a TaskMeasure<'a>,
    /// Model and baseline by language, each with its replicates.
    pub(super) columns: Vec<[Vec<Column<'a>>; 2]>,
    pub(super) language: &'a str,
}

/// Tests every model against every declared baseline, by every tested measure, where both have
/// scores; and on the mean over languages where both have scores in all languages of a task that
/// has several.
///
/// Rows are in the order of the baselines as declared, then of `labels`, then by task, language and
/// measure.
///
/// # Errors
/// Settings out of range or that name what does not exist, models that did not answer the same
/// examples or were not scored alike, or a metric that fails.
pub fn comparisons(
    cells: &[Cell],
    labels: &[ModelLabel],
    source: &dyn MetricSource,
    settings: &Settings,
) -> Result<Vec<Comparison>, CompareError> {
    settings.check()?;
    let grid = Grid::new(cells)?;
    check_names(&grid, labels, settings)?;
    let mut jobs = Vec::new();
    for baseline in &settings.baselines {
        let Some(against) = labels.iter().find(|label| label.name == *baseline) else {
            continue;
        };
        let tested = |label: &&ModelLabel| label.name != *baseline && label.replicate_of.is_none();
        for label in labels.iter().filter(tested) {
            for (name, task) in &grid.tasks {
                add_jobs(&mut jobs, name, task, [label, against])?;
            }
        }
    }
    let (mut rows, equivalences): (Vec<_>, Vec<_>) = jobs
        .par_iter()
        .map(|job| row(job, source, settings))
        .collect::<Result<Vec<_>, _>>()?
        .into_iter()
        .unzip();
    let corrected = shared_exchanges(&jobs, &rows, source, settings)?;
    decide(&mut rows, &equivalences, &corrected, settings)?;
    Ok(rows)
}

/// The p-values of max-T, by row, where it is asked for and can be had.
fn shared_exchanges(
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
            let p_values = max_t::correct(&jobs, family, source, settings)?;
            let both = members.iter().copied().zip(p_values.unwrap_or_default());
            Ok(both.collect::<Vec<_>>())
        })
        .collect::<Result<Vec<_>, CompareError>>()?;
    Ok(corrected.into_iter().flatten().collect())
}

fn check_names(
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
    let mut tested: Vec<&str> = measures
        .filter(|m| m.measure.tested)
        .flat_map(|m| [m.measure.name.as_str(), m.metric])
        .collect();
    tested.sort_unstable();
    tested.dedup();
    // Before anything is scored, nothing is known about names.
    let unknown = |name: &str| !tested.is_empty() && !tested.contains(&name);
    for name in settings
        .margins
        .keys()
        .chain(settings.non_inferiority.keys())
    {
        if unknown(name) {
            return Err(CompareError::Margin {
                name: name.clone(),
                hint: hint(name, tested.iter().copied()),
            });
        }
    }
    for name in settings.tests.iter().filter_map(|c| c.measure.as_ref()) {
        if unknown(name) {
            return Err(CompareError::Chosen {
                name: name.clone(),
                hint: hint(name, tested.iter().copied()),
            });
        }
    }
    Ok(())
}

/// Refuses a test or an interval that does not fit the measure.
fn check_fit(
    job: &Job<'_>,
    chosen: Chosen,
    shape: Shape,
    clustered: bool,
) -> Result<(), CompareError> {
    let measure = &job.columns[0][0][0].measure.name;
    let words = match (shape, clustered) {
        (Shape::Binary, false) => "whose scores are 0 or 1",
        (Shape::Binary, true) => "whose scores are 0 or 1 on examples in clusters",
        (Shape::Mean, false) => "a mean of scores",
        (Shape::Mean, true) => "a mean of scores of examples in clusters",
        (Shape::Corpus, _) => "which is no mean of scores",
    };
    let unfit = |what, chosen, fitting| CompareError::Unfit {
        what,
        chosen,
        measure: measure.clone(),
        task: job.task.to_owned(),
        shape: words,
        fitting,
    };
    if let Some(test) = chosen.test.filter(|t| !t.fits(shape, clustered)) {
        return Err(unfit(
            "test",
            test.name(),
            TestChoice::fitting(shape, clustered),
        ));
    }
    match chosen.interval.filter(|i| !i.fits(shape, clustered)) {
        Some(interval) => {
            let fitting = IntervalChoice::fitting(shape, clustered);
            Err(unfit("interval", interval.name(), fitting))
        }
        None => Ok(()),
    }
}

pub(super) fn add_jobs<'a>(
    jobs: &mut Vec<Job<'a>>,
    name: &'a str,
    task: &'a Task<'a>,
    models: [&'a ModelLabel; 2],
) -> Result<(), CompareError> {
    let measures = || task.measures.iter().filter(|m| m.measure.tested);
    let names = models.map(|label| label.name.as_str());
    let job = |measure, columns, language| Job {
        names,
        task: name,
        measure,
        columns,
        language,
    };
    for (&language, cells) in &task.languages {
        for measure in measures() {
            if let Some(columns) = pair(measure, cells, models)? {
                jobs.push(job(measure, vec![columns], language));
            }
        }
    }
    if task.languages.len() > 1 {
        for measure in measures() {
            let columns = task
                .languages
                .values()
                .map(|cells| pair(measure, cells, models))
                .collect::<Result<Option<Vec<_>>, _>>()?;
            if let Some(columns) = columns {
                jobs.push(job(measure, columns, ALL_LANGUAGES));
            }
        }
    }
    Ok(())
}

/// The measure of all replicates of both models. None where one has no cell or none has the
/// measure.
fn pair<'a>(
    measure: &TaskMeasure<'_>,
    cells: &BTreeMap<&'a str, &'a Cell>,
    models: [&ModelLabel; 2],
) -> Result<Option<[Vec<Column<'a>>; 2]>, CompareError> {
    let own = |label: &ModelLabel| -> Option<Vec<&'a Cell>> {
        let cell = |name: &String| cells.get(name.as_str()).copied();
        match &label.replicates[..] {
            [] => Some(vec![cell(&label.name)?]),
            names => names.iter().map(cell).collect(),
        }
    };
    let (Some(model), Some(baseline)) = (own(models[0]), own(models[1])) else {
        return Ok(None);
    };
    let columns = |cells: &[&'a Cell]| -> Vec<Column<'a>> {
        cells
            .iter()
            .filter_map(|cell| measure.column(cell))
            .collect()
    };
    let found = [columns(&model), columns(&baseline)];
    let whole = [
        found[0].len() == model.len(),
        found[1].len() == baseline.len(),
    ];
    let difference = match whole {
        [true, true] => return Ok(Some(found)),
        _ if found.iter().all(Vec::is_empty) => return Ok(None),
        [_, false] => format!("only the first has `{}`", measure.label),
        [false, _] => format!("only the baseline has `{}`", measure.label),
    };
    Err(CompareError::Scores {
        place: place(model[0]),
        baseline: models[1].name.clone(),
        metric: measure.metric.to_owned(),
        difference,
    })
}

pub(super) fn row(
    job: &Job<'_>,
    source: &dyn MetricSource,
    settings: &Settings,
) -> Result<(Comparison, Option<Equivalence>), CompareError> {
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
        note: found.notes.join("; "),
    };
    Ok((row, found.equivalence))
}

/// Corrects the p-values of each family and says what follows. `exchanged` are those of max-T; what it
/// does not have is corrected by Holm.
pub(super) fn decide(
    rows: &mut [Comparison],
    equivalences: &[Option<Equivalence>],
    exchanged: &BTreeMap<usize, f64>,
    settings: &Settings,
) -> Result<(), CompareError> {
    let members: Vec<_> = rows
        .iter()
        .map(|row| (row.family.clone(), row.p_value))
        .collect();
    let failed = |source| CompareError::Statistics {
        place: "all models".to_owned(),
        measure: "the correction for several comparisons".to_owned(),
        source,
    };
    let correction = match settings.correction {
        Correction::MaxT => Correction::Holm,
        other => other,
    };
    let adjusted = adjust(&members, correction).map_err(failed)?;
    let decided = rows.iter_mut().zip(adjusted).zip(equivalences).enumerate();
    for (number, ((row, (p, size)), equivalence)) in decided {
        let (p, correction) = match exchanged.get(&number) {
            // The exchanges are not those of the row's own test, whose p-value may be above.
            Some(&shared) => (row.p_value.map(|own| own.max(shared)), Correction::MaxT),
            None => (p, correction),
        };
        row.correction = correction;
        row.p_adjusted = p;
        row.family_size = size;
        if let (Some(difference), Some(p)) = (row.difference, p) {
            let higher = row.measure.higher_is_better;
            let said = verdict(difference, p, settings.alpha, equivalence.as_ref(), higher)
                .map_err(failed)?;
            row.verdict = said.verdict;
            row.within_margin = said.within_margin;
        }
    }
    Ok(())
}
