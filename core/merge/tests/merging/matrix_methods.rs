//! Methods on matrices, masks and low-rank factors: whole merges of checkpoints and adapters give
//! what the reference evaluator gives.
//!
//! The methods' crates compare the reference evaluator with golden numbers. The engine's products
//! and decompositions are other algorithms, and each rounds to f32: results agree within 1e-5 of
//! the largest change.

use crate::checkpoints::{Bench, TENSORS, numbers, read};
use mergelab_checkpoint::{Checkpoint, DType};
use mergelab_sdk::Value;
use mergelab_sdk::conformance::{Merged, Trial, TrialTensor, assert_near};
use mergelab_sdk::prelude::*;

use mergelab_method_consensus_ta::ConsensusTa;
use mergelab_method_emr::Emr;
use mergelab_method_iso_c::IsoC;
use mergelab_method_iso_cts::IsoCts;
use mergelab_method_knots::Knots;
use mergelab_method_localize_and_stitch::LocalizeAndStitch;
use mergelab_method_lora_svd::LoraSvd;
use mergelab_method_tsv_m::TsvM;
use mergelab_method_wudi::Wudi;

const TOLERANCE: f32 = 1e-5;

const MODELS: &str = "[[models]]\npath = \"a\"\n[[models]]\npath = \"b\"\n\
                      [[models]]\nid = \"c\"\npath = \"c\"\n";
const ADAPTERS: &str = "[[models]]\nid = \"a\"\nadapter = \"de\"\n\
                        [[models]]\nid = \"b\"\nadapter = \"fr\"\n";

/// Full models and adapters on one base.
fn bench() -> Bench {
    let bench = Bench::new();
    for (seed, name) in ["base", "a", "b", "c"].iter().enumerate() {
        bench.model(name, DType::F32, seed as u64 + 1);
    }
    bench.adapter("de", 50);
    bench.adapter("fr", 60);
    bench
}

/// The same tensors for the reference evaluator.
fn of_models(bench: &Bench, params: Value) -> Trial {
    let values = |model: &str, name: &str| read(&bench.path(model), name);
    let tensors = TENSORS.iter().map(|(name, shape)| {
        let tensor = TrialTensor::new(name, shape).base(values("base", name));
        let add = |tensor: TrialTensor, id: &&str| tensor.model(id, values(id, name));
        ["a", "b", "c"].iter().fold(tensor, add)
    });
    tensors.fold(Trial::new(params), Trial::tensor)
}

fn of_adapters(bench: &Bench, params: Value) -> Trial {
    // As `Bench::adapter` writes them: rank 2, alpha 3.
    let factors = |name: &str, seed: u64| match name {
        "model.layers.0.self_attn.q_proj.weight" => Some((seed, 8)),
        "model.layers.1.mlp.up_proj.weight" => Some((seed + 2, 16)),
        _ => None,
    };
    let tensors = TENSORS.iter().map(|(name, shape)| {
        let tensor = TrialTensor::new(name, shape).base(read(&bench.path("base"), name));
        let add = |tensor: TrialTensor, (id, seed): &(&str, u64)| match factors(name, *seed) {
            Some((seed, outputs)) => {
                let left = numbers(seed + 1, 2 * outputs);
                let scaled = left.iter().map(|x| x * 1.5).collect();
                tensor.adapter(id, 2, scaled, numbers(seed, 16))
            }
            None => tensor.unchanged(id),
        };
        [("a", 50), ("b", 60)].iter().fold(tensor, add)
    });
    tensors.fold(Trial::new(params), Trial::tensor)
}

fn recipe(method: &str, params: &Value, models: &str) -> String {
    let lines = params.as_object().unwrap().iter();
    let lines: String = lines.map(|(k, v)| format!("{k} = {v}\n")).collect();
    format!("method = \"{method}\"\nbase = \"base\"\n{lines}{models}")
}

/// Merges, compares and returns what the reference evaluator gave.
fn agrees<M: MergeMethod>(params: Value, adapters: bool) -> (Bench, Vec<Merged>) {
    let bench = bench();
    let (models, trial) = match adapters {
        true => (ADAPTERS, of_adapters(&bench, params.clone())),
        false => (MODELS, of_models(&bench, params.clone())),
    };
    let toml = recipe(M::ID, &params, models);
    let report = bench
        .merge(&toml, "out")
        .unwrap_or_else(|e| panic!("{toml}{e}"));
    let wanted = trial.run::<M>().unwrap();
    for ((name, _), wanted) in TENSORS.iter().zip(&wanted) {
        let base = read(&bench.path("base"), name);
        let changes = wanted.values.iter().zip(&base).map(|(w, b)| (w - b).abs());
        let allowed = TOLERANCE * changes.fold(0.0, f32::max) + f32::EPSILON * 4.0;
        let label = format!("{name} of\n{toml}");
        assert_near(&read(&report.dir, name), &wanted.values, allowed, &label);
    }
    (bench, wanted)
}

