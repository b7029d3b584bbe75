//! Values of models with their confidence intervals.

use mergelab_abi::metric::{Measure, Shape};
use mergelab_stats::{StatsError, bootstrap, value, wilson_interval};
use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use super::ALL_LANGUAGES;
use super::aggregate::MetricSource;
use super::error::{CompareError, unless_undefined};
use super::grid::{Column, Grid, TaskMeasure, place};
use super::macro_average;
use super::names::CiMethod;
use super::paired::{Plan, interval_name};
use super::part::Part;
use super::settings::Settings;
use super::stream::stream;
use crate::cell::{Cell, PluginStamp};

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
    /// Examples whose prompt was cut.
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
    /// Content key of the predictions; empty where languages are averaged.
    pub cell_key: String,
}

/// The value of every measure in every cell with its confidence interval, and the mean over the
/// languages of each task that has several, for models with a value in each.
///
/// Wilson's interval for 0/1 scores, percentile bootstrap for all else, resampling whole clusters
/// where clusters hold more than one example. Rows are in the order of the models' first cells,
/// then by task, language and measure.
///
/// # Errors
/// Settings out of range, cells that do not fit their list of examples, or a metric that fails.
pub fn values(
    cells: &[Cell],
    source: &dyn MetricSource,
    settings: &Settings,
) -> Result<Vec<Value>, CompareError> {
    settings.check()?;
    let grid = Grid::new(cells)?;
    let mut jobs: Vec<(&TaskMeasure<'_>, Vec<Column<'_>>, &str)> = Vec::new();
    for model in &grid.models {
        for task in grid.tasks.values() {
            let column = |language: &str, measure: &TaskMeasure<'_>| {
                let cell = *task.languages.get(language)?.get(model)?;
                measure.column(cell)
            };
            for &language in task.languages.keys() {
                for measure in &task.measures {
                    if let Some(column) = column(language, measure) {
                        jobs.push((measure, vec![column], language));
                    }
                }
            }
            if task.languages.len() < 2 {
                continue;
            }
            for measure in &task.measures {
                let all = task.languages.keys().map(|l| column(l, measure));
                if let Some(columns) = all.collect::<Option<Vec<_>>>() {
                    jobs.push((measure, columns, ALL_LANGUAGES));
                }
            }
        }
    }
    jobs.par_iter()
        .map(|(measure, columns, language)| row(measure, columns, language, source, settings))
        .collect()
}

fn row(
    measure: &TaskMeasure<'_>,
    columns: &[Column<'_>],
    language: &str,
    source: &dyn MetricSource,
    settings: &Settings,
) -> Result<Value, CompareError> {
    let first = columns[0];
    let parts = columns
        .iter()
        .map(|&column| Part::single(column, source))
        .collect::<Result<Vec<_>, _>>()?;
    let cell = first.cell;
    let names = [&cell.model, &cell.task, language, &measure.label];
    let plan = Plan {
        settings,
        seed: stream(settings.seed, &names),
        margin: None,
    };
    let averaged = language == ALL_LANGUAGES;
    let mut notes = Vec::new();
    let estimate = if averaged {
        average(&parts, &plan, &mut notes)
    } else {
        single(&parts[0], first.measure.shape, &plan, &mut notes)
    }
    .map_err(|source| CompareError::Statistics {
        place: place(cell),
        measure: first.measure.name.clone(),
        source,
    })?;
    Ok(Value {
        model: cell.model.clone(),
        task: cell.task.clone(),
        dataset: datasets(columns),
        language: language.to_owned(),
        metric: first.scores.metric.clone(),
        metric_parameters: measure.params.clone(),
        metric_plugin: first.scores.plugin.clone(),
        measure: first.measure.clone(),
        n: parts.iter().map(Part::examples).sum(),
        n_truncated: columns.iter().map(|column| column.cell.truncated).sum(),
        units: estimate.units,
        value: estimate.value,
        ci_low: estimate.ends.map(|ends| ends.0),
        ci_high: estimate.ends.map(|ends| ends.1),
        ci_level: settings.level,
        ci_method: estimate.method,
        note: notes.join("; "),
        cell_key: if averaged {
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
    if shape == Shape::Binary && !part.clustered {
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
        units: draws.map_or(part.examples(), |d| d.units),
        method: interval_name(part),
    })
}

fn average(
    parts: &[Part<'_>],
    plan: &Plan<'_>,
    notes: &mut Vec<String>,
) -> Result<Estimate, StatsError> {
    let value = unless_undefined(macro_average::mean(parts), notes)?;
    let (draws, method) = macro_average::draws(parts, plan);
    let draws = unless_undefined(draws, notes)?;
    Ok(Estimate {
        value,
        ends: draws.as_ref().map(|d| (d.interval.low, d.interval.high)),
        units: draws.map_or_else(|| parts.iter().map(Part::examples).sum(), |d| d.units),
        method,
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
