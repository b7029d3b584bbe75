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

/// What the manifest says last.
const MARGIN: &str = "margin = { f1_macro = 0.9 }";

#[test]
fn mistakes_in_the_manifest_are_refused_with_their_line() {
    let setting = Setting::new(MANIFEST);
    // What is replaced, with what, the text that the error must point at, and its words.
    let cases = [
        ("seed = 3", "sede = 3", "sede", "has no key `sede`"),
        (
            "seed = 3",
            "seed = \"3\"",
            "\"3\"",
            "should be a whole number",
        ),
        (
            "recipe = \"short\"",
            "recipe = \"shrot\"",
            "\"shrot\"",
            "Did you mean `short`?",
        ),
        (
            "density = [0.5",
            "densty = [0.5",
            "densty",
            "Did you mean `density`?",
        ),
        ("density = [0.5", "density = [1.5", "[1.5", "out of range"),
        (
            "method = \"linear\"",
            "method = \"linaer\"",
            "\"linaer\"",
            "Did you mean `linear`?",
        ),
        (
            "data/sentiment",
            "data/sentimant",
            "\"data/sentimant",
            "there is no dataset",
        ),
        (
            "[\"f1\", ",
            "[\"f2\", ",
            "\"f2\"",
            "there is no metric `f2`",
        ),
        (
            "[\"base\", ",
            "[\"bose\", ",
            "\"bose\"",
            "Did you mean `base`?",
        ),
        (
            "[\"en\", \"de\"]\nrecipe",
            "[\"en\", \"xx\"]\nrecipe",
            "\"xx\"",
            "training rows in xx",
        ),
        (
            "{ max_new_tokens",
            "{ max_new_token",
            "{ max",
            "Did you mean `max_new_tokens`?",
        ),
        ("\"small\"", "small", "small", "experiment.toml"),
        (
            MARGIN,
            "margin = { f1_marco = 0.9 }",
            "f1_marco",
            "Did you mean `f1_macro`?",
        ),
        (
            MARGIN,
            "[[statistics.tests]]\nmeasure = \"rogue\"\ninterval = \"bca\"",
            "\"rogue\"",
            "Did you mean `rouge`?",
        ),
        // McNemar's test is of right and wrong answers, and ROUGE is a score.
        (
            MARGIN,
            "[[statistics.tests]]\ninterval = \"bca\"\n\
             [[statistics.tests]]\nmeasure = \"rouge\"\ntest = \"mcnemar\"",
            "\"mcnemar\"",
            "the test `mcnemar` does not fit the measure `rouge1` on the task `summarization`, a \
             mean of scores",
        ),
        (
            MARGIN,
            "[[statistics.tests]]\ntest = \"bootstrap\"\n\
             [[statistics.tests]]\ntask = \"sentiment\"\ninterval = \"student_t\"",
            "\"student_t\"",
            "use one of percentile, bca",
        ),
        (
            MARGIN,
            "dominance = true",
            "true",
            "list as many `seeds` at the top level",
        ),
    ];
    for (from, to, at, message) in cases {
        let error = refusal(&setting, from, to);
        let text = MANIFEST.replacen(from, to, 1);
        let before = &text[..text.find(at).expect("the manifest has it")];
        let line = before.matches('\n').count() + 1;
        let column = before.len() - before.rfind('\n').map_or(0, |n| n + 1) + 1;
        let place = format!(":{line}:{column}:");
        assert!(error.contains(&place), "{to}: no {place} in\n{error}");
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

#[test]
fn a_recipe_that_cannot_be_followed_is_refused() {
    let setting = Setting::new(MANIFEST);
    let short = "max_steps = 4";
    for (more, expected) in [
        (
            "precision = \"bf16\"",
            "the device `flex` does not compute in bf16",
        ),
        ("precision = \"f16\"", "is not one of f32, bf16"),
        ("grouping = \"size\"", "is not one of length, none"),
        ("accumulation = 0", "`accumulation` cannot be 0"),
        ("patience = 0", "`patience` cannot be 0"),
    ] {
        let message = refusal(&setting, short, &format!("{short}\n{more}"));
        assert!(message.contains(expected), "{message}");
    }
    for name in ["corpus", "sentiment", "summarization"] {
        let _ = fs::remove_file(setting.path("data").join(name).join("validation.jsonl"));
        let card = setting.path("data").join(name).join("card.toml");
        let text = fs::read_to_string(&card).expect("a card");
        let kept = text.lines().filter(|line| !line.contains("validation"));
        fs::write(&card, kept.map(|l| format!("{l}\n")).collect::<String>()).expect("writable");
    }
    let message = refusal(&setting, short, &format!("{short}\npatience = 2"));
    assert!(
        message.contains("`patience` needs a validation split"),
        "{message}"
    );
}

// Clusters are known from the rows: of translations or of questions about one text some tests know nothing.
#[test]
fn a_test_that_clusters_rule_out_is_refused() {
    let asked = "[[statistics.tests]]\nmeasure = \"accuracy\"\ntest = \"mcnemar\"";
    let setting = Setting::new(&MANIFEST.replace(MARGIN, asked));
    let plan = setting.run(&["plan", "experiment.toml"]);
    assert_eq!(plan.code, Some(0), "{}", plan.stderr);
    let card = setting.path("data/sentiment/card.toml");
    let text = fs::read_to_string(&card).expect("a card");
    let clustered = text.replace("cluster = \"parallel_id\"", "cluster = \"label\"");
    assert_ne!(text, clustered, "{text}");
    fs::write(&card, clustered).expect("writable");
    let error = refused(&setting);
    let words = "whose scores are 0 or 1 on examples in clusters: use one of sign_flip, paired_t";
    let flat = error.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(
        flat.contains("does not fit the measure `accuracy`"),
        "{error}"
    );
    assert!(flat.contains(words), "{error}");
}
