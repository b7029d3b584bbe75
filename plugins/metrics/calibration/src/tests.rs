use super::*;
use mergelab_sdk::Value;

mergelab_sdk::conformance!(super::Calibration);

fn context() -> MetricContext {
    MetricContext {
        language: "en".to_owned(),
        labels: Vec::new(),
    }
}

fn metric(bins: usize) -> Calibration {
    Calibration {
        bins,
        normalise: Normalise::None,
    }
}

fn case(choices: Vec<ScoredChoice>, label: Option<&str>, right: &str) -> Case {
    Case {
        prediction: Prediction {
            label: label.map(str::to_owned),
            choices,
            ..Prediction::default()
        },
        reference: Reference {
            texts: Vec::new(),
            label: Some(right.to_owned()),
        },
    }
}

/// ECE, Brier score and the share without probabilities.
fn values(metric: &Calibration, cases: &[Case]) -> [f64; 3] {
    let mut sums = vec![0.0; 3 * metric.bins + 2];
    for case in cases {
        let row = metric.score(case, &context()).expect("a row");
        sums.iter_mut().zip(row).for_each(|(s, v)| *s += v);
    }
    let n = cases.len() as f64;
    let (binned, rest) = sums.split_at(3 * metric.bins);
    [bins::error(binned, n), rest[0] / n, rest[1] / n]
}

/// ECE of torchmetrics, which computes in f32, and Brier score of scikit-learn.
#[test]
fn equals_torchmetrics_and_scikit_learn() {
    let golden: Value = include_str!("../../../../tests/golden/metrics/calibration.json")
        .parse()
        .expect("JSON");
    let cases = golden["cases"].as_array().expect("cases");
    assert!(cases.len() >= 20);
    for golden in cases {
        let list = |key: &str| golden[key].as_array().expect("a list");
        let rows = list("log_likelihoods").iter().zip(list("right"));
        let cases: Vec<Case> = rows
            .map(|(scores, right)| {
                let scores = scores.as_array().expect("a list").iter().enumerate();
                let choices = scores.map(|(i, score)| ScoredChoice {
                    label: i.to_string(),
                    likelihood: Likelihood::of("x", score.as_f64().expect("a number"), 1),
                });
                case(choices.collect(), None, &right.to_string())
            })
            .collect();
        let bins = golden["bins"].as_u64().expect("a count") as usize;
        let [ece, brier, without] = values(&metric(bins), &cases);
        let wanted = |key: &str| golden[key].as_f64().expect("a number");
        assert!((ece - wanted("ece")).abs() < 1e-6, "{ece}: {golden}");
        assert!((brier - wanted("brier")).abs() < 1e-12, "{brier}: {golden}");
        assert_eq!(without, 0.0);
    }
}

#[test]
fn a_label_without_scores_is_said_with_certainty() {
    let of = |label| values(&metric(15), &[case(Vec::new(), label, "a")]);
    assert_eq!(of(Some("a")), [0.0, 0.0, 1.0]);
    assert_eq!(of(Some("b")), [1.0, 2.0, 1.0]);
    assert_eq!(of(None), [0.0, 1.0, 1.0]);
}

#[test]
fn normalisation_flattens_the_probabilities_of_long_choices() {
    let choice = |label: &str, score| ScoredChoice {
        label: label.to_owned(),
        likelihood: Likelihood::of(label, score, 1),
    };
    let cases = [case(
        vec![choice("aaaa", -4.0), choice("bb", -3.0)],
        None,
        "aaaa",
    )];
    let by = |normalise| values(&Calibration { bins: 2, normalise }, &cases)[1];
    // Softmax of -4 and -3, and of -1 and -1.5.
    let brier = |gap: f64| 2.0 * (1.0 - 1.0 / (1.0 + gap.exp())).powi(2);
    assert!((by(Normalise::None) - brier(1.0)).abs() < 1e-12);
    assert!((by(Normalise::Bytes) - brier(-0.5)).abs() < 1e-12);
    assert_eq!(by(Normalise::Characters), by(Normalise::Bytes));
    let preset = |normalise| {
        Calibration { bins: 2, normalise }.measures(&context())[0]
            .preset
            .clone()
    };
    assert_eq!(preset(Normalise::None), "ece/2-bins");
    assert_eq!(preset(Normalise::Tokens), "ece/2-bins+tokens");
}

#[test]
fn the_right_label_must_be_a_choice() {
    let only = ScoredChoice {
        label: "b".to_owned(),
        likelihood: Likelihood::of("b", -1.0, 1),
    };
    let message = metric(15).score(&case(vec![only], None, "a"), &context());
    assert!(message.expect_err("refused").to_string().contains("`a`"));
    let mut none = case(Vec::new(), None, "a");
    none.reference.label = None;
    assert!(metric(15).score(&none, &context()).is_err());
}
