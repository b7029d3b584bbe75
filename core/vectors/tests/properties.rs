//! What holds for all task vectors.

#![allow(clippy::unwrap_used, reason = "a panic is how a test fails")]

use std::path::Path;

use mergelab_checkpoint::{CheckpointWriter, DType, TensorSpec, WriterOptions};
use mergelab_vectors::{Inputs, Options, Row, analyse, singular_values};
use proptest::prelude::*;

/// A checkpoint of one matrix.
fn write(path: &Path, shape: [usize; 2], values: &[f32]) {
    let specs = vec![TensorSpec::new("layers.0.w.weight", DType::F32, shape)];
    let writer = CheckpointWriter::create(path, specs, WriterOptions::default()).unwrap();
    writer.write_f32(0, 0, values).unwrap();
    writer.finish(&[]).unwrap();
}

fn rows(base: &Path, models: &[&Path]) -> Vec<Row> {
    let models: Vec<_> = models.iter().map(|path| path.to_string_lossy()).collect();
    let inputs = Inputs::open(base, &models).unwrap();
    analyse(&inputs, &Options::default()).unwrap().rows
}

fn value(rows: &[Row], quantity: &str, model: &str) -> Option<f64> {
    let found = rows
        .iter()
        .find(|row| row.quantity == quantity && row.model == model);
    found.unwrap().value
}

/// An adapter with one module of that shape.
fn write_adapter(path: &Path, [rows, columns]: [usize; 2], a: &[f32], b: &[f32], alpha: f64) {
    let rank = a.len() / columns;
    let specs = vec![
        TensorSpec::new(
            "base_model.model.layers.0.w.lora_A.weight",
            DType::F32,
            [rank, columns],
        ),
        TensorSpec::new(
            "base_model.model.layers.0.w.lora_B.weight",
            DType::F32,
            [rows, rank],
        ),
    ];
    let writer = CheckpointWriter::create(path, specs, WriterOptions::default()).unwrap();
    writer.write_f32(0, 0, a).unwrap();
    writer.write_f32(1, 0, b).unwrap();
    writer.finish(&[]).unwrap();
    std::fs::rename(
        path.join("model.safetensors"),
        path.join("adapter_model.safetensors"),
    )
    .unwrap();
    let config = serde_json::json!({
        "peft_type": "LORA", "r": rank, "lora_alpha": alpha, "target_modules": ["w"],
    });
    std::fs::write(path.join("adapter_config.json"), config.to_string()).unwrap();
}

fn matrix() -> impl Strategy<Value = ([usize; 2], Vec<f32>, Vec<f32>, Vec<f32>)> {
    (1usize..12, 1usize..12).prop_flat_map(|(rows, columns)| {
        let values = || prop::collection::vec(-1.0f32..1.0, rows * columns);
        (Just([rows, columns]), values(), values(), values())
    })
}

