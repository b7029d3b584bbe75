//! Files of predictions: `MODEL.TASK.LANGUAGE.jsonl`, one example a line.

use crate::run::{Measure, Run};
use serde::Deserialize;
use serde_json::Value;
use std::collections::BTreeMap;

/// An answer of a model.
pub(super) struct Prediction {
    pub(super) prompt: String,
    pub(super) reference: String,
    pub(super) output: String,
    pub(super) score: Option<f64>,
}

#[derive(Deserialize)]
struct Line {
    id: String,
    #[serde(default)]
    prompt: Value,
    #[serde(default)]
    output: Value,
    #[serde(default)]
    label: Option<String>,
    #[serde(default)]
    reference: Value,
    #[serde(default)]
    scores: BTreeMap<String, BTreeMap<String, Value>>,
}

/// The answers of a model in the order of its file; none where the file is not there. Lines that
/// cannot be read are left out: they are not worth losing the report.
pub(super) fn read(
    run: &Run,
    model: &str,
    task: &str,
    language: &str,
    measure: Option<&Measure>,
) -> Vec<(String, Prediction)> {
    let name = file_name(&format!("{model}.{task}.{language}"));
    let path = run.folder.join("predictions").join(format!("{name}.jsonl"));
    let Ok(text) = std::fs::read_to_string(path) else {
        return vec![];
    };
    let lines = text.lines().filter_map(|line| {
        let line: Line = serde_json::from_str(line).ok()?;
        let score = score(&line, measure?);
        Some((
            line.id,
            Prediction {
                prompt: words(&line.prompt),
                reference: reference(&line.reference),
                output: words(&line.output),
                score,
            },
        ))
    });
    lines.collect()
}

/// A name as `mergelab run` makes a file's name of it: spaces become `_`, other signs that file
/// systems dislike `-`.
fn file_name(name: &str) -> String {
    name.chars()
        .map(|c| match c {
            ' ' => '_',
            c if c.is_alphanumeric() || "._-=@,+".contains(c) => c,
            _ => '-',
        })
        .collect()
}

fn words(value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

/// All reference texts.
fn reference(value: &Value) -> String {
    match value.get("texts").and_then(Value::as_array) {
        Some(texts) => texts.iter().map(words).collect::<Vec<_>>().join("\n"),
        None => words(value),
    }
}

/// The score of a measure that is a mean of scores. Of one that is made of counts, whether the
/// label is right; none without labels.
fn score(line: &Line, measure: &Measure) -> Option<f64> {
    let found = line.scores.get(&measure.metric)?.get(&measure.name)?;
    if let Some(score) = found.as_f64() {
        return Some((score * 1e4).round() / 1e4);
    }
    let right = line.reference.get("label")?.as_str()?;
    Some(f64::from(u8::from(line.label.as_deref() == Some(right))))
}
