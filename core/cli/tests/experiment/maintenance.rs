//! What a change runs again, seen before it runs; and what it moved, seen after.

use crate::setting::{MANIFEST, Setting, rows};
use std::{collections::BTreeSet, fs};

/// Takes one German row out of the training rows of a task.
fn change_german(setting: &Setting) {
    let file = setting.path("data/sentiment/train.jsonl");
    let text = fs::read_to_string(&file).expect("rows");
    let line = text
        .lines()
        .find(|l| l.contains("\"language\": \"de\""))
        .expect("a German row");
    fs::write(&file, text.replace(&format!("{line}\n"), "")).expect("writable");
}

#[test]
fn a_change_is_seen_before_it_runs_and_after() {
    let setting = Setting::new(MANIFEST);
    setting.complete(&["--out", "before"]);
    let since = |arguments: &[&str]| {
        let mut all = vec!["plan", "experiment.toml", "--since", "before"];
        all.extend(arguments);
        let run = setting.run(&all);
        assert_eq!(run.code, Some(0), "{}", run.stderr);
        run.stdout
    };
    assert_eq!(since(&[]), "Nothing is new since the run.\n");

    change_german(&setting);
    let text = since(&[]);
    assert!(
        text.contains("the training rows of generated-sentiment in de changed"),
        "{text}"
    );
    assert!(text.contains("the expert de changed"), "{text}");
    assert!(text.contains("stages: generate"), "{text}");
    let json: serde_json::Value = serde_json::from_str(&since(&["--json"])).expect("JSON");
    let stages = json["stages"].as_array().expect("a list");
    let mut expected = 0.0;
    let costs = rows(&setting.path("before/costs.csv"));
    for stage in stages {
        assert_eq!(stage["cached"], false);
        let name = stage["name"].as_str().expect("a name");
        let row = costs
            .iter()
            .find(|row| format!("{} {}", row["stage"], row["name"]) == name)
            .expect("the run has it");
        let seconds = stage["estimate"]["wall_seconds"].as_f64().expect("seconds");
        assert_eq!(seconds.to_string(), row["wall_seconds"], "{name}");
        expected += seconds;
    }
    assert!(
        text.contains(&format!("take {expected:.1} s one after another")),
        "{text}"
    );

    // What ran is what was foreseen, and nothing else.
    let foreseen: BTreeSet<&str> = stages
        .iter()
        .map(|stage| stage["name"].as_str().expect("a name"))
        .collect();
    setting.complete(&["--out", "after"]);
    let costs = rows(&setting.path("after/costs.csv"));
    let ran: BTreeSet<String> = costs
        .iter()
        .filter(|row| row["cached"] == "false")
        .map(|row| format!("{} {}", row["stage"], row["name"]))
        .collect();
    assert_eq!(ran, foreseen.iter().map(|s| (*s).to_owned()).collect());
    let trained = ran.iter().filter(|name| name.starts_with("train "));
    assert_eq!(trained.collect::<Vec<_>>(), ["train combined", "train de"]);
    assert!(since(&[]).contains("cached"));

    let run = setting.run(&["compare", "before", "after/run.json", "--csv", "moved.csv"]);
    assert_eq!(run.code, Some(0), "{}", run.stderr);
    assert!(
        run.stdout.contains("model de: other weights"),
        "{}",
        run.stdout
    );
    assert!(!run.stdout.contains("model en: other"), "{}", run.stdout);
    assert!(!run.stdout.contains("manifest:"), "{}", run.stdout);
    let moved = rows(&setting.path("moved.csv"));
    let models: BTreeSet<&str> = moved.iter().map(|row| row["model"].as_str()).collect();
    assert!(models.contains("de") && models.contains("ties density=0.5"));
    assert!(!models.contains("en") && !models.contains("base"));
    let results = |run: &str| rows(&setting.path(run).join("results.csv"));
    let (before, after) = (results("before"), results("after"));
    for row in &moved {
        let columns = ["model", "task", "language", "metric", "measure"];
        let of = |all: &[std::collections::BTreeMap<String, String>]| -> f64 {
            let found = all
                .iter()
                .find(|r| columns.iter().all(|c| r[*c] == row[*c]));
            found.expect("a result")["value"].parse().expect("a number")
        };
        let number = |column: &str| row[column].parse::<f64>().expect("a number");
        // Recomputed from the predictions.
        assert!((number("a_value") - of(&before)).abs() < 1e-12, "{row:?}");
        assert!((number("b_value") - of(&after)).abs() < 1e-12, "{row:?}");
        assert!(number("p_value") <= number("p_adjusted"), "{row:?}");
        let family = format!("{}/{}", row["task"], row["measure"]);
        assert!(row["family"].starts_with(&family), "{row:?}");
        assert_eq!(row["correction"], "holm");
    }
    let run = setting.run(&["compare", "before", "after", "--json"]);
    let json: serde_json::Value = serde_json::from_str(&run.stdout).expect("JSON");
    assert_eq!(
        json["found"]["rows"].as_array().expect("rows").len(),
        moved.len()
    );
    assert!(json["found"]["unchanged"].as_u64() > Some(0));
}

