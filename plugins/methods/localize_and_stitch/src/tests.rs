#![allow(clippy::unwrap_used)]

use super::*;
use mergelab_sdk::conformance::{Trial, TrialTensor, assert_golden};

mergelab_sdk::conformance!(LocalizeAndStitch);

const GOLDEN: &str = include_str!("../../../../tests/golden/matrix_methods.json");

// Rounding to f32 after each operation, of which the longest chain has a dozen.
const ROUNDING: f32 = 3e-6;

#[test]
fn gives_the_golden_numbers() {
    assert_eq!(assert_golden::<LocalizeAndStitch>(GOLDEN, ROUNDING), 16);
}

fn count(values: &[f32]) -> usize {
    values.iter().filter(|x| **x != 0.0).count()
}

#[test]
fn one_model_keeps_its_largest_entries() {
    let tensor = TrialTensor::random(1, [10, 10], 1, 0);
    let vector = &tensor.task_vectors()[0];
    for scope in ["model", "tensor"] {
        let params = json!({"density": 0.29, "scope": scope});
        let found = tensor.merged::<LocalizeAndStitch>(params).unwrap();
        assert_eq!(count(&found), 29);
        let pairs = || found.iter().zip(vector);
        let dropped = pairs().filter(|(f, _)| **f == 0.0).map(|(_, v)| v.abs());
        let kept = pairs().filter(|(f, _)| **f != 0.0).map(|(_, v)| v.abs());
        assert!(dropped.fold(0.0, f32::max) <= kept.fold(f32::INFINITY, f32::min));
        assert!(pairs().all(|(f, v)| *f == 0.0 || (f - v).abs() < 1e-7));
    }
}

#[test]
fn the_scope_says_among_what_entries_compete() {
    let constant = |name: &str, value: f32| {
        let tensor = TrialTensor::new(name, &[4, 5]).base(vec![0.0; 20]);
        let values = (0..20).map(|i| value + i as f32 * 0.01).collect();
        tensor.model("a", values)
    };
    let run = |scope: &str| {
        let trial = Trial::new(json!({"density": 0.5, "scope": scope}))
            .tensor(constant("large", 5.0))
            .tensor(constant("small", 1.0));
        let merged = trial.run::<LocalizeAndStitch>().unwrap();
        (count(&merged[0].values), count(&merged[1].values))
    };
    assert_eq!(run("model"), (20, 0));
    assert_eq!(run("tensor"), (10, 10));
}

#[test]
fn entries_that_did_not_change_do_not_dilute_an_average() {
    let tensor = TrialTensor::new("w", &[4])
        .base(vec![0.0; 4])
        .model("a", vec![1.0, 0.0, 0.0, 0.0])
        .model("b", vec![3.0, 0.0, 0.0, 2.0]);
    for scope in ["model", "tensor"] {
        let params = json!({"density": 1.0, "scope": scope});
        let found = tensor.merged::<LocalizeAndStitch>(params).unwrap();
        assert_eq!(found, [2.0, 0.0, 0.0, 2.0]);
    }
}
