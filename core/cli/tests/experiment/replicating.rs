//! One row again: identical, and what is named where something was changed.

use crate::setting::{MANIFEST, Setting, rows};
use mergelab_tests::Run;
use std::{
    fs,
    path::{Path, PathBuf},
};

fn row(setting: &Setting, model: &str, task: &str, language: &str) -> String {
    let results = rows(&setting.path("runs/small/results.csv"));
    let found = results
        .iter()
        .find(|r| [&r["model"], &r["task"], &r["language"]] == [model, task, language]);
    found.expect("a row")["row"].clone()
}

fn replicate(setting: &Setting, row: &str, arguments: &[&str]) -> Run {
    let mut all = vec!["replicate", "runs/small", "--row", row];
    all.extend(arguments);
    setting.run(&all)
}

fn says(run: &Run, code: i32, words: &[&str]) {
    assert_eq!(run.code, Some(code), "{}\n{}", run.stdout, run.stderr);
    for words in words {
        let all = format!("{}{}", run.stdout, run.stderr);
        assert!(all.contains(words), "no {words:?} in\n{all}");
    }
}

/// The artifact of a stage, by its name in the run.
fn artifact(setting: &Setting, name: &str) -> PathBuf {
    let text = fs::read_to_string(setting.path("runs/small/stages.jsonl")).expect("stages");
    let stages = text
        .lines()
        .map(|line| -> serde_json::Value { serde_json::from_str(line).expect("JSON") });
    let stage = stages
        .into_iter()
        .find(|s| s["name"] == name)
        .expect("a stage");
    let kind = stage["what"]["stage"].as_str().expect("a kind");
    let key = stage["key"].as_str().expect("a key");
    setting.path("runs/store").join(kind).join(key)
}

fn change(file: &Path, from: &str, to: &str) {
    let text = fs::read_to_string(file).expect("a file");
    assert!(text.contains(from), "no {from:?} in {}", file.display());
    fs::write(file, text.replacen(from, to, 1)).expect("writable");
}

/// Adds one to the last byte of a file.
fn change_last_byte(file: &Path) {
    let mut bytes = fs::read(file).expect("a file");
    let last = bytes.last_mut().expect("not empty");
    *last = last.wrapping_add(1);
    fs::write(file, bytes).expect("writable");
}

#[test]
fn a_row_comes_out_the_same() {
    let setting = Setting::new(MANIFEST);
    setting.complete(&[]);
    let ties = row(&setting, "ties density=0.5", "sentiment", "de");
    let run = replicate(&setting, &ties, &[]);
    says(
        &run,
        0,
        &[
            "identical\n",
            "Taken as it was: pretrain base, train en, train de.",
            "Ran again: merge ties density=0.5, generate ties density=0.5 · sentiment · de, score",
        ],
    );

    // From the texts on, of a mean over languages, kept in a store.
    let expert = row(&setting, "de", "summarization", "all");
    let again = ["--trainings", "--store", "again", "--json"];
    let run = replicate(&setting, &expert, &again);
    assert_eq!(run.code, Some(0), "{}", run.stderr);
    let json: serde_json::Value = serde_json::from_str(&run.stdout).expect("JSON");
    assert_eq!(json["identical"], true);
    assert_eq!(json["kept"], serde_json::json!([]));
    assert_eq!(json["ran"].as_array().expect("a list").len(), 6);
    says(
        &replicate(&setting, &expert, &again),
        2,
        &["has the artifact of `pretrain base` already, so nothing would run"],
    );
    says(&replicate(&setting, "0123", &[]), 2, &["has no row `0123`"]);
}

