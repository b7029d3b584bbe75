//! Values of models with their confidence intervals.

use mergelab_abi::metric::{Measure, Shape};
use mergelab_stats::{
    IntervalMethod, StatsError, bootstrap, clustered_standard_error, standard_error, value,
    wilson_interval,
};
use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use super::ALL_LANGUAGES;
use super::aggregate::MetricSource;
use super::choice::IntervalChoice;
use super::chosen::bootstrap_name;
use super::error::{CompareError, unless_undefined};
use super::grid::{Column, Grid, TaskMeasure, place};
use super::names::CiMethod;
use super::paired::Plan;
use super::part::Part;
use super::settings::Settings;
use super::stream::stream;
use super::{macro_average, replicated};
use crate::cell::{Cell, ModelLabel, PluginStamp};

/// What one model scores by one measure on one task in one language, or over all its languages.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Value {
    /// Name of the model.
    pub model: String,
    /// Name of the task.
    pub task: String,
    /// Name of the dataset; several, with `+` between them, where languages are averaged.
    pub dataset: String,
    /// Language of the examples, or [`ALL_LANGUAGES`].
    pub language: String,
    /// The split of the examples.
    pub split: String,
    /// Whether it served to choose among candidates.
    pub selection: bool,
    /// Id of the metric.
    pub metric: String,
    /// The metric's parameters, as [`canonical`](super::canonical) JSON.
    pub metric_parameters: String,
    /// The metric's plugin.
    pub metric_plugin: PluginStamp,
    /// The measure.
    pub measure: Measure,
    /// Number of examples.
    pub n: usize,
    /// Replicates whose mean it is.
    pub replicates: usize,
    /// Examples whose prompt was cut, of the replicate with most of them.
    pub n_truncated: usize,
    /// Number of examples, clusters or items that were resampled as wholes.
    pub units: usize,
    /// The value. None where the metric has none on these examples.
    pub value: Option<f64>,
    /// Lower end of the confidence interval.
    pub ci_low: Option<f64>,
    /// Upper end of the confidence interval.
    pub ci_high: Option<f64>,
    /// Coverage of the interval.
    pub ci_level: f64,
    /// How the interval was computed.
    pub ci_method: CiMethod,
    /// Why a number is missing.
    pub note: String,
    /// Content key of the predictions; empty where languages or replicates are averaged.
    pub cell_key: String,
}

/// A value to compute.
struct Job<'a> {
    model: &'a str,
    measure: &'a TaskMeasure<'a>,
    /// The replicates of each language.
    columns: Vec<Vec<Column<'a>>>,
    language: &'a str,
}

/// The value of every measure in every cell with its confidence interval; the mean over the
/// languages of each task that has several, for models with a value in each; and the mean over the
/// replicates of each label that has some, where all have a value.
///
/// Wilson's interval for 0/1 scores, percentile bootstrap for all else, resampling whole clusters
/// where clusters hold more than one example. Rows are in the order of the models' first cells,
/// then by task, language and measure; means over replicates come last.
///
/// # Errors
/// Settings out of range, cells that do not fit their list of examples, or a metric that fails.
pub fn values(
    cells: &[Cell],
    labels: &[ModelLabel],
    source: &dyn MetricSource,
    settings: &Settings,
) -> Result<Vec<Value>, CompareError> {
    settings.check()?;
    let grid = Grid::new(cells)?;
    let mut jobs = Vec::new();
    for &model in &grid.models {
        add_jobs(&mut jobs, &grid, model, &[model]);
    }
    for label in labels.iter().filter(|l| !l.replicates.is_empty()) {
        let replicates: Vec<&str> = label.replicates.iter().map(String::as_str).collect();
        add_jobs(&mut jobs, &grid, &label.name, &replicates);
    }
    jobs.par_iter()
        .map(|job| row(job, source, settings))
        .collect()
}

