//! Metrics of log-likelihoods: of choices, and of whole texts in windows.

use crate::setting::{MANIFEST, Setting, rows};
use std::collections::BTreeMap;

/// The context of the model is 160 tokens, so texts are cut.
const TASKS: &str = r#"[[tasks]]
task = "sentiment"
dataset = "data/sentiment"
metrics = ["accuracy", "multiple_choice", "calibration", "mcc"]
params = { mode = "choice" }

[[tasks]]
task = "language_modelling"
dataset = "data/sentiment"
metrics = ["perplexity"]
params = { window = 16, stride = 4 }

[[tasks]]
task = "summarization"
dataset = "data/summarization"
metrics = ["bleu", "chrf", "token_f1", { metric = "chrf", word_order = 2 }]
params = { max_new_tokens = 4 }

"#;

#[test]
fn likelihoods_reach_the_tables() {
    let (head, rest) = MANIFEST.split_once("[[tasks]]").expect("tasks");
    let (_, tail) = rest.split_once("[[experts]]").expect("experts");
    let manifest = format!("{head}{TASKS}[[experts]]{tail}")
        .replace("margin = { f1_macro = 0.9 }\n", "margin = { acc = 0.9 }\n")
        .replace("seed = [1, 2]", "seed = 1")
        .replace("density = [0.5, 1.0]", "density = 0.5");
    let setting = Setting::new(&manifest);
    setting.complete(&[]);
    let results = rows(&setting.path("runs/small/results.csv"));
    let of_base = results
        .iter()
        .filter(|r| r["model"] == "base" && r["language"] == "en");
    let found: BTreeMap<(&str, &str), (f64, &str)> = of_base
        .map(|r| {
            let value = r["value"].parse().expect("a number");
            (
                (r["task"].as_str(), r["measure"].as_str()),
                (value, r["preset"].as_str()),
            )
        })
        .collect();
    let value = |task, measure| found[&(task, measure)].0;

    // The task takes the likeliest choice as it is, so both accuracies are of the same label.
    assert_eq!(value("sentiment", "acc"), value("sentiment", "accuracy"));
    assert_eq!(value("sentiment", "without_probabilities"), 0.0);
    assert!((0.0..=1.0).contains(&value("sentiment", "ece")));
    assert!((0.0..=2.0).contains(&value("sentiment", "brier")));
    assert_eq!(found[&("sentiment", "ece")].1, "ece/15-bins");

    // How texts were read is part of what the number is.
    assert_eq!(
        found[&("language_modelling", "bits_per_byte")].1,
        "bits_per_byte/utf-8/window=16,stride=4"
    );
    let bits = value("language_modelling", "bits_per_byte");
    let by_byte = value("language_modelling", "perplexity_byte");
    assert!(
        (by_byte.log2() / bits - 1.0).abs() < 1e-12,
        "{by_byte}, {bits}"
    );
    // A vocabulary of 320 has 8.3 bits a token, and four steps teach little.
    let by_token = value("language_modelling", "perplexity_token");
    assert!((2.0..1000.0).contains(&by_token), "{by_token}");
    assert!(
        found[&("summarization", "bleu")]
            .1
            .starts_with("bleu/nrefs:1|")
    );
    assert!(found.contains_key(&("summarization", "chrf++")));
}
