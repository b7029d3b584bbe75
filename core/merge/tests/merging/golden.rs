//! Numbers from mergekit 0.1.4, made by whole merges of one-tensor checkpoints.
//!
//! f32 results agree within 1e-6 of each value: mergekit's sums and ours round a few times each. bf16 results agree within one unit in the last place: mergekit
//! rounds after each operation and so do we, but where it fuses two, one rounding differs.

use crate::checkpoints::{Bench, read};
use mergelab_checkpoint::{Checkpoint, DType, WriterOptions};
use mergelab_merge::Recipe;
use mergelab_sdk::prelude::*;
use mergelab_sdk::sparsify::{Rescale, rescaled};
use serde::Deserialize;
use serde_json::{Map, Value};
use std::collections::BTreeMap;

const GOLDEN: &str = include_str!("../../../../tests/golden/mergekit.json");

#[derive(Deserialize)]
struct Golden {
    cases: Vec<Case>,
    stochastic: Vec<Value>,
}

#[derive(Deserialize)]
struct Case {
    method: String,
    dtype: String,
    shape: Vec<usize>,
    base: Option<String>,
    params: Map<String, Value>,
    tensor_params: Map<String, Value>,
    inputs: BTreeMap<String, Vec<f32>>,
    out_dtype: String,
    output: Vec<f32>,
}

fn golden() -> Golden {
    serde_json::from_str(GOLDEN).unwrap()
}

fn dtype(name: &str) -> DType {
    match name {
        "float32" => DType::F32,
        "bfloat16" => DType::BF16,
        other => panic!("{other} is in no case"),
    }
}

/// Position of a bf16 among all bf16, so that neighbours differ by 1.
fn place(value: f32) -> i32 {
    let bits = (value.to_bits() >> 16) as i32;
    if bits < 0x8000 { bits } else { 0x8000 - bits }
}

fn assert_agrees(dtype: DType, found: &[f32], wanted: &[f32], case: &str) {
    assert_eq!(found.len(), wanted.len(), "{case}");
    for (i, (found, wanted)) in found.iter().zip(wanted).enumerate() {
        let near = match dtype {
            DType::F32 => (found - wanted).abs() <= 1e-6 * wanted.abs(),
            _ => (place(*found) - place(*wanted)).abs() <= 1,
        };
        assert!(near, "{case}: element {i} is {found:e}, not {wanted:e}");
    }
}

#[test]
fn merges_give_mergekits_numbers() {
    let mut count = BTreeMap::new();
    for (number, case) in golden().cases.iter().enumerate() {
        let method = case.method.as_str();
        if !["linear", "task_arithmetic", "ties"].contains(&method) {
            continue;
        }
        let bench = Bench::new();
        let stored = dtype(&case.dtype);
        let path = |name: &str| bench.path(name).display().to_string();
        for (name, values) in &case.inputs {
            let tensors = [("w", &case.shape[..], values.clone())];
            bench.write(name, stored, &tensors, WriterOptions::default());
        }
        let models: Vec<Value> = case
            .tensor_params
            .iter()
            .map(|(name, params)| json!({"model": path(name), "parameters": params}))
            .collect();
        let mut file = json!({
            "merge_method": method,
            "models": models,
            "parameters": case.params,
            "dtype": case.dtype,
        });
        if let Some(base) = &case.base {
            file["base_model"] = json!(path(base));
        }
        // JSON is YAML.
        let recipe = Recipe::parse_mergekit(&file.to_string(), &bench.path("m.yml")).unwrap();
        let report = bench.run(&recipe, "out").unwrap();
        let out = dtype(&case.out_dtype);
        let checkpoint = Checkpoint::open(&report.dir).unwrap();
        assert_eq!(checkpoint.tensor("w").unwrap().dtype, out);
        let label = format!("case {number}: {file}");
        assert_agrees(out, &read(&report.dir, "w"), &case.output, &label);
        *count.entry(case.method.clone()).or_insert(0) += 1;
    }
    let counts: Vec<_> = count.iter().map(|(m, n)| (m.as_str(), *n)).collect();
    assert_eq!(
        counts,
        [("linear", 12), ("task_arithmetic", 12), ("ties", 51)]
    );
}

/// Rescales its first model where its second one is 1.
#[derive(Params)]
struct RescaledMasked {}

impl MergeMethod for RescaledMasked {
    const ID: &'static str = "rescaled_masked";
    const BASE: BaseUse = BaseUse::Unused;
    const MIN_MODELS: usize = 2;
    const MAX_MODELS: Option<usize> = Some(2);
    const ORDER_INDEPENDENT: bool = false;
    const IDENTITY: bool = false;

    fn merge(&self, group: &Group) -> Result<Tensor> {
        let tensors: Vec<&Tensor> = group.models().map(|m| m.tensor()).collect();
        Ok(rescaled(tensors[0], tensors[1], 1.0, Rescale::L1))
    }
}

plugin!(RescaledMasked);

#[derive(Deserialize)]
struct MaskedCase {
    dtype: String,
    input: Vec<f32>,
    mask: Vec<f32>,
    output: Vec<f32>,
}

#[test]
fn given_the_mask_rescaling_gives_mergekits_numbers() {
    let cases: Vec<MaskedCase> = golden()
        .stochastic
        .into_iter()
        .filter(|c| c["kind"] == "rescaled_masked" && c["norm"] == "l1")
        .map(|c| serde_json::from_value(c).unwrap())
        .collect();
    assert_eq!(cases.len(), 2);
    for case in cases {
        let bench = Bench::new();
        let stored = dtype(&case.dtype);
        for (name, values) in [("x", &case.input), ("mask", &case.mask)] {
            let tensors = [("w", &[values.len()][..], values.clone())];
            bench.write(name, stored, &tensors, WriterOptions::default());
        }
        let recipe = format!(
            "method = \"rescaled_masked\"\ncompute = \"{}\"\n[[models]]\npath = \"x\"\n\
             [[models]]\npath = \"mask\"\n",
            case.dtype
        );
        let report = bench.merge(&recipe, "out").unwrap();
        assert_agrees(stored, &read(&report.dir, "w"), &case.output, &case.dtype);
    }
}
