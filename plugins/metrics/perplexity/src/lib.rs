//! Metric: perplexity and bits per byte.
#![forbid(unsafe_code)]

use mergelab_sdk::{check_tested, prelude::*};
use std::f64::consts::LN_2;

/// How surprised a model is by texts: perplexity per token, word and byte, and bits per byte.
#[derive(Params)]
pub struct Perplexity {
    /// Measures whose differences are tested.
    #[param(default = ["bits_per_byte"])]
    tested: Vec<String>,
}

/// The units that a text's log-likelihood is spread over.
type Units = fn(&Likelihood) -> usize;

const BITS: &str = "bits_per_byte";

/// The measures: name, preset, units.
const MEASURES: [(&str, &str, Units); 4] = [
    ("perplexity_token", "perplexity/token", |l| l.tokens),
    ("perplexity_word", "perplexity/word", |l| l.words),
    ("perplexity_byte", "perplexity/byte", |l| l.bytes),
    (BITS, "bits_per_byte/utf-8", |l| l.bytes),
];

impl Metric for Perplexity {
    const ID: &'static str = "perplexity";

    fn check(&self, _: &MetricContext) -> Result<()> {
        let names = MEASURES.iter().map(|(name, ..)| *name);
        check_tested(Self::ID, &self.tested, names)
    }

    fn measures(&self, _: &MetricContext) -> Vec<Measure> {
        MEASURES
            .map(|(name, preset, _)| Measure {
                name: name.to_owned(),
                preset: preset.to_owned(),
                shape: Shape::Corpus,
                width: 2,
                higher_is_better: false,
                tested: self.tested.iter().any(|t| t == name),
            })
            .to_vec()
    }

    /// Negative log-likelihood and units, for each measure.
    fn score(&self, case: &Case, _: &MetricContext) -> Result<Vec<f64>> {
        let Some(likelihood) = &case.prediction.likelihood else {
            return Err(Error::input(
                "the metric `perplexity` needs the log-likelihood of texts, and the prediction has \
                 none: use the task `language_modelling`",
            ));
        };
        let nats = -likelihood.log_likelihood;
        if !nats.is_finite() {
            return Err(Error::input(format!(
                "the log-likelihood of a text is {}: the model's weights may have overflowed",
                likelihood.log_likelihood
            )));
        }
        let mut row = Vec::with_capacity(2 * MEASURES.len());
        for (name, _, units) in MEASURES {
            let units = units(likelihood);
            if units == 0 {
                return Err(Error::input(format!(
                    "the text is empty, so it has no `{name}`: drop the row from the dataset"
                )));
            }
            row.extend([nats, units as f64]);
        }
        Ok(row)
    }

    fn aggregate(&self, measure: &Measure, sums: &[f64], _: f64, _: &MetricContext) -> f64 {
        let nats = sums[0] / sums[1];
        match measure.name.as_str() {
            BITS => nats / LN_2,
            _ => nats.exp(),
        }
    }
}

plugin!(Perplexity);

#[cfg(test)]
mod tests {
    use super::*;
    use mergelab_sdk::Value;

    mergelab_sdk::conformance!(super::Perplexity);

    fn context() -> MetricContext {
        MetricContext {
            language: "ja".to_owned(),
            labels: Vec::new(),
        }
    }

    fn metric() -> Perplexity {
        Perplexity {
            tested: vec![BITS.to_owned()],
        }
    }

    fn case(likelihood: Option<Likelihood>) -> Case {
        Case {
            prediction: Prediction {
                likelihood,
                ..Prediction::default()
            },
            reference: Reference::default(),
        }
    }

    /// `weighted_perplexity` and `bits_per_byte` of lm-evaluation-harness 0.4.13.
    #[test]
    fn equals_the_harness() {
        let golden: Value = include_str!("../../../../tests/golden/metrics/perplexity.json")
            .parse()
            .expect("JSON");
        let cases = golden["cases"].as_array().expect("cases");
        assert!(cases.len() >= 10);
        for golden in cases {
            let mut sums = vec![0.0; 2 * MEASURES.len()];
            for text in golden["texts"].as_array().expect("texts") {
                let count = |key: &str| text[key].as_u64().expect("a count") as usize;
                let found = Likelihood::of(
                    text["text"].as_str().expect("a text"),
                    text["log_likelihood"].as_f64().expect("a number"),
                    count("tokens"),
                );
                assert_eq!((found.words, found.bytes), (count("words"), count("bytes")));
                let row = metric()
                    .score(&case(Some(found)), &context())
                    .expect("a row");
                sums.iter_mut().zip(row).for_each(|(s, v)| *s += v);
            }
            for (measure, own) in metric().measures(&context()).iter().zip(sums.chunks(2)) {
                let value = metric().aggregate(measure, own, 1.0, &context());
                let wanted = golden[&measure.name].as_f64().expect("a number");
                // Sums in the same order; exp and ln may differ in the last bit between libraries.
                assert!(
                    (value / wanted - 1.0).abs() < 1e-12,
                    "{}: {value}, {wanted}",
                    measure.name
                );
            }
        }
    }

    #[test]
    fn a_prediction_without_likelihood_is_an_error() {
        let message = |likelihood| {
            let scored = metric().score(&case(likelihood), &context());
            scored.expect_err("refused").to_string()
        };
        assert!(message(None).contains("language_modelling"));
        let endless = Likelihood::of("x", f64::NEG_INFINITY, 1);
        assert!(message(Some(endless)).contains("overflowed"));
        assert!(message(Some(Likelihood::of("", -1.0, 1))).contains("empty"));
    }

    #[test]
    fn unknown_measures_are_refused() {
        let other = Perplexity {
            tested: vec!["bits_per_bite".to_owned()],
        };
        let message = other.check(&context()).expect_err("refused").to_string();
        assert!(
            message.contains("Did you mean `bits_per_byte`?"),
            "{message}"
        );
    }
}
