use super::*;
use mergelab_sdk::Value;

mergelab_sdk::conformance!(super::ChrF);

fn context() -> MetricContext {
    MetricContext {
        language: "en".to_owned(),
        labels: Vec::new(),
    }
}

fn metric() -> ChrF {
    ChrF {
        char_order: 6,
        word_order: 0,
        beta: 2,
        lowercase: false,
        whitespace: false,
        eps_smoothing: false,
        references: 0,
    }
}

fn statistics(metric: &ChrF, output: &str, references: &[String]) -> Vec<f64> {
    let case = Case {
        prediction: Prediction {
            output: output.to_owned(),
            ..Prediction::default()
        },
        reference: Reference {
            texts: references.to_vec(),
            label: None,
        },
    };
    metric.score(&case, &context()).expect("statistics")
}

/// Corpora with the segment statistics, the score and the signature of sacrebleu 2.6.0. All are
/// sums, products and quotients in the same order, so there is no tolerance.
#[test]
fn equals_sacrebleu() {
    let golden: Value = include_str!("../../../../tests/golden/metrics/chrf.json")
        .parse()
        .expect("JSON");
    let text = |v: &Value| v.as_str().expect("a text").to_owned();
    let list = |v: &Value| v.as_array().expect("a list").clone();
    let number = |v: &Value| v.as_u64().expect("a number");
    let corpora = list(&golden["cases"]);
    assert!(corpora.len() >= 40);
    for golden in corpora {
        let references: Vec<Vec<String>> = list(&golden["references"])
            .iter()
            .map(|r| list(r).iter().map(text).collect())
            .collect();
        let varies = references.iter().any(|r| r.len() != references[0].len());
        let metric = ChrF {
            char_order: number(&golden["char_order"]) as usize,
            word_order: number(&golden["word_order"]) as usize,
            beta: number(&golden["beta"]),
            lowercase: golden["lowercase"] == true,
            whitespace: golden["whitespace"] == true,
            eps_smoothing: golden["eps_smoothing"] == true,
            references: if varies { 0 } else { references[0].len() },
        };
        let mut sums = vec![0.0; 3 * metric.orders()];
        let rows = list(&golden["outputs"]).into_iter().zip(&references);
        for ((output, references), wanted) in rows.zip(list(&golden["statistics"])) {
            let wanted: Vec<f64> = list(&wanted).iter().filter_map(Value::as_f64).collect();
            let row = statistics(&metric, &text(&output), references);
            assert_eq!(row, wanted, "{output} for {references:?}");
            sums.iter_mut().zip(row).for_each(|(s, v)| *s += v);
        }
        assert_eq!(
            Some(metric.f_score(&sums)),
            golden["score"].as_f64(),
            "{golden}"
        );
        let signature = format!(
            "{}/{}+mergelab",
            text(&golden["name"]),
            text(&golden["signature"])
        );
        assert_eq!(metric.signature(), signature);
    }
}

#[test]
fn word_order_two_is_called_chrf_plus_plus() {
    let name = |word_order| {
        let metric = ChrF {
            word_order,
            ..metric()
        };
        metric.measures(&context())[0].name.clone()
    };
    assert_eq!([name(0), name(2)], ["chrf", "chrf++"]);
}

#[test]
fn an_empty_output_scores_zero() {
    let row = statistics(&metric(), " \n", &["the harbour".to_owned()]);
    assert_eq!(metric().f_score(&row), 0.0);
    let none = Case {
        prediction: Prediction::default(),
        reference: Reference::default(),
    };
    assert!(metric().score(&none, &context()).is_err());
}
