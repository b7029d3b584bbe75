//! Words as XL-Sum's multilingual ROUGE has them (Hasan et al. 2021), for the preset `xlsum`.
//!
//! Its quirks are kept: sentences for ROUGE-Lsum are cut at white space and punctuation alone, so a
//! Chinese one is a single word, and jieba's spaces count as words.

use icu_properties::{
    CodePointMapData,
    props::{GeneralCategory, GeneralCategoryGroup as Group},
};
use jieba_rs::Jieba;
use mergelab_sdk::{prompt::same_primary, text::words};
use std::sync::LazyLock;

/// Languages that XL-Sum has data for and neither stems nor segments with a dictionary.
const PLAIN: [&str; 30] = [
    "am", "az", "my", "gu", "ha", "ig", "id", "rn", "ko", "ky", "mr", "ne", "om", "ps", "fa",
    "pcm", "pa", "gd", "sr", "si", "so", "sw", "ta", "te", "ti", "uk", "ur", "uz", "vi", "cy",
];

/// How a language's words are found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Segmenter {
    /// jieba with its hidden Markov model.
    Jieba,
    /// Runs of letters and of digits, symbols and Han one by one.
    Runs,
}

impl Segmenter {
    /// The segmenter of a language, or why there is none.
    pub(crate) fn of(language: &str) -> Result<Self, &'static str> {
        let is = |code: &&str| same_primary(language, code);
        match language {
            _ if is(&"zh") => Ok(Self::Jieba),
            _ if PLAIN.iter().any(&is) => Ok(Self::Runs),
            _ if is(&"ja") => Err("XL-Sum segments it with MeCab and its dictionary"),
            _ if is(&"th") => Err("XL-Sum segments it with PyThaiNLP"),
            _ => Err("XL-Sum stems it with stop words and rules of other packages, or has no data"),
        }
    }

    /// The words of a text.
    pub(crate) fn words(self, text: &str) -> Vec<String> {
        let clean = basic(text).join(" ");
        match self {
            Self::Jieba => JIEBA
                .cut(&clean, true)
                .iter()
                .map(|t| t.word.to_owned())
                .collect(),
            Self::Runs => {
                let spaced: String =
                    runs(&clean)
                        .join(" ")
                        .chars()
                        .fold(String::new(), |mut out, c| {
                            if is_han(c) {
                                out.extend([' ', c, ' ']);
                            } else {
                                out.push(c);
                            }
                            out
                        });
                words(&spaced).map(str::to_owned).collect()
            }
        }
    }
}

static JIEBA: LazyLock<Jieba> = LazyLock::new(Jieba::new);

fn is_in(c: char, group: Group) -> bool {
    group.contains(CodePointMapData::<GeneralCategory>::new().get(c))
}

/// Lower-cased pieces between white space and punctuation, without control characters.
pub(crate) fn basic(text: &str) -> Vec<String> {
    let lower = text.to_lowercase();
    let clean: String = lower.chars().filter_map(cleaned).collect();
    let pieces = words(&clean).flat_map(|word| word.split(is_punctuation));
    pieces.flat_map(words).map(str::to_owned).collect()
}

fn cleaned(c: char) -> Option<char> {
    match c {
        '\t' | '\n' | '\r' => Some(' '),
        '\u{fffd}' => None,
        _ if is_in(c, Group::Other) => None,
        _ if is_in(c, Group::SpaceSeparator) => Some(' '),
        _ => Some(c),
    }
}

fn is_punctuation(c: char) -> bool {
    c.is_ascii_punctuation() || is_in(c, Group::Punctuation)
}

#[derive(PartialEq, Eq)]
enum Kind {
    Letter,
    Digit,
    Other,
}

/// The aggressive mode of OpenNMT's tokenizer on clean text: runs of letters, runs of digits, other
/// characters one by one; a mark goes with what is before it. It writes the space before a mark
/// that begins a word as `％0020`, and takes four characters as its own signs.
fn runs(clean: &str) -> Vec<String> {
    let mut tokens: Vec<String> = Vec::new();
    for (at, word) in clean.split(' ').enumerate() {
        let mut last = None;
        for c in word.chars() {
            let c = match c {
                '\u{ffed}' => '\u{25a0}',
                '\u{ffe8}' => '\u{2502}',
                '\u{2581}' => '_',
                other => other,
            };
            let kind = if is_in(c, Group::Mark) {
                None
            } else if is_in(c, Group::Letter) {
                Some(Kind::Letter)
            } else if is_in(c, Group::Number) {
                Some(Kind::Digit)
            } else {
                Some(Kind::Other)
            };
            match (kind, &last, tokens.last_mut()) {
                (None, Some(_), Some(token)) => token.push(c),
                (None, ..) => {
                    let space = if at > 0 { "％0020" } else { "" };
                    tokens.push(format!("{space}{c}"));
                    last = Some(Kind::Other);
                }
                (Some(kind), Some(before), Some(token))
                    if kind == *before && kind != Kind::Other =>
                {
                    token.push(c);
                }
                (Some(kind), ..) => {
                    tokens.push(c.to_string());
                    last = Some(kind);
                }
            }
        }
    }
    tokens
}

/// Ideographs, as the tokenizer of BERT has them.
fn is_han(c: char) -> bool {
    matches!(c,
        '\u{3400}'..='\u{4dbf}' | '\u{4e00}'..='\u{9fff}' | '\u{f900}'..='\u{faff}'
        | '\u{20000}'..='\u{2a6df}' | '\u{2a700}'..='\u{2ceaf}' | '\u{2f800}'..='\u{2fa1f}'
    )
}
