//! Predictions of two runs, paired by example.

use super::{
    first,
    results::{Place, ResultRow},
    second,
};
use crate::{
    cell::{Cell, MetricScores, PluginStamp},
    compare::canonical,
    past::{
        Past, PastError,
        folder::{read as read_file, unreadable},
    },
    plan::spec::{ScoreWhat, What},
    run::file_name,
};
use mergelab_abi::{
    Kind,
    metric::{Measure, MetricSetup},
    registry::Registry,
};
use serde::Deserialize;
use serde_json::Value;
use std::{
    collections::{BTreeMap, HashMap},
    path::PathBuf,
};

/// One model on one task in one language in both runs, with the examples that both have.
pub(super) struct Paired {
    pub(super) first: Cell,
    pub(super) second: Cell,
}

/// One line of a file of predictions.
#[derive(Debug, Clone, PartialEq, Deserialize)]
struct Line {
    id: String,
    #[serde(default)]
    cluster: Option<String>,
    reference: Value,
    scores: BTreeMap<String, BTreeMap<String, Value>>,
    #[serde(default)]
    truncated_tokens: usize,
    #[serde(default)]
    dropped_shots: usize,
}

/// What scores a task in a language.
struct Scored<'a> {
    what: &'a ScoreWhat,
    metrics: Vec<(
        &'a PluginStamp,
        &'a serde_json::Map<String, Value>,
        Vec<Measure>,
    )>,
}

/// Reads both cells; `results` are those of the second run. `None`, with a note, where nothing in them can be tested.
///
/// # Errors
/// A file of predictions is damaged.
pub(super) fn paired(
    [a, b]: [&Past; 2],
    results: &BTreeMap<Place, ResultRow>,
    cell: [&str; 3],
    places: &[&Place],
    registry: &Registry,
    notes: &mut Vec<String>,
) -> Result<Option<Paired>, PastError> {
    let [model, task, language] = cell;
    let scored = match scored(b, results, [task, language], places, registry) {
        Ok(scored) => scored,
        Err(message) => {
            notes.push(format!("{task} in {language}: not tested, {message}"));
            return Ok(None);
        }
    };
    let name = format!("{}.jsonl", file_name(&format!("{model}.{task}.{language}")));
    if let Some(run) = [a, b].iter().find(|run| !predictions(run, &name).is_file()) {
        let path = predictions(run, &name);
        notes.push(format!(
            "{model} on {task} in {language}: not tested, there is no {}",
            path.display()
        ));
        return Ok(None);
    }
    let (lines_a, lines_b) = (lines(a, &name)?, lines(b, &name)?);
    let by_id: HashMap<&str, &Line> = lines_a.iter().map(|l| (l.id.as_str(), l)).collect();
    // An example whose reference changed is another example.
    let both: Vec<(&Line, &Line)> = lines_b
        .iter()
        .filter_map(|line| Some((*by_id.get(line.id.as_str())?, line)))
        .filter(|(own, other)| own.reference == other.reference)
        .collect();
    let fewer = both.len() < lines_a.len() || both.len() < lines_b.len();
    if both.is_empty() {
        notes.push(format!(
            "{task} in {language}: not tested, the runs have no example with the same id and \
             reference"
        ));
        return Ok(None);
    }
    if fewer {
        notes.push(format!(
            "{task} in {language}: tested on the {} examples that both runs have, of {} and {}",
            both.len(),
            lines_a.len(),
            lines_b.len()
        ));
    }
    let dataset = &scored.what.rows.dataset;
    let build = |name: String, lines: Vec<&Line>| -> Result<Cell, String> {
        let mut metrics = Vec::new();
        for (plugin, params, measures) in &scored.metrics {
            let mut statistics = Vec::new();
            for line in &lines {
                for measure in measures {
                    statistics.extend(numbers(line, &plugin.id, measure)?);
                }
            }
            metrics.push(MetricScores {
                metric: plugin.id.clone(),
                params: (*params).clone(),
                plugin: (*plugin).clone(),
                measures: measures.clone(),
                statistics,
            });
        }
        Ok(Cell {
            model: name,
            task: task.to_owned(),
            dataset: dataset.clone(),
            language: language.to_owned(),
            split: scored.what.rows.split.clone(),
            ids: lines.iter().map(|l| l.id.clone()).collect(),
            clusters: lines.iter().map(|l| l.cluster.clone()).collect(),
            truncated: lines
                .iter()
                .filter(|l| l.truncated_tokens > 0 || l.dropped_shots > 0)
                .count(),
            labels: scored.what.task.labels.clone(),
            metrics,
            key: String::new(),
        })
    };
    let cells = build(first(model), both.iter().map(|p| p.0).collect()).and_then(|first| {
        Ok((
            first,
            build(second(model), both.iter().map(|p| p.1).collect())?,
        ))
    });
    match cells {
        Ok((first, second)) => Ok(Some(Paired { first, second })),
        Err(message) => {
            notes.push(format!(
                "{model} on {task} in {language}: not tested, {message}"
            ));
            Ok(None)
        }
    }
}

