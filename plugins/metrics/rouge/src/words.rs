//! Words of a text in any language, for the presets `icu` and `char`.

use icu_segmenter::{WordSegmenter, options::WordBreakInvariantOptions};
use unicode_normalization::UnicodeNormalization;
use unicode_segmentation::UnicodeSegmentation;

/// Words by Unicode's word boundaries (UAX 29), in Han, Kana, Thai, Lao, Khmer and Burmese by
/// ICU4X's dictionaries; without punctuation and symbols.
pub(crate) fn by_dictionary(text: &str) -> Vec<String> {
    let text = comparable(text);
    let segmenter = WordSegmenter::new_dictionary(WordBreakInvariantOptions::default());
    let mut words = Vec::new();
    let mut start = 0;
    for end in segmenter.segment_str(&text) {
        push_parts(&text[start..end], &mut words);
        start = end;
    }
    words
}

/// Graphemes of Han, Kana, Thai, Lao, Khmer and Burmese, and words of other scripts by Unicode's
/// word boundaries; without punctuation and symbols.
pub(crate) fn by_character(text: &str) -> Vec<String> {
    let text = comparable(text);
    let mut words = Vec::new();
    for word in text.split_word_bounds() {
        // A run of another script, such as the `5g` of `5g時代`.
        let mut run = 0;
        for (at, grapheme) in word.grapheme_indices(true) {
            if grapheme.starts_with(is_unspaced) {
                push_parts(&word[run..at], &mut words);
                push_parts(grapheme, &mut words);
                run = at + grapheme.len();
            }
        }
        push_parts(&word[run..], &mut words);
    }
    words
}

/// NFKC and lower case, with one kind of apostrophe. NFKC runs again because lower case can undo
/// it.
fn comparable(text: &str) -> String {
    let lower = text.nfkc().collect::<String>().to_lowercase();
    lower
        .nfkc()
        .map(|c| match c {
            '\u{2019}' | '\u{2bc}' => '\'',
            other => other,
        })
        .collect()
}

/// The parts of a word between apostrophes that have a letter or a digit. `l'homme` is two words,
/// so that it shares one with `homme`; Google's tokenizer cuts there as well.
fn push_parts(word: &str, words: &mut Vec<String>) {
    let parts = word.split('\'');
    words.extend(
        parts
            .filter(|p| p.contains(char::is_alphanumeric))
            .map(str::to_owned),
    );
}

/// Whether a character is of a script that is written without spaces between words.
fn is_unspaced(c: char) -> bool {
    matches!(c,
        // Thai, Lao
        '\u{e00}'..='\u{eff}'
        // Burmese
        | '\u{1000}'..='\u{109f}' | '\u{a9e0}'..='\u{a9ff}' | '\u{aa60}'..='\u{aa7f}'
        // Khmer
        | '\u{1780}'..='\u{17ff}' | '\u{19e0}'..='\u{19ff}'
        // Kana; NFKC has made half-width Kana full-width
        | '\u{3041}'..='\u{30ff}' | '\u{31f0}'..='\u{31ff}' | '\u{1aff0}'..='\u{1b16f}'
        // Han
        | '\u{3005}'..='\u{3007}' | '\u{3021}'..='\u{3029}' | '\u{3400}'..='\u{4dbf}'
        | '\u{4e00}'..='\u{9fff}' | '\u{f900}'..='\u{faff}' | '\u{20000}'..='\u{3ffff}'
    )
}

/// These lists are part of what `rouge/icu-...` and `rouge/char...` mean. The names have the version
/// of the segmentation data; another change that breaks a list needs another name as well, so that
/// no result changes under the same name.
#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn words(text: &str, dictionary: &[&str], character: &[&str]) {
        assert_eq!(by_dictionary(text), dictionary, "by dictionary");
        assert_eq!(by_character(text), character, "by character");
    }

    #[test]
    fn scripts_with_spaces_are_the_same_in_both() {
        for (text, wanted) in [
            (
                "The CAT -- sat, 3.5 km!",
                vec!["the", "cat", "sat", "3.5", "km"],
            ),
            ("L’hôpital ferme.", vec!["l", "hôpital", "ferme"]),
            ("It's 'quoted'", vec!["it", "s", "quoted"]),
            ("Straße für Ärzte", vec!["straße", "für", "ärzte"]),
            ("e-mail snake_case", vec!["e", "mail", "snake_case"]),
            ("ｆｕｌｌ ﬁne", vec!["full", "fine"]),
            ("e\u{301}te\u{301}", vec!["été"]),
            ("한국어 문장", vec!["한국어", "문장"]),
            ("😀 … ---", vec![]),
            ("", vec![]),
        ] {
            words(text, &wanted, &wanted);
        }
    }

    #[test]
    fn japanese() {
        words(
            "東京都に住んでいます。ABC社、2024年！",
            &[
                "東京", "都", "に", "住", "んで", "いま", "す", "abc", "社", "2024", "年",
            ],
            &[
                "東", "京", "都", "に", "住", "ん", "で", "い", "ま", "す", "abc", "社", "2024",
                "年",
            ],
        );
    }

    #[test]
    fn chinese() {
        words(
            "博物馆因火灾关闭。",
            &["博物", "馆", "因", "火灾", "关闭"],
            &["博", "物", "馆", "因", "火", "灾", "关", "闭"],
        );
    }

    #[test]
    fn thai() {
        words(
            "สวัสดีชาวโลก",
            &["สวัสดี", "ชาว", "โลก"],
            &["ส", "วั", "ส", "ดี", "ช", "า", "ว", "โ", "ล", "ก"],
        );
    }
}
