//! Whole merges from mergekit's YAML files, beside what mergekit 0.1.4 wrote for them.
//!
//! Inputs are multiples of 1/16 and weights are powers of two, so sums in f32 are exact and results
//! are compared bit by bit. The exceptions are means over three models and over all rows of an
//! embedding, which round: they agree within 2 ulp of f32.

use crate::checkpoints::Bench;
use mergelab_checkpoint::{
    Checkpoint, CheckpointWriter, DType, ExtraFile, TensorSpec, Tokenizer, WriterOptions,
};
use mergelab_merge::{MergeError, Recipe, Report};
use serde::Deserialize;
use serde_json::Value;
use std::collections::BTreeMap;

const GOLDEN: &str = include_str!("../../../../tests/golden/mergekit_yaml.json");

#[derive(Deserialize)]
struct Golden {
    models: BTreeMap<String, Model>,
    cases: BTreeMap<String, Case>,
}

#[derive(Deserialize)]
struct Model {
    config: Value,
    tokenizer: Value,
    tokenizer_config: Value,
    tensors: BTreeMap<String, Stored>,
}

#[derive(Deserialize)]
struct Stored {
    shape: Vec<usize>,
    values: Vec<f32>,
}

#[derive(Deserialize)]
struct Case {
    yaml: String,
    error: Option<String>,
    #[serde(default)]
    tensors: BTreeMap<String, Stored>,
    #[serde(default)]
    config: Value,
    #[serde(default)]
    vocab: BTreeMap<String, usize>,
    chat_template: Option<String>,
}

fn golden() -> Golden {
    serde_json::from_str(GOLDEN).unwrap()
}

/// All models of the file as folders.
fn bench(golden: &Golden) -> Bench {
    let bench = Bench::new();
    for (name, model) in &golden.models {
        let specs = model
            .tensors
            .iter()
            .map(|(name, tensor)| TensorSpec::new(name, DType::F32, tensor.shape.clone()))
            .collect();
        let options = WriterOptions::default();
        let writer = CheckpointWriter::create(bench.path(name), specs, options).unwrap();
        for (i, tensor) in model.tensors.values().enumerate() {
            writer.write_f32(i, 0, &tensor.values).unwrap();
        }
        let files = [
            ExtraFile::new("config.json", model.config.to_string()),
            ExtraFile::new("tokenizer.json", model.tokenizer.to_string()),
            ExtraFile::new("tokenizer_config.json", model.tokenizer_config.to_string()),
        ];
        writer.finish(&files).unwrap();
    }
    bench
}

/// The recipe of a case, with the folders filled in.
fn recipe(golden: &Golden, bench: &Bench, yaml: &str) -> Recipe {
    let mut text = yaml.to_owned();
    for name in golden.models.keys() {
        let path = bench.path(name).display().to_string();
        text = text.replace(&format!("{{{name}}}"), &path);
    }
    Recipe::parse_mergekit(&text, "m.yml".as_ref()).unwrap()
}

fn merge(golden: &Golden, case: &str) -> (Bench, Result<Report, MergeError>) {
    let bench = bench(golden);
    let recipe = recipe(golden, &bench, &golden.cases[case].yaml);
    let report = bench.run(&recipe, "out");
    (bench, report)
}

fn json(bench: &Bench, file: &str) -> Value {
    let bytes = std::fs::read(bench.path("out").join(file)).unwrap();
    serde_json::from_slice(&bytes).unwrap()
}

fn near(a: f32, b: f32) -> bool {
    (a - b).abs() <= 2.0 * f32::EPSILON * a.abs().max(b.abs())
}

fn assert_agrees(golden: &Golden, name: &str) {
    let case = &golden.cases[name];
    let (bench, report) = merge(golden, name);
    let report = report.unwrap_or_else(|error| panic!("{name}: {error}"));
    let out = Checkpoint::open(&report.dir).unwrap();
    let names: Vec<&String> = case.tensors.keys().collect();
    assert_eq!(out.names().iter().collect::<Vec<_>>(), names, "{name}");
    let tokenizer = Tokenizer::open(&report.dir).unwrap();
    assert_eq!(tokenizer.len(), case.vocab.len(), "{name}");
    for (tensor, wanted) in &case.tensors {
        let view = out.tensor(tensor).unwrap();
        assert_eq!(view.shape, wanted.shape, "{name}: {tensor}");
        let found = view.to_f32().unwrap();
        let per_token = tensor.contains("embed_tokens") || tensor.contains("lm_head");
        let width = wanted.shape.last().copied().unwrap_or(1);
        let rows = wanted.values.len() / width;
        // mergekit numbers the tokens that a union adds by chance: rows go by token.
        let places: Vec<(usize, usize)> = match per_token {
            true => (case
                .vocab
                .iter()
                .map(|(t, id)| (*id, tokenizer.id(t).unwrap())))
            .chain((tokenizer.len()..rows).map(|row| (row, row)))
            .collect(),
            false => (0..rows).map(|row| (row, row)).collect(),
        };
        for (theirs, ours) in places {
            for k in 0..width {
                let (wanted, found) = (wanted.values[theirs * width + k], found[ours * width + k]);
                assert!(
                    near(wanted, found),
                    "{name}: {tensor}, row {ours}, column {k}: {found} is not {wanted}"
                );
            }
        }
    }
    let config = json(&bench, "config.json");
    for (key, value) in case.config.as_object().unwrap() {
        assert_eq!(&config[key], value, "{name}: {key}");
    }
    let template = json(&bench, "tokenizer_config.json");
    let template = template["chat_template"].as_str().map(str::to_owned);
    assert_eq!(template, case.chat_template, "{name}");
}

/// Cases whose chat template or numbering depends on the model that mergekit draws by chance.
const DRAWN: [&str; 1] = ["tokenizer_union_without_base"];

#[test]
fn slices_and_modules_give_its_numbers() {
    let golden = golden();
    for name in [
        "slices_linear_levels",
        "frankenmerge",
        "slices_task_arithmetic",
        "module_default",
        "gradient_ends",
        "one_layer_slice",
        "tied_and_untied",
        "untied_and_tied",
        "tied_all",
    ] {
        assert_agrees(&golden, name);
    }
}

#[test]
fn tokenizers_give_its_numbers() {
    let golden = golden();
    let cases: Vec<&String> = golden
        .cases
        .iter()
        .filter(|(name, case)| name.starts_with("token") && case.error.is_none())
        .map(|(name, _)| name)
        .collect();
    assert_eq!(cases.len(), 14);
    for name in cases.iter().filter(|name| !DRAWN.contains(&name.as_str())) {
        assert_agrees(&golden, name);
    }
}

#[test]
fn chat_templates_are_its() {
    let golden = golden();
    for name in ["chat_template_auto", "chat_template_text"] {
        assert_agrees(&golden, name);
    }
}
