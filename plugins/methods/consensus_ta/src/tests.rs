#![allow(clippy::unwrap_used)]

use super::*;
use mergelab_sdk::conformance::{TrialTensor, assert_golden, assert_near};

mergelab_sdk::conformance!(ConsensusTa);

const GOLDEN: &str = include_str!("../../../../tests/golden/matrix_methods.json");

// Rounding to f32 after each operation, of which the longest chain has a dozen.
const ROUNDING: f32 = 3e-6;

#[test]
fn gives_the_golden_numbers() {
    assert_eq!(assert_golden::<ConsensusTa>(GOLDEN, ROUNDING), 8);
}

fn sum(tensor: &TrialTensor) -> Vec<f32> {
    let vectors = tensor.task_vectors();
    let entries = 0..vectors[0].len();
    entries
        .map(|i| vectors.iter().map(|v| v[i]).sum())
        .collect()
}

#[test]
fn without_votes_it_is_task_arithmetic() {
    let tensor = TrialTensor::random(1, [6, 7], 3, 0);
    let found = tensor.merged::<ConsensusTa>(json!({"votes": 0})).unwrap();
    assert_near(&found, &sum(&tensor), 1e-7, "the sum");
}

#[test]
fn more_votes_keep_less_of_the_sum() {
    let tensor = TrialTensor::random(2, [12, 9], 4, 0);
    let whole = sum(&tensor);
    let mut last = whole.len() + 1;
    for votes in 1..=4 {
        let found = tensor
            .merged::<ConsensusTa>(json!({"votes": votes}))
            .unwrap();
        let kept = found.iter().filter(|x| **x != 0.0).count();
        assert!(0 < kept && kept < last, "{kept} with {votes} votes");
        last = kept;
        for (found, whole) in found.iter().zip(&whole) {
            assert!(*found == 0.0 || (found - whole).abs() < 1e-7);
        }
    }
}

#[test]
fn more_votes_than_models_are_refused() {
    let tensor = TrialTensor::random(3, [2, 2], 2, 0);
    let refused = tensor
        .merged::<ConsensusTa>(json!({"votes": 3}))
        .unwrap_err();
    assert!(refused.to_string().contains("3 of 2 models"), "{refused}");
}
