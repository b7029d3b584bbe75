//! Baselines beside merges: sequential training, and experts of languages and tasks.

use crate::setting::{MANIFEST, Setting, rows};
use std::{collections::BTreeSet, fs};

#[test]
fn a_change_in_the_last_language_trains_the_last_link_alone() {
    let manifest = MANIFEST.replace("[combined]", "[sequential]");
    let manifest = manifest.replace("\"combined\"]", "\"sequential\"]");
    let setting = Setting::new(&manifest);
    setting.complete(&[]);
    let results = rows(&setting.path("runs/small/results.csv"));
    let row = results.iter().find(|r| r["model"] == "sequential");
    let row = row.expect("the sequential model is evaluated");
    assert_eq!((&*row["role"], &*row["languages"]), ("sequential", "en;de"));
    // The first link is the English expert: same base, rows, recipe and seed.
    let stages = rows(&setting.path("runs/small/costs.csv"));
    let trained: Vec<&str> = stages
        .iter()
        .filter(|r| r["stage"] == "train")
        .map(|r| r["name"].as_str())
        .collect();
    assert_eq!(trained, ["en", "de", "sequential 2 de"]);

    let to_run_after = |language: &str| {
        let file = setting.path("data/sentiment/train.jsonl");
        let text = fs::read_to_string(&file).expect("rows");
        let mark = format!("\"language\": \"{language}\"");
        let line = text.lines().find(|l| l.contains(&mark)).expect("a row");
        fs::write(&file, text.replace(&format!("{line}\n"), "")).expect("writable");
        let to_run: Vec<String> = setting.to_run();
        fs::write(&file, text).expect("writable");
        let trained = to_run.into_iter().filter(|n| n.starts_with("train"));
        trained.collect::<Vec<_>>()
    };
    assert_eq!(to_run_after("de"), ["train de", "train sequential 2 de"]);
    assert_eq!(to_run_after("en"), ["train en", "train sequential 2 de"]);

    setting.write_manifest(&manifest.replace("[sequential]", "[sequential]\norder = \"reverse\""));
    let trained: Vec<String> = setting.to_run();
    let trained: Vec<&String> = trained.iter().filter(|n| n.starts_with("train")).collect();
    assert_eq!(trained, ["train sequential 2 en"]);
}

#[test]
fn experts_of_each_language_and_task_are_merged_by_pattern() {
    let manifest = MANIFEST
        .replace("language = [\"en\", \"de\"]", "language = [\"en\", \"de\"]\ntasks = \"each\"")
        .replace(
            "[[merges]]\nmethod = \"linear\"",
            "[[merges]]\nname = \"of-sentiment\"\nmethod = \"linear\"\nexperts = \"*-sentiment\"\n\n\
             [[merges]]\nname = \"of-german\"\nmethod = \"linear\"\nexperts = [\"de-*\"]",
        );
    let setting = Setting::new(&manifest);
    let run = setting.run(&["plan", "experiment.toml", "--json"]);
    assert_eq!(run.code, Some(0), "{}", run.stderr);
    let plan: serde_json::Value = serde_json::from_str(&run.stdout).expect("JSON");
    let stages = plan["stages"].as_array().expect("a list");
    let merged = |name: &str| -> Vec<&str> {
        let stage = stages.iter().find(|s| s["name"] == format!("merge {name}"));
        let experts = stage.expect("it is planned")["what"]["experts"].as_array();
        let experts = experts.expect("a list").iter();
        experts
            .map(|e| e["name"].as_str().expect("a name"))
            .collect()
    };
    assert_eq!(merged("of-sentiment"), ["en-sentiment", "de-sentiment"]);
    assert_eq!(merged("of-german"), ["de-sentiment", "de-summarization"]);
    assert_eq!(merged("ties density=0.5").len(), 4);
    let trained = stages.iter().find(|s| s["name"] == "train de-sentiment");
    let rows = &trained.expect("it is planned")["what"]["rows"];
    assert_eq!(rows.as_array().map(Vec::len), Some(1));
    assert_eq!(rows[0]["task"]["name"], "sentiment");

    // Each expert on its own language and task alone.
    let evaluated = |manifest: &str| -> BTreeSet<String> {
        setting.write_manifest(manifest);
        let to_run = setting.to_run().into_iter();
        to_run
            .filter_map(|n| Some(n.strip_prefix("score de-sentiment · ")?.to_owned()))
            .collect()
    };
    assert_eq!(evaluated(&manifest).len(), 4);
    let own = format!("{manifest}\n[evaluation]\ncross_lingual = false\ncross_task = false\n");
    assert_eq!(
        evaluated(&own),
        BTreeSet::from(["sentiment · de".to_owned()])
    );
}
