//! Metric: Matthews correlation coefficient.
#![forbid(unsafe_code)]

use mergelab_sdk::prelude::*;

/// Correlation between said and right labels over all classes (Gorodkin 2004).
#[derive(Params)]
pub struct Mcc {}

impl Metric for Mcc {
    const ID: &'static str = "mcc";

    fn check(&self, context: &MetricContext) -> Result<()> {
        if context.labels.is_empty() {
            return Err(Error::input(
                "the metric `mcc` needs a label set: add `labels = [...]` to the dataset's card",
            ));
        }
        Ok(())
    }

    fn measures(&self, context: &MetricContext) -> Vec<Measure> {
        vec![Measure {
            name: "mcc".to_owned(),
            preset: "mcc/gorodkin2004".to_owned(),
            shape: Shape::Corpus,
            width: 1 + 2 * context.labels.len(),
            higher_is_better: true,
            tested: true,
        }]
    }

    /// Whether it is right, then for each class whether it was said and whether it is right.
    fn score(&self, case: &Case, context: &MetricContext) -> Result<Vec<f64>> {
        let Some(right) = &case.reference.label else {
            return Err(Error::input(
                "the metric `mcc` compares labels, and the reference has none",
            ));
        };
        if !context.labels.contains(right) {
            return Err(Error::input(format!(
                "the reference label `{right}` is not in the label set: {}",
                context.labels.join(", ")
            )));
        }
        let said = case.prediction.label.as_ref();
        let each = context
            .labels
            .iter()
            .flat_map(|class| [f64::from(said == Some(class)), f64::from(right == class)]);
        Ok([f64::from(said == Some(right))]
            .into_iter()
            .chain(each)
            .collect())
    }

    fn aggregate(&self, _: &Measure, sums: &[f64], n: f64, _: &MetricContext) -> f64 {
        mcc(sums[0], &sums[1..], n)
    }
}

/// `(c n - Σ p t) / sqrt((n² - Σ p²) (n² - Σ t²))` with c right ones of n, and p said and t right
/// of each class. Outputs without a label are a class of their own that is right nowhere. 0 where
/// all that was said, or all that is right, is one class.
fn mcc(right: f64, classes: &[f64], n: f64) -> f64 {
    let (mut both, mut said, mut actual, mut invalid) = (0.0, 0.0, 0.0, n);
    for class in classes.chunks_exact(2) {
        let (p, t) = (class[0], class[1]);
        both += p * t;
        said += p * p;
        actual += t * t;
        invalid -= p;
    }
    said += invalid * invalid;
    let below = (n * n - said) * (n * n - actual);
    if below <= 0.0 {
        return 0.0;
    }
    (right * n - both) / below.sqrt()
}

plugin!(Mcc);

#[cfg(test)]
mod tests {
    use super::*;
    use mergelab_sdk::Value;

    mergelab_sdk::conformance!(super::Mcc);

    fn context(labels: &[&str]) -> MetricContext {
        MetricContext {
            language: "de".to_owned(),
            labels: labels.iter().map(|l| (*l).to_owned()).collect(),
        }
    }

    fn value(labels: &[&str], said: &[Option<&str>], right: &[&str]) -> f64 {
        let context = context(labels);
        let mut sums = vec![0.0; 1 + 2 * labels.len()];
        for (said, right) in said.iter().zip(right) {
            let case = Case {
                prediction: Prediction {
                    label: said.map(str::to_owned),
                    ..Prediction::default()
                },
                reference: Reference {
                    texts: Vec::new(),
                    label: Some((*right).to_owned()),
                },
            };
            let row = Mcc {}.score(&case, &context).expect("a row");
            sums.iter_mut().zip(row).for_each(|(s, v)| *s += v);
        }
        mcc(sums[0], &sums[1..], said.len() as f64)
    }

    /// scikit-learn's `matthews_corrcoef`, an output without label being a class of its own.
    #[test]
    fn equals_scikit_learn() {
        let golden: Value = include_str!("../../../../tests/golden/metrics/mcc.json")
            .parse()
            .expect("JSON");
        let cases = golden["cases"].as_array().expect("cases");
        assert!(cases.len() >= 20);
        for golden in cases {
            let texts = |key: &str| -> Vec<Option<&str>> {
                let list = golden[key].as_array().expect("a list");
                list.iter().map(Value::as_str).collect()
            };
            let labels: Vec<&str> = texts("labels").into_iter().flatten().collect();
            let right: Vec<&str> = texts("actual").into_iter().flatten().collect();
            let found = value(&labels, &texts("predicted"), &right);
            let wanted = golden["mcc"].as_f64().expect("a number");
            // Integers up to the root and the quotient, whose order differs.
            assert!(
                (found - wanted).abs() < 1e-12,
                "{found}, {wanted}: {golden}"
            );
        }
    }

    #[test]
    fn one_class_alone_correlates_with_nothing() {
        let labels = ["a", "b"];
        assert_eq!(value(&labels, &[Some("a"), Some("a")], &["a", "b"]), 0.0);
        assert_eq!(value(&labels, &[None, None], &["a", "b"]), 0.0);
        assert_eq!(value(&labels, &[Some("a"), Some("b")], &["b", "a"]), -1.0);
    }

    #[test]
    fn labels_are_needed() {
        assert!(Mcc {}.check(&context(&[])).is_err());
        let mut case = Case {
            prediction: Prediction::default(),
            reference: Reference::default(),
        };
        assert!(Mcc {}.score(&case, &context(&["a"])).is_err());
        case.reference.label = Some("c".to_owned());
        assert!(Mcc {}.score(&case, &context(&["a"])).is_err());
    }
}
