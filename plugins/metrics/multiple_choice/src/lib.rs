//! Metric: multiple-choice accuracy, raw and normalised by length.
#![forbid(unsafe_code)]

use mergelab_sdk::{check_tested, prelude::*, reading::best};

/// Share of examples whose likeliest choice is right: by log-likelihood, and by log-likelihood
/// divided by the choice's characters, bytes or tokens, from the same predictions.
#[derive(Params)]
pub struct MultipleChoice {
    /// Measures whose differences are tested.
    #[param(default = ["acc"])]
    tested: Vec<String>,
}

/// What a choice's log-likelihood is divided by.
type Length = fn(&Likelihood) -> usize;

/// The measures: name, preset, length.
const MEASURES: [(&str, &str, Length); 4] = [
    ("acc", "multiple_choice/raw", |_| 1),
    ("acc_norm_characters", "multiple_choice/characters", |l| {
        l.characters
    }),
    ("acc_norm_bytes", "multiple_choice/bytes", |l| l.bytes),
    ("acc_norm_tokens", "multiple_choice/tokens", |l| l.tokens),
];

impl Metric for MultipleChoice {
    const ID: &'static str = "multiple_choice";

    fn check(&self, _: &MetricContext) -> Result<()> {
        let names = MEASURES.iter().map(|(name, ..)| *name);
        check_tested(Self::ID, &self.tested, names)
    }

    fn measures(&self, _: &MetricContext) -> Vec<Measure> {
        MEASURES
            .map(|(name, preset, _)| Measure {
                name: name.to_owned(),
                preset: preset.to_owned(),
                shape: Shape::Binary,
                width: 1,
                higher_is_better: true,
                tested: self.tested.iter().any(|t| t == name),
            })
            .to_vec()
    }

    fn score(&self, case: &Case, _: &MetricContext) -> Result<Vec<f64>> {
        let Some(right) = &case.reference.label else {
            return Err(Error::input(
                "the metric `multiple_choice` compares choices, and the reference has no label",
            ));
        };
        let choices = &case.prediction.choices;
        let said = |length: Length| {
            // An output without scores, such as a trivial one, has chosen its label.
            if choices.is_empty() {
                return case.prediction.label.as_ref();
            }
            let scores = choices.iter().map(|c| {
                let likelihood = &c.likelihood;
                likelihood.log_likelihood / length(likelihood).max(1) as f64
            });
            best(scores).map(|i| &choices[i].label)
        };
        let right = MEASURES.map(|(_, _, length)| f64::from(said(length) == Some(right)));
        Ok(right.to_vec())
    }
}

plugin!(MultipleChoice);

#[cfg(test)]
mod tests {
    use super::*;
    use mergelab_sdk::Value;

    mergelab_sdk::conformance!(super::MultipleChoice);

    fn context() -> MetricContext {
        MetricContext {
            language: "en".to_owned(),
            labels: Vec::new(),
        }
    }

    fn metric(tested: &str) -> MultipleChoice {
        MultipleChoice {
            tested: vec![tested.to_owned()],
        }
    }

    fn score(choices: Vec<ScoredChoice>, label: Option<&str>, right: &str) -> Vec<f64> {
        let case = Case {
            prediction: Prediction {
                label: label.map(str::to_owned),
                choices,
                ..Prediction::default()
            },
            reference: Reference {
                texts: Vec::new(),
                label: Some(right.to_owned()),
            },
        };
        metric("acc").score(&case, &context()).expect("four scores")
    }

    /// numpy's argmax of log-likelihoods over lengths, as lm-evaluation-harness computes `acc`,
    /// `acc_norm` and `acc_bytes`; tokens in the same way.
    #[test]
    fn equals_the_harness() {
        let golden: Value = include_str!("../../../../tests/golden/metrics/multiple_choice.json")
            .parse()
            .expect("JSON");
        let cases = golden["cases"].as_array().expect("cases");
        assert!(cases.len() >= 100);
        for golden in cases {
            let list = |key: &str| golden[key].as_array().expect("a list");
            let choices = list("choices").iter().zip(list("log_likelihoods"));
            let choices = choices.zip(list("tokens")).map(|((text, score), tokens)| {
                let text = text.as_str().expect("a text");
                let score = score.as_f64().expect("a number");
                let tokens = tokens.as_u64().expect("a count") as usize;
                ScoredChoice {
                    label: text.to_owned(),
                    likelihood: Likelihood::of(text, score, tokens),
                }
            });
            let right = golden["gold"].as_str().expect("a text");
            let wanted = list("expected").iter().filter_map(Value::as_f64);
            let found = score(choices.collect(), None, right);
            assert_eq!(found, wanted.collect::<Vec<_>>(), "{golden}");
        }
    }

    #[test]
    fn an_output_without_scores_has_chosen_its_label() {
        assert_eq!(score(Vec::new(), Some("a"), "a"), [1.0; 4]);
        assert_eq!(score(Vec::new(), Some("b"), "a"), [0.0; 4]);
        assert_eq!(score(Vec::new(), None, "a"), [0.0; 4]);
    }

    #[test]
    fn unknown_measures_are_refused() {
        let message = metric("acc_norm_byte")
            .check(&context())
            .expect_err("refused");
        assert!(
            message.to_string().contains("`acc_norm_bytes`"),
            "{message}"
        );
        let case = Case {
            prediction: Prediction::default(),
            reference: Reference::default(),
        };
        assert!(metric("acc").score(&case, &context()).is_err());
    }
}
