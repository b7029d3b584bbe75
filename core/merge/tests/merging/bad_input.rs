//! Inputs and recipes that are refused: with a clear message, and without leaving anything.

use crate::checkpoints::{Bench, numbers, values};
use mergelab_checkpoint::{CheckpointWriter, DType, TensorSpec, WriterOptions};
use mergelab_merge::{InputPath, Linked, Model, Plan, Recipe};
use std::fs;

const TIES: &str =
    "method = \"ties\"\nbase = \"base\"\n[[models]]\npath = \"a\"\n[[models]]\npath = \"b\"\n";

/// A base, a good model `a`, and room for a bad `b`.
fn bench() -> Bench {
    let bench = Bench::new();
    bench.model("base", DType::F32, 1);
    bench.model("a", DType::F32, 2);
    bench
}

fn assert_says(error: &str, wanted: &[&str]) {
    for part in wanted {
        assert!(error.contains(part), "{error}\ndoes not say\n{part}");
    }
}

#[test]
fn a_truncated_file() {
    let bench = bench();
    bench.model("b", DType::F32, 3);
    let file = bench.path("b/model.safetensors");
    let bytes = fs::read(&file).unwrap();
    fs::write(&file, &bytes[..bytes.len() - 10]).unwrap();
    assert_says(
        &bench.refused(TIES),
        &["model `b`", "b/model.safetensors", "is truncated"],
    );
    fs::write(&file, &bytes[..5]).unwrap();
    assert_says(&bench.refused(TIES), &["model `b`", "b/model.safetensors"]);
}

#[test]
fn a_header_that_lies() {
    let bench = bench();
    bench.model("b", DType::F32, 3);
    let file = bench.path("b/model.safetensors");
    let bytes = fs::read(&file).unwrap();
    let at = bytes.windows(6).position(|w| w == b"[12,8]").unwrap();
    let mut lie = bytes.clone();
    lie[at..at + 6].copy_from_slice(b"[12,9]");
    fs::write(&file, lie).unwrap();
    assert_says(
        &bench.refused(TIES),
        &["model `b`", "not the size of its shape"],
    );
}

#[test]
fn a_missing_shard() {
    let bench = bench();
    bench.sharded("b", DType::F32, 3);
    let shard = fs::read_dir(bench.path("b"))
        .unwrap()
        .map(|e| e.unwrap().path())
        .find(|p| p.to_string_lossy().contains("model-00002-of"))
        .unwrap();
    fs::remove_file(shard).unwrap();
    assert_says(
        &bench.refused(TIES),
        &["model `b`", "model-00002-of", "is missing"],
    );
}

#[test]
fn shapes_that_differ() {
    let bench = bench();
    let mut tensors = values(3);
    tensors[1].1 = &[13, 8];
    tensors[1].2 = numbers(5, 13 * 8);
    tensors[5].1 = &[2, 4];
    bench.write("b", DType::F32, &tensors, WriterOptions::default());
    assert_says(
        &bench.refused(TIES),
        &[
            "2 tensors cannot be merged",
            "model.embed_tokens.weight: its shape is [12, 8] in the base (base) and [13, 8] in \
             model `b` (b); their vocabularies differ",
            "model.norm.weight: its shape is [8] in the base (base) and [2, 4] in model `b` (b)",
        ],
    );
}

#[test]
fn tensors_that_only_some_have() {
    let bench = bench();
    let tensors = values(3);
    bench.write("b", DType::F32, &tensors[..5], WriterOptions::default());
    assert_says(
        &bench.refused(TIES),
        &[
            "model.norm.weight: model `a` (a) has it, model `b` (b) lacks it",
            "`rules = \"mergekit\"`",
        ],
    );
    let mut more = values(3);
    more.push(("surplus", &[1], vec![1.0]));
    let bench = Bench::new();
    bench.model("base", DType::F32, 1);
    for name in ["a", "b"] {
        bench.write(name, DType::F32, &more, WriterOptions::default());
    }
    assert_says(
        &bench.refused(TIES),
        &["surplus: the base has no such tensor"],
    );
}

