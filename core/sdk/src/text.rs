//! White space as Python has it, whose scripts define many metrics.

/// Whether Python's `str.split` and `str.strip` take the character as white space: Unicode's white
/// space and the four separators U+001C to U+001F.
pub fn is_space(c: char) -> bool {
    c.is_whitespace() || ('\u{1c}'..='\u{1f}').contains(&c)
}

/// The pieces of a text between white space, as Python's `str.split`.
///
/// ```
/// use mergelab_sdk::text::words;
/// assert_eq!(words(" a\u{1f}b\u{a0}c\n").collect::<Vec<_>>(), ["a", "b", "c"]);
/// ```
pub fn words(text: &str) -> impl Iterator<Item = &str> {
    text.split(is_space).filter(|word| !word.is_empty())
}
