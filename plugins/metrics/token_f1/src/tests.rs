use super::*;
use mergelab_sdk::{Value, params::Choice};

mergelab_sdk::conformance!(super::TokenF1);

fn context(language: &str) -> MetricContext {
    MetricContext {
        language: language.to_owned(),
        labels: Vec::new(),
    }
}

fn score(preset: Preset, language: &str, output: &str, references: &[&str]) -> Vec<f64> {
    let case = Case {
        prediction: Prediction {
            output: output.to_owned(),
            ..Prediction::default()
        },
        reference: Reference {
            texts: references.iter().map(|r| (*r).to_owned()).collect(),
            label: None,
        },
    };
    let scored = TokenF1 { preset }.score(&case, &context(language));
    scored.expect("two scores")
}

/// The same bits as MLQA's script, whose English rules are checked as well, and SQuAD's.
#[test]
fn equals_the_official_scripts() {
    let golden: Value = include_str!("../../../../tests/golden/metrics/token_f1.json")
        .parse()
        .expect("JSON");
    let cases = golden["cases"].as_array().expect("cases");
    assert!(cases.len() >= 300);
    for golden in cases {
        let text = |key: &str| golden[key].as_str().expect("a text");
        let references = golden["references"].as_array().expect("texts");
        let references: Vec<&str> = references.iter().filter_map(Value::as_str).collect();
        let preset = Preset::VARIANTS
            .iter()
            .find(|(name, _)| *name == text("preset"));
        let (_, preset) = preset.expect("a preset");
        let found = score(*preset, text("language"), text("output"), &references);
        let wanted = ["f1", "exact_match"].map(|key| golden[key].as_f64().expect("a number"));
        assert_eq!(found, wanted, "{golden}");
    }
}

#[test]
fn mixed_has_words_in_every_language() {
    let f1 = |output, reference| score(Preset::Mixed, "xx", output, &[reference])[0];
    // Two of five characters are shared with two.
    assert!((f1("東京タワー", "東京") - 4.0 / 7.0).abs() < 1e-15);
    assert_eq!(f1("The U.S. Army", "the us army"), 1.0);
    assert_eq!(f1("Ｔｏｋｙｏ、１０", "tokyo 10"), 0.0);
    assert_eq!(f1("Ｔｏｋｙｏ　１０", "tokyo 10"), 1.0);
    assert_eq!(f1("e\u{301}te\u{301}", "ÉTÉ"), 1.0);
    assert_eq!(f1("สวัสดี", "สวัสดี"), 1.0);
    assert_eq!(f1("", "..."), 1.0);
    assert_eq!(f1(" ", "x"), 0.0);
}

#[test]
fn the_best_reference_counts_for_each_measure() {
    let found = score(
        Preset::Squad,
        "en",
        "red apple",
        &["a green apple", "Red Apple!"],
    );
    assert_eq!(found, [1.0, 1.0]);
    let found = score(Preset::Squad, "en", "red", &["red apple", "blue"]);
    assert_eq!(found, [2.0 / 3.0, 0.0]);
}

#[test]
fn presets_are_refused_where_they_have_no_rules() {
    let check = |preset, language| TokenF1 { preset }.check(&context(language));
    assert_eq!(check(Preset::Squad, "en-GB"), Ok(()));
    assert!(check(Preset::Squad, "de").is_err());
    assert_eq!(check(Preset::Xquad, "de"), Ok(()));
    assert_eq!(check(Preset::Mlqa, "zh-Hans"), Ok(()));
    let message = check(Preset::Mlqa, "fr").expect_err("refused").to_string();
    assert!(message.contains("en, es, de, vi, ar, hi, zh"), "{message}");
    let ids: Vec<String> = Preset::VARIANTS
        .iter()
        .map(|(_, preset)| {
            TokenF1 { preset: *preset }.measures(&context("de"))[0]
                .preset
                .clone()
        })
        .collect();
    assert_eq!(
        ids,
        [
            "token_f1/mixed",
            "token_f1/squad@1.1",
            "token_f1/xquad",
            "token_f1/mlqa-de@1"
        ]
    );
    let none = Case {
        prediction: Prediction::default(),
        reference: Reference::default(),
    };
    let metric = TokenF1 {
        preset: Preset::Mixed,
    };
    assert!(metric.score(&none, &context("en")).is_err());
}
