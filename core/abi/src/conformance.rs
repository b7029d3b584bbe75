//! Checks that every plugin must pass, run by the SDK's `conformance!` on a crate and by
//! `mergelab plugin check` on a built library.

pub mod method;
pub mod metric;
pub mod task;

/// One check: its name, and what it found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// Name of the check, such as `identity`.
    pub check: &'static str,
    /// `Err` says what is wrong and with which input.
    pub result: Result<(), String>,
}

/// Numbers for test inputs: uniform in [-1, 1), the same on every machine.
pub(crate) fn numbers(seed: u64, n: usize) -> Vec<f32> {
    (0..n as u64)
        .map(|i| (crate::random::word(seed, i) >> 8) as f32 / 8_388_608.0 - 1.0)
        .collect()
}

/// A valid value for a parameter that has no default.
pub(crate) fn sample_value(parameter: &crate::schema::Parameter) -> serde_json::Value {
    use crate::schema::ValueType;
    use serde_json::{Value, json};
    if let Some(choice) = parameter.choices.first() {
        return Value::from(choice.as_str());
    }
    let number = match (parameter.min, parameter.max) {
        (Some(a), Some(b)) => (a + b) / 2.0,
        (Some(a), None) => a.max(0.0) + 1.0,
        (None, Some(b)) => b.min(1.0),
        (None, None) => 1.0,
    };
    match parameter.value_type {
        ValueType::Float => json!(number),
        ValueType::Integer => json!(number.round() as i64),
        ValueType::Boolean => json!(true),
        ValueType::String => json!("text"),
        ValueType::StringList => json!([]),
        ValueType::StringMap => json!({}),
    }
}

/// Values for all parameters that have no default.
pub(crate) fn sample_params(
    schema: &crate::schema::Schema,
) -> serde_json::Map<String, serde_json::Value> {
    schema
        .parameters
        .iter()
        .filter(|p| p.default.is_none() && !p.optional)
        .map(|p| (p.name.clone(), sample_value(p)))
        .collect()
}

/// A name that no schema has, and a setup with it must be refused.
pub(crate) const UNKNOWN_PARAMETER: &str = "no_such_parameter";

/// Checks that hold for the description of any plugin.
pub(crate) fn description(info: &crate::PluginInfo) -> Result<(), String> {
    let named = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_';
    if info.id.is_empty() || !info.id.chars().all(named) {
        return Err(format!(
            "the id `{}` should be lower-case letters, digits and `_`",
            info.id
        ));
    }
    if info.summary.trim().is_empty() {
        return Err("there is no summary: write a doc comment on the type".to_owned());
    }
    for parameter in &info.parameters.parameters {
        if parameter.doc.trim().is_empty() {
            return Err(format!(
                "the parameter `{}` has no doc comment",
                parameter.name
            ));
        }
        if let Some(default) = &parameter.default {
            info.parameters
                .check_value(&parameter.name, default)
                .map_err(|e| format!("its own default is refused: {e}"))?;
        }
    }
    Ok(())
}