fn add_jobs<'a>(jobs: &mut Vec<Job<'a>>, grid: &'a Grid<'a>, model: &'a str, replicates: &[&str]) {
    for task in grid.tasks.values() {
        let column = |language: &str, measure: &TaskMeasure<'_>| -> Option<Vec<Column<'a>>> {
            let cells = task.languages.get(language)?;
            replicates
                .iter()
                .map(|name| measure.column(cells.get(name)?))
                .collect()
        };
        let mut add = |measure, columns, language| {
            jobs.push(Job {
                model,
                measure,
                columns,
                language,
            });
        };
        for &language in task.languages.keys() {
            for measure in &task.measures {
                if let Some(columns) = column(language, measure) {
                    add(measure, vec![columns], language);
                }
            }
        }
        if task.languages.len() < 2 {
            continue;
        }
        for measure in &task.measures {
            let all = task.languages.keys().map(|l| column(l, measure));
            if let Some(columns) = all.collect::<Option<Vec<_>>>() {
                add(measure, columns, ALL_LANGUAGES);
            }
        }
    }
}

fn row(
    job: &Job<'_>,
    source: &dyn MetricSource,
    settings: &Settings,
) -> Result<Value, CompareError> {
    let (measure, language) = (job.measure, job.language);
    let firsts: Vec<Column<'_>> = job.columns.iter().map(|replicates| replicates[0]).collect();
    let first = firsts[0];
    let parts = job
        .columns
        .iter()
        .map(|replicates| Part::paired(replicates, source))
        .collect::<Result<Vec<_>, _>>()?;
    let cell = first.cell;
    let names = [job.model, &cell.task, language, &measure.label];
    let plan = Plan {
        settings,
        seed: stream(settings.seed, &names),
        margin: None,
        inferiority: None,
        chosen: settings.chosen(&cell.task, &first.measure.name, &first.scores.metric),
    };
    let averaged = language == ALL_LANGUAGES;
    let replicates = job.columns[0].len();
    let mut notes = Vec::new();
    let estimate = if replicates > 1 {
        over_replicates(&parts, &plan, &mut notes)
    } else if averaged {
        average(&parts, first.measure.shape, &plan, &mut notes)
    } else {
        single(&parts[0], first.measure.shape, &plan, &mut notes)
    }
    .map_err(|source| CompareError::Statistics {
        place: place(cell),
        measure: first.measure.name.clone(),
        source,
    })?;
    let truncated = |replicates: &Vec<Column<'_>>| {
        let each = replicates.iter().map(|column| column.cell.truncated);
        each.max().unwrap_or(0)
    };
    Ok(Value {
        model: job.model.to_owned(),
        task: cell.task.clone(),
        dataset: datasets(&firsts),
        language: language.to_owned(),
        split: cell.split.clone(),
        selection: false,
        metric: first.scores.metric.clone(),
        metric_parameters: measure.params.clone(),
        metric_plugin: first.scores.plugin.clone(),
        measure: first.measure.clone(),
        n: parts.iter().map(Part::examples).sum(),
        replicates,
        n_truncated: job.columns.iter().map(truncated).sum(),
        units: estimate.units,
        value: estimate.value,
        ci_low: estimate.ends.map(|ends| ends.0),
        ci_high: estimate.ends.map(|ends| ends.1),
        ci_level: settings.level,
        ci_method: estimate.method,
        note: notes.join("; "),
        cell_key: if averaged || replicates > 1 {
            String::new()
        } else {
            cell.key.clone()
        },
    })
}

struct Estimate {
    value: Option<f64>,
    ends: Option<(f64, f64)>,
    units: usize,
    method: CiMethod,
}

