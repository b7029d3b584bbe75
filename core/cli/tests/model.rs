//! `mergelab model`: info, diff and import.

use mergelab_tests::{Mergelab, Run};
use serde_json::Value;
use std::path::{Path, PathBuf};

fn program() -> Mergelab {
    Mergelab::stage(env!("CARGO_BIN_EXE_mergelab"))
}

fn golden(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../../tests/golden")
        .join(name)
}

fn model(program: &Mergelab, arguments: &[&dyn AsRef<Path>]) -> Run {
    let mut command = program.command();
    command.arg("model");
    for argument in arguments {
        command.arg(argument.as_ref());
    }
    program.finish(&mut command)
}

fn json(run: &Run) -> Value {
    serde_json::from_str(&run.stdout).unwrap_or_else(|e| panic!("{e}: {run:?}"))
}

#[test]
fn info_of_a_gguf_file() {
    let run = model(&program(), &[&"info", &golden("gguf/llama.gguf")]);
    assert_eq!((run.code, run.stderr.as_str()), (Some(0), ""));
    insta::assert_snapshot!(run.stdout);
}

#[test]
fn an_imported_model_is_whole() {
    let program = program();
    let file = golden("gguf/qwen2.gguf");
    let run = model(
        &program,
        &[&"import", &file, &"out", &"--dtype", &"bfloat16", &"--json"],
    );
    assert_eq!((run.code, run.stderr.as_str()), (Some(0), ""));
    let report = json(&run);
    assert_eq!(report["architecture"], "Qwen2ForCausalLM");
    assert_eq!(report["tokenizer"]["kind"], "gpt2");
    let info = json(&model(&program, &[&"info", &"out", &"--json"]));
    assert_eq!(info["hash"], report["content_hash"]);
    assert_eq!(info["parameters"], report["parameters"]);
    assert_eq!(info["dtypes"]["BF16"]["tensors"], report["tensors"]);
    assert_eq!(info["tied_embeddings"], true);
    assert_eq!(info["tokenizer"]["kind"], "BPE");
    let quick = json(&model(
        &program,
        &[&"info", &"out", &"--json", &"--no-hash"],
    ));
    assert_eq!(quick["hash"], Value::Null);
    // The same file again gives nothing new, and is not written over without being asked.
    let again = model(&program, &[&"import", &file, &"out"]);
    assert_eq!(again.code, Some(2));
    assert!(again.stderr.contains("out exists"), "{}", again.stderr);
    let again = model(
        &program,
        &[
            &"import",
            &file,
            &"out",
            &"--overwrite",
            &"--dtype",
            &"bfloat16",
        ],
    );
    assert_eq!(again.code, Some(0), "{}", again.stderr);
    assert!(
        again.stdout.contains("/out: Qwen2ForCausalLM, "),
        "{}",
        again.stdout
    );
}

#[test]
fn what_is_no_gguf_is_refused_and_leaves_nothing() {
    let program = program();
    let file = golden("gguf/blocks.json");
    let run = model(&program, &[&"import", &file, &"out"]);
    assert_eq!((run.code, run.stdout.as_str()), (Some(2), ""));
    assert!(run.stderr.contains("is not a GGUF file"), "{}", run.stderr);
    assert_eq!(
        std::fs::read_dir(program.work()).expect("a folder").count(),
        0
    );
    let run = model(
        &program,
        &[&"import", &file, &"out", &"--dtype", &"float17"],
    );
    assert_eq!(run.code, Some(2));
    assert!(run.stderr.contains("float16"), "{}", run.stderr);
}

#[test]
fn diff_says_what_differs_and_ends_with_1() {
    let (base, other) = (golden("vectors/base"), golden("vectors/first"));
    let run = model(&program(), &[&"diff", &base, &other]);
    assert_eq!((run.code, run.stderr.as_str()), (Some(1), ""));
    insta::assert_snapshot!(run.stdout);
    let run = model(&program(), &[&"diff", &base, &other, &"--json"]);
    assert_eq!(run.code, Some(1));
    let difference = json(&run);
    assert_eq!(difference["identical"], 1);
    assert_eq!(difference["changed"].as_array().map(Vec::len), Some(6));
}

#[test]
fn diff_of_a_model_with_itself_ends_with_0() {
    let base = golden("vectors/base");
    let run = model(&program(), &[&"diff", &base, &base]);
    assert_eq!(run.code, Some(0), "{}", run.stderr);
    assert_eq!(run.stdout, "0 tensors changed, 7 identical\n");
    let run = model(&program(), &[&"diff", &base, &"none"]);
    assert_eq!(run.code, Some(2));
    assert!(run.stderr.contains("does not exist"), "{}", run.stderr);
    let run = model(&program(), &[&"diff", &base, &golden("gguf/llama.gguf")]);
    assert_eq!(run.code, Some(2));
    assert!(
        run.stderr.contains("mergelab model import"),
        "{}",
        run.stderr
    );
}
