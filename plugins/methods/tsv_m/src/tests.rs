#![allow(clippy::unwrap_used)]

use super::*;
use mergelab_sdk::conformance::{TrialTensor, assert_golden, assert_near};

mergelab_sdk::conformance!(TsvM);

const GOLDEN: &str = include_str!("../../../../tests/golden/matrix_methods.json");

// Rounding to f32 after each operation, of which the longest chain has a dozen.
const ROUNDING: f32 = 3e-6;

#[test]
fn gives_the_golden_numbers() {
    assert_eq!(assert_golden::<TsvM>(GOLDEN, ROUNDING), 14);
}

fn square(vector: &[f32]) -> f64 {
    vector.iter().map(|x| f64::from(*x).powi(2)).sum()
}

#[test]
fn one_model_is_itself() {
    for shape in [[7, 12], [12, 7]] {
        let tensor = TrialTensor::random(1, shape, 1, 0);
        let found = tensor.merged::<TsvM>(json!({})).unwrap();
        assert_near(&found, &tensor.task_vectors()[0], 1e-6, "one model");
    }
}

#[test]
fn factors_give_what_dense_task_vectors_give() {
    for (seed, shape) in [(2, [10, 14]), (3, [14, 10])] {
        let tensor = TrialTensor::random(seed, shape, 3, 2);
        let found = tensor.merged::<TsvM>(json!({})).unwrap();
        let dense = tensor.dense().merged::<TsvM>(json!({})).unwrap();
        assert_near(&found, &dense, 1e-6, "factors");
    }
}

// Directions that were orthogonalised do not interfere: no task adds to another's strength.
#[test]
fn squares_of_kept_singular_values_add_up() {
    let tensor = TrialTensor::random(4, [12, 9], 3, 1);
    let found = tensor.merged::<TsvM>(json!({})).unwrap();
    let vectors = tensor.task_vectors();
    let wanted: f64 = vectors.iter().map(|v| square(v)).sum();
    assert!((square(&found) / wanted - 1.0).abs() < 1e-5);
    let sum: Vec<f32> = (0..found.len())
        .map(|i| vectors.iter().map(|v| v[i]).sum())
        .collect();
    assert!(
        (square(&sum) / wanted - 1.0).abs() > 0.01,
        "else nothing is shown"
    );
}

#[test]
fn an_unchanged_model_takes_no_part() {
    let of = |with: bool| {
        let random = TrialTensor::random(5, [8, 11], 2, 0);
        let base = random.base_values().unwrap().to_vec();
        let mut tensor = TrialTensor::new("w", &[8, 11]).base(base.clone());
        for (i, vector) in random.task_vectors().iter().enumerate() {
            let values = base.iter().zip(vector).map(|(b, d)| b + d).collect();
            tensor = tensor.model(&format!("changed-{i}"), values);
            if with && i == 0 {
                tensor = tensor.model("unchanged", base.clone());
            }
        }
        tensor.merged::<TsvM>(json!({"share": 0.4})).unwrap()
    };
    assert_near(&of(true), &of(false), 1e-6, "an unchanged model");
}

#[test]
fn what_is_known_to_be_unchanged_gives_what_zeros_give() {
    let tensor = TrialTensor::random(7, [10, 7], 2, 2).unchanged("untouched");
    let found = tensor.merged::<TsvM>(json!({})).unwrap();
    let dense = tensor.dense().merged::<TsvM>(json!({})).unwrap();
    assert_near(&found, &dense, 2e-6, "unchanged");
    let nobody = TrialTensor::random(8, [3, 4], 0, 0);
    let nobody = nobody.unchanged("one").unchanged("other");
    assert_eq!(nobody.merged::<TsvM>(json!({})).unwrap(), [0.0; 12]);
}
