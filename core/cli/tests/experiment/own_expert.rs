//! Each language's own expert as a baseline.

use crate::setting::{MANIFEST, Setting, rows};
use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
};

const BASELINES: &str = "baselines = [\"base\", \"combined\"]";

fn with_own() -> String {
    MANIFEST.replace(BASELINES, "baselines = [\"combined\", \"own-expert\"]")
}

type Row = BTreeMap<String, String>;

/// Values by task, language and measure.
fn values(rows: &[Row], model: &str) -> BTreeMap<[String; 3], String> {
    let own = rows.iter().filter(|r| r["model"] == model);
    let key = |r: &Row| ["task", "language", "measure"].map(|name| r[name].clone());
    own.map(|r| (key(r), r["value"].clone())).collect()
}

#[test]
fn each_language_is_answered_by_its_expert() {
    let setting = Setting::new(MANIFEST);
    let stages = setting.to_run();
    setting.write_manifest(&with_own());
    assert_eq!(setting.to_run(), stages, "it costs no stage");
    setting.complete(&[]);
    let out = setting.path("runs/small");

    let results = rows(&out.join("results.csv"));
    let own = values(&results, "own-expert");
    let experts = ["en", "de"].map(|name| values(&results, name));
    // Two tasks: accuracy with invalid and F1 of sentiment, four of ROUGE.
    assert!(own.len() >= 3 * 6, "{}", own.len());
    for (key, value) in &own {
        let [task, language, measure] = key.clone();
        if language != "all" {
            let expert = &experts[usize::from(language == "de")];
            assert_eq!(value, &expert[key], "{key:?}");
            continue;
        }
        let one = |language: &str| -> f64 {
            let key = [task.clone(), language.to_owned(), measure.clone()];
            own[&key].parse().expect("a number")
        };
        let mean: f64 = value.parse().expect("a number");
        assert!((mean - (one("en") + one("de")) / 2.0).abs() < 1e-12);
    }
    let labels: BTreeSet<(&str, &str)> = results
        .iter()
        .filter(|r| r["model"] == "own-expert")
        .map(|r| (&*r["role"], &*r["experts"]))
        .collect();
    assert_eq!(labels, BTreeSet::from([("own_expert", "en;de")]));

    let significance = rows(&out.join("significance.csv"));
    let against = |baseline: &str, language: &str| -> BTreeSet<&str> {
        let own = significance
            .iter()
            .filter(|r| r["baseline"] == baseline && r["language"] == language);
        own.map(|r| &*r["model"]).collect()
    };
    assert!(against("own-expert", "all").contains("linear"));
    assert!(against("own-expert", "all").contains("combined"));
    assert!(against("combined", "all").contains("own-expert"));
    let same = significance
        .iter()
        .filter(|r| r["baseline"] == "own-expert" && r["model"] == "de" && r["language"] == "de");
    assert!(same.clone().count() > 0 && same.clone().all(|r| r["identical"] == "true"));
    for table in ["rankings.csv", "confidence_sets.csv"] {
        let text = fs::read_to_string(out.join(table)).expect("a table");
        assert!(!text.contains("own-expert"), "{table}");
    }
    let report = fs::read_to_string(out.join("report.html")).expect("a report");
    assert!(report.contains("own-expert"));
}

#[test]
fn replicates_are_answered_by_their_experts() {
    let manifest = format!("seeds = [3, 4]\n{}", with_own());
    let setting = Setting::new(&manifest);
    setting.complete(&[]);
    let results = rows(&setting.path("runs/small/results.csv"));
    for seed in [3, 4] {
        let own = values(&results, &format!("own-expert replicate={seed}"));
        let expert = values(&results, &format!("de replicate={seed}"));
        let german = own.iter().filter(|(key, _)| key[1] == "de");
        assert!(german.clone().count() > 0);
        for (key, value) in german {
            assert_eq!(value, &expert[key], "{key:?}");
        }
    }
    let mean = results.iter().find(|r| r["model"] == "own-expert");
    assert_eq!(mean.expect("a row")["replicates"], "2");
}

#[test]
fn where_it_is_not_clear_it_is_refused() {
    let second =
        "[[experts]]\nname = \"other\"\nlanguage = \"de\"\nrecipe = \"short\"\n\n[combined]";
    let setting = Setting::new(&with_own().replacen("[combined]", second, 1));
    let refused = setting.run(&["plan", "experiment.toml"]);
    assert_eq!(refused.code, Some(2), "{}", refused.stdout);
    assert!(
        refused.stderr.contains("both `de` and `other`"),
        "{}",
        refused.stderr
    );
    // Each with a task of its own is clear again.
    let split = with_own().replacen(
        "language = [\"en\", \"de\"]",
        "tasks = \"each\"\nlanguage = [\"en\", \"de\"]",
        1,
    );
    setting.write_manifest(&split);
    let plan = setting.run(&["plan", "experiment.toml"]);
    assert_eq!(plan.code, Some(0), "{}", plan.stderr);

    let joint = with_own().replacen("language = [", "name = \"both\"\nlanguages = [", 1);
    setting.write_manifest(&joint);
    let refused = setting.run(&["plan", "experiment.toml"]);
    assert_eq!(refused.code, Some(2), "{}", refused.stdout);
    assert!(
        refused
            .stderr
            .contains("no expert learns a single language"),
        "{}",
        refused.stderr
    );
}
