//! Comparing a method with numbers that another program made.

use super::{Trial, TrialTensor};
use crate::MergeMethod;
use serde_json::Value;

/// Runs every case of the method in a file of golden numbers and returns how many there were.
///
/// The file is JSON with `groups` (tensors by name of the group: `name`, `shape`, `base`, `models`
/// with `id` and either `values` or `rank`, `left`, `right`) and `cases` (`method`, `group`,
/// `params`, `merged` with one list a tensor, and `artifacts` with one table a tensor).
///
/// A merged tensor may be off by `tolerance` times its largest change from the base (from 0 where
/// there is none) and one rounding of its largest element; an artifact by `tolerance` times its
/// largest element.
///
/// # Panics
/// A number is further off, or the file cannot be read. This is for tests.
pub fn assert_golden<M: MergeMethod>(text: &str, tolerance: f32) -> usize {
    let golden: Value = text.parse().unwrap_or_else(|e| panic!("no JSON: {e}"));
    let mut count = 0;
    for case in list(&golden["cases"]) {
        if case["method"] != M::ID {
            continue;
        }
        count += 1;
        let label = format!("{} of {} with {}", M::ID, case["group"], case["params"]);
        let tensors: Vec<TrialTensor> = list(&golden["groups"][string(&case["group"])])
            .iter()
            .map(tensor)
            .collect();
        let trial = tensors
            .iter()
            .cloned()
            .fold(Trial::new(case["params"].clone()), Trial::tensor);
        let found = trial
            .run::<M>()
            .unwrap_or_else(|e| panic!("{label}: failed: {e}"));
        for (number, (found, tensor)) in found.iter().zip(&tensors).enumerate() {
            let wanted = numbers(&case["merged"][number]);
            let base = tensor.base_values();
            let change = |(i, w): (usize, &f32)| (w - base.map_or(0.0, |b| b[i])).abs();
            let scale = wanted.iter().enumerate().map(change).fold(0.0, f32::max);
            let rounding = f32::EPSILON * largest(&wanted);
            let label = format!("{label}, tensor {number}");
            assert_near(&found.values, &wanted, tolerance * scale + rounding, &label);
            let Some(Value::Object(artifacts)) = case["artifacts"].get(number) else {
                continue;
            };
            for (name, wanted) in artifacts {
                let wanted = numbers(wanted);
                let Some((_, values)) = found.artifacts.get(name) else {
                    panic!("{label}: there is no artifact {name}");
                };
                let label = format!("{label}, {name}");
                assert_near(values, &wanted, tolerance * largest(&wanted), &label);
            }
        }
    }
    count
}

/// Compares numbers one by one.
///
/// # Panics
/// One is off by more than `allowed`, or is NaN. This is for tests.
pub fn assert_near(found: &[f32], wanted: &[f32], allowed: f32, label: &str) {
    assert_eq!(found.len(), wanted.len(), "{label}: number of elements");
    for (i, (found, wanted)) in found.iter().zip(wanted).enumerate() {
        let off = (found - wanted).abs();
        assert!(
            off <= allowed,
            "{label}: element {i} is {found:e} instead of {wanted:e}, off by {off:e} where \
             {allowed:e} is allowed"
        );
    }
}

fn largest(values: &[f32]) -> f32 {
    values.iter().fold(0.0, |m, v| m.max(v.abs()))
}

fn list(value: &Value) -> &[Value] {
    value.as_array().map(Vec::as_slice).unwrap_or_default()
}

fn string(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}

fn numbers(value: &Value) -> Vec<f32> {
    let number = |v: &Value| v.as_f64().map_or(f32::NAN, |x| x as f32);
    list(value).iter().map(number).collect()
}

fn tensor(value: &Value) -> TrialTensor {
    let size = |v: &Value| v.as_u64().unwrap_or_default() as usize;
    let shape: Vec<usize> = list(&value["shape"]).iter().map(size).collect();
    let mut tensor = TrialTensor::new(string(&value["name"]), &shape);
    if !value["base"].is_null() {
        tensor = tensor.base(numbers(&value["base"]));
    }
    for model in list(&value["models"]) {
        let id = string(&model["id"]);
        tensor = match model["rank"].is_null() {
            true => tensor.model(id, numbers(&model["values"])),
            false => tensor.adapter(
                id,
                size(&model["rank"]),
                numbers(&model["left"]),
                numbers(&model["right"]),
            ),
        };
    }
    tensor
}
