//! Normalisation of answers.

use mergelab_sdk::text;
use unicode_normalization::UnicodeNormalization;

/// NFKC, lower case, white space trimmed and collapsed.
///
/// NFKC makes full-width digits and letters, which Japanese and Chinese outputs mix with the
/// others, equal to the usual ones. It runs again because lower case can undo it.
pub(crate) fn plain(text: &str) -> String {
    let lower: String = text.nfkc().collect::<String>().to_lowercase();
    words(&lower.nfkc().collect::<String>())
}

/// `normalize_answer` of SQuAD's evaluation script, version 1.1.
pub(crate) fn squad(text: &str) -> String {
    let lower = text.to_lowercase();
    let bare: String = lower
        .chars()
        .filter(|c| !c.is_ascii_punctuation())
        .collect();
    words(&without_articles(&bare))
}

/// A space for each `a`, `an` and `the` that stands as a word. The script's pattern is
/// `\b(a|an|the)\b`: a word is a run of letters and digits.
fn without_articles(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut word = String::new();
    let end = |word: &mut String, out: &mut String| {
        let article = ["a", "an", "the"].contains(&word.as_str());
        out.push_str(if article { " " } else { word });
        word.clear();
    };
    for c in text.chars() {
        if c.is_alphanumeric() {
            word.push(c);
        } else {
            end(&mut word, &mut out);
            out.push(c);
        }
    }
    end(&mut word, &mut out);
    out
}

/// Words with one space between them.
fn words(text: &str) -> String {
    text::words(text).collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plain_keeps_punctuation_and_articles() {
        assert_eq!(plain("  The\u{a0}CAT,\n sat "), "the cat, sat");
        assert_eq!(plain("Ｔｏｋｙｏ　１０"), "tokyo 10");
        assert_eq!(plain("STRASSE"), "strasse");
        assert_eq!(plain("e\u{301}t\u{e9}"), "\u{e9}t\u{e9}");
    }

    /// Expected values by the published script.
    #[test]
    fn squad_drops_punctuation_before_articles() {
        assert_eq!(squad("The U.S. Army"), "us army");
        assert_eq!(squad("a.n apple, the end"), "apple end");
        assert_eq!(squad("Athena the"), "athena");
        assert_eq!(squad("“the” day"), "“ ” day");
        assert_eq!(squad("the_cat"), "thecat");
        assert_eq!(squad(""), "");
    }
}
