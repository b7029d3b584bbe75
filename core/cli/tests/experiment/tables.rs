//! What a run leaves, and that it leaves the same bytes again.

use crate::setting::{MANIFEST, Setting, bytes, rows};
use std::{collections::BTreeSet, fs};

#[test]
fn a_run_leaves_tables_and_predictions() {
    let setting = Setting::new(MANIFEST);
    let run = setting.complete(&[]);
    let out = setting.path("runs/small");

    // base, two experts, combined, linear, two TIES, two DARE.
    let results = rows(&out.join("results.csv"));
    let models: BTreeSet<&str> = results.iter().map(|r| r["model"].as_str()).collect();
    let wanted = [
        "base",
        "en",
        "de",
        "combined",
        "linear",
        "ties density=0.5",
        "ties density=1.0",
        "dare_linear seed=1",
        "dare_linear seed=2",
    ];
    assert_eq!(models, BTreeSet::from(wanted));
    for row in &results {
        let value: f64 = row["value"].parse().expect("a number");
        let low: f64 = row["ci_low"].parse().expect("a number");
        let high: f64 = row["ci_high"].parse().expect("a number");
        assert!(low <= value && value <= high, "{row:?}");
        let n = if row["language"] == "all" { 2 } else { 1 };
        let each = if row["task"] == "sentiment" { 9 } else { 6 };
        assert_eq!(row["n"], (n * each).to_string());
    }
    let ties = results
        .iter()
        .find(|r| r["model"] == "ties density=0.5")
        .expect("a row");
    assert_eq!(ties["method"], "ties");
    assert_eq!(ties["param_density"], "0.5");
    assert!(ties["parameters"].contains("\"sign_vote\":\"unweighted\""));
    assert_eq!(ties["plugin_id"], "ties");
    assert_eq!(ties["plugin_hash"].len(), 64);

    let significance = rows(&out.join("significance.csv"));
    let verdicts = ["better", "worse", "equivalent", "inconclusive"];
    for row in &significance {
        assert!(verdicts.contains(&row["verdict"].as_str()), "{row:?}");
        let p: f64 = row["p_value"].parse().expect("a number");
        let adjusted: f64 = row["p_adjusted"].parse().expect("a number");
        assert!(p <= adjusted && adjusted <= 1.0);
        assert_ne!(row["model"], row["baseline"]);
    }
    let baselines: BTreeSet<&str> = significance
        .iter()
        .map(|r| r["baseline"].as_str())
        .collect();
    assert_eq!(baselines, BTreeSet::from(["base", "combined"]));

    let stages = rows(&out.join("costs.csv"));
    let trained = stages.iter().filter(|r| r["stage"] == "train").count();
    assert_eq!(trained, 3);
    assert!(stages.iter().all(|r| r["cached"] == "false"));

    let file = out.join("predictions/linear.sentiment.de.jsonl");
    let text = fs::read_to_string(file).expect("predictions");
    assert_eq!(text.lines().count(), 9);
    for line in text.lines() {
        let line: serde_json::Value = serde_json::from_str(line).expect("JSON");
        for key in ["id", "prompt", "response", "output", "reference", "scores"] {
            assert!(line.get(key).is_some(), "no `{key}` in {line}");
        }
    }
    assert!(run.stdout.contains("sentiment"), "{}", run.stdout);
}

#[test]
fn a_second_run_computes_nothing_and_leaves_the_same_bytes() {
    let setting = Setting::new(MANIFEST);
    setting.complete(&[]);
    assert!(setting.to_run().is_empty());
    let first = bytes(&setting.path("runs/small/results.csv"));
    let tests = bytes(&setting.path("runs/small/significance.csv"));
    setting.complete(&["--out", "again"]);
    assert_eq!(first, bytes(&setting.path("again/results.csv")));
    assert_eq!(tests, bytes(&setting.path("again/significance.csv")));
    let stages = rows(&setting.path("again/costs.csv"));
    assert!(stages.iter().all(|r| r["cached"] == "true"));

    // From nothing, with stages side by side: other processes, other thread counts, same bytes.
    setting.complete(&["--out", "parallel", "--store", "other", "--jobs", "3"]);
    assert_eq!(first, bytes(&setting.path("parallel/results.csv")));
    assert_eq!(tests, bytes(&setting.path("parallel/significance.csv")));
}

#[test]
fn prompts_that_do_not_fit_are_cut_and_counted() {
    let manifest = MANIFEST.replace("context = 160", "context = 24");
    let setting = Setting::new(&manifest);
    setting.complete(&[]);
    let results = rows(&setting.path("runs/small/results.csv"));
    let cut = results
        .iter()
        .filter(|r| r["task"] == "summarization" && r["model"] == "base")
        .all(|r| r["n_truncated"] == r["n"]);
    assert!(cut, "every document is longer than 24 tokens");
}
