//! Reads responses as predictions and scores them.

use super::{
    Context, StageError,
    generate::{Answered, RESPONSES},
    inputs::failed,
};
use crate::{
    cell::{Cell, MetricScores},
    plan::spec::ScoreWhat,
    reading::{READINGS, Reading, read_so},
    store::{write_file, write_json},
};
use mergelab_abi::{
    Kind,
    metric::{Case, Measure, MetricSetup},
    task::{Response, Row},
};
use serde_json::{Map, Value, json};
use std::{io::Write as _, path::Path};

/// Name of the file with one line per example.
pub(crate) const PREDICTIONS: &str = "predictions.jsonl";
/// Name of the file with the cell's scores.
pub(crate) const CELL: &str = "cell.json";

pub(super) fn run(what: &ScoreWhat, context: &mut Context<'_>) -> Result<(), StageError> {
    let language = &what.rows.language;
    let (examples, prepared) = context.prepared(&what.task, &what.rows)?;
    let responses = context.place(&what.responses)?;
    let answered = answers(&responses.join(RESPONSES))?;
    let readings = readings(&responses.join(READINGS))?;
    let same = answered.len() == examples.len()
        && answered.iter().zip(&examples).all(|(a, e)| a.id == e.id);
    if !same {
        return Err(StageError::Input(
            "the responses belong to other examples than the rows".to_owned(),
        ));
    }
    let rows: Vec<Row> = examples.iter().map(|e| e.row.clone()).collect();
    let responses: Vec<Response> = answered.iter().map(|a| a.response.clone()).collect();
    let predictions = context
        .task(&what.task, language)?
        .read(&rows, &responses)
        .map_err(|e| failed(Kind::Task, &what.task.plugin.id, e))?;
    let cases: Vec<Case> = predictions
        .into_iter()
        .zip(&prepared)
        .map(|(prediction, p)| Case {
            prediction,
            reference: p.reference.clone(),
        })
        .collect();

    let mut metrics = Vec::new();
    for metric in &what.metrics {
        let id = &metric.plugin.id;
        let open = context
            .library(&metric.plugin)?
            .open_metric(
                id,
                &MetricSetup {
                    params: metric.params.clone(),
                    language: language.clone(),
                    labels: what.task.labels.clone(),
                },
            )
            .map_err(|e| failed(Kind::Metric, id, e))?;
        let statistics = open
            .score(&cases)
            .map_err(|e| failed(Kind::Metric, id, e))?;
        metrics.push(MetricScores {
            metric: id.clone(),
            params: metric.params.clone(),
            plugin: metric.plugin.clone(),
            measures: read_so(open.measures(), &readings),
            statistics,
        });
    }

    let mut lines = Vec::new();
    for (i, example) in examples.iter().enumerate() {
        let line = json!({
            "id": example.id,
            "cluster": example.cluster,
            "language": language,
            "prompt": prepared[i].request.prompt(),
            "response": answered[i].response,
            "output": cases[i].prediction.output,
            "label": cases[i].prediction.label,
            "reference": prepared[i].reference,
            "truncated_tokens": answered[i].truncated_tokens,
            "dropped_shots": answered[i].dropped_shots,
            "scores": example_scores(&metrics, i),
        });
        serde_json::to_writer(&mut lines, &line)
            .map_err(|e| StageError::Input(format!("a prediction cannot be written: {e}")))?;
        let _ = lines.write_all(b"\n");
    }
    write_file(&context.folder.join(PREDICTIONS), &lines)?;
    context.ledger.examples = examples.len() as u64;
    let clusters: Option<Vec<String>> = examples.iter().map(|e| e.cluster.clone()).collect();
    let cell = Cell {
        // The same scores serve every model with the same content; the run puts the name in.
        model: String::new(),
        task: what.task.name.clone(),
        dataset: what.rows.dataset.clone(),
        language: language.clone(),
        split: what.rows.split.clone(),
        ids: examples.into_iter().map(|e| e.id).collect(),
        clusters,
        truncated: answered.iter().filter(|a| a.is_cut()).count(),
        labels: what.task.labels.clone(),
        metrics,
        key: what_key(context),
    };
    write_json(&context.folder.join(CELL), &cell)?;
    Ok(())
}

fn what_key(context: &Context<'_>) -> String {
    context.spec.what.key()
}

fn answers(path: &Path) -> Result<Vec<Answered>, StageError> {
    let problem = |message: String| StageError::Input(format!("{}: {message}", path.display()));
    let text = std::fs::read_to_string(path).map_err(|e| problem(e.to_string()))?;
    text.lines()
        .map(|line| serde_json::from_str(line).map_err(|e| problem(e.to_string())))
        .collect()
}

/// How whole texts were read; empty where none were.
fn readings(path: &Path) -> Result<Vec<Reading>, StageError> {
    if !path.exists() {
        return Ok(Vec::new());
    }
    let problem = |message: String| StageError::Input(format!("{}: {message}", path.display()));
    let text = std::fs::read(path).map_err(|e| problem(e.to_string()))?;
    serde_json::from_slice(&text).map_err(|e| problem(e.to_string()))
}

/// What each measure gives this example: its score where the measure is a mean of scores, its
/// sufficient statistics otherwise.
fn example_scores(metrics: &[MetricScores], example: usize) -> Value {
    let mut scores = Map::new();
    for metric in metrics {
        let width: usize = metric.measures.iter().map(|m| m.width).sum();
        let row = &metric.statistics[example * width..(example + 1) * width];
        let mut start = 0;
        let mut own = Map::new();
        for measure in &metric.measures {
            let part = &row[start..start + measure.width];
            start += measure.width;
            own.insert(measure.name.clone(), measure_value(measure, part));
        }
        scores.insert(metric.metric.clone(), Value::Object(own));
    }
    Value::Object(scores)
}

fn measure_value(measure: &Measure, statistics: &[f64]) -> Value {
    match (measure.width, statistics) {
        (1, [one]) => json!(one),
        _ => json!(statistics),
    }
}
