#![allow(clippy::unwrap_used)]

use super::*;
use mergelab_sdk::conformance::{TrialTensor, assert_golden, assert_near};

mergelab_sdk::conformance!(Wudi);

const GOLDEN: &str = include_str!("../../../../tests/golden/matrix_methods.json");

// Rounding to f32 after each operation, of which the longest chain has a dozen.
const ROUNDING: f32 = 3e-6;

#[test]
fn gives_the_golden_numbers() {
    assert_eq!(assert_golden::<Wudi>(GOLDEN, ROUNDING), 8);
}

/// `Σ ‖(τ - τ_t) τ_tᵀ‖² / ‖τ_t‖²`, written out.
fn interference(merged: &[f32], vectors: &[Vec<f32>], [m, n]: [usize; 2]) -> f64 {
    let of = |vector: &Vec<f32>| {
        let at = |v: &[f32], i: usize, j: usize| f64::from(v[i * n + j]);
        let mut sum = 0.0;
        for i in 0..m {
            for k in 0..m {
                let product = |j| (at(merged, i, j) - at(vector, i, j)) * at(vector, k, j);
                sum += (0..n).map(product).sum::<f64>().powi(2);
            }
        }
        sum / vector.iter().map(|x| f64::from(*x).powi(2)).sum::<f64>()
    };
    vectors.iter().map(of).sum()
}

#[test]
fn more_steps_interfere_less() {
    for (shape, rank) in [([6, 9], 0), ([9, 6], 0), ([8, 8], 2)] {
        let tensor = TrialTensor::random(1, shape, 3, rank);
        let vectors = tensor.task_vectors();
        let mut last = f64::INFINITY;
        for steps in [0, 1, 10, 30, 100] {
            let params = json!({"steps": steps, "learning_rate": 1e-4});
            let merged = tensor.merged::<Wudi>(params).unwrap();
            let now = interference(&merged, &vectors, shape);
            assert!(
                now < last,
                "{shape:?}: {now:e} after {steps} steps, before {last:e}"
            );
            last = now;
        }
    }
}

#[test]
fn one_model_is_itself() {
    let tensor = TrialTensor::random(2, [7, 5], 1, 0);
    let found = tensor.merged::<Wudi>(json!({})).unwrap();
    assert_near(&found, &tensor.task_vectors()[0], 1e-8, "one model");
}

#[test]
fn an_unchanged_model_takes_no_part() {
    let tensor = TrialTensor::random(3, [6, 8], 2, 0);
    let base = tensor.base_values().unwrap().to_vec();
    let wanted = tensor.merged::<Wudi>(json!({})).unwrap();
    let found = tensor
        .model("unchanged", base)
        .merged::<Wudi>(json!({}))
        .unwrap();
    assert_near(&found, &wanted, 1e-8, "an unchanged model");
}

#[test]
fn what_is_known_to_be_unchanged_gives_what_zeros_give() {
    let tensor = TrialTensor::random(7, [10, 7], 2, 2).unchanged("untouched");
    let found = tensor.merged::<Wudi>(json!({"steps": 5})).unwrap();
    let dense = tensor.dense().merged::<Wudi>(json!({"steps": 5})).unwrap();
    assert_near(&found, &dense, 2e-6, "unchanged");
    let nobody = TrialTensor::random(8, [3, 4], 0, 0);
    let nobody = nobody.unchanged("one").unchanged("other");
    assert_eq!(
        nobody.merged::<Wudi>(json!({"steps": 5})).unwrap(),
        [0.0; 12]
    );
}
