#![allow(clippy::unwrap_used)]

use super::*;
use mergelab_sdk::conformance::{TrialTensor, assert_golden, assert_near};

mergelab_sdk::conformance!(IsoCts);

const GOLDEN: &str = include_str!("../../../../tests/golden/matrix_methods.json");

// Rounding to f32 after each operation, of which the longest chain has a dozen.
const ROUNDING: f32 = 3e-6;

#[test]
fn gives_the_golden_numbers() {
    assert_eq!(assert_golden::<IsoCts>(GOLDEN, ROUNDING), 16);
}

// X Xᵀ X = s² X holds where all singular values of X are s or 0.
fn assert_flat(x: &[f32], [m, n]: [usize; 2], rank: usize) {
    let at = |i: usize, j: usize| f64::from(x[i * n + j]);
    let row_product = |i: usize, k: usize| (0..n).map(|j| at(i, j) * at(k, j)).sum::<f64>();
    let square = (0..m).map(|i| row_product(i, i)).sum::<f64>() / rank as f64;
    for i in 0..m {
        for j in 0..n {
            let cube: f64 = (0..m).map(|k| row_product(i, k) * at(k, j)).sum();
            let off = cube - square * at(i, j);
            assert!(off.abs() < 1e-5 * square.powf(1.5), "({i}, {j}): {off:e}");
        }
    }
}

#[test]
fn the_spectrum_is_flat() {
    for (common, shape) in [(0.8, [15, 10]), (0.5, [10, 12]), (0.0, [9, 6])] {
        let tensor = TrialTensor::random(1, shape, 3, 0);
        let found = tensor.merged::<IsoCts>(json!({"common": common})).unwrap();
        assert_flat(&found, shape, shape[0].min(shape[1]));
    }
}

#[test]
fn directions_are_shared_out_without_remainder() {
    let base = json!({"lambda": 1.0, "except": [], "others": "mean"});
    for common in [0.0, 0.33, 0.5, 0.8, 0.97, 1.0] {
        let mut params = base.as_object().unwrap().clone();
        params.insert("common".to_owned(), json!(common));
        let method = IsoCts::from_values(&params).unwrap();
        for size in 1..40 {
            for tasks in 1..8 {
                let (shared, each) = method.split(size, tasks);
                assert_eq!(
                    shared + each * tasks,
                    size,
                    "{common} of {size}, {tasks} tasks"
                );
            }
        }
        assert_eq!(method.split(10, 3).1 == 0, common > 0.83, "{common}");
    }
}

#[test]
fn factors_give_what_dense_task_vectors_give() {
    // With 3 of 10 directions common, the tasks' own depend on each other: the sum has 6 in all.
    // Where one is weak beside its task vector, rounding turns it (`orthogonalised`).
    for (seed, shape) in (1..=12).flat_map(|seed| [(seed, [10, 14]), (seed, [14, 10])]) {
        for common in [0.3, 0.8] {
            let params = json!({"common": common});
            let tensor = TrialTensor::random(seed, shape, 3, 2);
            let found = tensor.merged::<IsoCts>(params.clone()).unwrap();
            let dense = tensor.dense().merged::<IsoCts>(params).unwrap();
            assert_near(&found, &dense, 2e-6, "factors");
        }
    }
}

#[test]
fn what_is_known_to_be_unchanged_gives_what_zeros_give() {
    let tensor = TrialTensor::random(7, [10, 7], 2, 2).unchanged("untouched");
    let found = tensor.merged::<IsoCts>(json!({"common": 0.4})).unwrap();
    let dense = tensor
        .dense()
        .merged::<IsoCts>(json!({"common": 0.4}))
        .unwrap();
    assert_near(&found, &dense, 2e-6, "unchanged");
    let nobody = TrialTensor::random(8, [3, 4], 0, 0);
    let nobody = nobody.unchanged("one").unchanged("other");
    assert_eq!(
        nobody.merged::<IsoCts>(json!({"common": 0.4})).unwrap(),
        [0.0; 12]
    );
}