#[test]
fn integers_that_differ() {
    let bench = Bench::new();
    let write = |name: &str, ids: [i64; 2]| {
        let specs = vec![
            TensorSpec::new("position_ids", DType::I64, [2]),
            TensorSpec::new("w", DType::F32, [2]),
        ];
        let options = WriterOptions::default();
        let writer = CheckpointWriter::create(bench.path(name), specs, options).unwrap();
        let bytes: Vec<u8> = ids.iter().flat_map(|i| i.to_le_bytes()).collect();
        writer.write_bytes(0, 0, &bytes).unwrap();
        writer.write_f32(1, 0, &numbers(1, 2)).unwrap();
        writer.finish(&[]).unwrap();
    };
    write("base", [0, 1]);
    write("a", [0, 1]);
    write("b", [0, 2]);
    assert_says(
        &bench.refused(TIES),
        &["position_ids: it holds I64 and differs between the base (base) and model `b` (b)"],
    );
    // Equal ones are copied.
    let same = TIES.replace("\"b\"", "\"a\"\nid = \"a2\"");
    let report = bench.merge(&same, "out").unwrap();
    assert_eq!((report.merged, report.copied), (1, 1));
}

#[test]
fn a_nan_or_an_infinity() {
    for (bad, text) in [(f32::NAN, "NaN"), (f32::NEG_INFINITY, "-inf")] {
        let bench = bench();
        let mut tensors = values(3);
        tensors[2].2[77] = bad;
        tensors[2].2[101] = f32::NAN;
        let options = WriterOptions {
            allow_non_finite: true,
            ..WriterOptions::default()
        };
        bench.write("b", DType::F32, &tensors, options);
        let message = format!(
            "tensor `model.layers.0.mlp.up_proj.weight` of model `b` (b): the value of element 77 \
             is {text}"
        );
        assert_says(&bench.refused(TIES), &[&message]);
    }
}

#[test]
fn a_nan_in_a_tensor_that_is_copied() {
    let bench = Bench::new();
    let options = WriterOptions {
        allow_non_finite: true,
        ..WriterOptions::default()
    };
    let base = [
        ("bad", &[2usize][..], vec![1.0, f32::INFINITY]),
        ("w", &[1][..], vec![1.0]),
    ];
    bench.write("base", DType::F32, &base, options);
    bench.write(
        "a",
        DType::F32,
        &[("w", &[1], vec![2.0])],
        WriterOptions::default(),
    );
    for more in ["", "out_dtype = \"bfloat16\"\n"] {
        let recipe =
            format!("method = \"ties\"\nbase = \"base\"\n{more}[[models]]\npath = \"a\"\n");
        assert_says(
            &bench.refused(&recipe),
            &["tensor `bad` of the base (base): the value of element 1 is inf"],
        );
    }
}

#[test]
fn values_that_the_output_cannot_hold() {
    let bench = Bench::new();
    bench.write(
        "a",
        DType::F32,
        &[("w", &[2], vec![1.0, 1e6])],
        WriterOptions::default(),
    );
    assert_says(
        &bench.refused("method = \"linear\"\nout_dtype = \"float16\"\n[[models]]\npath = \"a\"\n"),
        &["\"w\"", "element 1", "F16"],
    );
}

#[test]
fn paths_that_lead_nowhere() {
    let bench = bench();
    assert_says(&bench.refused(TIES), &["model `b`: no checkpoint at b"]);
    let adapter = "method = \"linear\"\n[[models]]\npath = \"a\"\nadapter = \"base\"\n";
    assert_says(
        &bench.refused(adapter),
        &["model `base`", "is not a LoRA adapter"],
    );
    let tokenizer = "method = \"linear\"\ntokenizer_source = \"tok\"\n[[models]]\npath = \"a\"\n";
    assert_says(&bench.refused(tokenizer), &["`tokenizer_source`: tok"]);
}

