//! What must hold for every metric, on random cases and for all its presets, through the loader.

use mergelab_abi::{
    Kind,
    loader::PluginLibrary,
    metric::{Case, Measure, Metric, MetricSetup, Shape},
    task::{Likelihood, Prediction, Reference, ScoredChoice},
};
use mergelab_tests::libraries;
use proptest::prelude::*;
use serde_json::{Map, Value, json};

const LABELS: [&str; 3] = ["negative", "neutral", "positive"];

/// Pieces of outputs and references, in several scripts, composed and decomposed.
const PIECES: [&str; 20] = [
    "the",
    "Storm",
    "closed",
    "harbour.",
    "a",
    "1,000",
    "café",
    "cafe\u{301}",
    "Straße",
    "火事",
    "市場は",
    "关闭",
    "สวัสดี",
    "हिन्दी",
    "ال",
    "한국어",
    "😀",
    "\u{200d}",
    "\u{301}",
    "...",
];

/// Every metric with every value of those of its parameters that have a fixed set.
fn configured() -> Vec<(String, MetricSetup)> {
    let mut all = Vec::new();
    for (_, id) in libraries::ids()
        .into_iter()
        .filter(|(kind, _)| *kind == "metric")
    {
        let library = opened(&id);
        let info = library.plugins().iter().find(|p| p.id == id);
        let info = info.unwrap_or_else(|| panic!("{id} is in its library"));
        assert_eq!(info.kind, Kind::Metric);
        let mut settings = vec![Map::new()];
        for parameter in &info.parameters.parameters {
            let choices = parameter.choices.iter().map(|choice| {
                Map::from_iter([(parameter.name.clone(), Value::from(choice.as_str()))])
            });
            settings.extend(choices);
        }
        match id.as_str() {
            // chrF++.
            "chrf" => settings.push(Map::from_iter([("word_order".to_owned(), json!(2))])),
            "bleu" => settings.push(Map::from_iter([(
                "effective_order".to_owned(),
                json!(true),
            )])),
            _ => {}
        }
        let languages = ["en", "zh", "ko"];
        for params in settings {
            for language in languages {
                let setup = MetricSetup {
                    params: params.clone(),
                    language: language.to_owned(),
                    labels: LABELS.map(str::to_owned).to_vec(),
                };
                // A preset that does not exist for the language is refused.
                if library.open_metric(&id, &setup).is_ok() {
                    all.push((id.clone(), setup));
                }
            }
        }
    }
    all
}

fn opened(id: &str) -> PluginLibrary {
    PluginLibrary::open(&libraries::library("metric", id))
        .unwrap_or_else(|refusal| panic!("{id}: {refusal}"))
}

fn choices(scores: [f64; 3]) -> Vec<ScoredChoice> {
    let scored = LABELS.into_iter().zip(scores);
    scored
        .map(|(label, score)| ScoredChoice {
            label: label.to_owned(),
            likelihood: Likelihood::of(label, score, 2),
        })
        .collect()
}

fn text() -> impl Strategy<Value = String> {
    let piece = (
        prop::sample::select(&PIECES[..]),
        prop::sample::select(&[" ", "", "\n", "\u{a0}"][..]),
    );
    prop::collection::vec(piece, 0..8)
        .prop_map(|pieces| pieces.into_iter().map(|(a, b)| format!("{a}{b}")).collect())
}

fn case() -> impl Strategy<Value = Case> {
    let label = prop::option::of(0..4_usize);
    (
        text(),
        text(),
        0..3_usize,
        label,
        prop::array::uniform3(-9.0..-0.1_f64),
    )
        .prop_map(|(output, reference, right, said, scores)| Case {
            prediction: Prediction {
                // White space alone now and then.
                output: if said == Some(3) {
                    " \n\t".to_owned()
                } else {
                    output
                },
                label: said.map(|i| LABELS.get(i).unwrap_or(&"none of them").to_string()),
                choices: said.map_or(Vec::new(), |_| choices(scores)),
                likelihood: Some(Likelihood::of("some text", scores[0], 3)),
            },
            reference: Reference {
                texts: vec![reference],
                label: Some(LABELS[right].to_owned()),
            },
        })
}

/// A case whose output is its reference.
fn perfect(case: &Case) -> Case {
    let right = case.reference.label.as_deref();
    Case {
        prediction: Prediction {
            output: case.reference.texts[0].clone(),
            label: case.reference.label.clone(),
            choices: choices(LABELS.map(|l| if Some(l) == right { -0.1 } else { -9e3 })),
            likelihood: Some(Likelihood::of("some text", 0.0, 3)),
        },
        reference: case.reference.clone(),
    }
}

fn sums(rows: &[f64], width: usize) -> Vec<f64> {
    let mut sums = vec![0.0; width];
    for row in rows.chunks(width) {
        sums.iter_mut().zip(row).for_each(|(s, v)| *s += v);
    }
    sums
}

