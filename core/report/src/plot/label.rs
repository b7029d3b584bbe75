//! How wide a text is, and texts that are cut to fit.
//!
//! The font that a reader has is not known, so widths are those of a wide sans-serif font: in others a
//! text leaves some room.

use unicode_width::UnicodeWidthChar;

/// Width of a text in pixels at a size.
pub(crate) fn width(text: &str, size: f64) -> f64 {
    text.chars().map(em).sum::<f64>() * size
}

/// Width that a figure's title needs, with room at both sides. Titles are bold.
pub(crate) fn heading(title: &str) -> f64 {
    1.08 * width(title, 14.0) + 24.0
}

fn em(sign: char) -> f64 {
    match sign {
        'i' | 'j' | 'l' | '|' | '!' | '\'' | 'I' | ' ' | '.' | ',' | ':' | ';' => 0.34,
        'f' | 'r' | 't' | '(' | ')' | '[' | ']' | '/' | '-' | '"' => 0.42,
        'm' | 'w' | 'M' | 'W' | '%' | '@' => 1.0,
        '=' | '+' | '\u{2212}' | '<' | '>' | '≈' | '#' => 0.84,
        sign if sign.is_ascii_uppercase() => 0.72,
        sign if sign.is_ascii() => 0.635,
        sign => match sign.width() {
            Some(2) => 1.0,
            Some(0) | None => 0.0,
            _ => 0.66,
        },
    }
}

/// A text that is no wider than so many pixels: its middle is left out, for names that a sweep makes
/// differ at their ends.
pub(crate) fn fitted(text: &str, size: f64, most: f64) -> String {
    if width(text, size) <= most {
        return text.to_owned();
    }
    let signs: Vec<char> = text.chars().collect();
    let (mut front, mut back) = (0, 0);
    let mut used = em('…') * size;
    loop {
        // The end gets as much as the beginning.
        let from_front = front <= back;
        let place = if from_front {
            front
        } else {
            signs.len() - 1 - back
        };
        used += em(signs[place]) * size;
        if used > most || front + back + 1 >= signs.len() {
            break;
        }
        if from_front {
            front += 1;
        } else {
            back += 1;
        }
    }
    let start: String = signs[..front].iter().collect();
    let end: String = signs[signs.len() - back..].iter().collect();
    format!("{}…{}", start.trim_end(), end.trim_start())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn long_names_keep_both_ends() {
        assert_eq!(fitted("short", 12.0, 100.0), "short");
        let cut = fitted("dare_ties density=0.5 lambda=0.25 seed=17", 12.0, 120.0);
        assert!(cut.starts_with("dare") && cut.ends_with("seed=17"), "{cut}");
        assert!(width("日本語", 10.0) >= 30.0);
    }

    proptest! {
        #[test]
        fn what_is_fitted_fits(text in "\\PC{0,60}", most in 30.0f64..200.0) {
            let cut = fitted(&text, 11.0, most);
            prop_assert!(width(&cut, 11.0) <= most + 1e-9);
        }
    }
}
