//! Wide views of a real run: tests that its tables do not have are made from its predictions.

use crate::setting::{MANIFEST, Setting, rows};
use std::{collections::BTreeMap, fs};

#[test]
fn a_run_is_shown_as_a_wide_table() {
    let setting = Setting::new(MANIFEST);
    setting.complete(&[]);
    let table = |arguments: &[&str]| {
        let mut all = vec!["table", "runs/small"];
        all.extend(arguments);
        setting.run(&all)
    };
    let text = |arguments: &[&str]| {
        let run = table(arguments);
        assert_eq!(run.code, Some(0), "{}", run.stderr);
        assert_eq!(run.stderr, "");
        run.stdout
    };

    let method = text(&["--rows", "method", "--worst", "--deltas", "combined"]);
    for part in [
        "| method ",
        "| sentiment de |",
        "| sentiment mean |",
        "| sentiment worst |",
        "| sentiment Δ |",
        "| base (baseline) ",
        "| ties density=0.5 ",
        "| dare_linear seed=2 ",
        "sentiment: f1_macro (",
        "n = 9 per language",
        // So little training answers nothing, so all are the best.
        "Bold: best of its column; nothing was tested against it.",
        "†: differs from base (holm-adjusted p ≤ 0.05; m = ",
        "≈: shown to differ from base by less than the declared margin (f1_macro 0.9; alpha = 0.05)",
    ] {
        assert!(method.contains(part), "no {part:?} in\n{method}");
    }
    // Every comparison with the best could be made.
    assert!(!method.contains("could not be tested"), "{method}");

    let csv = table(&[
        "--format",
        "csv",
        "--baseline",
        "linear",
        "--where",
        "task=sentiment",
    ]);
    assert_eq!(csv.code, Some(0), "{}", csv.stderr);
    assert!(
        csv.stderr.contains("†: differs from linear"),
        "{}",
        csv.stderr
    );
    fs::write(setting.path("wide.csv"), &csv.stdout).expect("writable");
    let wide = rows(&setting.path("wide.csv"));
    let long = rows(&setting.path("runs/small/results.csv"));
    for row in &wide {
        for language in ["de", "en"] {
            let value: f64 = row[&format!("sentiment/{language}")]
                .parse()
                .expect("a number");
            let same = |other: &&BTreeMap<String, String>| {
                row["model"].starts_with(&other["model"])
                    && other["task"] == "sentiment"
                    && other["language"] == language
                    && other["measure"] == "f1_macro"
            };
            let long = long.iter().filter(same).max_by_key(|r| r["model"].len());
            assert_eq!(
                value.to_string(),
                long.expect("a row")["value"]
                    .parse::<f64>()
                    .expect("a number")
                    .to_string()
            );
        }
        let best = wide
            .iter()
            .filter(|r| r["sentiment/de/marks"].contains("best"))
            .count();
        assert!(best >= 1);
    }

    let run = table(&["--format", "latex", "--out", "table.tex"]);
    assert_eq!(
        (run.code, run.stdout.as_str()),
        (Some(0), ""),
        "{}",
        run.stderr
    );
    let latex = fs::read_to_string(setting.path("table.tex")).expect("a table");
    assert!(latex.contains("dare\\_linear seed=1"), "{latex}");
    let html = text(&["--format", "html"]);
    assert!(html.starts_with("<!doctype html>"), "{html}");
}

#[test]
fn wrong_names_are_refused() {
    let setting = Setting::new(MANIFEST);
    setting.complete(&[]);
    let refused = |arguments: &[&str], words: &str| {
        let mut all = vec!["table", "runs/small"];
        all.extend(arguments);
        let run = setting.run(&all);
        assert_eq!(run.code, Some(2), "{}", run.stdout);
        assert!(
            run.stderr.contains(words),
            "no {words:?} in\n{}",
            run.stderr
        );
    };
    refused(
        &["--rows", "metod"],
        "there is no column `metod`. Did you mean `method`?",
    );
    refused(
        &["--baseline", "combine"],
        "there is no model `combine`. Did you mean `combined`?",
    );
    refused(&["--cols", "language"], "choose one with --where task=NAME");
    refused(
        &["--format", "markdown"],
        "[possible values: csv, md, latex, html]",
    );
    refused(&["--where", "task"], "`task` is not COLUMN=VALUE");
}