#[test]
fn a_new_setting_is_named() {
    let setting = Setting::new(MANIFEST);
    setting.complete(&["--out", "before"]);
    setting.write_manifest(
        &MANIFEST
            .replace("density = [0.5, 1.0]", "density = [0.5, 0.7]")
            .replace("max_new_tokens = 4", "max_new_tokens = 5"),
    );
    let run = setting.run(&[
        "plan",
        "experiment.toml",
        "--since",
        "before/run.json",
        "--all",
    ]);
    assert_eq!(run.code, Some(0), "{}", run.stderr);
    let line = |name: &str| -> &str {
        let found = run.stdout.lines().find(|line| line.contains(name));
        found.unwrap_or_else(|| panic!("no {name} in {}", run.stdout))
    };
    assert!(line("merge ties density=0.7").ends_with("the run has no such stage"));
    let generate = line("generate base · summarization · de");
    assert!(
        generate.ends_with("task summarization: max_new_tokens 4 → 5"),
        "{generate}"
    );
    // The base is trained on texts, which no task reads.
    assert!(!run.stdout.contains("pretrain"), "{}", run.stdout);

    setting.complete(&["--out", "after"]);
    let run = setting.run(&["compare", "before", "after"]);
    assert_eq!(run.code, Some(0), "{}", run.stderr);
    for words in [
        "Models of A alone:\n  ties density=1.0\n",
        "Models of B alone:\n  ties density=0.7\n",
        "manifest: ",
    ] {
        assert!(
            run.stdout.contains(words),
            "no {words:?} in\n{}",
            run.stdout
        );
    }
}

#[test]
fn runs_that_share_nothing_are_refused() {
    let setting = Setting::new(MANIFEST);
    setting.complete(&["--out", "one"]);
    let refused = |arguments: &[&str], words: &[&str]| {
        let run = setting.run(arguments);
        assert_eq!(run.code, Some(2), "{}", run.stdout);
        for words in words {
            assert!(
                run.stderr.contains(words),
                "no {words:?} in\n{}",
                run.stderr
            );
        }
    };
    // The same run under other names of its tasks.
    fs::create_dir(setting.path("two")).expect("writable");
    for file in [
        "run.json",
        "stages.jsonl",
        "manifest.toml",
        "costs.csv",
        "results.csv",
    ] {
        let text = fs::read_to_string(setting.path("one").join(file)).expect("a file");
        let text = text
            .replace("sentiment", "mood")
            .replace("summarization", "gist");
        fs::write(setting.path("two").join(file), text).expect("writable");
    }
    refused(
        &["compare", "one", "two"],
        &[
            "share no model, task, language and measure",
            "the tasks gist, mood",
        ],
    );
    refused(&["compare", "one", "three"], &["there is no run at three"]);
    fs::remove_file(setting.path("two/stages.jsonl")).expect("it is there");
    let plan = ["plan", "experiment.toml", "--since", "two"];
    refused(&plan, &["stages.jsonl is missing", "Run it again"]);
}
