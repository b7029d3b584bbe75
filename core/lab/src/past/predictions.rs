//! Predictions of a run, read back as cells.

use super::{
    Past, PastError,
    folder::{read as read_file, unreadable},
    results::{self, Place, ResultRow},
};
use crate::{
    cell::{Cell, MetricScores, PluginStamp},
    compare::{ALL_LANGUAGES, canonical},
    plan::spec::{ScoreWhat, What},
    reading::is_preset_of,
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
    collections::{BTreeMap, BTreeSet},
    path::PathBuf,
};

/// One line of a file of predictions.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub(super) struct Line {
    pub(super) id: String,
    #[serde(default)]
    cluster: Option<String>,
    pub(super) reference: Value,
    scores: BTreeMap<String, BTreeMap<String, Value>>,
    #[serde(default)]
    truncated_tokens: usize,
    #[serde(default)]
    dropped_shots: usize,
}

/// What scores a task in a language.
pub(super) struct Scored<'a> {
    what: &'a ScoreWhat,
    metrics: Vec<(
        &'a PluginStamp,
        &'a serde_json::Map<String, Value>,
        Vec<Measure>,
    )>,
}

/// The metrics of a task, as a run and the plugins at hand have them.
pub(super) fn scored<'a>(
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
    let what = what.ok_or("the run lists no stage that scores it")?;
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
        let mut measures = open.measures();
        // Every measure takes part, so that the metric finds its statistics.
        let alike = measures.iter_mut().all(|measure| {
            let place = own.iter().find(|p| p.measure == measure.name);
            let preset = place.map(|place| &results[**place].preset);
            let preset = preset.filter(|preset| is_preset_of(preset, &measure.preset));
            preset
                .map(|preset| measure.preset.clone_from(preset))
                .is_some()
        });
        if !alike {
            return Err(format!(
                "the plugin of `{id}` at hand defines its measures otherwise than the runs did"
            ));
        }
        metrics.push((&metric.plugin, &metric.params, measures));
    }
    if metrics.is_empty() {
        return Err("no metric of it is there once and defined as the run had it".to_owned());
    }
    Ok(Scored { what, metrics })
}

/// The file of a model's predictions on the tested split.
pub(crate) fn file(model: &str, task: &str, language: &str) -> String {
    format!("{}.jsonl", file_name(&format!("{model}.{task}.{language}")))
}

/// Where a run keeps it.
pub(super) fn predictions(run: &Past, name: &str) -> PathBuf {
    run.folder.join("predictions").join(name)
}

/// The lines of a file of predictions.
pub(super) fn lines(run: &Past, name: &str) -> Result<Vec<Line>, PastError> {
    let file = predictions(run, name);
    read_file(&file)?
        .lines()
        .map(|line| serde_json::from_str(line).map_err(unreadable(&file)))
        .collect()
}

impl Scored<'_> {
    /// The name of the dataset.
    fn dataset(&self) -> &str {
        &self.what.rows.dataset
    }

    /// The cell of these examples, under this name.
    ///
    /// # Errors
    /// Scores in another form than that of the plugin at hand.
    pub(super) fn cell(&self, name: String, lines: &[&Line]) -> Result<Cell, String> {
        let mut metrics = Vec::new();
        for (plugin, params, measures) in &self.metrics {
            let mut statistics = Vec::new();
            for line in lines {
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
            task: self.what.task.name.clone(),
            dataset: self.dataset().to_owned(),
            language: self.what.rows.language.clone(),
            split: self.what.rows.split.clone(),
            ids: lines.iter().map(|l| l.id.clone()).collect(),
            clusters: lines.iter().map(|l| l.cluster.clone()).collect(),
            truncated: lines
                .iter()
                .filter(|l| l.truncated_tokens > 0 || l.dropped_shots > 0)
                .count(),
            labels: self.what.task.labels.clone(),
            metrics,
            key: String::new(),
        })
    }
}

/// The tested cells of a run on these tasks, from the predictions in its folder; and why others
/// could not be read.
///
/// # Errors
/// A file of the run is damaged.
pub(crate) fn cells(
    run: &Past,
    tasks: &BTreeSet<String>,
    registry: &Registry,
) -> Result<(Vec<Cell>, Vec<String>), PastError> {
    let results = results::read(run)?;
    let mut places: BTreeMap<[&str; 3], Vec<&Place>> = BTreeMap::new();
    for (place, row) in &results {
        let single = place.language != ALL_LANGUAGES && !row.cell_key.is_empty();
        if single && tasks.contains(&place.task) {
            let cell = [&*place.task, &*place.language, &*place.model];
            places.entry(cell).or_default().push(place);
        }
    }
    let mut cells = Vec::new();
    // What is wrong, and where.
    let mut missing: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    // Cells of one task and language are scored by the same metrics.
    let mut known: Option<([&str; 2], Result<Scored<'_>, String>)> = None;
    for ([task, language, model], places) in places {
        if known.as_ref().is_none_or(|(of, _)| *of != [task, language]) {
            let found = scored(run, &results, [task, language], &places, registry);
            known = Some(([task, language], found));
        }
        let name = file(model, task, language);
        let read = match &known {
            Some((_, Ok(scored))) if predictions(run, &name).is_file() => {
                let lines = lines(run, &name)?;
                scored.cell(model.to_owned(), &lines.iter().collect::<Vec<_>>())
            }
            Some((_, Err(message))) => Err(message.clone()),
            _ => Err(format!(
                "there are no files of predictions in {}",
                run.folder.join("predictions").display()
            )),
        };
        match read {
            Ok(cell) => cells.push(cell),
            Err(message) => {
                let places = missing.entry(message).or_default();
                places.insert(format!("{task} in {language}"));
            }
        }
    }
    let notes = missing.into_iter().map(|(message, places)| {
        let places: Vec<String> = places.into_iter().collect();
        format!("{}: {message}", places.join(", "))
    });
    Ok((cells, notes.collect()))
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
