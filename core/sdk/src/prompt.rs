//! Prompts: one template per language, placeholders, and where the answer begins.
//!
//! A prompt never ends in a space, and an answer begins with one where the language puts spaces
//! between words and the prompt does not end in a line break. A byte-level BPE makes one token of
//! a space and the word after it, so this way the tokens of `prompt + answer` are the same in
//! training, where the answer is known, and in generation, where it is not.

use crate::{Error, Result};
use mergelab_abi::suggest::hint;
use std::collections::BTreeMap;

/// The key of a template for every language that has none of its own.
pub const ANY_LANGUAGE: &str = "*";

/// Primary subtags of languages that put no spaces between words.
const UNSPACED: [&str; 11] = [
    "ja", "zh", "yue", "wuu", "nan", "lzh", "th", "lo", "km", "my", "bo",
];

/// The text for a language among texts by BCP 47 code: under the code itself, else under its
/// primary subtag (`zh` for `zh-Hant`), else under [`ANY_LANGUAGE`].
pub fn by_language<'a>(
    texts: impl IntoIterator<Item = (&'a str, &'a str)> + Clone,
    language: &str,
) -> Option<&'a str> {
    let under = |wanted: &str| {
        texts
            .clone()
            .into_iter()
            .find(|(code, _)| code.eq_ignore_ascii_case(wanted))
            .map(|(_, text)| text)
    };
    under(language)
        .or_else(|| under(primary(language)))
        .or_else(|| under(ANY_LANGUAGE))
}

/// The template for a language: what the user gave for it, else the shipped one.
///
/// `shipped` has an entry for [`ANY_LANGUAGE`]; without one and without a fitting entry the
/// template is empty, which [`check`] refuses.
pub fn template<'a>(
    given: Option<&'a BTreeMap<String, String>>,
    shipped: &'a [(&'a str, &'a str)],
    language: &str,
) -> &'a str {
    let given = given
        .into_iter()
        .flatten()
        .map(|(code, text)| (code.as_str(), text.as_str()))
        .collect::<Vec<_>>();
    by_language(given, language)
        .or_else(|| by_language(shipped.iter().copied(), language))
        .unwrap_or_default()
}

/// Checks a template: it has every required placeholder, no unknown one, and does not end in a
/// space.
///
/// # Errors
/// Names `parameter` and what is wrong with the template.
pub fn check(parameter: &str, template: &str, required: &[&str], optional: &[&str]) -> Result<()> {
    let refuse = |message: String| {
        Err(Error::parameter(
            parameter,
            format!("`{parameter}`: the prompt {template:?} {message}"),
        ))
    };
    let known = || required.iter().chain(optional).copied();
    let mut found = Vec::new();
    for piece in pieces(template) {
        match piece {
            Piece::Text(_) => {}
            Piece::Unclosed => {
                return refuse(
                    "has a single brace. Write {{ and }} for braces in the text.".to_owned(),
                );
            }
            Piece::Placeholder(name) if known().any(|k| k == name) => found.push(name),
            Piece::Placeholder(name) => {
                let hint = hint(name, known().collect::<Vec<_>>());
                return refuse(format!(
                    "has the unknown placeholder {{{name}}}.{hint} Write {{{{ and }}}} for braces \
                     in the text."
                ));
            }
        }
    }
    if let Some(missing) = required.iter().find(|r| !found.contains(r)) {
        return refuse(format!("lacks the placeholder {{{missing}}}."));
    }
    if template.ends_with([' ', '\t']) {
        return refuse(
            "ends in a space. Drop it: the answer begins with one, so that tokens are the same in \
             training and generation."
                .to_owned(),
        );
    }
    Ok(())
}

