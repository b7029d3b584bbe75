//! Manifests and data that are refused before anything runs.

use crate::setting::{MANIFEST, Setting};
use std::fs;

/// Plans with one change to the manifest, and gives the refusal.
fn refusal(setting: &Setting, from: &str, to: &str) -> String {
    assert!(MANIFEST.contains(from), "the manifest has no {from:?}");
    setting.write_manifest(&MANIFEST.replacen(from, to, 1));
    refused(setting)
}

fn refused(setting: &Setting) -> String {
    let run = setting.run(&["run", "experiment.toml"]);
    assert_eq!(run.code, Some(2), "{}{}", run.stdout, run.stderr);
    let kinds = ["pretrain", "train", "merge", "generate", "score"];
    let ran = kinds
        .iter()
        .any(|k| setting.path("runs/store").join(k).exists());
    assert!(!ran, "something ran before the refusal");
    run.stderr
}

#[test]
fn mistakes_in_the_manifest_are_refused_with_their_line() {
    let setting = Setting::new(MANIFEST);
    let cases = [
        ("seed = 3", "sede = 3", ":2:1:", "has no key `sede`"),
        (
            "seed = 3",
            "seed = \"3\"",
            ":2:8:",
            "should be a whole number",
        ),
        (
            "recipe = \"short\"",
            "recipe = \"shrot\"",
            ":12:10:",
            "Did you mean `short`?",
        ),
        (
            "density = [0.5",
            "densty = [0.5",
            ":44:1:",
            "Did you mean `density`?",
        ),
        (
            "density = [0.5",
            "density = [1.5",
            ":44:11:",
            "out of range",
        ),
        (
            "method = \"linear\"",
            "method = \"linaer\"",
            ":40:10:",
            "Did you mean `linear`?",
        ),
        (
            "data/sentiment",
            "data/sentimant",
            ":21:11:",
            "there is no dataset",
        ),
        (
            "[\"f1\", ",
            "[\"f2\", ",
            ":22:12:",
            "there is no metric `f2`",
        ),
        (
            "baselines = [\"base\"",
            "baselines = [\"bose\"",
            "",
            "Did you mean `base`?",
        ),
        (
            "language = [\"en\", \"de\"]",
            "language = [\"en\", \"xx\"]",
            ":31:",
            "xx",
        ),
        (
            "max_new_tokens",
            "max_new_token",
            "",
            "Did you mean `max_new_tokens`?",
        ),
        ("name = \"small\"", "name = small", ":1:", "experiment.toml"),
    ];
    for (from, to, place, message) in cases {
        let error = refusal(&setting, from, to);
        assert!(error.contains(place), "{to}: no {place} in\n{error}");
        assert!(error.contains(message), "{to}: no {message:?} in\n{error}");
    }
}

#[test]
fn bad_rows_are_refused_with_their_id() {
    let setting = Setting::new(MANIFEST);
    let file = setting.path("data/sentiment/test.jsonl");
    let text = fs::read_to_string(&file).expect("rows");

    fs::write(
        &file,
        text.replacen("\"label\": \"", "\"label\": \"very ", 1),
    )
    .expect("writable");
    let error = refused(&setting);
    assert!(error.contains("is not in the label set"), "{error}");
    assert!(error.contains("the row with id `sentiment-"), "{error}");

    fs::write(&file, "").expect("writable");
    let error = refused(&setting);
    assert!(error.contains("no rows at all"), "{error}");

    fs::write(&file, "{\"language\": \"en\"\n").expect("writable");
    let error = refused(&setting);
    assert!(error.contains("test.jsonl:1: is no JSON object"), "{error}");

    fs::remove_file(&file).expect("it was there");
    let error = refused(&setting);
    assert!(error.contains("there is no file"), "{error}");
}
