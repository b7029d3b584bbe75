//! Verbalizers: what the model says for each label.

use mergelab_sdk::{
    prelude::*,
    prompt::{by_language, spaced},
    reading::folded,
    suggest::hint,
};
use std::collections::BTreeMap;

/// Shipped words: label, then word by language.
const SHIPPED: [(&str, [(&str, &str); 10]); 3] = [
    (
        "negative",
        [
            ("en", "negative"),
            ("de", "negativ"),
            ("fr", "négatif"),
            ("it", "negativo"),
            ("es", "negativo"),
            ("ja", "否定的"),
            ("zh", "负面"),
            ("zh-Hant", "負面"),
            ("zh-TW", "負面"),
            ("zh-HK", "負面"),
        ],
    ),
    (
        "neutral",
        [
            ("en", "neutral"),
            ("de", "neutral"),
            ("fr", "neutre"),
            ("it", "neutro"),
            ("es", "neutro"),
            ("ja", "中立"),
            ("zh", "中性"),
            ("zh-Hant", "中性"),
            ("zh-TW", "中性"),
            ("zh-HK", "中性"),
        ],
    ),
    (
        "positive",
        [
            ("en", "positive"),
            ("de", "positiv"),
            ("fr", "positif"),
            ("it", "positivo"),
            ("es", "positivo"),
            ("ja", "肯定的"),
            ("zh", "正面"),
            ("zh-Hant", "正面"),
            ("zh-TW", "正面"),
            ("zh-HK", "正面"),
        ],
    ),
];

/// Label and word, in the order of the label set.
pub(crate) struct Verbalizers(Vec<(String, String)>);

impl Verbalizers {
    /// The words for a language: what the user gave for it and the label, else for the label, else
    /// the shipped word, else the label itself.
    pub(crate) fn new(given: Option<&BTreeMap<String, String>>, context: &TaskContext) -> Self {
        let word = |label: &String| {
            let given_here = given.into_iter().flatten().filter_map(|(key, word)| {
                let language = key.strip_suffix(label.as_str())?.strip_suffix('.')?;
                Some((language, word.as_str()))
            });
            by_language(given_here.collect::<Vec<_>>(), &context.language)
                .or_else(|| given.and_then(|g| g.get(label)).map(String::as_str))
                .or_else(|| {
                    let (_, words) = SHIPPED.iter().find(|(l, _)| l == label)?;
                    by_language(words.iter().copied(), &context.language)
                })
                .unwrap_or(label)
                .trim()
                .to_owned()
        };
        Self(
            context
                .labels
                .iter()
                .map(|label| (label.clone(), word(label)))
                .collect(),
        )
    }

    /// The words, in the order of the label set.
    pub(crate) fn words(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(|(_, word)| word.as_str())
    }

    /// The word for a label; the label itself where it is not in the set.
    pub(crate) fn word<'a>(&'a self, label: &'a str) -> &'a str {
        self.0
            .iter()
            .find(|(l, _)| l == label)
            .map_or(label, |(_, word)| word)
    }

    /// Checks that every label has a word and that no two words read the same.
    ///
    /// # Errors
    /// Names the labels.
    pub(crate) fn check(&self, language: &str) -> Result<()> {
        let refuse = |message: String| Err(Error::parameter("verbalizers", message));
        for (i, (label, word)) in self.0.iter().enumerate() {
            if word.is_empty() {
                return refuse(format!(
                    "`verbalizers`: the word for `{label}` is empty in `{language}`."
                ));
            }
            if let Some((other, _)) = self.0[..i].iter().find(|(_, w)| folded(w) == folded(word)) {
                return refuse(format!(
                    "`verbalizers`: `{other}` and `{label}` have the same word in `{language}`, \
                     `{word}`: give each its own."
                ));
            }
        }
        Ok(())
    }

    /// The label whose word an output begins with; of several the one with the longest word.
    ///
    /// In languages with spaces the word must end where a word of the output ends, so that
    /// `positively` is not read as `positive`.
    pub(crate) fn read(&self, output: &str, language: &str) -> Option<&str> {
        let said = folded(output);
        let whole_words = spaced(language);
        self.0
            .iter()
            .filter_map(|(label, word)| {
                let word = folded(word);
                let rest = said.strip_prefix(word.as_str())?;
                let ends = !rest.starts_with(char::is_alphanumeric);
                (ends || !whole_words).then_some((word.len(), label.as_str()))
            })
            .max_by_key(|(length, _)| *length)
            .map(|(_, label)| label)
    }
}

/// Checks that each key names a label of the set, alone or after a language and a dot.
///
/// # Errors
/// Names the key.
pub(crate) fn check_keys(
    given: Option<&BTreeMap<String, String>>,
    context: &TaskContext,
) -> Result<()> {
    let labels = &context.labels;
    for key in given.into_iter().flat_map(BTreeMap::keys) {
        let of_language = |label: &String| {
            key.strip_suffix(label.as_str())
                .and_then(|k| k.strip_suffix('.'))
                .is_some_and(|language| !language.is_empty())
        };
        if !labels.contains(key) && !labels.iter().any(of_language) {
            let label = key.rsplit('.').next().unwrap_or(key);
            return Err(Error::parameter(
                "verbalizers",
                format!(
                    "`verbalizers` has `{key}`, and `{label}` is not in the dataset's label set.{} \
                     Keys are a label or a language, a dot and a label.",
                    hint(label, labels.iter().map(String::as_str))
                ),
            ));
        }
    }
    Ok(())
}
