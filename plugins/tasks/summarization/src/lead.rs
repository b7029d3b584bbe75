//! The lead: a document's first sentence, the baseline that summaries of news must beat.

/// The text up to its first line break, its first `。`, `！` or `？`, or its first `.`, `!` or `?`
/// before white space. An abbreviation's point ends it too.
pub(crate) fn lead(document: &str) -> &str {
    let document = document.trim();
    let mut chars = document.char_indices().peekable();
    while let Some((at, c)) = chars.next() {
        let next = chars.peek().map(|(_, c)| *c);
        match c {
            '\n' => return document[..at].trim_end(),
            '。' | '！' | '？' => return &document[..at + c.len_utf8()],
            '.' | '!' | '?' if next.is_none_or(char::is_whitespace) => return &document[..=at],
            _ => {}
        }
    }
    document
}

#[cfg(test)]
mod tests {
    use super::lead;

    #[test]
    fn the_first_sentence() {
        assert_eq!(lead(" It cost 3.5 euros. Why? "), "It cost 3.5 euros.");
        assert_eq!(lead("雨だ。試合は中止。"), "雨だ。");
        assert_eq!(lead("A title\r\nA text."), "A title");
        assert_eq!(lead("no end"), "no end");
    }
}
