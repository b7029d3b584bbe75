//! Reading a model's responses.

use crate::{Error, Likelihood, Response, Result, ScoredChoice};

/// The text of a response to [`Request::Generate`](crate::Request::Generate), trimmed.
///
/// # Errors
/// The response holds scores.
pub fn generated(response: &Response) -> Result<&str> {
    match response {
        Response::Generated { text } => Ok(text.trim()),
        Response::Scored { .. } => Err(Error::input(
            "the response holds log-likelihoods where generated text was asked for",
        )),
    }
}

/// Log-likelihoods and token counts of a response to [`Request::Choose`](crate::Request::Choose)
/// with `choices` choices.
///
/// # Errors
/// The response holds text, another number of choices, or a log-likelihood that is no number.
pub fn scored(response: &Response, choices: usize) -> Result<(&[f64], &[usize])> {
    let Response::Scored {
        log_likelihoods,
        tokens,
    } = response
    else {
        return Err(Error::input(
            "the response holds generated text where log-likelihoods of choices were asked for",
        ));
    };
    if log_likelihoods.len() != choices || tokens.len() != choices {
        return Err(Error::input(format!(
            "the response holds {} log-likelihoods and {} token counts for {choices} choices",
            log_likelihoods.len(),
            tokens.len()
        )));
    }
    if let Some(i) = log_likelihoods.iter().position(|l| l.is_nan()) {
        return Err(Error::input(format!(
            "the log-likelihood of choice {i} is not a number: the model's weights may have \
             overflowed"
        )));
    }
    Ok((log_likelihoods, tokens))
}

/// The choices of a response to [`Request::Choose`](crate::Request::Choose) as a prediction keeps
/// them. `choices` has the label and the text of each, in the order of the request, the text
/// without the white space that parts it from the prompt.
///
/// # Errors
/// As [`scored`].
pub fn scored_choices<L: Into<String>, T: AsRef<str>>(
    response: &Response,
    choices: impl IntoIterator<Item = (L, T), IntoIter: ExactSizeIterator>,
) -> Result<Vec<ScoredChoice>> {
    let choices = choices.into_iter();
    let (log_likelihoods, tokens) = scored(response, choices.len())?;
    let numbers = log_likelihoods.iter().zip(tokens);
    let scored = choices
        .zip(numbers)
        .map(|((label, text), (l, t))| ScoredChoice {
            label: label.into(),
            likelihood: Likelihood::of(text.as_ref(), *l, *t),
        });
    Ok(scored.collect())
}

/// Index of the largest score; the first of equal ones. `None` where there is none.
///
/// ```
/// use mergelab_sdk::reading::best;
/// assert_eq!(best([-2.0, -1.0, -1.0]), Some(1));
/// assert_eq!(best([]), None);
/// ```
pub fn best(scores: impl IntoIterator<Item = f64>) -> Option<usize> {
    let mut best: Option<(usize, f64)> = None;
    for (i, score) in scores.into_iter().enumerate() {
        if best.is_none_or(|(_, b)| score > b) {
            best = Some((i, score));
        }
    }
    best.map(|(i, _)| i)
}

/// A text for comparison with others: full-width forms as ASCII, lower case, runs of white space
/// as one space, and no punctuation at either end.
///
/// ```
/// use mergelab_sdk::reading::folded;
/// assert_eq!(folded("  “Bee\n Hive”. "), "bee hive");
/// assert_eq!(folded("１３。"), "13");
/// assert_eq!(folded("-3"), "-3");
/// ```
pub fn folded(text: &str) -> String {
    let lower: String = text
        .chars()
        .map(half_width)
        .flat_map(char::to_lowercase)
        .collect();
    let words: Vec<&str> = lower.split_whitespace().collect();
    let joined = words.join(" ");
    // Signs and units carry meaning: `-3`, `3%`, `$5`.
    let bare = joined.trim_matches(|c: char| !c.is_alphanumeric() && !"+-−±%‰°$€£¥".contains(c));
    // An answer of punctuation alone, such as `<`, is itself.
    if bare.is_empty() {
        joined
    } else {
        bare.to_owned()
    }
}

/// Full-width ASCII (U+FF01 to U+FF5E) and the ideographic space as ASCII.
fn half_width(c: char) -> char {
    match c {
        '\u{ff01}'..='\u{ff5e}' => char::from_u32(c as u32 - 0xfee0).unwrap_or(c),
        '\u{3000}' => ' ',
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn responses_of_the_wrong_kind_are_errors() {
        let text = Response::Generated {
            text: " so \n".to_owned(),
        };
        let scores = Response::Scored {
            log_likelihoods: vec![-1.0, f64::NAN],
            tokens: vec![1, 1],
        };
        assert_eq!(generated(&text), Ok("so"));
        assert!(generated(&scores).is_err());
        assert!(scored(&text, 2).is_err());
        assert!(scored(&scores, 3).is_err());
        let message = scored(&scores, 2).expect_err("NaN").to_string();
        assert!(message.contains("choice 1"), "{message}");
    }

    #[test]
    fn choices_keep_their_lengths() {
        let response = Response::Scored {
            log_likelihoods: vec![-1.0, -2.5],
            tokens: vec![1, 3],
        };
        let choices = scored_choices(&response, [("yes", "ja"), ("no", "mög nicht")]);
        let choices = choices.expect("two scores for two choices");
        assert_eq!(choices[0].label, "yes");
        let wanted = Likelihood {
            log_likelihood: -2.5,
            tokens: 3,
            words: 2,
            bytes: 10,
            characters: 9,
        };
        assert_eq!(choices[1].likelihood, wanted);
        assert!(scored_choices(&response, [("yes", "ja")]).is_err());
    }

    #[test]
    fn punctuation_alone_is_kept() {
        assert_eq!(folded("＜"), "<");
        assert_eq!(folded("..."), "...");
    }
}
