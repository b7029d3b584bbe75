//! What `--help` says, and how wrong usage is answered.

use mergelab_tests::Mergelab;

fn program() -> Mergelab {
    Mergelab::stage(env!("CARGO_BIN_EXE_mergelab"))
}

fn help(arguments: &[&str]) -> String {
    let run = program().run(arguments);
    assert_eq!((run.code, run.stderr.as_str()), (Some(0), ""));
    run.stdout
}

#[test]
fn mergelab_help() {
    insta::assert_snapshot!(help(&["--help"]));
}

#[test]
fn plugin_help() {
    insta::assert_snapshot!(help(&["plugin", "--help"]));
}

#[test]
fn plugin_commands_help() {
    for command in ["list", "show", "check", "new"] {
        insta::assert_snapshot!(
            format!("plugin_{command}_help"),
            help(&["plugin", command, "--help"])
        );
    }
}

#[test]
fn commands_on_runs_help() {
    for command in ["table", "replicate", "reference"] {
        insta::assert_snapshot!(format!("{command}_help"), help(&[command, "--help"]));
    }
}

#[test]
fn model_help() {
    insta::assert_snapshot!(help(&["model", "--help"]));
}

#[test]
fn model_commands_help() {
    for command in ["info", "diff", "import"] {
        insta::assert_snapshot!(
            format!("model_{command}_help"),
            help(&["model", command, "--help"])
        );
    }
}

#[test]
fn dataset_help() {
    insta::assert_snapshot!(help(&["dataset", "--help"]));
}

#[test]
fn dataset_commands_help() {
    for command in ["list", "show", "fetch", "check", "stats"] {
        insta::assert_snapshot!(
            format!("dataset_{command}_help"),
            help(&["dataset", command, "--help"])
        );
    }
}

#[test]
fn vectors_help() {
    insta::assert_snapshot!(help(&["vectors", "--help"]));
}

#[test]
fn report_help() {
    insta::assert_snapshot!(help(&["report", "--help"]));
}

#[test]
fn wrong_usage_ends_with_2_and_names_the_right_word() {
    let run = program().run(["plugin", "lst"]);
    assert_eq!(run.code, Some(2));
    assert!(run.stderr.contains("'list'"), "{}", run.stderr);
    assert_eq!(run.stdout, "");
}
