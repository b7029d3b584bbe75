#![allow(clippy::unwrap_used)]

use super::*;
use mergelab_sdk::conformance::{Trial, TrialTensor, assert_golden, assert_near};

mergelab_sdk::conformance!(Emr);

const GOLDEN: &str = include_str!("../../../../tests/golden/matrix_methods.json");

// Rounding to f32 after each operation, of which the longest chain has a dozen.
const ROUNDING: f32 = 3e-6;

#[test]
fn gives_the_golden_numbers() {
    assert_eq!(assert_golden::<Emr>(GOLDEN, ROUNDING), 8);
}

#[test]
fn one_model_is_itself() {
    let tensor = TrialTensor::random(1, [5, 6], 1, 0);
    for params in [json!({}), json!({"model": "expert-0"})] {
        let found = tensor.merged::<Emr>(params).unwrap();
        assert_near(&found, &tensor.task_vectors()[0], 1e-7, "one model");
    }
}

// What the rescalers are for.
#[test]
fn a_restored_model_changes_as_much_as_the_model_did() {
    let tensors = [2, 3].map(|seed| TrialTensor::random(seed, [7, 4], 3, 0));
    for (model, id) in ["expert-0", "expert-1", "expert-2"].iter().enumerate() {
        let trial = Trial::new(json!({"model": id}));
        let trial = tensors.iter().cloned().fold(trial, Trial::tensor);
        let (mut found, mut wanted) = (0.0, 0.0);
        for (merged, tensor) in trial.run::<Emr>().unwrap().iter().zip(&tensors) {
            let base = tensor.base_values().unwrap().iter();
            found += merged
                .values
                .iter()
                .zip(base)
                .map(|(m, b)| (m - b).abs())
                .sum::<f32>();
            wanted += tensor.task_vectors()[model]
                .iter()
                .map(|d| d.abs())
                .sum::<f32>();
        }
        assert!(
            (found / wanted - 1.0).abs() < 1e-5,
            "{id}: {found} and {wanted}"
        );
    }
}

#[test]
fn masks_are_zero_or_one_and_the_sign_that_was_elected() {
    let tensor = TrialTensor::random(4, [6, 6], 3, 0);
    let merged = Trial::new(json!({}))
        .tensor(tensor.clone())
        .run::<Emr>()
        .unwrap();
    let unified = tensor.merged::<Emr>(json!({})).unwrap();
    for (model, vector) in tensor.task_vectors().iter().enumerate() {
        let (_, mask) = &merged[0].artifacts[&format!("mask.expert-{model}")];
        for ((mask, own), unified) in mask.iter().zip(vector).zip(&unified) {
            assert_eq!(*mask, f32::from(u8::from(own * unified > 0.0)));
        }
    }
}

#[test]
fn an_unknown_model_is_named_with_the_nearest() {
    let tensor = TrialTensor::random(5, [2, 2], 2, 0);
    let refused = tensor
        .merged::<Emr>(json!({"model": "expert_1"}))
        .unwrap_err();
    assert!(
        refused.to_string().contains("Did you mean `expert-1`?"),
        "{refused}"
    );
}

#[test]
fn ids_that_are_paths_name_files() {
    let tensor = TrialTensor::new("w", &[2])
        .base(vec![0.0; 2])
        .model("experts/german v2", vec![1.0, 0.0]);
    let merged = Trial::new(json!({})).tensor(tensor).run::<Emr>().unwrap();
    let (_, mask) = &merged[0].artifacts["mask.experts_german_v2"];
    assert_eq!(mask, &[1.0, 0.0]);
}
