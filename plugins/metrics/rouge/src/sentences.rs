//! Sentences for ROUGE-Lsum, in the presets `icu` and `char`.

/// Pieces of a text that end with a line break, with `。`, `！`, `？` or `｡`, or with `.`, `!` or
/// `?` before white space.
///
/// Each of these ends a word too, so the words of a text are those of its sentences in order. An
/// abbreviation's point ends a sentence as well: both texts are cut in the same way, and a cut too
/// many moves ROUGE-Lsum little, where a language's list of abbreviations would make languages
/// differ.
pub(crate) fn sentences(text: &str) -> impl Iterator<Item = &str> {
    let mut rest = text;
    std::iter::from_fn(move || {
        if rest.is_empty() {
            return None;
        }
        let (sentence, after) = rest.split_at(end(rest));
        rest = after;
        Some(sentence)
    })
}

/// Where the first sentence of a text ends, in bytes.
fn end(text: &str) -> usize {
    let mut chars = text.char_indices().peekable();
    while let Some((at, c)) = chars.next() {
        let next = chars.peek().map(|(_, c)| *c);
        let ends = match c {
            '\n' | '。' | '！' | '？' | '｡' => true,
            '.' | '!' | '?' => next.is_none_or(char::is_whitespace),
            _ => false,
        };
        if ends {
            return at + c.len_utf8();
        }
    }
    text.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn split(text: &str) -> Vec<&str> {
        sentences(text).collect()
    }

    #[test]
    fn sentences_end_at_marks_and_lines() {
        assert_eq!(split("It rained. Why?"), ["It rained.", " Why?"]);
        assert_eq!(split("雨だ。なぜ？はい"), ["雨だ。", "なぜ？", "はい"]);
        assert_eq!(split("a\n\nb"), ["a\n", "\n", "b"]);
        assert_eq!(split("3.5 km at U.S.A. dot"), ["3.5 km at U.S.A.", " dot"]);
        assert_eq!(split("").len(), 0);
    }
}
