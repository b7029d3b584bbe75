//! Metric: share of right labels.
#![forbid(unsafe_code)]

use mergelab_sdk::prelude::*;

/// Share of examples whose label is right, and share whose output has no label.
#[derive(Params)]
pub struct Accuracy {}

impl Metric for Accuracy {
    const ID: &'static str = "accuracy";

    fn measures(&self, _: &MetricContext) -> Vec<Measure> {
        vec![
            Measure {
                name: "accuracy".to_owned(),
                preset: "accuracy/label".to_owned(),
                shape: Shape::Binary,
                width: 1,
                higher_is_better: true,
                tested: true,
            },
            Measure {
                name: "invalid".to_owned(),
                preset: "invalid/label".to_owned(),
                shape: Shape::Binary,
                width: 1,
                higher_is_better: false,
                tested: false,
            },
        ]
    }

    fn score(&self, case: &Case, _: &MetricContext) -> Result<Vec<f64>> {
        if case.reference.label.is_none() {
            return Err(Error::input(
                "the metric `accuracy` compares labels, and the reference has none: use \
                 `exact_match` for free answers",
            ));
        }
        let said = &case.prediction.label;
        let right = *said == case.reference.label;
        Ok(vec![f64::from(right), f64::from(said.is_none())])
    }
}

plugin!(Accuracy);

#[cfg(test)]
mod tests {
    use super::*;

    mergelab_sdk::conformance!(super::Accuracy);

    fn score(said: Option<&str>, right: Option<&str>) -> Result<Vec<f64>> {
        let context = MetricContext {
            language: "de".to_owned(),
            labels: Vec::new(),
        };
        let case = Case {
            prediction: Prediction {
                output: "text".to_owned(),
                label: said.map(str::to_owned),
                ..Prediction::default()
            },
            reference: Reference {
                texts: vec!["text".to_owned()],
                label: right.map(str::to_owned),
            },
        };
        Accuracy {}.score(&case, &context)
    }

    #[test]
    fn labels_decide_and_an_output_without_one_is_wrong() {
        assert_eq!(score(Some("a"), Some("a")), Ok(vec![1.0, 0.0]));
        assert_eq!(score(Some("b"), Some("a")), Ok(vec![0.0, 0.0]));
        assert_eq!(score(None, Some("a")), Ok(vec![0.0, 1.0]));
    }

    #[test]
    fn a_reference_without_label_is_an_error() {
        let message = score(None, None).expect_err("refused").to_string();
        assert!(message.contains("exact_match"), "{message}");
    }
}