#[test]
fn recipes_that_the_method_refuses() {
    let bench = bench();
    let model = "[[models]]\npath = \"a\"\n";
    for (recipe, wanted) in [
        (
            format!("method = \"tis\"\nbase = \"base\"\n{model}"),
            "there is no method `tis`. Did you mean `ties`?",
        ),
        (
            format!("method = \"ties\"\n{model}"),
            "merge.toml:1:10: `ties` merges task vectors",
        ),
        (
            format!("method = \"ties@mergkit\"\nbase = \"base\"\n{model}"),
            "merge.toml:1:10: `ties` has no preset `mergkit`. Did you mean `mergekit`?",
        ),
        (
            format!("method = \"linear@x\"\n{model}"),
            "merge.toml:1:10: `linear` has no presets",
        ),
        (
            format!("method = \"ties\"\nbase = \"base\"\n{model}densty = 0.1\n"),
            "merge.toml:5:1: `densty` is no parameter of `ties`. Did you mean `density`?",
        ),
        (
            format!("method = \"ties\"\nbase = \"base\"\n{model}adpter = \"x\"\n"),
            "merge.toml:5:1: `adpter` is no parameter of `ties` and no key of a model. Did you mean \
             `adapter`?",
        ),
        (
            format!("method = \"ties\"\nbase = \"base\"\n{model}density = 1.7\n"),
            "merge.toml:5:1: `density` = 1.7 is out of range",
        ),
        (
            format!("method = \"ties\"\nbase = \"base\"\n{model}density = [0.5, 1.7]\n"),
            "merge.toml:5:1: `density` = 1.7 is out of range",
        ),
        (
            format!("method = \"ties\"\nbase = \"base\"\n{model}[params]\nnormalize = 1\n"),
            "merge.toml:6:1: `normalize` takes true or false",
        ),
        (
            format!("method = \"ties\"\nbase = \"base\"\n{model}[params]\nnormalize = [0, 1]\n"),
            "merge.toml:6:1: `normalize` cannot be a gradient",
        ),
        (
            format!("method = \"ties\"\nbase = \"base\"\n{model}lambda = 1\n"),
            "merge.toml:5:1: `lambda` of ties is one value for the whole merge",
        ),
        (
            format!("method = \"linear\"\n{model}weight = 0\n"),
            "merge.toml:4:1: linear (for tensor `lm_head.weight`): the weights sum to 0",
        ),
        (
            "method = \"ties\"\nbase = \"base\"\n[[models]]\npath = \"base\"\n".to_owned(),
            "merge.toml:1:10: `ties` takes at least 1 models, the recipe has 0",
        ),
    ] {
        let error = bench.refused(&recipe);
        assert!(error.starts_with(wanted), "{error}\nis not\n{wanted}");
    }
}

#[test]
fn recipes_are_checked_without_their_inputs() {
    let check = |text: &str| {
        let recipe = Recipe::parse_toml(text, "m.toml".as_ref()).unwrap();
        Plan::check(&recipe, &Linked).map_err(|e| e.to_string())
    };
    let head = "method = \"linear\"\n[[models]]\npath = \"nowhere\"\n";
    assert_eq!(check(head), Ok(()));
    assert_eq!(
        check(&format!("{head}wieght = 1\n")).unwrap_err(),
        "m.toml:4:1: `wieght` is no parameter of `linear`. Did you mean `weight`?"
    );
    let error = check(&format!("{head}weight = 0\n")).unwrap_err();
    assert!(
        error.starts_with("m.toml:4:1: linear: the weights sum to 0"),
        "{error}"
    );
    // With filters, which values go together depends on the tensors.
    assert_eq!(
        check(&format!(
            "{head}weight = [{{ filter = \"x\", value = 0 }}]\n"
        )),
        Ok(())
    );
    let mut recipe = Recipe::new("linear");
    for _ in 0..2 {
        recipe
            .models
            .push(Model::new("a", InputPath::new("nowhere")));
    }
    let error = Plan::check(&recipe, &Linked).unwrap_err().to_string();
    assert_eq!(error, "two models are called `a`: give each an `id`");
}