/// The metrics of a task, as the second run and the plugins at hand have them.
fn scored<'a>(
    run: &'a Past,
    results: &BTreeMap<Place, ResultRow>,
    [task, language]: [&str; 2],
    places: &[&Place],
    registry: &Registry,
) -> Result<Scored<'a>, String> {
    let what = run.stages.iter().find_map(|stage| match &stage.what {
        What::Score(what) if what.task.name == task && what.rows.language == language => Some(what),
        _ => None,
    });
    let what = what.ok_or("the second run lists no stage that scores it")?;
    let mut metrics = Vec::new();
    for metric in &what.metrics {
        let (id, params) = (&metric.plugin.id, canonical(&metric.params));
        // Predictions name scores by the metric's id alone.
        let twice = what.metrics.iter().filter(|m| m.plugin.id == *id).count() > 1;
        let own: Vec<&&Place> = places
            .iter()
            .filter(|p| p.metric == *id && p.metric_parameters == params)
            .collect();
        if own.is_empty() || twice {
            continue;
        }
        let open = registry
            .get(Kind::Metric, id)
            .map_err(|e| e.to_string())?
            .open_metric(&MetricSetup {
                params: metric.params.clone(),
                language: language.to_owned(),
                labels: what.task.labels.clone(),
            })
            .map_err(|e| e.to_string())?;
        let measures = open.measures();
        // Every measure takes part, so that the metric finds its statistics.
        let alike = measures.iter().all(|measure| {
            let place = own.iter().find(|p| p.measure == measure.name);
            place.is_some_and(|place| results[**place].preset == measure.preset)
        });
        if !alike {
            return Err(format!(
                "the plugin of `{id}` at hand defines its measures otherwise than the runs did"
            ));
        }
        metrics.push((&metric.plugin, &metric.params, measures));
    }
    if metrics.is_empty() {
        return Err("no metric of it is the same in both runs, and there once".to_owned());
    }
    Ok(Scored { what, metrics })
}

fn predictions(run: &Past, name: &str) -> PathBuf {
    run.folder.join("predictions").join(name)
}

fn lines(run: &Past, name: &str) -> Result<Vec<Line>, PastError> {
    let file = predictions(run, name);
    read_file(&file)?
        .lines()
        .map(|line| serde_json::from_str(line).map_err(unreadable(&file)))
        .collect()
}

/// The statistics of one example.
fn numbers(line: &Line, metric: &str, measure: &Measure) -> Result<Vec<f64>, String> {
    let found = line.scores.get(metric).and_then(|m| m.get(&measure.name));
    let numbers: Option<Vec<f64>> = match found {
        Some(Value::Array(all)) => all.iter().map(Value::as_f64).collect(),
        Some(one) => one.as_f64().map(|one| vec![one]),
        None => None,
    };
    numbers
        .filter(|numbers| numbers.len() == measure.width)
        .ok_or_else(|| {
            format!(
                "the example `{}` has no scores of `{}` in the form of the plugin at hand",
                line.id, measure.name
            )
        })
}
