//! Choosing among merges on the validation split.

use crate::setting::{MANIFEST, Setting, bytes, rows};
use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
};

/// A grid to choose from, and four draws that are halved twice.
const MERGES: &str = r#"[[merges]]
method = "linear"

[[merges]]
method = "ties"
density = [0.2, 0.5, 1.0]
select = true

[[merges]]
method = "task_arithmetic"
lambda = { min = 0.1, max = 1.0 }
sweep = { random = 4 }
select = { halving = { rows = 2, factor = 2 }, combine = "rank" }

[statistics]
baselines = ["base", "ties"]
resamples = 200
"#;

fn manifest() -> String {
    let at = MANIFEST.find("[[merges]]").expect("there are merges");
    format!("{}{MERGES}", &MANIFEST[..at])
}

/// Split and limit of every generation in the store, by the key of the model.
fn generated(setting: &Setting, store: &str) -> BTreeMap<String, Vec<(String, Option<u64>)>> {
    let mut found: BTreeMap<String, Vec<(String, Option<u64>)>> = BTreeMap::new();
    for entry in fs::read_dir(setting.path(store).join("generate")).expect("stages ran") {
        let file = entry.expect("an entry").path().join("stage.json");
        let stage: serde_json::Value = serde_json::from_slice(&bytes(&file)).expect("JSON");
        let key = stage["answerer"]["key"].as_str().unwrap_or("").to_owned();
        let rows = &stage["rows"];
        let split = rows["split"].as_str().expect("a split").to_owned();
        found
            .entry(key)
            .or_default()
            .push((split, rows["limit"].as_u64()));
    }
    found
}

#[test]
fn the_chosen_one_alone_is_tested() {
    let setting = Setting::new(&manifest());
    let plan = setting.run(&["plan", "experiment.toml", "--all"]);
    assert_eq!(plan.code, Some(0), "{}", plan.stderr);
    assert!(
        plan.stdout
            .contains("ties: not chosen yet from 3 candidates on validation")
    );
    // Two chosen ones with four cells each, and two candidates of the second round.
    assert!(
        plan.stdout.contains("up to 16 more evaluations follow"),
        "{}",
        plan.stdout
    );
    assert!(
        plan.stdout
            .contains("generate ties density=0.2 · sentiment · de · validation")
    );
    assert!(
        !plan
            .stdout
            .contains("generate ties density=0.2 · sentiment · de\n")
    );

    let run = setting.complete(&["--jobs", "2"]);
    assert!(
        run.stdout.contains("ties: chose ties density="),
        "{}",
        run.stdout
    );
    let out = setting.path("runs/small");
    let results = rows(&out.join("results.csv"));
    let keys: BTreeMap<&str, &str> = results
        .iter()
        .map(|r| (r["model"].as_str(), r["model_key"].as_str()))
        .collect();
    let of = |prefix: &str| -> BTreeSet<&str> {
        let names = keys.keys().filter(|m| m.starts_with(prefix));
        names.copied().collect()
    };
    let generated = generated(&setting, "runs/store");
    for (prefix, candidates) in [("ties ", 3), ("task_arithmetic ", 4)] {
        assert_eq!(of(prefix).len(), candidates);
        let chosen: BTreeSet<&str> = results
            .iter()
            .filter(|r| r["model"].starts_with(prefix) && r["selected"] == "true")
            .map(|r| r["model"].as_str())
            .collect();
        assert_eq!(chosen.len(), 1, "{chosen:?}");
        for model in of(prefix) {
            let own: Vec<_> = results.iter().filter(|r| r["model"] == model).collect();
            let splits: BTreeSet<&str> = own.iter().map(|r| r["split"].as_str()).collect();
            let selected = chosen.contains(model);
            assert!(own.iter().all(|r| r["selected"] == selected.to_string()));
            let test = generated[keys[model]]
                .iter()
                .filter(|(split, _)| split == "test");
            if selected {
                assert_eq!(splits, BTreeSet::from(["test", "validation"]));
                assert_eq!(test.count(), 4, "two tasks in two languages, each once");
            } else {
                assert_eq!(splits, BTreeSet::from(["validation"]));
                assert_eq!(test.count(), 0, "{model} was asked test questions");
            }
        }
    }
    let other = results
        .iter()
        .filter(|r| r["role"] != "merge" || r["model"] == "linear");
    for row in other {
        assert_eq!((&*row["split"], &*row["selected"]), ("test", ""));
    }

    // What was chosen has the best mean of the tasks' first tested measures.
    let score = |model: &str| -> f64 {
        let value = |measure: &str| -> f64 {
            let own = |r: &&BTreeMap<String, String>| {
                r["model"] == model
                    && r["split"] == "validation"
                    && r["language"] == "all"
                    && r["measure"] == measure
            };
            let row = results.iter().find(own).expect("a row");
            row["value"].parse().expect("a number")
        };
        (value("f1_macro") + value("rouge1")) / 2.0
    };
    let table = rows(&out.join("selection.csv"));
    let ties: Vec<_> = table.iter().filter(|r| r["selection"] == "ties").collect();
    assert_eq!(ties.len(), 3);
    assert_eq!(
        ties[0]["criteria"],
        "sentiment/f1_macro;summarization/rouge1"
    );
    for (place, row) in ties.iter().enumerate() {
        assert_eq!(row["rank"], (place + 1).to_string());
        assert_eq!(row["kept"], (place == 0).to_string());
        let own: f64 = row["score"].parse().expect("a number");
        assert!((own - score(&row["candidate"])).abs() < 1e-12);
        assert!(own <= ties[0]["score"].parse().expect("a number"));
    }

    // Four on two rows, two of them on four, one on the test split.
    let halved: Vec<_> = table
        .iter()
        .filter(|r| r["selection"] == "task_arithmetic")
        .collect();
    let rounds: Vec<(&str, &str)> = halved.iter().map(|r| (&*r["round"], &*r["rows"])).collect();
    let expected = [[("1", "2"); 4].as_slice(), &[("2", "4"); 2]].concat();
    assert_eq!(rounds, expected);
    let mut limits: BTreeMap<Option<u64>, usize> = BTreeMap::new();
    for model in of("task_arithmetic ") {
        for (split, limit) in &generated[keys[model]] {
            if split == "validation" {
                *limits.entry(*limit).or_default() += 1;
            }
        }
    }
    assert_eq!(limits, BTreeMap::from([(Some(2), 16), (Some(4), 8)]));

    // Comparisons are about what was tested; the selection's name stands for what it chose.
    let tests = rows(&out.join("significance.csv"));
    let baselines: BTreeSet<&str> = tests.iter().map(|r| r["baseline"].as_str()).collect();
    assert!(baselines.contains(&*ties[0]["candidate"]), "{baselines:?}");
    let models: BTreeSet<&str> = tests.iter().map(|r| r["model"].as_str()).collect();
    let merges = models.iter().filter(|m| m.contains(' ')).count();
    assert_eq!(merges, 2, "{models:?}");
    let name = ties[0]["candidate"].replace(' ', "_");
    let file = |split: &str| out.join(format!("predictions/{name}.sentiment.de{split}.jsonl"));
    assert!(file("").is_file() && file(".validation").is_file());

    // Everything is there now, so the whole plan is known and nothing is left to do.
    assert!(setting.to_run().is_empty());
    let first = ["results.csv", "selection.csv", "significance.csv"].map(|t| bytes(&out.join(t)));
    setting.complete(&["--out", "again", "--store", "other", "--jobs", "1"]);
    let again = setting.path("again");
    let second =
        ["results.csv", "selection.csv", "significance.csv"].map(|t| bytes(&again.join(t)));
    assert!(first == second, "other jobs, other bytes");
}

