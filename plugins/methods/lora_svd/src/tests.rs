#![allow(clippy::unwrap_used)]

use super::*;
use mergelab_sdk::conformance::{Merged, Trial, TrialTensor, assert_golden, assert_near};

mergelab_sdk::conformance!(LoraSvd);

const GOLDEN: &str = include_str!("../../../../tests/golden/matrix_methods.json");

// Rounding to f32 after each operation, of which the longest chain has a dozen.
const ROUNDING: f32 = 3e-6;

#[test]
fn gives_the_golden_numbers() {
    assert_eq!(assert_golden::<LoraSvd>(GOLDEN, ROUNDING), 6);
}

const SHAPE: [usize; 2] = [13, 9];

fn merge(tensor: &TrialTensor, params: Value) -> Merged {
    let trial = Trial::new(params).tensor(tensor.clone());
    trial.run::<LoraSvd>().unwrap().remove(0)
}

fn error(merged: &Merged) -> f32 {
    merged.artifacts["relative_error"].1[0]
}

fn norm(values: impl IntoIterator<Item = f32>) -> f64 {
    let squares = values.into_iter().map(|x| f64::from(x).powi(2));
    squares.sum::<f64>().sqrt()
}

#[test]
fn rank_enough_loses_nothing() {
    let tensor = TrialTensor::random(1, SHAPE, 3, 2);
    let merged = merge(&tensor, json!({"rank": 6, "weight": [1.0, 0.5, 2.0]}));
    let found = tensor.merged::<LoraSvd>(json!({"rank": 6, "weight": [1.0, 0.5, 2.0]}));
    let vectors = tensor.task_vectors();
    let wanted: Vec<f32> = (0..117)
        .map(|i| vectors[0][i] + 0.5 * vectors[1][i] + 2.0 * vectors[2][i])
        .collect();
    assert_near(&found.unwrap(), &wanted, 1e-7, "the sum");
    assert_eq!(error(&merged), 0.0);
}

#[test]
fn the_recorded_error_is_that_of_the_result() {
    let tensor = TrialTensor::random(2, SHAPE, 3, 2);
    let vectors = tensor.task_vectors();
    let sum: Vec<f32> = (0..117)
        .map(|i| vectors.iter().map(|v| v[i]).sum())
        .collect();
    let mut last = f32::INFINITY;
    for rank in 1..6 {
        let params = json!({"rank": rank});
        let found = tensor.merged::<LoraSvd>(params.clone()).unwrap();
        let off = norm(sum.iter().zip(&found).map(|(a, b)| a - b)) / norm(sum.clone());
        let recorded = error(&merge(&tensor, params));
        assert!(
            (off - f64::from(recorded)).abs() < 1e-5,
            "{off} at rank {rank}"
        );
        assert!(recorded < last);
        last = recorded;
    }
}

#[test]
fn the_factors_multiply_to_the_change() {
    let tensor = TrialTensor::random(3, SHAPE, 2, 2);
    let merged = merge(&tensor, json!({}));
    let (shape_a, a) = &merged.artifacts["lora_A"];
    let (shape_b, b) = &merged.artifacts["lora_B"];
    assert_eq!((&shape_a[..], &shape_b[..]), (&[2, 9][..], &[13, 2][..]));
    let at = |i: usize, j: usize| b[i * 2] * a[j] + b[i * 2 + 1] * a[9 + j];
    let product: Vec<f32> = (0..117).map(|i| at(i / 9, i % 9)).collect();
    let found = tensor.merged::<LoraSvd>(json!({})).unwrap();
    assert_near(&product, &found, 1e-7, "B A");
}

#[test]
fn factors_give_what_dense_task_vectors_give() {
    for shape in [[13, 9], [9, 13]] {
        let tensor = TrialTensor::random(4, shape, 3, 2);
        let found = tensor.merged::<LoraSvd>(json!({"rank": 3})).unwrap();
        let params = json!({"rank": 3, "dense": true});
        let dense = tensor.dense().merged::<LoraSvd>(params).unwrap();
        assert_near(&found, &dense, 1e-6, "factors");
    }
}

#[test]
fn tensors_without_adapters_are_left_to_others() {
    let tensor = TrialTensor::random(5, SHAPE, 2, 0);
    assert!(merge(&tensor, json!({})).artifacts.is_empty());
    let found = tensor.merged::<LoraSvd>(json!({"others": "base"})).unwrap();
    assert_eq!(found, [0.0; 117]);
    let refused = tensor
        .merged::<LoraSvd>(json!({"dense": true}))
        .unwrap_err();
    assert!(refused.to_string().contains("set `rank`"), "{refused}");
}

#[test]
fn what_is_known_to_be_unchanged_gives_what_zeros_give() {
    let tensor = TrialTensor::random(7, [10, 7], 2, 2).unchanged("untouched");
    let found = tensor.merged::<LoraSvd>(json!({"rank": 3})).unwrap();
    let dense = tensor
        .dense()
        .merged::<LoraSvd>(json!({"rank": 3, "dense": true}))
        .unwrap();
    assert_near(&found, &dense, 2e-6, "unchanged");
    let nobody = TrialTensor::random(8, [3, 4], 0, 0);
    let nobody = nobody.unchanged("one").unchanged("other");
    assert_eq!(
        nobody.merged::<LoraSvd>(json!({"rank": 3})).unwrap(),
        [0.0; 12]
    );
}
