//! Reading a row's fields, with errors that name the field.

use crate::{Error, Result, Row};
use serde_json::Value;

fn present<'a>(row: &'a Row, name: &str) -> Result<&'a Value> {
    row.get(name).filter(|v| !v.is_null()).ok_or_else(|| {
        let known: Vec<&str> = row.keys().map(String::as_str).collect();
        Error::input(format!(
            "the field `{name}` is missing. The row has: {}. If it has another name there, map it \
             under [fields] in the dataset's card",
            known.join(", ")
        ))
    })
}

/// A text.
///
/// # Errors
/// The field is missing or no text.
pub fn text<'a>(row: &'a Row, name: &str) -> Result<&'a str> {
    let value = present(row, name)?;
    value
        .as_str()
        .ok_or_else(|| Error::input(format!("the field `{name}` should be a text, not {value}")))
}

/// One text or a list of texts.
///
/// # Errors
/// The field is missing, or holds something else, or an empty list.
pub fn texts(row: &Row, name: &str) -> Result<Vec<String>> {
    let value = present(row, name)?;
    let list = match value {
        Value::String(one) => Some(vec![one.clone()]),
        Value::Array(many) => many.iter().map(|v| v.as_str().map(str::to_owned)).collect(),
        _ => None,
    };
    list.filter(|l: &Vec<String>| !l.is_empty()).ok_or_else(|| {
        Error::input(format!(
            "the field `{name}` should be a text or a list of texts, not {value}"
        ))
    })
}

/// A whole number from 0.
///
/// # Errors
/// The field is missing or no such number.
pub fn index(row: &Row, name: &str) -> Result<usize> {
    let value = present(row, name)?;
    value
        .as_u64()
        .and_then(|n| usize::try_from(n).ok())
        .ok_or_else(|| {
            Error::input(format!(
                "the field `{name}` should be a whole number from 0, not {value}"
            ))
        })
}

/// A label, which must be one of the label set. Numbers and booleans count by their text.
///
/// # Errors
/// The field is missing, or its label is not in the set.
pub fn label(row: &Row, name: &str, labels: &[String]) -> Result<String> {
    let value = present(row, name)?;
    let label = match value {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    };
    if labels.contains(&label) {
        Ok(label)
    } else {
        Err(Error::input(format!(
            "the label `{label}` is not in the label set: {}",
            labels.join(", ")
        )))
    }
}
