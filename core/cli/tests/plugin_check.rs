//! `mergelab plugin check`: the checks on built libraries, through the real loader.

use mergelab_tests::{Mergelab, Run, bad_plugins, libraries};
use std::path::Path;

fn check(library: &Path, options: &[&str]) -> Run {
    let program = Mergelab::stage(env!("CARGO_BIN_EXE_mergelab"));
    let mut command = program.command();
    command.args(["plugin", "check"]).arg(library).args(options);
    program.finish(&mut command)
}

/// The `FAIL` lines.
fn failures(run: &Run) -> Vec<&str> {
    let lines = run.stdout.lines();
    lines.filter_map(|l| l.strip_prefix("  FAIL  ")).collect()
}

#[test]
fn every_plugin_of_the_workspace_conforms() {
    for (kind, id) in libraries::ids() {
        let run = check(&libraries::library(kind, &id), &[]);
        assert_eq!(
            run.code,
            Some(0),
            "{kind} {id}:\n{}{}",
            run.stdout,
            run.stderr
        );
        assert!(
            run.stdout.contains(&format!("\n{kind} {id} ")),
            "{}",
            run.stdout
        );
        assert!(
            run.stdout.contains("  ok    description\n"),
            "{}",
            run.stdout
        );
    }
}

#[test]
fn a_panic_is_a_finding_and_not_a_crash() {
    let run = check(&bad_plugins::library("panics_in_merge"), &[]);
    assert_eq!(run.code, Some(1), "{run:?}");
    let message = "the plugin panicked: no merge of `model.layers.0.mlp.up_proj.weight` today";
    assert!(
        failures(&run).contains(&format!("shapes: it failed on plain input: {message}").as_str()),
        "{}",
        run.stdout
    );
    assert!(
        run.stdout.contains("  ok    description\n"),
        "{}",
        run.stdout
    );
}

#[test]
fn a_result_of_another_shape_is_found() {
    let run = check(&bad_plugins::library("wrong_shape"), &[]);
    assert_eq!(run.code, Some(1), "{run:?}");
    let line = "shapes: it failed on plain input: the method returned shape [] for \
                `model.layers.0.mlp.up_proj.weight`, whose shape is [1]";
    assert!(failures(&run).contains(&line), "{}", run.stdout);
}

#[test]
fn a_result_that_is_not_a_number_is_found() {
    let run = check(&bad_plugins::library("returns_nan"), &[]);
    assert_eq!(run.code, Some(1), "{run:?}");
    let line = "shapes: shape [1]: element 0 is NaN for finite input";
    assert!(failures(&run).contains(&line), "{}", run.stdout);
}

#[test]
fn a_refused_library_ends_with_2() {
    let library = bad_plugins::library("wrong_abi");
    let run = check(&library, &[]);
    assert_eq!(run.code, Some(2), "{run:?}");
    assert_eq!(
        run.stdout,
        format!(
            "refused: {} was built for plugin ABI 2, this mergelab speaks ABI 1: rebuild it with \
             the mergelab-sdk that belongs to this mergelab\n",
            library.display()
        )
    );
}

#[test]
fn json_has_each_check() {
    let run = check(&bad_plugins::library("returns_nan"), &["--json"]);
    assert_eq!(run.code, Some(1), "{run:?}");
    let reports: serde_json::Value = serde_json::from_str(&run.stdout).expect("JSON");
    let plugin = &reports[0]["plugins"][0];
    assert_eq!(plugin["id"], "returns_nan");
    let checks = plugin["checks"].as_array().expect("checks");
    let found = |name: &str| checks.iter().find(|c| c["check"] == name).expect("a check");
    assert_eq!(found("description")["ok"], true);
    assert_eq!(found("shapes")["ok"], false);
    assert!(found("shapes")["reason"].is_string());

    let run = check(&bad_plugins::library("wrong_abi"), &["--json"]);
    assert_eq!(run.code, Some(2), "{run:?}");
    let reports: serde_json::Value = serde_json::from_str(&run.stdout).expect("JSON");
    assert!(reports[0]["refused"].is_string());
}

#[test]
fn a_folder_without_libraries_is_refused_with_what_to_do() {
    let folder = tempfile::tempdir().expect("a folder");
    let run = check(folder.path(), &[]);
    assert_eq!(run.code, Some(2), "{run:?}");
    assert!(
        run.stderr.contains("there is no plugin library in"),
        "{}",
        run.stderr
    );
    assert!(run.stderr.contains("cargo build"), "{}", run.stderr);
}