fn values(metric: &dyn Metric, measures: &[Measure], sums: &[f64], n: usize) -> Vec<f64> {
    let mut start = 0;
    let mut values = Vec::new();
    for (i, measure) in measures.iter().enumerate() {
        let own = &sums[start..start + measure.width];
        start += measure.width;
        values.extend(metric.aggregate(i, own, n as f64).expect("a value"));
    }
    values
}

fn near(a: &[f64], b: &[f64]) -> bool {
    // Sums in another order, and what a value makes of them.
    a.len() == b.len()
        && a.iter()
            .zip(b)
            .all(|(a, b)| (a - b).abs() <= 1e-9 * (1.0 + a.abs()))
}

fn check(id: &str, setup: &MetricSetup, cases: &[Case]) {
    let metric = opened(id).open_metric(id, setup).expect("it opened before");
    let metric = metric.as_ref();
    let measures = metric.measures();
    let width: usize = measures.iter().map(|m| m.width).sum();
    let of = format!(
        "{id} {} {}",
        Value::from(setup.params.clone()),
        setup.language
    );

    // Nothing that a model says is an error, and every number is one.
    let rows = metric
        .score(cases)
        .unwrap_or_else(|e| panic!("{of}: {e} for {cases:#?}"));
    assert_eq!(rows.len(), cases.len() * width, "{of}");
    assert!(rows.iter().all(|v| v.is_finite()), "{of}: {rows:?}");
    let whole = sums(&rows, width);
    let value = values(metric, &measures, &whole, cases.len());
    assert!(
        value.iter().all(|v| v.is_finite()),
        "{of}: {value:?} for {cases:#?}"
    );

    // The order of examples does not count.
    let mut backwards = cases.to_vec();
    backwards.reverse();
    let reversed = sums(&metric.score(&backwards).expect("scored before"), width);
    assert!(
        near(&values(metric, &measures, &reversed, cases.len()), &value),
        "{of}: order"
    );

    // The sums of the parts are those of the whole.
    let (a, b) = cases.split_at(cases.len() / 2);
    let parts = [a, b].map(|part| sums(&metric.score(part).expect("scored before"), width));
    let together: Vec<f64> = parts[0].iter().zip(&parts[1]).map(|(a, b)| a + b).collect();
    assert!(near(&together, &whole), "{of}: parts");

    // Nothing is better than the references themselves. Below four words BLEU gives 0 to a copy, as
    // it is defined, and more to a longer output; not so with effective orders.
    if id == "bleu" && !setup.params.contains_key("effective_order") {
        return;
    }
    let right: Vec<Case> = cases.iter().map(perfect).collect();
    let best = sums(
        &metric.score(&right).expect("references are outputs"),
        width,
    );
    let best = values(metric, &measures, &best, cases.len());
    for ((measure, best), value) in measures.iter().zip(best).zip(&value) {
        let better = if measure.higher_is_better {
            value - best
        } else {
            best - value
        };
        assert!(
            better <= 1e-9,
            "{of}: {} {value} above {best}: {cases:#?}",
            measure.name
        );
        if measure.shape == Shape::Binary {
            assert!((0.0..=1.0).contains(value), "{of}: {value}");
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 6, failure_persistence: None, ..Default::default() })]

    #[test]
    fn every_metric_adds_up_and_has_its_best_value_at_the_references(
        cases in prop::collection::vec(case(), 2..7)
    ) {
        for (id, setup) in configured() {
            check(&id, &setup, &cases);
        }
    }
}

/// Composed and decomposed letters are the same text for the definitions that say so.
#[test]
fn unicode_forms_do_not_count_where_texts_are_normalised() {
    let (composed, decomposed) = ("Un café à Zürich", "Un cafe\u{301} a\u{300} Zu\u{308}rich");
    let mut found = Vec::new();
    for (id, setup) in configured() {
        let preset = setup
            .params
            .get("preset")
            .and_then(Value::as_str)
            .unwrap_or("");
        let normalises = matches!(
            (id.as_str(), preset),
            ("exact_match", "plain") | ("token_f1", "mixed") | ("rouge", "icu" | "char")
        );
        if !normalises {
            continue;
        }
        let case = Case {
            prediction: Prediction {
                output: decomposed.to_owned(),
                ..Prediction::default()
            },
            reference: Reference {
                texts: vec![composed.to_owned()],
                label: None,
            },
        };
        let metric = opened(&id)
            .open_metric(&id, &setup)
            .expect("it opened before");
        let scores = metric.score(&[case]).expect("scores");
        assert!(
            scores.iter().all(|s| *s == 1.0),
            "{id} {preset}: {scores:?}"
        );
        found.push(format!("{id}/{preset}"));
    }
    found.dedup();
    assert_eq!(found.len(), 4, "{found:?}");
}
