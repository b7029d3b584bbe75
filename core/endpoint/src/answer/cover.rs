//! Whether tokens make up a text.
//!
//! Servers write tokens in ways that do not simply add up: a token that is part of a character is
//! written U+FFFD, `<0xE3>` or not at all, SentencePiece's spaces are left out or written `▁`, and
//! the token that begins texts is written although the text lacks it. So white space is not
//! compared, and parts of characters match whatever is between their neighbours.

/// Stands for part of a character.
const PART: char = '\u{FFFD}';

/// Tokens that begin every text and are not in it.
const LEADING: usize = 2;

/// Whether the tokens make up the text.
pub(super) fn covers<'a>(tokens: impl Iterator<Item = &'a str> + Clone, text: &str) -> bool {
    let text = squeezed(text);
    (0..=LEADING).any(|leading| {
        let rest: String = tokens.clone().skip(leading).map(written).collect();
        fits(&squeezed(&rest), &text)
    })
}

/// A text without white space.
pub(super) fn squeezed(text: &str) -> String {
    text.chars()
        .filter(|c| !c.is_whitespace() && *c != '▁')
        .collect()
}

/// A token, with a byte as part of a character.
fn written(token: &str) -> &str {
    let hex = token.strip_prefix("<0x").and_then(|t| t.strip_suffix('>'));
    match hex {
        Some(hex) if hex.len() == 2 && hex.bytes().all(|b| b.is_ascii_hexdigit()) => "\u{FFFD}",
        _ => token,
    }
}

/// Whether the text has the pieces between parts of characters, in order, and nothing else outside
/// of the gaps.
fn fits(tokens: &str, text: &str) -> bool {
    let Some((first, rest)) = tokens.split_once(PART) else {
        return tokens == text;
    };
    let Some(mut text) = text.strip_prefix(first) else {
        return false;
    };
    let (middle, last) = rest.rsplit_once(PART).unwrap_or(("", rest));
    for piece in middle.split(PART).filter(|piece| !piece.is_empty()) {
        match text.find(piece) {
            Some(at) => text = &text[at + piece.len()..],
            None => return false,
        }
    }
    text.ends_with(last)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(tokens: &[&str], text: &str) -> bool {
        covers(tokens.iter().copied(), text)
    }

    #[test]
    fn tokens_are_matched_as_servers_write_them() {
        assert!(check(&["One", ",", " two"], "One, two"));
        assert!(check(&["<s>", "▁One", ",", "▁two"], "One, two"));
        assert!(check(&["<|begin|>", "One", ",", "two"], "One, two"));
        assert!(check(&["東", "\u{FFFD}", "\u{FFFD}", "は"], "東京は"));
        assert!(check(&["東", "<0xE4>", "<0xBA>", "<0xAC>", "は"], "東京は"));
        assert!(check(&["\u{FFFD}", "\u{FFFD}", "都\u{FFFD}"], "京都市"));
    }

    #[test]
    fn what_is_left_out_or_added_is_seen() {
        assert!(!check(&["One", ","], "One, two"));
        assert!(!check(&["One", ",", " two", " three"], "One, two"));
        assert!(!check(&["東", "\u{FFFD}", "が"], "東京は"));
        assert!(!check(&[], "One"));
    }
}
