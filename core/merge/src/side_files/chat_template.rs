//! The chat template of the result.

use super::{pretty, read_file};
use crate::error::MergeError;
use crate::inputs::Input;
use crate::plan::Plan;
use mergelab_checkpoint::ExtraFile;
use serde_json::{Map, Value, json};
use std::path::Path;

const CONFIG: &str = "tokenizer_config.json";

/// Other places of a template, which go before the one in the tokenizer's configuration.
const OTHER_PLACES: [&str; 2] = ["chat_template.jinja", "chat_template.json"];

/// Puts the template that the recipe asks for into the tokenizer's files.
pub(super) fn set(plan: &Plan<'_>, files: &mut Vec<ExtraFile>) -> Result<(), MergeError> {
    let Some(wanted) = &plan.recipe.chat_template else {
        return Ok(());
    };
    let text = match wanted.text() {
        Some(text) => text.to_owned(),
        None => match commonest(plan)? {
            Some(text) => text,
            None => return Ok(()),
        },
    };
    files.retain(|file| !OTHER_PLACES.contains(&file.name.as_str()));
    let at = files.iter().position(|file| file.name == CONFIG);
    let mut config = at
        .and_then(|at| serde_json::from_slice::<Map<String, Value>>(&files[at].bytes).ok())
        .unwrap_or_default();
    config.insert("chat_template".to_owned(), json!(text));
    let file = ExtraFile::new(CONFIG, pretty(&Value::Object(config)));
    match at {
        Some(at) => files[at] = file,
        None => files.push(file),
    }
    Ok(())
}

/// The template that most inputs have, the base and the models; the first of several.
fn commonest(plan: &Plan<'_>) -> Result<Option<String>, MergeError> {
    let mut inputs: Vec<&Input> = Vec::new();
    for input in plan.base.iter().chain(&plan.models) {
        // The base may be listed among the models as well.
        if inputs.iter().all(|other| other.written != input.written) {
            inputs.push(input);
        }
    }
    let mut votes: Vec<(String, usize)> = Vec::new();
    for input in inputs {
        let Some(text) = template(input.checkpoint.dir())? else {
            continue;
        };
        match votes.iter_mut().find(|(known, _)| *known == text) {
            Some((_, count)) => *count += 1,
            None => votes.push((text, 1)),
        }
    }
    let most = votes.iter().map(|(_, count)| *count).max();
    let first = votes.into_iter().find(|(_, count)| Some(*count) == most);
    Ok(first.map(|(text, _)| text))
}

/// The template of a model.
fn template(folder: &Path) -> Result<Option<String>, MergeError> {
    if let Some(text) = read_file(folder, OTHER_PLACES[0])? {
        return Ok(String::from_utf8(text).ok());
    }
    for name in [OTHER_PLACES[1], CONFIG] {
        let Some(bytes) = read_file(folder, name)? else {
            continue;
        };
        let json: Value = serde_json::from_slice(&bytes).unwrap_or_default();
        let text = match &json["chat_template"] {
            Value::String(text) => Some(text.as_str()),
            // Several templates by name.
            Value::Array(list) => list
                .iter()
                .find(|t| t["name"] == "default")
                .and_then(|t| t["template"].as_str()),
            _ => None,
        };
        if let Some(text) = text {
            return Ok(Some(text.to_owned()));
        }
    }
    Ok(None)
}
