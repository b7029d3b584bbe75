use super::*;
use mergelab_sdk::Value;

mergelab_sdk::conformance!(super::Bleu);

fn context(language: &str) -> MetricContext {
    MetricContext {
        language: language.to_owned(),
        labels: Vec::new(),
    }
}

fn metric() -> Bleu {
    Bleu {
        tokenize: Tokenize::Auto,
        smooth: Smooth::Exp,
        smooth_value: None,
        lowercase: false,
        effective_order: false,
        references: 0,
    }
}

fn case(output: &str, references: &[&str]) -> Case {
    Case {
        prediction: Prediction {
            output: output.to_owned(),
            ..Prediction::default()
        },
        reference: Reference {
            texts: references.iter().map(|r| (*r).to_owned()).collect(),
            label: None,
        },
    }
}

fn statistics(metric: &Bleu, output: &str, references: &[&str]) -> Vec<f64> {
    let row = metric.score(&case(output, references), &context("en"));
    row.expect("statistics")
}

fn corpus(metric: &Bleu, cases: &[(String, Vec<String>)]) -> f64 {
    let mut sums = vec![0.0; counts::WIDTH];
    for (output, references) in cases {
        let references: Vec<&str> = references.iter().map(String::as_str).collect();
        let row = statistics(metric, output, &references);
        sums.iter_mut().zip(row).for_each(|(s, v)| *s += v);
    }
    counts::bleu(
        &sums,
        metric.smooth,
        metric.smooth_value(),
        metric.effective_order,
    )
}

fn choice<T: mergelab_sdk::params::Choice>(value: &Value) -> T {
    let text = value.as_str().expect("a name");
    let found = T::VARIANTS.iter().find(|(name, _)| *name == text);
    found.expect("a known name").1
}

/// Corpora with the segment statistics, the score and the signature of sacrebleu 2.6.0.
#[test]
fn equals_sacrebleu() {
    let golden: Value = include_str!("../../../../tests/golden/metrics/bleu.json")
        .parse()
        .expect("JSON");
    let text = |v: &Value| v.as_str().expect("a text").to_owned();
    let list = |v: &Value| v.as_array().expect("a list").clone();
    let corpora = list(&golden["cases"]);
    assert!(corpora.len() >= 50);
    for golden in corpora {
        let cases: Vec<(String, Vec<String>)> = list(&golden["outputs"])
            .iter()
            .zip(list(&golden["references"]))
            .map(|(output, references)| {
                (text(output), list(&references).iter().map(text).collect())
            })
            .collect();
        let varies = cases.iter().any(|(_, r)| r.len() != cases[0].1.len());
        let metric = Bleu {
            tokenize: choice(&golden["tokenize"]),
            smooth: choice(&golden["smooth"]),
            smooth_value: golden["smooth_value"].as_f64(),
            lowercase: golden["lowercase"] == true,
            effective_order: golden["effective_order"] == true,
            references: if varies { 0 } else { cases[0].1.len() },
        };
        metric.check(&context("en")).expect("good parameters");
        for ((output, references), wanted) in cases.iter().zip(list(&golden["statistics"])) {
            let references: Vec<&str> = references.iter().map(String::as_str).collect();
            let wanted: Vec<f64> = list(&wanted).iter().filter_map(Value::as_f64).collect();
            let found = statistics(&metric, output, &references);
            assert_eq!(found, wanted, "{:?}: {output:?}", metric.tokenize);
        }
        let (found, wanted) = (
            corpus(&metric, &cases),
            golden["score"].as_f64().expect("a number"),
        );
        // Logarithm and exponential may differ in the last bit between libraries.
        assert!(
            (found - wanted).abs() <= 1e-12 * wanted.abs(),
            "{found}, {wanted}: {golden}"
        );
        assert_eq!(
            metric.signature(&context("en")),
            format!("bleu/{}+mergelab", text(&golden["signature"]))
        );
    }
}

#[test]
fn the_language_decides_the_tokenizer_and_mecab_is_refused() {
    let auto = metric();
    let name = |language| auto.tokenizer(&context(language)).name();
    assert_eq!(
        [name("de"), name("zh-Hant"), name("th")],
        ["13a", "zh", "13a"]
    );
    for language in ["ja", "ko-KR"] {
        let message = auto
            .check(&context(language))
            .expect_err("refused")
            .to_string();
        assert!(
            message.contains("MeCab") && message.contains("\"char\""),
            "{message}"
        );
    }
    let mecab = Bleu {
        tokenize: Tokenize::JaMecab,
        ..metric()
    };
    assert!(mecab.check(&context("ja")).is_err());
    let char = Bleu {
        tokenize: Tokenize::Char,
        ..metric()
    };
    assert_eq!(char.check(&context("ja")), Ok(()));
}

#[test]
fn short_texts_score_zero_unless_the_order_is_effective() {
    let same = [("hello there".to_owned(), vec!["hello there".to_owned()])];
    assert_eq!(corpus(&metric(), &same), 0.0);
    let effective = Bleu {
        effective_order: true,
        ..metric()
    };
    assert!((corpus(&effective, &same) - 100.0).abs() < 1e-12);
}

#[test]
fn the_number_of_references_is_checked() {
    let one = Bleu {
        references: 1,
        ..metric()
    };
    let message = one.score(&case("a", &["a", "b"]), &context("en"));
    let message = message.expect_err("refused").to_string();
    assert!(message.contains("references = 2"), "{message}");
    assert!(one.score(&case("a", &[]), &context("en")).is_err());
    let valued = Bleu {
        smooth_value: Some(0.5),
        ..metric()
    };
    assert!(valued.check(&context("en")).is_err());
}
