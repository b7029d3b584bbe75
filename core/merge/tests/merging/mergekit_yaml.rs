//! Whole merges from mergekit's YAML files, beside what mergekit 0.1.4 wrote for them.
//!
//! Inputs are multiples of 1/16 and most weights are powers of two, so most sums in f32 are exact.
//! Means over three models and over all rows of an embedding round, in another order than
//! mergekit's: results agree within 2 ulp of f32.

use crate::checkpoints::Bench;
use mergelab_checkpoint::{
    Checkpoint, CheckpointWriter, DType, ExtraFile, TensorSpec, Tokenizer, WriterOptions,
};
use mergelab_merge::{MergeError, Recipe, Report};
use serde::Deserialize;
use serde_json::Value;
use std::collections::BTreeMap;
use std::path::Path;

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

fn merge(golden: &Golden, bench: &Bench, case: &str) -> Result<Report, MergeError> {
    let recipe = recipe(golden, bench, &golden.cases[case].yaml);
    bench.run(&recipe, &format!("out-{case}"))
}

fn json(folder: &Path, file: &str) -> Value {
    let bytes = std::fs::read(folder.join(file)).unwrap();
    serde_json::from_slice(&bytes).unwrap()
}

/// Methods with roots and arcs, which mergekit computes in f32 one operation after another: their
/// results agree within 1e-5 of the largest input, which is 4.
const ROUNDED: [&str; 4] = [
    "karcher_base_not_listed",
    "nuslerp_with_base",
    "slices_slerp",
    "tokenizer_union_karcher",
];

fn near(case: &str, a: f32, b: f32) -> bool {
    match ROUNDED.contains(&case) {
        true => (a - b).abs() <= 4e-5,
        false => (a - b).abs() <= 2.0 * f32::EPSILON * a.abs().max(b.abs()),
    }
}

fn assert_agrees(golden: &Golden, bench: &Bench, name: &str) {
    let case = &golden.cases[name];
    let report = merge(golden, bench, name);
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
                    near(name, wanted, found),
                    "{name}: {tensor}, row {ours}, column {k}: {found} is not {wanted}"
                );
            }
        }
    }
    let config = json(&report.dir, "config.json");
    for (key, value) in case.config.as_object().unwrap() {
        // There mergekit drew the configuration of the model that is tied, which makes the head
        // that it wrote one that nothing reads.
        let value = match (name, key.as_str()) {
            ("tied_and_untied" | "untied_and_tied", "tie_word_embeddings") => &Value::Bool(false),
            _ => value,
        };
        assert_eq!(&config[key], value, "{name}: {key}");
    }
    let template = json(&report.dir, "tokenizer_config.json");
    let template = template["chat_template"].as_str().map(str::to_owned);
    let base = case.yaml.contains("\nbase_model");
    let wanted = match base || case.yaml.contains("chat_template") {
        true => case.chat_template.clone(),
        // There mergekit drew a model; ours is the first one.
        false => {
            let place = |model: &&String| case.yaml.find(&format!("{{{model}}}"));
            let named = golden.models.keys().filter(|m| place(m).is_some());
            // The base of a slice stands first.
            let config = &golden.models[named.min_by_key(place).unwrap()].tokenizer_config;
            config["chat_template"].as_str().map(str::to_owned)
        }
    };
    assert_eq!(template, wanted, "{name}");
}

#[test]
fn slices_and_modules_give_its_numbers() {
    let golden = golden();
    let bench = bench(&golden);
    for name in [
        "slices_linear_levels",
        "frankenmerge",
        "slices_task_arithmetic",
        "slices_with_their_base",
        "numbers_for_truth_values",
        "module_default",
        "gradient_ends",
        "one_layer_slice",
        "slices_slerp",
        "slices_ties",
        "nuslerp_with_base",
        "karcher_base_not_listed",
        "tied_and_untied",
        "untied_and_tied",
        "tied_all",
    ] {
        assert_agrees(&golden, &bench, name);
    }
}

#[test]
fn tokenizers_give_its_numbers() {
    let golden = golden();
    let bench = bench(&golden);
    let cases: Vec<&String> = golden
        .cases
        .iter()
        .filter(|(name, case)| name.starts_with("token") && case.error.is_none())
        .map(|(name, _)| name)
        .collect();
    assert_eq!(cases.len(), 14);
    for name in cases {
        assert_agrees(&golden, &bench, name);
    }
}

#[test]
fn chat_templates_are_its() {
    let golden = golden();
    let bench = bench(&golden);
    for name in ["chat_template_auto", "chat_template_text"] {
        assert_agrees(&golden, &bench, name);
    }
}

/// Where mergekit ends with an error, and the result follows from the rules.
#[test]
fn what_it_cannot_do_is_done_or_refused() {
    let golden = golden();
    let bench = bench(&golden);
    let error = |case: &str| {
        let its = golden.cases[case].error.as_deref().unwrap();
        assert!(!its.is_empty());
    };
    let read = |case: &str, tensor: &str| {
        let out = Checkpoint::open(bench.path(&format!("out-{case}"))).unwrap();
        out.tensor(tensor).unwrap().to_f32().unwrap()
    };
    let input = |model: &str, tensor: &str| &golden.models[model].tensors[tensor].values;

    // The base's layers of the same numbers.
    error("slices_base_not_among_sources");
    merge(&golden, &bench, "slices_base_not_among_sources").unwrap();
    for tensor in golden.models["base"].tensors.keys() {
        let (base, a) = (input("base", tensor), input("a", tensor));
        let wanted: Vec<f32> = base.iter().zip(a).map(|(b, a)| b + 0.5 * (a - b)).collect();
        assert_eq!(
            read("slices_base_not_among_sources", tensor),
            wanted,
            "{tensor}"
        );
    }

    // `y` is a token of `third` alone: zeros for the other two, or for all.
    let name = "model.embed_tokens.weight";
    let third = &input("third", name)[6..8];
    for (case, wanted) in [
        ("tokens_zero", [2.0 * third[0], 2.0 * third[1]]),
        ("tokens_zero_forced", [0.0, 0.0]),
    ] {
        error(case);
        let report = merge(&golden, &bench, case).unwrap();
        let row = Tokenizer::open(&report.dir).unwrap().id("y").unwrap();
        assert_eq!(read(case, name)[row * 2..row * 2 + 2], wanted, "{case}");
    }

    // A token that no model has, without a rule.
    error("tokens_new_without_source");
    let report = merge(&golden, &bench, "tokens_new_without_source").unwrap();
    let row = Tokenizer::open(&report.dir).unwrap().id("new").unwrap();
    assert_eq!(
        read("tokens_new_without_source", name)[row * 2..],
        [0.0, 0.0]
    );
    let added = json(&report.dir, "tokenizer_config.json");
    assert_eq!(added["added_tokens_decoder"]["7"]["content"], "new");

    error("slices_lengths_differ");
    let yaml = &golden.cases["slices_lengths_differ"].yaml;
    let refused = Recipe::parse_mergekit(yaml, "m.yml".as_ref()).unwrap_err();
    assert!(
        refused
            .to_string()
            .contains("has 2 layers, the first one 3"),
        "{refused}"
    );
}