#[test]
fn leakage_and_mistakes_are_refused() {
    let setting = Setting::new(&manifest());
    let refused = |manifest: &str, words: &str| {
        setting.write_manifest(manifest);
        let run = setting.run(&["run", "experiment.toml"]);
        assert_eq!(
            run.code,
            Some(2),
            "{manifest}\n{}{}",
            run.stdout,
            run.stderr
        );
        assert!(
            run.stderr.contains(words),
            "no {words:?} in\n{}",
            run.stderr
        );
    };
    let with = |to: &str| manifest().replace("select = true", to);
    refused(
        &with("select = { split = \"test\" }"),
        "would choose on the split `test`, which `sentiment` is tested on",
    );
    let tested = "dataset = \"data/sentiment\"";
    refused(
        &manifest().replace(tested, &format!("{tested}\nsplit = \"validation\"")),
        "would choose on the split `validation`",
    );
    refused(
        &with("select = { split = \"dev\" }"),
        "no split `dev` to choose on",
    );
    refused(
        &with("select = { measure = { sentiment = \"f1_marco\" } }"),
        "Did you mean `f1_macro`?",
    );
    refused(
        &with("select = { tasks = \"sentimant\" }"),
        "Did you mean `sentiment`?",
    );
    refused(&with("select = { kepe = 1 }"), "Did you mean `keep`?");
    refused(&with("select = { keep = 0 }"), "`keep` cannot be 0");
    refused(
        &manifest().replace("\"base\", \"ties\"", "\"base\", \"ties density=0.5\""),
        "tested only if its selection chooses it",
    );
    refused(
        &with("sweep = \"zip\"\nlambda = [1.0, 2.0]"),
        "lists in step",
    );
    refused(
        &manifest().replace("sweep = { random = 4 }\n", ""),
        "set `sweep = { random = N }`",
    );
    let at = MANIFEST.find("[[tasks]]").expect("tasks");
    let unused = format!(
        "{}[selection]\nrows = 5\n\n{}",
        &MANIFEST[..at],
        &MANIFEST[at..]
    );
    refused(&unused, "nothing is selected");

    // The same rows under another name.
    let folder = setting.path("data/sentiment");
    fs::copy(folder.join("test.jsonl"), folder.join("validation.jsonl")).expect("writable");
    refused(&manifest(), "under another name");
    assert!(!setting.path("runs/store/train").exists(), "something ran");
}
