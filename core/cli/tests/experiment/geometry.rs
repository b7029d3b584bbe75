//! Task vectors of an experiment, joined with its results.

use crate::setting::{MANIFEST, Setting, rows};
use std::{collections::BTreeMap, fs};

fn number(row: &BTreeMap<String, String>, column: &str) -> f64 {
    row[column].parse().expect("a number")
}

#[test]
fn every_experiment_has_the_geometry_of_its_experts() {
    let setting = Setting::new(MANIFEST);
    setting.complete(&[]);
    let out = setting.path("runs/small");
    let vectors = rows(&out.join("vectors.csv"));
    let whole = |quantity: &str| -> Vec<&BTreeMap<String, String>> {
        vectors
            .iter()
            .filter(|row| row["scope"] == "model" && row["quantity"] == quantity)
            .collect()
    };
    let cosine = whole("cosine");
    assert_eq!(cosine.len(), 1);
    let pair = [cosine[0]["model"].as_str(), cosine[0]["other"].as_str()];
    assert_eq!(pair, ["en", "de"]);
    assert_eq!(whole("norm").len(), 2);
    assert_eq!(whole("overlap_top10").len(), 1);
    assert!(vectors.iter().all(|row| row["scope"] != "tensor"));

    let costs = rows(&out.join("costs.csv"));
    let stage = costs.iter().find(|row| row["stage"] == "vectors");
    assert_eq!(stage.expect("a stage")["name"], "en+de");

    // The same numbers as by hand.
    let model = |kind: &str, name: &str| {
        let row = costs
            .iter()
            .find(|row| row["stage"] == kind && row["name"] == name)
            .expect("a stage");
        let folder = format!("runs/store/{kind}/{}/model", row["key"]);
        fs::create_dir_all(setting.path("models")).expect("writable");
        let link = setting.path("models").join(name);
        #[cfg(unix)]
        std::os::unix::fs::symlink(setting.path(&folder), &link).expect("writable");
        format!("models/{name}")
    };
    let [base, en, de] = [
        model("pretrain", "base"),
        model("train", "en"),
        model("train", "de"),
    ];
    let run = setting.run(&["vectors", &base, &en, &de, "--no-ranks", "--out", "by-hand"]);
    assert_eq!(run.code, Some(0), "{}", run.stderr);
    let by_hand = rows(&setting.path("by-hand/vectors.csv"));
    let same = by_hand
        .iter()
        .find(|row| row["scope"] == "model" && row["quantity"] == "cosine");
    assert_eq!(same.expect("a row")["value"], cosine[0]["value"]);

    let points = rows(&out.join("orthogonality.csv"));
    let results = rows(&out.join("results.csv"));
    let value = |model: &str, row: &BTreeMap<String, String>| {
        let found = results.iter().find(|r| {
            r["model"] == model
                && ["task", "language", "metric", "measure"]
                    .iter()
                    .all(|column| r[*column] == row[*column])
        });
        number(found.expect("a result"), "value")
    };
    // 5 merges, 2 experts in their own languages, and 2 tasks with their tested measures.
    assert!(points.len() >= 5 * 2 * 2);
    for row in &points {
        assert_eq!(row["language"], row["expert"]);
        let merge = value(&row["merge"], row);
        assert_eq!(number(row, "merge_value"), merge);
        let expert = value(&row["expert"], row);
        assert_eq!(number(row, "versus_expert"), merge - expert);
        assert_eq!(number(row, "versus_base"), merge - value("base", row));
        // Of two experts each is the other's only other.
        assert_eq!(row["mean_cosine"], cosine[0]["value"]);
    }
    let correlations = rows(&out.join("correlations.csv"));
    assert!(!correlations.is_empty());
    for row in &correlations {
        assert_eq!((row["n"].as_str(), row["pearson"].as_str()), ("2", ""));
        assert!(row["note"].contains("at least 3"), "{row:?}");
    }
    let plot = fs::read_to_string(out.join("orthogonality.svg")).expect("a plot");
    assert!(plot.contains("mean cosine with the other experts"));
    assert!(plot.contains(">ties</text>"), "{plot}");
}
