//! Presets: the exact definitions of ROUGE that the metric computes.

use crate::{
    MEASURES,
    sentences::sentences,
    words,
    xlsum::{self, Segmenter},
};
use mergelab_sdk::{Error, Result, params::Choice};
use rougers::{Document, RougeScorer};

/// The release of ICU4X whose segmentation data are built in. Other data give other words, so it is
/// part of the preset's name.
const ICU4X: &str = "2.3.0";

/// How texts become words.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Preset {
    /// `icu`.
    Auto,
    /// As rouge-score 0.1.2 without its stemmer: runs of a-z and 0-9. For English.
    Google,
    /// As rouge-score 0.1.2 with its Porter stemmer. For English.
    GooglePorter,
    /// Word segmentation by Unicode's rules, with dictionaries for languages without spaces.
    Icu,
    /// Han, Kana, Thai, Lao, Khmer and Burmese by grapheme, other scripts by word.
    Char,
    /// As XL-Sum's multilingual ROUGE, where its words can be had exactly.
    Xlsum,
}

impl Choice for Preset {
    const VARIANTS: &'static [(&'static str, Self)] = &[
        ("auto", Self::Auto),
        ("google", Self::Google),
        ("google+porter", Self::GooglePorter),
        ("icu", Self::Icu),
        ("char", Self::Char),
        ("xlsum", Self::Xlsum),
    ];
}

impl Preset {
    /// The name in result rows.
    pub(crate) fn id(self, language: &str) -> String {
        match self {
            Self::Google => "rouge/google@0.1.2".to_owned(),
            Self::GooglePorter => "rouge/google+porter@0.1.2".to_owned(),
            Self::Auto | Self::Icu => format!("rouge/icu-{language}@icu4x-{ICU4X}"),
            Self::Char => {
                let (major, minor, _) = unicode_segmentation::UNICODE_VERSION;
                format!("rouge/char@unicode-{major}.{minor}")
            }
            Self::Xlsum => format!("rouge/xlsum-{language}@afcd803"),
        }
    }

    /// Whether the preset has words for a language.
    ///
    /// # Errors
    /// The language's words cannot be had exactly.
    pub(crate) fn check(self, language: &str) -> Result<()> {
        match (self, Segmenter::of(language)) {
            (Self::Xlsum, Err(why)) => Err(Error::parameter(
                "preset",
                format!(
                    "`preset` = \"xlsum\" cannot be exact for `{language}`: {why}. Use \"icu\" or \
                     \"char\"."
                ),
            )),
            _ => Ok(()),
        }
    }

    /// Counts overlaps, for all presets; its own words are those of the `google` presets.
    pub(crate) fn scorer(self) -> Result<RougeScorer> {
        RougeScorer::new(MEASURES, self == Self::GooglePorter)
            .map_err(|e| Error::failed(format!("rougers: {e}")))
    }

    /// The words of a text, and those of its sentences, which ROUGE-Lsum compares.
    pub(crate) fn document(self, scorer: &RougeScorer, text: &str, language: &str) -> Document {
        let words: fn(&str) -> Vec<String> = match self {
            Self::Xlsum => {
                // `check` has turned the languages without a segmenter away.
                let segmenter = Segmenter::of(language).unwrap_or(Segmenter::Runs);
                return Document {
                    tokens: segmenter.words(text),
                    sentences: text
                        .split('\n')
                        .filter(|line| !line.is_empty())
                        .map(xlsum::basic)
                        .collect(),
                };
            }
            Self::Google | Self::GooglePorter => return scorer.document(text),
            Self::Auto | Self::Icu => words::by_dictionary,
            Self::Char => words::by_character,
        };
        let sentences: Vec<Vec<String>> = sentences(text).map(words).collect();
        Document {
            tokens: sentences.concat(),
            sentences,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The data are a crate of their own, whose version the code cannot ask for.
    #[test]
    fn the_name_has_the_data_that_are_built_in() {
        let lock = include_str!("../../../../Cargo.lock");
        let own = format!("name = \"icu_segmenter_data\"\nversion = \"{ICU4X}\"\n");
        assert!(
            lock.contains(&own),
            "other data: set ICU4X to their version"
        );
        assert_eq!(lock.matches("name = \"icu_segmenter_data\"").count(), 1);
    }
}
