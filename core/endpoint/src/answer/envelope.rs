//! What every answer has: the model, the choices in order, the tokens.

use super::Usage;
use crate::endpoint::Server;
use crate::persist::message;
use serde_json::Value;

/// An answer whose parts are there.
#[derive(Debug)]
pub(super) struct Envelope {
    /// In the order of their indices.
    pub(super) choices: Vec<Value>,
    pub(super) usage: Option<Usage>,
    pub(super) model: Option<String>,
    pub(super) fingerprint: Option<String>,
}

pub(super) fn read(text: &str, server: &Server, wanted: usize) -> Result<Envelope, String> {
    let answer: Value = serde_json::from_str(text).map_err(|error| broken(text, &error))?;
    if !answer["error"].is_null() {
        return Err(format!("it is an error: {}", message(text)));
    }
    let text_at = |key: &str| answer[key].as_str().map(str::to_owned);
    let model = text_at("model");
    if let Some(model) = &model {
        check_model(model, server)?;
    }
    let usage = usage(&answer["usage"])?;
    let Some(choices) = answer["choices"].as_array() else {
        return Err("it has no `choices`".to_owned());
    };
    if choices.len() != wanted {
        return Err(format!(
            "it has {} choices, not {wanted}, one for each prompt",
            choices.len()
        ));
    }
    let mut ordered = vec![Value::Null; wanted];
    for choice in choices {
        let index = choice["index"]
            .as_u64()
            .and_then(|i| usize::try_from(i).ok());
        let place = index.and_then(|index| ordered.get_mut(index));
        match place {
            Some(place) if place.is_null() => *place = choice.clone(),
            _ => {
                return Err(format!(
                    "the indices of its choices are not 0 to {}: {}",
                    wanted - 1,
                    indices(choices)
                ));
            }
        }
    }
    Ok(Envelope {
        choices: ordered,
        usage,
        model,
        fingerprint: text_at("system_fingerprint"),
    })
}

fn indices(choices: &[Value]) -> String {
    let all = choices.iter().map(|choice| match &choice["index"] {
        Value::Null => "none".to_owned(),
        index => index.to_string(),
    });
    all.collect::<Vec<_>>().join(", ")
}

fn broken(text: &str, error: &serde_json::Error) -> String {
    if error.is_eof() {
        return format!("its JSON breaks off after {} bytes", text.len());
    }
    // Python writes these, and JSON has no such numbers.
    if ["NaN", "Infinity"].iter().any(|n| text.contains(n)) {
        return "it holds NaN or Infinity where a number should be".to_owned();
    }
    format!("it is not JSON ({error}): {}", message(text))
}

/// The answer's model must be the one that was asked, or a dated form of its name, such as
/// `gpt-4o-2024-08-06` for `gpt-4o`.
fn check_model(found: &str, server: &Server) -> Result<(), String> {
    let expected = server.reported_model.as_ref().unwrap_or(&server.model);
    let dated = found
        .strip_prefix(expected.as_str())
        .and_then(|rest| rest.strip_prefix('-'))
        .is_some_and(|rest| rest.starts_with(|c: char| c.is_ascii_digit()));
    if found == expected || dated {
        return Ok(());
    }
    Err(format!(
        "it is of the model `{found}`, and `{expected}` was asked for (if both are one, set \
         `reported_model` to \"{found}\")"
    ))
}

fn usage(usage: &Value) -> Result<Option<Usage>, String> {
    if usage.is_null() {
        return Ok(None);
    }
    let count = |key: &str, needed: bool| match &usage[key] {
        Value::Null if !needed => Ok(0),
        value => value
            .as_u64()
            .ok_or_else(|| format!("`usage.{key}` is {value}, no count of tokens")),
    };
    Ok(Some(Usage {
        prompt: count("prompt_tokens", true)?,
        completion: count("completion_tokens", false)?,
    }))
}
