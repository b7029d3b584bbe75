//! Metric: share of outputs that equal a reference after normalisation.
#![forbid(unsafe_code)]

mod normalise;

use mergelab_sdk::prelude::*;

/// How texts are made comparable.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Choice)]
pub enum Preset {
    /// NFKC, lower case, white space trimmed and collapsed. For every language.
    Plain,
    /// As the SQuAD 1.1 script: lower case, without ASCII punctuation and without the English
    /// articles. For English.
    Squad,
}

/// Share of outputs that equal one of the reference texts after normalisation.
#[derive(Params)]
pub struct ExactMatch {
    /// How texts are made comparable.
    #[param(default = "plain")]
    preset: Preset,
}

impl ExactMatch {
    fn normalised(&self, text: &str) -> String {
        match self.preset {
            Preset::Plain => normalise::plain(text),
            Preset::Squad => normalise::squad(text),
        }
    }
}

impl Metric for ExactMatch {
    const ID: &'static str = "exact_match";

    fn check(&self, context: &MetricContext) -> Result<()> {
        let language = &context.language;
        if self.preset == Preset::Squad && !mergelab_sdk::prompt::same_primary(language, "en") {
            return Err(Error::parameter(
                "preset",
                format!(
                    "`preset` = \"squad\" drops the English articles a, an and the, which are \
                     other words in `{language}`: use \"plain\"."
                ),
            ));
        }
        Ok(())
    }

    fn measures(&self, _: &MetricContext) -> Vec<Measure> {
        let preset = match self.preset {
            Preset::Plain => "exact_match/plain",
            Preset::Squad => "exact_match/squad@1.1",
        };
        vec![Measure {
            name: "exact_match".to_owned(),
            preset: preset.to_owned(),
            shape: Shape::Binary,
            width: 1,
            higher_is_better: true,
            tested: true,
        }]
    }

    fn score(&self, case: &Case, _: &MetricContext) -> Result<Vec<f64>> {
        let references = &case.reference.texts;
        if references.is_empty() {
            return Err(Error::input(
                "the metric `exact_match` compares texts, and the reference has none",
            ));
        }
        let output = self.normalised(&case.prediction.output);
        let matches = references.iter().any(|r| self.normalised(r) == output);
        Ok(vec![f64::from(matches)])
    }
}

plugin!(ExactMatch);

#[cfg(test)]
mod tests {
    use super::*;

    mergelab_sdk::conformance!(super::ExactMatch);

    fn context(language: &str) -> MetricContext {
        MetricContext {
            language: language.to_owned(),
            labels: Vec::new(),
        }
    }

    fn score(preset: Preset, output: &str, references: &[&str]) -> Result<Vec<f64>> {
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
        ExactMatch { preset }.score(&case, &context("en"))
    }

    #[test]
    fn the_best_of_several_references_counts() {
        let references = ["thirteen", "13"];
        assert_eq!(score(Preset::Plain, "１３ ", &references), Ok(vec![1.0]));
        assert_eq!(score(Preset::Plain, "13.", &references), Ok(vec![0.0]));
        assert_eq!(score(Preset::Squad, "13.", &references), Ok(vec![1.0]));
        assert!(score(Preset::Plain, "13", &[]).is_err());
    }

    #[test]
    fn squad_is_for_english() {
        let metric = ExactMatch {
            preset: Preset::Squad,
        };
        assert_eq!(metric.check(&context("en-GB")), Ok(()));
        let message = metric.check(&context("de")).expect_err("refused");
        assert!(message.to_string().contains("use \"plain\""));
    }
}
