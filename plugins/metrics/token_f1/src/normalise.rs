//! Answers as words.

use icu_properties::{
    CodePointMapData,
    props::{GeneralCategory, GeneralCategoryGroup},
};
use mergelab_sdk::text;
use unicode_normalization::UnicodeNormalization;

fn is_in(c: char, group: GeneralCategoryGroup) -> bool {
    group.contains(CodePointMapData::<GeneralCategory>::new().get(c))
}

/// Unicode's punctuation and ASCII's, which has symbols such as `$` too.
fn is_punctuation(c: char) -> bool {
    c.is_ascii_punctuation() || is_in(c, GeneralCategoryGroup::Punctuation)
}

/// Whether a character is part of a word for Python's regular expressions.
fn is_word(c: char) -> bool {
    c == '_' || is_in(c, GeneralCategoryGroup::Letter) || is_in(c, GeneralCategoryGroup::Number)
}

/// `normalize_answer` of SQuAD's evaluation script 1.1 (Rajpurkar et al. 2016).
pub(crate) fn squad(text: &str) -> Vec<String> {
    let lower = text.to_lowercase();
    let bare: String = lower
        .chars()
        .filter(|c| !c.is_ascii_punctuation())
        .collect();
    owned(text::words(&without(&bare, &["a", "an", "the"])))
}

/// What MLQA's script does with a language.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Mlqa {
    /// Drops these words; white space parts words.
    Articles(&'static [&'static str]),
    /// Drops the Arabic article wherever its two letters stand, within words too.
    Arabic,
    /// Chinese characters are words.
    Chinese,
}

/// The languages of MLQA.
pub(crate) const MLQA_LANGUAGES: [(&str, Mlqa); 7] = [
    ("en", Mlqa::Articles(&["a", "an", "the"])),
    (
        "es",
        Mlqa::Articles(&["un", "una", "unos", "unas", "el", "la", "los", "las"]),
    ),
    (
        "de",
        Mlqa::Articles(&[
            "ein", "eine", "einen", "einem", "eines", "einer", "der", "die", "das", "den", "dem",
            "des",
        ]),
    ),
    (
        "vi",
        Mlqa::Articles(&["của", "là", "cái", "chiếc", "những"]),
    ),
    ("ar", Mlqa::Arabic),
    ("hi", Mlqa::Articles(&[])),
    ("zh", Mlqa::Chinese),
];

impl Mlqa {
    /// Its rules for a language. `None` where it has none.
    pub(crate) fn of(language: &str) -> Option<Self> {
        let mut known = MLQA_LANGUAGES.iter();
        known
            .find(|(code, _)| mergelab_sdk::prompt::same_primary(language, code))
            .map(|(_, rules)| *rules)
    }
}

/// `normalize_answer` of MLQA's evaluation script, version 1 (Lewis et al. 2020).
pub(crate) fn mlqa(text: &str, rules: Option<Mlqa>) -> Vec<String> {
    let lower = text.to_lowercase();
    let bare: String = lower.chars().filter(|c| !is_punctuation(*c)).collect();
    match rules {
        Some(Mlqa::Articles(articles)) => owned(text::words(&without(&bare, articles))),
        Some(Mlqa::Arabic) => owned(text::words(&bare.replace("\u{627}\u{644}", " "))),
        Some(Mlqa::Chinese) => owned(text::words(&parted(&bare, |c| {
            ('\u{4e00}'..='\u{9fa5}').contains(&c)
        }))),
        // `check` has turned other languages away.
        None => owned(text::words(&bare)),
    }
}

/// NFKC, lower case, without punctuation, and scripts that are written without spaces by
/// character. NFKC runs again because lower case can undo it.
pub(crate) fn mixed(text: &str) -> Vec<String> {
    let lower = text.nfkc().collect::<String>().to_lowercase();
    let bare: String = lower.nfkc().filter(|c| !is_punctuation(*c)).collect();
    owned(text::words(&parted(&bare, is_unspaced)))
}

fn owned<'a>(words: impl Iterator<Item = &'a str>) -> Vec<String> {
    words.map(str::to_owned).collect()
}

/// A space on each side of every character that is a word by itself.
fn parted(text: &str, alone: impl Fn(char) -> bool) -> String {
    let mut out = String::with_capacity(2 * text.len());
    for c in text.chars() {
        if alone(c) {
            out.extend([' ', c, ' ']);
        } else {
            out.push(c);
        }
    }
    out
}

/// A space for each of these that stands as a word, which is a run of letters and digits.
fn without(text: &str, articles: &[&str]) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while !rest.is_empty() {
        let end = rest.find(|c| !is_word(c)).unwrap_or(rest.len());
        let (word, after) = rest.split_at(end);
        out.push_str(if articles.contains(&word) { " " } else { word });
        let next = after.find(is_word).unwrap_or(after.len());
        let (between, after) = after.split_at(next);
        out.push_str(between);
        rest = after;
    }
    out
}

/// Whether a character is a letter or mark of a script that is written without spaces between
/// words: Han, Kana, Thai, Lao, Khmer, Burmese. Marks are characters by themselves, so that both
/// answers are cut in the same way.
fn is_unspaced(c: char) -> bool {
    matches!(c,
        '\u{e00}'..='\u{eff}'
        | '\u{1000}'..='\u{109f}' | '\u{a9e0}'..='\u{a9ff}' | '\u{aa60}'..='\u{aa7f}'
        | '\u{1780}'..='\u{17ff}'
        | '\u{3041}'..='\u{30ff}' | '\u{31f0}'..='\u{31ff}'
        | '\u{3005}'..='\u{3007}' | '\u{3021}'..='\u{3029}' | '\u{3400}'..='\u{4dbf}'
        | '\u{4e00}'..='\u{9fff}' | '\u{f900}'..='\u{faff}' | '\u{20000}'..='\u{3ffff}'
    )
}
