//! `mergelab vectors`: the table of task vectors.

use mergelab_tests::{Mergelab, Run};
use std::path::Path;

fn program() -> Mergelab {
    Mergelab::stage(env!("CARGO_BIN_EXE_mergelab"))
}

fn vectors(program: &Mergelab, models: &[&str], arguments: &[&str]) -> Run {
    let golden = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/golden/vectors");
    let mut command = program.command();
    command.arg("vectors");
    for model in models {
        command.arg(golden.join(model));
    }
    program.finish(command.args(arguments))
}

#[test]
fn the_table_goes_to_standard_output() {
    let models = ["base", "first", "second", "lora_a"];
    let run = vectors(&program(), &models, &["--no-ranks"]);
    assert_eq!((run.code, run.stderr.as_str()), (Some(0), ""));
    let whole = run
        .stdout
        .lines()
        .take_while(|line| !line.starts_with("layer"));
    insta::assert_snapshot!(whole.collect::<Vec<_>>().join("\n"));
}

#[test]
fn a_folder_gets_the_same_table() {
    let program = program();
    let models = ["base", "lora_a", "lora_b"];
    let run = vectors(&program, &models, &["--out", "geometry"]);
    assert_eq!(
        (run.code, run.stdout.as_str()),
        (Some(0), ""),
        "{}",
        run.stderr
    );
    let written = program.work().join("geometry/vectors.csv");
    let written = std::fs::read_to_string(written).expect("the table");
    assert_eq!(vectors(&program, &models, &[]).stdout, written);
    assert!(written.contains("effective_rank"));
    let json = vectors(&program, &models, &["--json"]).stdout;
    let rows: serde_json::Value = serde_json::from_str(&json).expect("JSON");
    let rows = rows.as_array().expect("rows").len();
    assert_eq!(
        rows,
        csv::Reader::from_reader(written.as_bytes())
            .records()
            .count()
    );
}

#[test]
fn what_cannot_be_compared_is_refused() {
    let run = vectors(&program(), &["base"], &[]);
    assert_eq!(run.code, Some(2));
    assert!(run.stderr.contains("<MODEL>"), "{}", run.stderr);
    let run = vectors(&program(), &["base", "none"], &[]);
    assert_eq!((run.code, run.stdout.as_str()), (Some(2), ""));
    assert!(run.stderr.contains("does not exist"), "{}", run.stderr);
}
