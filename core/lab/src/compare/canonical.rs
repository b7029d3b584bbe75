//! One spelling for equal parameters.

use serde_json::{Map, Value};

/// The parameters as JSON without white space, keys sorted at every depth.
///
/// ```
/// # use serde_json::json;
/// let params = json!({"lambda": 1.0, "density": {"q": 0.2, "p": 0.5}});
/// let text = mergelab_lab::compare::canonical(params.as_object().ok_or("no object")?);
/// assert_eq!(text, r#"{"density":{"p":0.5,"q":0.2},"lambda":1.0}"#);
/// # Ok::<(), &str>(())
/// ```
pub fn canonical(params: &Map<String, Value>) -> String {
    sorted(params).to_string()
}

fn sorted(map: &Map<String, Value>) -> Value {
    let mut entries: Vec<_> = map.iter().collect();
    entries.sort_by_key(|(key, _)| *key);
    Value::Object(
        entries
            .into_iter()
            .map(|(key, value)| (key.clone(), sorted_value(value)))
            .collect(),
    )
}

fn sorted_value(value: &Value) -> Value {
    match value {
        Value::Object(map) => sorted(map),
        Value::Array(items) => Value::Array(items.iter().map(sorted_value).collect()),
        other => other.clone(),
    }
}
