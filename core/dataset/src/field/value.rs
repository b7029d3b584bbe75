//! Values of a row, by path.

use mergelab_abi::task::Row;
use serde_json::Value;
use std::borrow::Cow;

/// What a row has at a path. Over a list of tables, the list of what each has.
pub(crate) fn at<'a>(row: &'a Row, path: &str) -> Option<Cow<'a, Value>> {
    if let Some(value) = row.get(path) {
        return Some(Cow::Borrowed(value));
    }
    let (first, rest) = path.split_once('.')?;
    below(row.get(first)?, rest)
}

fn below<'a>(value: &'a Value, path: &str) -> Option<Cow<'a, Value>> {
    match value {
        Value::Object(table) => at(table, path),
        Value::Array(list) => {
            let list: Option<Vec<Value>> = list
                .iter()
                .map(|item| below(item, path).map(Cow::into_owned))
                .collect();
            list.map(|list| Cow::Owned(Value::Array(list)))
        }
        _ => None,
    }
}

/// A value as a text: texts as they are, everything else as JSON.
pub(crate) fn text(value: &Value) -> Cow<'_, str> {
    match value {
        Value::String(text) => Cow::Borrowed(text),
        other => Cow::Owned(other.to_string()),
    }
}