/// The template with its placeholders replaced. A placeholder inside a value stays as it is.
///
/// ```
/// use mergelab_sdk::prompt::fill;
/// let prompt = fill("{text}\n{{Mood}}:", &[("text", "A {text} film.")]);
/// assert_eq!(prompt, "A {text} film.\n{Mood}:");
/// ```
pub fn fill(template: &str, values: &[(&str, &str)]) -> String {
    pieces(template)
        .into_iter()
        .map(|piece| match piece {
            Piece::Text(text) => text,
            Piece::Placeholder(name) => values
                .iter()
                .find(|(n, _)| *n == name)
                .map_or("", |(_, value)| *value),
            Piece::Unclosed => "",
        })
        .collect()
}

/// An answer as the continuation of a prompt: trimmed, with a space before it where one belongs.
///
/// ```
/// use mergelab_sdk::prompt::continuation;
/// assert_eq!(continuation("Antwort:", "de", "ja "), " ja");
/// assert_eq!(continuation("Antwort:\n", "de", "ja"), "ja");
/// assert_eq!(continuation("答え：", "ja", "はい"), "はい");
/// ```
pub fn continuation(prompt: &str, language: &str, answer: &str) -> String {
    let answer = answer.trim();
    if prompt.ends_with(char::is_whitespace) || !spaced(language) {
        answer.to_owned()
    } else {
        format!(" {answer}")
    }
}

/// Whether a language puts spaces between words.
pub fn spaced(language: &str) -> bool {
    !UNSPACED.contains(&primary(language).to_ascii_lowercase().as_str())
}

/// Whether two language codes have the same primary subtag, as `en` and `en-GB` have.
pub fn same_primary(a: &str, b: &str) -> bool {
    primary(a).eq_ignore_ascii_case(primary(b))
}

fn primary(language: &str) -> &str {
    language.split(['-', '_']).next().unwrap_or(language)
}

enum Piece<'a> {
    Text(&'a str),
    Placeholder(&'a str),
    /// A brace that opens or closes nothing.
    Unclosed,
}

fn pieces(template: &str) -> Vec<Piece<'_>> {
    let mut pieces = Vec::new();
    let mut rest = template;
    while let Some(at) = rest.find(['{', '}']) {
        if at > 0 {
            pieces.push(Piece::Text(&rest[..at]));
        }
        let brace = &rest[at..=at];
        let after = &rest[at + 1..];
        if after.starts_with(brace) {
            pieces.push(Piece::Text(brace));
            rest = &after[1..];
        } else if brace == "{"
            && let Some(end) = after.find(['{', '}'])
            && after[end..].starts_with('}')
        {
            pieces.push(Piece::Placeholder(&after[..end]));
            rest = &after[end + 1..];
        } else {
            pieces.push(Piece::Unclosed);
            rest = after;
        }
    }
    if !rest.is_empty() {
        pieces.push(Piece::Text(rest));
    }
    pieces
}

#[cfg(test)]
mod tests {
    use super::*;

    const SHIPPED: [(&str, &str); 2] = [("zh", "{text}\n情感："), ("*", "{text}\nSentiment:")];

    #[test]
    fn the_nearest_language_wins() {
        let given = BTreeMap::from([("de".to_owned(), "{text} Stimmung:".to_owned())]);
        let of = |language| template(Some(&given), &SHIPPED, language);
        assert_eq!(of("de-AT"), "{text} Stimmung:");
        assert_eq!(of("zh-Hant"), "{text}\n情感：");
        assert_eq!(of("fi"), "{text}\nSentiment:");
    }

    #[test]
    fn refusals_name_the_placeholder() {
        let message = |template| {
            check("prompt", template, &["text"], &["choices"])
                .expect_err("refused")
                .to_string()
        };
        assert!(message("Mood:").contains("lacks the placeholder {text}"));
        assert!(message("{txt} Mood:").contains("Did you mean `text`?"));
        assert!(message("{text} Mood: ").contains("ends in a space"));
        assert!(message("{text} {Mood").contains("single brace"));
        assert!(message("{text} }").contains("single brace"));
        assert!(message("").contains("lacks"));
        assert_eq!(check("prompt", "{{}} {text}", &["text"], &[]), Ok(()));
    }
}
