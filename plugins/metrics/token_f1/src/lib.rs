//! Metric: F1 and exact match of an answer's words.
#![forbid(unsafe_code)]

mod normalise;
mod overlap;

use mergelab_sdk::{prelude::*, prompt::same_primary};
use normalise::{MLQA_LANGUAGES, Mlqa};

/// How answers become words.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Choice)]
pub enum Preset {
    /// For every language: NFKC, lower case, no punctuation; scripts without spaces by character.
    Mixed,
    /// As SQuAD's script 1.1: no ASCII punctuation, no English articles. For English.
    Squad,
    /// As SQuAD's script, for every language, as XQuAD and XTREME report it.
    Xquad,
    /// As MLQA's script, with the articles of the language: en, es, de, vi, ar, hi, zh.
    Mlqa,
}

/// Shared words of output and reference as F1, and whether they are the same; the best of the
/// references.
#[derive(Params)]
pub struct TokenF1 {
    /// How answers become words.
    #[param(default = "mixed")]
    preset: Preset,
}

impl TokenF1 {
    fn id(&self, context: &MetricContext) -> String {
        match self.preset {
            Preset::Mixed => "mixed".to_owned(),
            Preset::Squad => "squad@1.1".to_owned(),
            Preset::Xquad => "xquad".to_owned(),
            Preset::Mlqa => format!("mlqa-{}@1", context.language),
        }
    }

    fn words(&self, text: &str, context: &MetricContext) -> Vec<String> {
        match self.preset {
            Preset::Mixed => normalise::mixed(text),
            Preset::Squad | Preset::Xquad => normalise::squad(text),
            Preset::Mlqa => normalise::mlqa(text, Mlqa::of(&context.language)),
        }
    }
}

impl Metric for TokenF1 {
    const ID: &'static str = "token_f1";

    fn check(&self, context: &MetricContext) -> Result<()> {
        let language = &context.language;
        match self.preset {
            Preset::Squad if !same_primary(language, "en") => Err(Error::parameter(
                "preset",
                format!(
                    "`preset` = \"squad\" drops the English articles a, an and the, which are \
                     other words in `{language}`: use \"mixed\", or \"xquad\" to compare with \
                     published numbers."
                ),
            )),
            Preset::Mlqa if Mlqa::of(language).is_none() => Err(Error::parameter(
                "preset",
                format!(
                    "`preset` = \"mlqa\" has no rules for `{language}`; it has them for {}. Use \
                     \"mixed\".",
                    MLQA_LANGUAGES.map(|(code, _)| code).join(", ")
                ),
            )),
            _ => Ok(()),
        }
    }

    fn measures(&self, context: &MetricContext) -> Vec<Measure> {
        let id = self.id(context);
        [("token_f1", Shape::Mean), ("exact_match", Shape::Binary)]
            .map(|(name, shape)| Measure {
                name: name.to_owned(),
                preset: format!("{name}/{id}"),
                shape,
                width: 1,
                higher_is_better: true,
                tested: true,
            })
            .to_vec()
    }

    fn score(&self, case: &Case, context: &MetricContext) -> Result<Vec<f64>> {
        if case.reference.texts.is_empty() {
            return Err(Error::input(
                "the metric `token_f1` compares texts, and the reference has none",
            ));
        }
        let said = self.words(&case.prediction.output, context);
        // SQuAD's scripts give 0 where neither answer has a word; a match of nothing is a match.
        let both_empty = f64::from(self.preset == Preset::Mixed);
        let (mut f1, mut exact) = (0.0_f64, false);
        for text in &case.reference.texts {
            let wanted = self.words(text, context);
            f1 = f1.max(overlap::f1(&said, &wanted, both_empty));
            exact |= said == wanted;
        }
        Ok(vec![f1, f64::from(exact)])
    }
}

plugin!(TokenF1);

#[cfg(test)]
mod tests;
