use super::*;
use mergelab_sdk::Value;

mergelab_sdk::conformance!(super::F1);

fn context(labels: &[&str]) -> MetricContext {
    MetricContext {
        language: "de".to_owned(),
        labels: labels.iter().map(|l| (*l).to_owned()).collect(),
    }
}

fn metric(labels: Option<&[&str]>) -> F1 {
    F1 {
        labels: labels.map(|l| l.iter().map(|l| (*l).to_owned()).collect()),
        tested: vec![MACRO.to_owned()],
    }
}

fn case(said: Option<&str>, right: &str) -> Case {
    Case {
        prediction: Prediction {
            label: said.map(str::to_owned),
            ..Prediction::default()
        },
        reference: Reference {
            texts: Vec::new(),
            label: Some(right.to_owned()),
        },
    }
}

/// Value of each measure over the cases.
fn values(metric: &F1, context: &MetricContext, cases: &[Case]) -> Vec<(String, f64)> {
    let measures = metric.measures(context);
    let width = measures.iter().map(|m| m.width).sum();
    let mut sums = vec![0.0; width];
    for case in cases {
        let row = metric.score(case, context).expect("a row");
        sums.iter_mut().zip(row).for_each(|(s, v)| *s += v);
    }
    let n = cases.len() as f64;
    let mut rest = sums.as_slice();
    measures
        .into_iter()
        .map(|m| {
            let (own, others) = rest.split_at(m.width);
            rest = others;
            let value = match m.shape {
                Shape::Corpus => metric.aggregate(&m, own, n, context),
                _ => own[0] / n,
            };
            (m.name, value)
        })
        .collect()
}

/// scikit-learn's `f1_score(labels=..., zero_division=0)`.
#[test]
fn equals_scikit_learn() {
    let golden: Value = include_str!("../../../../tests/golden/metrics/f1.json")
        .parse()
        .expect("JSON");
    let cases = golden["cases"].as_array().expect("cases");
    assert!(cases.len() >= 20);
    for golden in cases {
        let texts = |key: &str| -> Vec<&str> {
            let list = golden[key].as_array().expect("a list");
            list.iter()
                .map(|v| v.as_str().unwrap_or_default())
                .collect()
        };
        let (all, counted) = (texts("label_set"), texts("labels"));
        let rows: Vec<Case> = texts("predicted")
            .into_iter()
            .zip(texts("actual"))
            .map(|(said, right)| case((!said.is_empty()).then_some(said), right))
            .collect();
        let context = context(&all);
        let metric = metric((all != counted).then_some(&counted));
        metric.check(&context).expect("good labels");
        for (name, value) in values(&metric, &context, &rows) {
            let wanted = golden["expected"][&name].as_f64().expect("a number");
            // Both add up a few f64 in another order.
            assert!(
                (value - wanted).abs() < 1e-12,
                "{}: {name} is {value} instead of {wanted}",
                golden["name"]
            );
        }
    }
}

#[test]
fn an_invalid_output_is_wrong_for_every_class_and_no_class_itself() {
    let context = context(&["a", "b"]);
    let cases = [case(Some("a"), "a"), case(None, "b")];
    let values = values(&metric(None), &context, &cases);
    let wanted = [
        (MACRO, 0.5),
        // 2·1 / (1 predicted + 2 actual)
        (MICRO, 2.0 / 3.0),
        (WEIGHTED, 0.5),
        ("f1_a", 1.0),
        ("f1_b", 0.0),
        (INVALID, 0.5),
    ];
    assert_eq!(values, wanted.map(|(n, v)| (n.to_owned(), v)));
}

#[test]
fn the_macro_average_is_tested_unless_others_are_named() {
    let tested = |metric: &F1| -> Vec<String> {
        let measures = metric.measures(&context(&["a", "b"]));
        let tested = measures.into_iter().filter(|m| m.tested);
        tested.map(|m| m.name).collect()
    };
    assert_eq!(tested(&metric(None)), [MACRO]);
    let other = F1 {
        tested: vec!["f1_b".to_owned(), WEIGHTED.to_owned()],
        ..metric(None)
    };
    assert_eq!(tested(&other), [WEIGHTED, "f1_b"]);
}

#[test]
fn refusals_say_what_is_wrong() {
    let message = |metric: F1, labels: &[&str]| {
        metric
            .check(&context(labels))
            .expect_err("refused")
            .to_string()
    };
    assert!(message(metric(None), &[]).contains("needs a label set"));
    let unknown = message(metric(Some(&["positve"])), &["negative", "positive"]);
    assert!(unknown.contains("Did you mean `positive`?"), "{unknown}");
    assert!(message(metric(Some(&["a", "a"])), &["a"]).contains("twice"));
    assert!(message(metric(None), &["macro", "b"]).contains("`f1_macro`"));
    let tested = F1 {
        tested: vec!["f1_makro".to_owned()],
        ..metric(None)
    };
    assert!(message(tested, &["a", "b"]).contains("Did you mean `f1_macro`?"));

    let outside = metric(None).score(&case(Some("a"), "c"), &context(&["a", "b"]));
    assert!(outside.is_err());
    let mut free = case(Some("a"), "a");
    free.reference.label = None;
    assert!(metric(None).score(&free, &context(&["a"])).is_err());
}
