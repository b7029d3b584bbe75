#![allow(clippy::unwrap_used)]

use super::*;
use mergelab_sdk::conformance::{Trial, TrialTensor, assert_golden, assert_near};

mergelab_sdk::conformance!(Knots);

const GOLDEN: &str = include_str!("../../../../tests/golden/matrix_methods.json");

// Rounding to f32 after each operation, of which the longest chain has a dozen.
const ROUNDING: f32 = 3e-6;

#[test]
fn gives_the_golden_numbers() {
    assert_eq!(assert_golden::<Knots>(GOLDEN, ROUNDING), 22);
}

const TRIMMED: [&str; 2] = ["ties", "dare_ties"];

#[test]
fn factors_give_what_dense_task_vectors_give() {
    for (seed, shape) in [(1, [12, 16]), (2, [16, 12])] {
        for inner in TRIMMED {
            let params = json!({"inner": inner, "density": 0.3});
            let tensor = TrialTensor::random(seed, shape, 3, 2);
            let found = tensor.merged::<Knots>(params.clone()).unwrap();
            let dense = tensor.dense().merged::<Knots>(params).unwrap();
            assert_near(&found, &dense, 2e-6, inner);
        }
    }
}

#[test]
fn adapters_and_dense_models_go_together() {
    let adapters = TrialTensor::random(3, [12, 9], 2, 2);
    let base = adapters.base_values().unwrap();
    let vectors = adapters.task_vectors();
    let values = base.iter().zip(&vectors[0]);
    let third: Vec<f32> = values.map(|(b, d)| b - d * 0.5).collect();
    let mixed = adapters.clone().model("dense", third);
    let params = json!({"density": 0.4});
    let found = mixed.merged::<Knots>(params.clone()).unwrap();
    let dense = mixed.dense().merged::<Knots>(params).unwrap();
    assert_near(&found, &dense, 2e-6, "a mixture");
}

// The joint basis spans all task vectors, so a sum in it is the sum.
#[test]
fn task_arithmetic_in_the_basis_is_task_arithmetic() {
    for (shape, rank) in [([7, 11], 0), ([11, 7], 0), ([11, 9], 2)] {
        let tensor = TrialTensor::random(4, shape, 3, rank);
        let params = json!({
            "inner": "task_arithmetic", "normalize": false, "weight": [0.5, 1.0, -2.0],
        });
        let found = tensor.merged::<Knots>(params).unwrap();
        let vectors = tensor.task_vectors();
        let wanted: Vec<f32> = (0..found.len())
            .map(|i| 0.5 * vectors[0][i] + vectors[1][i] - 2.0 * vectors[2][i])
            .collect();
        assert_near(&found, &wanted, 2e-6, "task arithmetic");
    }
}

#[test]
fn one_model_is_itself() {
    let tensor = TrialTensor::random(5, [8, 6], 1, 0);
    let found = tensor.merged::<Knots>(json!({})).unwrap();
    assert_near(&found, &tensor.task_vectors()[0], 1e-6, "one model");
}

#[test]
fn random_masks_follow_the_seed() {
    let tensor = TrialTensor::random(6, [9, 9], 2, 2);
    let run = |seed| {
        let params = json!({"inner": "dare_ties", "density": 0.5});
        let trial = Trial::new(params).seed(seed).tensor(tensor.clone());
        trial.run::<Knots>().unwrap()
    };
    assert_eq!(run(1), run(1));
    assert_ne!(run(1), run(2));
}

#[test]
fn what_is_known_to_be_unchanged_gives_what_zeros_give() {
    let tensor = TrialTensor::random(7, [10, 7], 2, 2).unchanged("untouched");
    let found = tensor.merged::<Knots>(json!({"density": 0.4})).unwrap();
    let dense = tensor
        .dense()
        .merged::<Knots>(json!({"density": 0.4}))
        .unwrap();
    assert_near(&found, &dense, 2e-6, "unchanged");
    let nobody = TrialTensor::random(8, [3, 4], 0, 0);
    let nobody = nobody.unchanged("one").unchanged("other");
    assert_eq!(
        nobody.merged::<Knots>(json!({"density": 0.4})).unwrap(),
        [0.0; 12]
    );
}

#[test]
fn the_weight_of_an_unchanged_model_counts_in_a_mean() {
    let tensor = TrialTensor::random(8, [10, 7], 2, 2).unchanged("untouched");
    let params = json!({"inner": "task_arithmetic"});
    let found = tensor.merged::<Knots>(params).unwrap();
    let vectors = tensor.task_vectors();
    let wanted: Vec<f32> = (0..70)
        .map(|i| (vectors[0][i] + vectors[1][i]) / 3.0)
        .collect();
    assert_near(&found, &wanted, 2e-6, "the mean");
}