#[test]
fn full_models_give_what_the_reference_evaluator_gives() {
    agrees::<TsvM>(json!({}), false);
    agrees::<IsoC>(json!({"lambda": 0.5}), false);
    agrees::<IsoCts>(json!({"common": 0.5}), false);
    agrees::<Knots>(json!({"density": 0.4}), false);
    agrees::<Knots>(json!({"inner": "dare_ties", "density": 0.4}), false);
    agrees::<Wudi>(json!({"steps": 30, "learning_rate": 1e-3}), false);
    agrees::<LoraSvd>(json!({"rank": 3, "dense": true}), false);
    agrees::<Emr>(json!({}), false);
    agrees::<Emr>(json!({"model": "c"}), false);
    agrees::<ConsensusTa>(json!({}), false);
    agrees::<LocalizeAndStitch>(json!({}), false);
    agrees::<LocalizeAndStitch>(json!({"scope": "tensor", "density": 0.3}), false);
}

#[test]
fn adapters_give_what_the_reference_evaluator_gives() {
    agrees::<TsvM>(json!({}), true);
    agrees::<IsoC>(json!({}), true);
    agrees::<IsoCts>(json!({"common": 0.5}), true);
    agrees::<Knots>(json!({"density": 0.4}), true);
    agrees::<Knots>(json!({"inner": "task_arithmetic"}), true);
    agrees::<Wudi>(json!({"steps": 30, "learning_rate": 1e-3}), true);
    agrees::<Emr>(json!({"model": "a"}), true);
}

#[test]
fn truncated_adapters_are_written_with_their_error() {
    let (bench, wanted) = agrees::<LoraSvd>(json!({"rank": 2}), true);
    let record = std::fs::read(bench.path("out/mergelab-merge.json")).unwrap();
    let record: Value = serde_json::from_slice(&record).unwrap();
    let mut count = 0;
    for ((name, shape), merged) in TENSORS.iter().zip(&wanted) {
        let Some((_, error)) = merged.artifacts.get("relative_error") else {
            continue;
        };
        count += 1;
        let recorded = &record["artifacts"]["relative_error"][name];
        let off = recorded.as_f64().unwrap() - f64::from(error[0]);
        assert!(off.abs() < 1e-5, "{name}: {recorded} and {error:?}");
        let factor = |file: &str| {
            let checkpoint = Checkpoint::open(bench.path(&format!("out/artifacts/{file}")));
            let checkpoint = checkpoint.unwrap();
            let tensor = checkpoint.tensor(name).unwrap();
            (tensor.shape.to_vec(), tensor.to_f32().unwrap())
        };
        let ((shape_b, b), (shape_a, a)) = (factor("lora_B"), factor("lora_A"));
        assert_eq!((shape_b, shape_a), (vec![shape[0], 2], vec![2, shape[1]]));
        let base = read(&bench.path("base"), name);
        let columns = shape[1];
        let product = base.iter().enumerate().map(|(i, base)| {
            let (row, column) = (i / columns, i % columns);
            base + b[2 * row] * a[column] + b[2 * row + 1] * a[columns + column]
        });
        let product: Vec<f32> = product.collect();
        assert_near(&product, &read(&bench.path("out"), name), 1e-5, name);
    }
    assert_eq!(count, 2, "the adapters change two tensors");
}

#[test]
fn masks_are_written_with_one_bit_an_entry() {
    let (bench, wanted) = agrees::<Emr>(json!({}), false);
    for id in ["a", "b", "c"] {
        let masks = Checkpoint::open(bench.path(&format!("out/artifacts/mask.{id}"))).unwrap();
        for ((name, _), merged) in TENSORS.iter().zip(&wanted) {
            let (_, wanted) = &merged.artifacts[&format!("mask.{id}")];
            let bytes = masks.tensor(name).unwrap().bytes;
            let bits = (0..wanted.len()).map(|i| f32::from(bytes[i / 8] >> (i % 8) & 1));
            assert_eq!(&bits.collect::<Vec<_>>(), wanted, "{name} of {id}");
        }
    }
}
