//! sacrebleu's tokenizers that need no dictionary and no model.

use mergelab_sdk::{params::Choice, text::is_space};
use regex::Regex;
use std::{borrow::Cow, sync::LazyLock};

/// How a text becomes words.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Tokenize {
    /// sacrebleu's choice for the language: `zh` for Chinese, `13a` for others.
    Auto,
    /// Of mteval-v13a: ASCII punctuation is split off, points and commas not within numbers.
    V13a,
    /// Of mteval-v14: Unicode punctuation and symbols are split off.
    Intl,
    /// Chinese characters one by one, the rest as `13a`.
    Zh,
    /// Every character.
    Char,
    /// White space alone.
    None,
    /// By MeCab with its Japanese dictionary. Refused.
    JaMecab,
    /// By MeCab with its Korean dictionary. Refused.
    KoMecab,
}

impl Choice for Tokenize {
    const VARIANTS: &'static [(&'static str, Self)] = &[
        ("auto", Self::Auto),
        ("13a", Self::V13a),
        ("intl", Self::Intl),
        ("zh", Self::Zh),
        ("char", Self::Char),
        ("none", Self::None),
        ("ja-mecab", Self::JaMecab),
        ("ko-mecab", Self::KoMecab),
    ];
}

impl Tokenize {
    /// The name in signatures.
    pub(crate) fn name(self) -> &'static str {
        let named = Self::VARIANTS.iter().find(|(_, v)| *v == self);
        named.map_or("", |(name, _)| name)
    }

    /// The text with spaces between its words.
    pub(crate) fn run(self, text: &str) -> String {
        let text = text.trim_end_matches(is_space);
        match self {
            Self::Intl => substituted(text.to_owned(), &INTL),
            Self::Zh => substituted(parted(text.trim_matches(is_space)), &WESTERN),
            Self::Char => text.chars().flat_map(|c| [c, ' ']).collect(),
            Self::None => text.to_owned(),
            // `check` has turned the other choices away.
            _ => substituted(format!(" {} ", plain(text)), &WESTERN),
        }
    }
}

/// One line, the usual HTML entities resolved.
fn plain(text: &str) -> String {
    [
        ("<skipped>", ""),
        ("-\n", ""),
        ("\n", " "),
        ("&quot;", "\""),
        ("&amp;", "&"),
        ("&lt;", "<"),
        ("&gt;", ">"),
    ]
    .iter()
    .fold(text.to_owned(), |text, (from, to)| text.replace(from, to))
}

/// A pattern, and what takes the place of what it matches.
type Rule = (Regex, &'static str);

fn rules<const N: usize>(patterns: [(&str, &'static str); N]) -> Vec<Rule> {
    // The patterns are constants; each test of a tokenizer compiles them all.
    let compiled = patterns.map(|(pattern, by)| Regex::new(pattern).map(|regex| (regex, by)));
    compiled.into_iter().flatten().collect()
}

static WESTERN: LazyLock<Vec<Rule>> = LazyLock::new(|| {
    rules([
        // ASCII punctuation but `'`, `,`, `-` and `.`.
        (
            r"([\x20-\x26\x28-\x2B\x2F\x3A-\x40\x5B-\x60\x7B-\x7E])",
            " ${1} ",
        ),
        // Points and commas unless a digit is before them, then unless one is after them.
        (r"([^0-9])([.,])", "${1} ${2} "),
        (r"([.,])([^0-9])", " ${1} ${2}"),
        // A dash after a digit.
        (r"([0-9])(-)", "${1} ${2} "),
    ])
});

static INTL: LazyLock<Vec<Rule>> = LazyLock::new(|| {
    rules([
        (r"(\P{N})(\p{P})", "${1} ${2} "),
        (r"(\p{P})(\P{N})", " ${1} ${2}"),
        (r"(\p{S})", " ${1} "),
    ])
});

fn substituted(text: String, rules: &[Rule]) -> String {
    rules.iter().fold(text, |text, (pattern, by)| {
        match pattern.replace_all(&text, *by) {
            Cow::Owned(changed) => changed,
            Cow::Borrowed(_) => text,
        }
    })
}

/// A space on each side of every character that sacrebleu takes as Chinese.
fn parted(text: &str) -> String {
    let mut out = String::with_capacity(2 * text.len());
    for c in text.chars() {
        if is_chinese(c) {
            out.extend([' ', c, ' ']);
        } else {
            out.push(c);
        }
    }
    out
}

/// sacrebleu's list means two blocks beyond U+FFFF and writes them with four hexadecimal digits, so
/// that they are U+2001 to U+2A6D and U+2F81 to U+2FA1: typographic punctuation and mathematical
/// symbols are split off, rare ideographs are not.
fn is_chinese(c: char) -> bool {
    matches!(c,
        '\u{3400}'..='\u{4db5}'
        | '\u{4e00}'..='\u{9fbb}'
        | '\u{f900}'..='\u{fa2d}' | '\u{fa30}'..='\u{fa6a}' | '\u{fa70}'..='\u{fad9}'
        | '\u{2001}'..='\u{2a6d}' | '\u{2f81}'..='\u{2fa1}'
        | '\u{ff00}'..='\u{ffef}'
        | '\u{2e80}'..='\u{2eff}'
        | '\u{3000}'..='\u{303f}'
        | '\u{31c0}'..='\u{31ef}'
        | '\u{2f00}'..='\u{2fdf}'
        | '\u{2ff0}'..='\u{2fff}'
        | '\u{3100}'..='\u{312f}' | '\u{31a0}'..='\u{31bf}'
        | '\u{fe10}'..='\u{fe1f}' | '\u{fe30}'..='\u{fe4f}'
        | '\u{3200}'..='\u{33ff}'
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use mergelab_sdk::text::words;

    fn split(tokenize: Tokenize, text: &str) -> String {
        words(&tokenize.run(text)).collect::<Vec<_>>().join("|")
    }

    #[test]
    fn every_pattern_compiles() {
        assert_eq!((WESTERN.len(), INTL.len()), (4, 3));
    }

    /// The words that sacrebleu 2.6.0 gives.
    #[test]
    fn words_are_those_of_sacrebleu() {
        let text = "He paid 1,000-dollar (10-15 \"&quot;) at 3.14, ok.";
        assert_eq!(
            split(Tokenize::V13a, text),
            "He|paid|1,000|-|dollar|(|10|-|15|\"|\"|)|at|3.14|,|ok|."
        );
        assert_eq!(
            split(Tokenize::Intl, "“Ja” — 3.5€, &amp;"),
            "“|Ja|”|—|3.5|€|,|&|amp|;"
        );
        assert_eq!(
            split(Tokenize::Zh, "他在2024年说“好”。ok,"),
            "他|在|2024|年|说|“|好|”|。|ok|,"
        );
        assert_eq!(split(Tokenize::Char, "a b\u{301}"), "a|b|\u{301}");
        assert_eq!(split(Tokenize::None, " a,b  c. "), "a,b|c.");
    }
}
