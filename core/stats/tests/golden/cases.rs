//! Reads the cases.

use serde_json::Value;

pub(crate) fn cases(name: &str) -> Vec<Value> {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../tests/golden/stats.json");
    let text = std::fs::read_to_string(path).unwrap_or_else(|error| panic!("{path}: {error}"));
    let golden: Value = serde_json::from_str(&text).unwrap();
    let cases = golden[name].as_array().unwrap().clone();
    assert!(!cases.is_empty(), "no cases of {name}");
    cases
}

pub(crate) fn number(case: &Value, key: &str) -> f64 {
    case[key].as_f64().unwrap_or_else(|| panic!("{key}"))
}

pub(crate) fn numbers(value: &Value) -> Vec<f64> {
    let values = value.as_array().unwrap();
    values.iter().map(|v| v.as_f64().unwrap()).collect()
}

pub(crate) fn integers(value: &Value) -> Vec<u64> {
    let values = value.as_array().unwrap();
    values.iter().map(|v| v.as_u64().unwrap()).collect()
}

#[track_caller]
pub(crate) fn close(found: f64, expected: f64, tolerance: f64) {
    let scale = expected.abs().max(1.0);
    assert!(
        (found - expected).abs() <= tolerance * scale,
        "found {found}, expected {expected}"
    );
}