#[test]
fn what_was_changed_is_named() {
    let setting = Setting::new(MANIFEST);
    setting.complete(&[]);
    let base = row(&setting, "base", "sentiment", "de");

    // A prediction in the run's folder.
    let predictions = setting.path("runs/small/predictions/base.sentiment.de.jsonl");
    let whole = fs::read_to_string(&predictions).expect("predictions");
    let first: serde_json::Value =
        serde_json::from_str(whole.lines().next().expect("a line")).expect("JSON");
    let id = first["id"].as_str().expect("an id");
    change(
        &predictions,
        "\"truncated_tokens\":0",
        "\"truncated_tokens\":7",
    );
    says(
        &replicate(&setting, &base, &[]),
        1,
        &[
            "differs first in score base · sentiment · de, predictions/base.sentiment.de.jsonl, ",
            &format!("example {id}, field truncated_tokens"),
            "run:  7",
            "anew: 0",
            "the copy in the run's folder was changed",
        ],
    );
    fs::write(&predictions, whole).expect("writable");

    // A response in the store.
    let responses = artifact(&setting, "generate base · sentiment · de").join("responses.jsonl");
    let whole = fs::read_to_string(&responses).expect("responses");
    change(
        &responses,
        "\"truncated_tokens\":0",
        "\"truncated_tokens\":9",
    );
    says(
        &replicate(&setting, &base, &[]),
        1,
        &[
            "differs first in generate base · sentiment · de, responses.jsonl, example ",
            "the file in the store was changed after the run",
        ],
    );
    fs::write(&responses, whole).expect("writable");

    // A value in the table.
    let results = setting.path("runs/small/results.csv");
    let whole = fs::read_to_string(&results).expect("results");
    let line = whole
        .lines()
        .find(|line| line.contains(&base))
        .expect("the row");
    fs::write(
        &results,
        whole.replace(line, &line.replace(",9,0,9,", ",8,0,9,")),
    )
    .expect("writable");
    says(
        &replicate(&setting, &base, &[]),
        1,
        &[
            "differs first in the table, results.csv, row ",
            "column n\n  run:  8\n  anew: 9",
        ],
    );
    fs::write(&results, whole).expect("writable");

    // A merged weight, and one of an expert.
    let linear = row(&setting, "linear", "sentiment", "de");
    let weights = artifact(&setting, "merge linear").join("model/model.safetensors");
    let whole = fs::read(&weights).expect("weights");
    change_last_byte(&weights);
    says(
        &replicate(&setting, &linear, &[]),
        1,
        &[
            "differs first in merge linear, model/model.safetensors, tensor ",
            ", element [",
            "the file in the store was changed after the run",
        ],
    );
    fs::write(&weights, whole).expect("writable");
    let expert = artifact(&setting, "train de").join("model/model.safetensors");
    let whole = fs::read(&expert).expect("weights");
    change_last_byte(&expert);
    says(
        &replicate(&setting, &linear, &[]),
        1,
        &[
            "weights of `train de`, model/model.safetensors differs",
            "Ran again: nothing.",
            "not run: the inputs are not the run's",
        ],
    );
    fs::write(&expert, whole).expect("writable");

    // Rows.
    let test = setting.path("data/sentiment/test.jsonl");
    let whole = fs::read_to_string(&test).expect("rows");
    let german = whole
        .lines()
        .find(|l| l.contains("\"language\": \"de\""))
        .expect("a row");
    fs::write(&test, whole.replace(&format!("{german}\n"), "")).expect("writable");
    says(
        &replicate(&setting, &linear, &[]),
        1,
        &["rows of generated-sentiment, test, de differs"],
    );
    fs::write(&test, whole).expect("writable");

    // A plugin: another file in its place, which still loads.
    let library = setting
        .mergelab
        .path("bin")
        .join(mergelab_tests::libraries::file_name(
            "mergelab-method-linear",
        ));
    let mut bytes = fs::read(&library).expect("a library");
    bytes.push(0);
    fs::remove_file(&library).expect("it is there");
    fs::write(&library, bytes).expect("writable");
    says(
        &replicate(&setting, &linear, &[]),
        1,
        &[
            "plugin method/linear differs",
            "not run: the inputs are not the run's",
        ],
    );
    // Other rows do not need it.
    says(&replicate(&setting, &base, &[]), 0, &["identical\n"]);
}
