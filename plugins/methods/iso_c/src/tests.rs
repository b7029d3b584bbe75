#![allow(clippy::unwrap_used)]

use super::*;
use mergelab_sdk::conformance::{TrialTensor, assert_golden, assert_near};

mergelab_sdk::conformance!(IsoC);

const GOLDEN: &str = include_str!("../../../../tests/golden/matrix_methods.json");

// Rounding to f32 after each operation, of which the longest chain has a dozen.
const ROUNDING: f32 = 3e-6;

#[test]
fn gives_the_golden_numbers() {
    assert_eq!(assert_golden::<IsoC>(GOLDEN, ROUNDING), 13);
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
    for (shape, rank) in [([9, 6], 0), ([6, 9], 0), ([10, 8], 2)] {
        let tensor = TrialTensor::random(1, shape, 2, rank);
        let found = tensor.merged::<IsoC>(json!({})).unwrap();
        let whole = shape[0].min(shape[1]);
        assert_flat(&found, shape, if rank == 0 { whole } else { 2 * rank });
    }
}

#[test]
fn a_task_vector_of_rank_one_is_itself() {
    let tensor = TrialTensor::random(2, [9, 13], 1, 1);
    for tensor in [tensor.clone(), tensor.dense()] {
        let found = tensor.merged::<IsoC>(json!({})).unwrap();
        assert_near(&found, &tensor.task_vectors()[0], 1e-6, "rank 1");
    }
}

#[test]
fn factors_give_what_dense_task_vectors_give() {
    for (seed, shape) in [(3, [10, 14]), (4, [14, 10])] {
        let tensor = TrialTensor::random(seed, shape, 3, 2);
        let found = tensor.merged::<IsoC>(json!({})).unwrap();
        let dense = tensor.dense().merged::<IsoC>(json!({})).unwrap();
        assert_near(&found, &dense, 1e-6, "factors");
    }
}

#[test]
fn opposite_task_vectors_leave_the_base() {
    let values = vec![0.5, -1.0, 0.25, 0.0, 2.0, -0.5];
    let minus = values.iter().map(|x| -x).collect();
    let tensor = TrialTensor::new("w", &[2, 3])
        .base(vec![0.0; 6])
        .model("plus", values)
        .model("minus", minus);
    assert_eq!(tensor.merged::<IsoC>(json!({})).unwrap(), [0.0; 6]);
}

#[test]
fn what_is_known_to_be_unchanged_gives_what_zeros_give() {
    let tensor = TrialTensor::random(7, [10, 7], 2, 2).unchanged("untouched");
    let found = tensor.merged::<IsoC>(json!({})).unwrap();
    let dense = tensor.dense().merged::<IsoC>(json!({})).unwrap();
    assert_near(&found, &dense, 2e-6, "unchanged");
    let nobody = TrialTensor::random(8, [3, 4], 0, 0);
    let nobody = nobody.unchanged("one").unchanged("other");
    assert_eq!(nobody.merged::<IsoC>(json!({})).unwrap(), [0.0; 12]);
}