fn factors() -> impl Strategy<Value = ([usize; 2], Vec<Vec<f32>>)> {
    (1usize..10, 1usize..10, 1usize..4, 1usize..4).prop_flat_map(|(rows, columns, r, s)| {
        let values = |count: usize| prop::collection::vec(-1.0f32..1.0, count);
        let matrices = (
            values(r * columns),
            values(rows * r),
            values(s * columns),
            values(rows * s),
        );
        let matrices = matrices.prop_map(|(a, b, c, d)| vec![a, b, c, d]);
        (Just([rows, columns]), matrices)
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn a_vector_is_itself_and_pairs_are_symmetric((shape, base, a, b) in matrix()) {
        let dir = tempfile::tempdir().unwrap();
        let path = |name: &str| dir.path().join(name);
        for (name, values) in [("base", &base), ("a", &a), ("twin", &a), ("b", &b)] {
            write(&path(name), shape, values);
        }
        let same = rows(&path("base"), &[&path("a"), &path("twin")]);
        prop_assert!((value(&same, "cosine", "a").unwrap() - 1.0).abs() < 1e-12);
        prop_assert_eq!(value(&same, "sign_conflict", "a").unwrap_or(0.0), 0.0);
        for overlap in ["overlap_top1", "overlap_top10", "overlap_top20"] {
            prop_assert_eq!(value(&same, overlap, "a"), Some(1.0));
        }
        let one = rows(&path("base"), &[&path("a"), &path("b")]);
        let other = rows(&path("base"), &[&path("b"), &path("a")]);
        for quantity in
            ["cosine", "sign_conflict", "overlap_top1", "overlap_top10", "overlap_top20"]
        {
            prop_assert_eq!(value(&one, quantity, "a"), value(&other, quantity, "b"));
        }
        // Between one and the number of directions there are.
        let effective = value(&one, "effective_rank", "a").unwrap();
        let stable = value(&one, "stable_rank", "a").unwrap();
        let most = shape[0].min(shape[1]) as f64;
        for rank in [effective, stable] {
            prop_assert!(rank >= 1.0 - 1e-9 && rank <= most * (1.0 + 1e-9), "{rank}");
        }
    }

    /// Factors and dense matrices agree. The dense update is f32, 2^-24 of each entry, so norms
    /// and cosines agree to about 1e-6 where the entries do not cancel, and the ranks to what the
    /// Gram matrix keeps.
    #[test]
    fn an_adapter_is_its_dense_matrix((shape, matrices) in factors(), alpha in 0.5f64..4.0) {
        let [rows_of, columns] = shape;
        let dir = tempfile::tempdir().unwrap();
        let path = |name: &str| dir.path().join(name);
        write(&path("base"), shape, &vec![0.0; rows_of * columns]);
        for (name, pair) in [("a", &matrices[..2]), ("b", &matrices[2..])] {
            let rank = pair[0].len() / columns;
            write_adapter(&path(name), shape, &pair[0], &pair[1], alpha);
            let dense: Vec<f32> = (0..rows_of * columns)
                .map(|at| {
                    let (i, j) = (at / columns, at % columns);
                    let product = (0..rank).map(|k| {
                        f64::from(pair[1][i * rank + k]) * f64::from(pair[0][k * columns + j])
                    });
                    (alpha / rank as f64 * product.sum::<f64>()) as f32
                })
                .collect();
            write(&path(&format!("dense_{name}")), shape, &dense);
        }
        let thin = rows(&path("base"), &[&path("a"), &path("b")]);
        let dense = rows(&path("base"), &[&path("dense_a"), &path("dense_b")]);
        prop_assert_eq!(thin.len(), dense.len());
        for (thin, dense) in thin.iter().zip(&dense) {
            prop_assert_eq!(thin.quantity, dense.quantity);
            // The base is zero.
            let (Some(a), Some(b)) = (thin.value, dense.value) else {
                prop_assert_eq!(thin.value, dense.value);
                continue;
            };
            let tolerance = match thin.quantity {
                "effective_rank" => 1e-3,
                _ => 1e-5 * b.abs().max(1.0),
            };
            prop_assert!((a - b).abs() <= tolerance, "{}: {a} {b}", thin.quantity);
        }
    }

    #[test]
    fn a_matrix_and_its_transpose_have_the_same_singular_values(
        (shape, values, _, _) in matrix()
    ) {
        let [rows, columns] = shape;
        let of = |rows: usize, columns: usize, transposed: bool| {
            let at = |i: usize| match transposed {
                false => values[i],
                true => values[i % columns * rows + i / columns],
            };
            singular_values(
                rows,
                columns,
                |start, out: &mut [f32]| {
                    for (i, out) in out.iter_mut().enumerate() {
                        *out = at(start + i);
                    }
                    Ok::<(), String>(())
                },
                |reason| reason,
            )
            .unwrap()
        };
        let one = of(rows, columns, false);
        let other = of(columns, rows, true);
        let squares: f64 = values.iter().map(|v| f64::from(*v).powi(2)).sum();
        prop_assert!((one.iter().map(|v| v * v).sum::<f64>() - squares).abs() < 1e-9);
        for (a, b) in one.iter().zip(&other) {
            // Half of the digits: see `singular_values`.
            prop_assert!((a - b).abs() < 1e-6, "{a} {b}");
        }
    }
}

#[test]
fn models_go_by_the_names_they_are_given() {
    let folder = tempfile::tempdir().unwrap();
    let [base, one, two] = ["base", "one/model", "two/model"].map(|name| folder.path().join(name));
    write(&base, [1, 2], &[0.0, 0.0]);
    write(&one, [1, 2], &[1.0, 0.0]);
    write(&two, [1, 2], &[1.0, 1.0]);
    let paths = [&one, &two].map(|path| path.to_string_lossy().into_owned());
    assert!(Inputs::open(&base, &paths).is_err());
    let named = [("de", &paths[0]), ("fr", &paths[1])];
    let inputs = Inputs::open_named(&base, &named).unwrap();
    let rows = analyse(&inputs, &Options::default()).unwrap().rows;
    let cosine = value(&rows, "cosine", "de").unwrap();
    assert!((cosine - 0.5f64.sqrt()).abs() < 1e-12);
    assert!(Inputs::open_named(&base, &[("de", &paths[0]), ("de", &paths[1])]).is_err());
}
