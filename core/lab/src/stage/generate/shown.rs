//! The examples that are shown before every prompt, as prompts and answers.

use super::super::{Context, StageError, inputs::failed};
use crate::{dataset::Example, plan::spec::GenerateWhat, shots, store::write_json};
use mergelab_abi::{Kind, task::Row};
use serde::Serialize;

/// Name of the file that says which examples were shown.
const SHOWN: &str = "shots.json";

/// An example that is shown.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(super) struct Shot {
    /// Id of its row.
    id: String,
    /// Its prompt.
    prompt: String,
    /// What is right, as a model that is fine-tuned on it learns to say it.
    answer: String,
}

/// The examples, with their rows in the artifact; none where the stage asks for none.
pub(super) fn shots(
    what: &GenerateWhat,
    evaluated: &[Example],
    context: &Context<'_>,
) -> Result<Vec<Shot>, StageError> {
    let Some(asked) = &what.shots else {
        return Ok(Vec::new());
    };
    let pool = context.rows(&asked.rows)?;
    let chosen = shots::choose(&pool, evaluated, asked.count, asked.seed);
    if chosen.len() < asked.count {
        return Err(StageError::Input(format!(
            "{} examples are to be shown, and there are {}",
            asked.count,
            chosen.len()
        )));
    }
    let rows: Vec<Row> = chosen.iter().map(|example| example.row.clone()).collect();
    let prepared = context
        .task(&what.task, &what.rows.language)?
        .prepare(&rows)
        .map_err(|e| failed(Kind::Task, &what.task.plugin.id, e))?;
    let shots: Vec<Shot> = chosen
        .iter()
        .zip(prepared)
        .map(|(example, prepared)| Shot {
            id: example.id.clone(),
            prompt: prepared.request.prompt().to_owned(),
            answer: prepared.answer,
        })
        .collect();
    write_json(&context.folder.join(SHOWN), &shots)?;
    Ok(shots)
}

/// As pairs of prompt and answer.
pub(super) fn pairs(shots: &[Shot]) -> Vec<(String, String)> {
    let pair = |shot: &Shot| (shot.prompt.clone(), shot.answer.clone());
    shots.iter().map(pair).collect()
}