fn single(
    part: &Part<'_>,
    shape: Shape,
    plan: &Plan<'_>,
    notes: &mut Vec<String>,
) -> Result<Estimate, StatsError> {
    let statistics = part.system(0)?;
    let value = unless_undefined(value(&statistics, part.metric.as_ref()), notes)?;
    let interval = plan.chosen.interval;
    let drawn = matches!(
        interval,
        Some(IntervalChoice::Percentile | IntervalChoice::Bca)
    );
    if interval == Some(IntervalChoice::StudentT) && shape != Shape::Corpus {
        let scores = part.scores(0);
        let (error, method) = if part.clustered {
            let error = clustered_standard_error(&scores, &part.clusters());
            (error, CiMethod::ClusteredT)
        } else {
            (standard_error(&scores), CiMethod::StudentT)
        };
        let level = plan.settings.level;
        let found = unless_undefined(error.and_then(|e| Ok((e.interval(level)?, e))), notes)?;
        return Ok(Estimate {
            value,
            ends: found.map(|(interval, _)| (interval.low, interval.high)),
            units: found.map_or(part.examples(), |(_, error)| error.clusters),
            method,
        });
    }
    if shape == Shape::Binary && !part.clustered && !drawn {
        let n = part.examples();
        let right = part.scores(0).iter().filter(|&&score| score == 1.0).count();
        let interval = wilson_interval(right as u64, n as u64, plan.settings.level)?;
        return Ok(Estimate {
            value,
            ends: Some((interval.low, interval.high)),
            units: n,
            method: CiMethod::Wilson,
        });
    }
    let draws = bootstrap(&statistics, part.metric.as_ref(), &plan.bootstrap());
    let draws = unless_undefined(draws, notes)?;
    Ok(Estimate {
        value,
        ends: draws.as_ref().map(|d| (d.interval.low, d.interval.high)),
        method: draws.as_ref().map_or_else(
            || bootstrap_name(part, IntervalMethod::Percentile),
            |d| bootstrap_name(part, d.interval.method),
        ),
        units: draws.map_or(part.examples(), |d| d.units),
    })
}

fn average(
    parts: &[Part<'_>],
    shape: Shape,
    plan: &Plan<'_>,
    notes: &mut Vec<String>,
) -> Result<Estimate, StatsError> {
    let value = unless_undefined(macro_average::mean(parts), notes)?;
    if plan.chosen.interval == Some(IntervalChoice::StudentT) && shape != Shape::Corpus {
        let found = macro_average::student(parts, plan, |part| part.scores(0));
        let found = unless_undefined(found, notes)?;
        return Ok(Estimate {
            value,
            ends: found.map(|test| (test.interval.low, test.interval.high)),
            units: macro_average::items(parts).len(),
            method: CiMethod::MacroT,
        });
    }
    let (draws, method) = macro_average::draws(parts, plan);
    let draws = unless_undefined(draws, notes)?;
    Ok(Estimate {
        value,
        ends: draws.as_ref().map(|d| (d.interval.low, d.interval.high)),
        units: draws.map_or_else(|| parts.iter().map(Part::examples).sum(), |d| d.units),
        method,
    })
}

fn over_replicates(
    parts: &[Part<'_>],
    plan: &Plan<'_>,
    notes: &mut Vec<String>,
) -> Result<Estimate, StatsError> {
    let value = unless_undefined(replicated::mean(parts), notes)?;
    let found = unless_undefined(replicated::interval(parts, plan), notes)?;
    Ok(Estimate {
        value,
        ends: found.map(|(interval, ..)| (interval.low, interval.high)),
        units: found.map_or_else(|| parts.iter().map(Part::examples).sum(), |found| found.2),
        method: found.map_or(CiMethod::ReplicatedBootstrap, |found| found.1),
    })
}

/// The names of the columns' datasets, each once.
pub(super) fn datasets(columns: &[Column<'_>]) -> String {
    let mut names: Vec<&str> = Vec::new();
    for column in columns {
        if !names.contains(&column.cell.dataset.as_str()) {
            names.push(&column.cell.dataset);
        }
    }
    names.join("+")
}
