//! Models of several components, merged from mergekit's YAML files, beside what mergekit 0.1.5
//! wrote for them.
//!
//! Inputs are multiples of 1/16 and weights are multiples of 1/8, so sums in f32 are exact.

use crate::checkpoints::Bench;
use mergelab_checkpoint::{
    Checkpoint, CheckpointWriter, DType, ExtraFile, TensorSpec, WriterOptions,
};
use mergelab_merge::{Action, Linked, Plan, Recipe};
use serde::Deserialize;
use serde_json::Value;
use std::collections::BTreeMap;

const GOLDEN: &str = include_str!("../../../../tests/golden/mergekit_modules.json");

#[derive(Deserialize)]
struct Golden {
    models: BTreeMap<String, Model>,
    cases: BTreeMap<String, Case>,
}

#[derive(Deserialize)]
struct Model {
    config: Value,
    tensors: BTreeMap<String, Stored>,
}

#[derive(Deserialize)]
struct Case {
    yaml: String,
    tensors: BTreeMap<String, Stored>,
    /// Numbers of layers, by JSON pointers into config.json.
    layers: BTreeMap<String, usize>,
}

#[derive(Deserialize)]
struct Stored {
    dtype: String,
    shape: Vec<usize>,
    values: Vec<f32>,
}

impl Stored {
    fn dtype(&self) -> DType {
        match self.dtype.as_str() {
            "bfloat16" => DType::BF16,
            "float16" => DType::F16,
            _ => DType::F32,
        }
    }
}

fn golden() -> (Golden, Bench) {
    let golden: Golden = serde_json::from_str(GOLDEN).unwrap();
    let bench = Bench::new();
    for (name, model) in &golden.models {
        let specs = model
            .tensors
            .iter()
            .map(|(name, tensor)| TensorSpec::new(name, tensor.dtype(), tensor.shape.clone()))
            .collect();
        let options = WriterOptions::default();
        let writer = CheckpointWriter::create(bench.path(name), specs, options).unwrap();
        for (i, tensor) in model.tensors.values().enumerate() {
            writer.write_f32(i, 0, &tensor.values).unwrap();
        }
        let config = ExtraFile::new("config.json", model.config.to_string());
        writer.finish(&[config]).unwrap();
    }
    (golden, bench)
}

/// A text with the folders filled in.
fn filled(golden: &Golden, bench: &Bench, text: &str) -> String {
    let mut text = text.to_owned();
    for name in golden.models.keys() {
        let path = bench.path(name).display().to_string();
        text = text.replace(&format!("{{{name}}}"), &path);
    }
    text
}

fn yaml(golden: &Golden, bench: &Bench, text: &str) -> Recipe {
    Recipe::parse_mergekit(&filled(golden, bench, text), "m.yml".as_ref()).unwrap()
}

#[test]
fn every_case_gives_mergekits_numbers() {
    let (golden, bench) = golden();
    for (name, case) in &golden.cases {
        let recipe = yaml(&golden, &bench, &case.yaml);
        // The record beside the result is the same merge.
        let written = recipe.to_toml();
        let again = Recipe::parse_toml(&written, "m.toml".as_ref()).unwrap();
        assert_eq!(again.to_json(), recipe.to_json(), "{name}:\n{written}");
        for (recipe, out) in [(recipe, "yaml"), (again, "toml")] {
            let report = bench.run(&recipe, &format!("{name}-{out}"));
            let report = report.unwrap_or_else(|error| panic!("{name}: {error}"));
            let out = Checkpoint::open(&report.dir).unwrap();
            let names: Vec<&String> = case.tensors.keys().collect();
            assert_eq!(out.names().iter().collect::<Vec<_>>(), names, "{name}");
            for (tensor, wanted) in &case.tensors {
                let view = out.tensor(tensor).unwrap();
                assert_eq!(view.shape, wanted.shape, "{name}: {tensor}");
                assert_eq!(view.dtype, wanted.dtype(), "{name}: {tensor}");
                assert_eq!(view.to_f32().unwrap(), wanted.values, "{name}: {tensor}");
            }
            let config = out.config().unwrap();
            for (pointer, count) in &case.layers {
                let found = config.pointer(pointer).and_then(Value::as_u64);
                assert_eq!(found, Some(*count as u64), "{name}: {pointer}");
            }
        }
    }
}

#[test]
fn modules_that_are_not_listed_are_told() {
    let (golden, bench) = golden();
    let recipe = yaml(&golden, &bench, &golden.cases["modules_not_listed"].yaml);
    let plan = Plan::new(&recipe, &Linked).unwrap();
    assert!(
        plan.tensors()
            .iter()
            .all(|t| t.name.starts_with("language_model.")
                && matches!(t.action, Action::Merge { .. }))
    );
    let inputs = golden.models["a"].tensors.len();
    assert_eq!(plan.dropped().len(), inputs - plan.tensors().len());
    assert_eq!(
        plan.dropped()[0].reason,
        "it is in the module `multi_modal_projector`, which is not listed"
    );
    // Our own recipes have to say so.
    let text = "method = \"linear\"\n[[models]]\npath = \"{a}\"\n[[modules]]\n\
                name = \"text_decoder\"\nmodels = [{ model = \"a\" }]\n";
    let recipe = Recipe::parse_toml(&filled(&golden, &bench, text), "m.toml".as_ref()).unwrap();
    let error = Plan::new(&recipe, &Linked)
        .map(drop)
        .unwrap_err()
        .to_string();
    assert!(
        error.contains("is in the module `multi_modal_projector`, which is not listed: list it"),
        "{error}"
    );
}

#[test]
fn parameters_of_a_module_are_explained() {
    let (golden, bench) = golden();
    let recipe = yaml(
        &golden,
        &bench,
        &golden.cases["modules_of_task_vectors"].yaml,
    );
    let plan = Plan::new(&recipe, &Linked).unwrap();
    let explained = |tensor: &str| plan.explain(tensor).unwrap().to_string();
    let text = explained("language_model.model.layers.1.mlp.up_proj.weight");
    assert!(text.contains("lambda = 2 (module text_decoder)"), "{text}");
    let text = explained("multi_modal_projector.linear_1.weight");
    assert!(text.contains("lambda = 0.5 (common parameters)"), "{text}");
}

#[test]
fn modules_that_are_not_there_are_refused() {
    let (golden, bench) = golden();
    let refused = |text: &str| {
        let recipe = yaml(&golden, &bench, text);
        let error = Plan::new(&recipe, &Linked).map(drop);
        error.unwrap_err().to_string()
    };
    for (text, wanted) in [
        (
            "merge_method: linear\nmodules:\n  text_decodr: {models: [{model: '{a}'}]}\n",
            "m.yml:3:3: these models have no component `text_decodr`. Did you mean `text_decoder`?",
        ),
        (
            "merge_method: linear\nmodules:\n  decoder: {models: [{model: '{p}'}]}\n",
            "m.yml:3:3: these models have no component `decoder`: everything in them is one, \
             `default`. Leave `modules` out",
        ),
        (
            "merge_method: passthrough\nmodules:\n  multi_modal_projector: {slices: [{sources: \
             [{model: '{a}', layer_range: [0, 1]}]}]}\n",
            "m.yml:3:47: layers 0 to 0 of model",
        ),
        (
            "merge_method: passthrough\nslices: [{sources: [{model: '{a}', layer_range: [0, 1]}]}]\n",
            "m.yml:2:10: `slices` needs models with one stack of layers",
        ),
    ] {
        let error = refused(text);
        assert!(error.starts_with(wanted), "{error}\nis not\n{wanted}");
    }
}
