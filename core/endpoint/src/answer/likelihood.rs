//! Log-likelihoods of given texts.
//!
//! The texts are a prompt alone and the prompt with each choice. Where the tokens of a text part
//! from those of the prompt alone, the choice begins. Where choices part from the prompt at
//! different places, as a token may hold the prompt's end and a choice's beginning, the first place
//! holds for all: then all likelihoods count the same text, and their differences do not depend on
//! where the tokenizer puts its boundaries.

use super::{
    Content,
    cover::{covers, squeezed},
    envelope::Envelope,
};
use crate::probe::Likelihoods;
use serde_json::Value;

/// A log-probability above 0 by no more than this is the rounding of a sum in half precision.
const ROUNDING: f64 = 1e-3;

/// A token of a text.
struct Token {
    /// What tells it apart: its number, or as it is written.
    name: String,
    /// As it is written, where the server tells.
    written: Option<String>,
    /// None for the first token of a text.
    log_probability: Option<f64>,
}

pub(super) fn read(
    envelope: &Envelope,
    texts: &[String],
    how: Likelihoods,
) -> Result<Content, String> {
    let mut all = Vec::with_capacity(texts.len());
    for (index, (choice, text)) in envelope.choices.iter().zip(texts).enumerate() {
        let tokens = match how {
            Likelihoods::Echo | Likelihoods::EchoAndOne => {
                echoed(choice, text, how == Likelihoods::EchoAndOne)
            }
            Likelihoods::PromptLogprobs => prompt_logprobs(choice, text),
        };
        all.push(tokens.map_err(|reason| format!("of text {index}, {reason}"))?);
    }
    let (prompt, choices) = all.split_first().ok_or("it has no texts")?;
    let common = |tokens: &Vec<Token>| {
        let pairs = tokens.iter().zip(prompt);
        pairs.take_while(|(a, b)| a.name == b.name).count()
    };
    let start = choices.iter().map(common).min().unwrap_or(0);
    if start == 0 {
        return Err("its texts have no token in common although they begin alike".to_owned());
    }
    let (mut log_likelihoods, mut tokens) = (Vec::new(), Vec::new());
    for (index, choice) in choices.iter().enumerate() {
        let own = &choice[start..];
        let text = index + 1;
        if own.is_empty() {
            return Err(format!("of text {text}, no token is left for the choice"));
        }
        let mut sum = 0.0;
        for token in own {
            let Some(value) = token.log_probability else {
                return Err(format!(
                    "of text {text}, the token {:?} has no log-probability",
                    token.written.as_ref().unwrap_or(&token.name)
                ));
            };
            if !value.is_finite() || value > ROUNDING {
                return Err(format!(
                    "of text {text}, a log-probability is {value}, which none can be"
                ));
            }
            sum += value.min(0.0);
        }
        log_likelihoods.push(sum);
        tokens.push(own.len());
    }
    Ok(Content::Scored {
        log_likelihoods,
        tokens,
    })
}

/// The tokens of a text that the server repeats.
fn echoed(choice: &Value, asked: &str, and_one: bool) -> Result<Vec<Token>, String> {
    let text = choice["text"].as_str().ok_or("there is no `text`")?;
    let (text, wanted) = (squeezed(text), squeezed(asked));
    let repeats = match and_one {
        true => text.starts_with(&wanted),
        false => text == wanted,
    };
    if !repeats {
        return Err("the text is not the one that was asked about".to_owned());
    }
    let logprobs = &choice["logprobs"];
    let (Some(names), Some(values)) = (
        logprobs["tokens"].as_array(),
        logprobs["token_logprobs"].as_array(),
    ) else {
        return Err("there are no `logprobs`".to_owned());
    };
    if names.len() != values.len() {
        return Err(format!(
            "there are {} tokens and {} log-probabilities",
            names.len(),
            values.len()
        ));
    }
    let mut tokens = Vec::with_capacity(names.len());
    for (name, value) in names.iter().zip(values) {
        let name = name.as_str().ok_or("a token is no text")?.to_owned();
        tokens.push(Token {
            written: Some(name.clone()),
            name,
            log_probability: number(value)?,
        });
    }
    // The one that was generated, which may be one that is not written.
    if and_one && !tokens.is_empty() && written(&tokens[..tokens.len() - 1], asked) {
        tokens.pop();
    }
    if !written(&tokens, asked) {
        return Err("the tokens do not make up the text".to_owned());
    }
    Ok(tokens)
}

/// The tokens of a text as vLLM tells them: for each the number and, below it, what is known.
fn prompt_logprobs(choice: &Value, asked: &str) -> Result<Vec<Token>, String> {
    let places = choice["prompt_logprobs"]
        .as_array()
        .ok_or("there are no `prompt_logprobs`")?;
    let mut tokens = Vec::with_capacity(places.len());
    for place in places {
        let Some(entries) = place.as_object() else {
            // The first token follows nothing.
            tokens.push(Token {
                name: String::new(),
                written: None,
                log_probability: None,
            });
            continue;
        };
        let (Some((number_of, known)), 1) = (entries.iter().next(), entries.len()) else {
            return Err(format!("a place has {} tokens, not one", entries.len()));
        };
        tokens.push(Token {
            name: number_of.clone(),
            written: known["decoded_token"].as_str().map(str::to_owned),
            log_probability: number(&known["logprob"])?,
        });
    }
    // The first token is not named, so what begins the text is not known.
    let rest: Vec<&str> = tokens
        .iter()
        .skip(1)
        .filter_map(|t| t.written.as_deref())
        .collect();
    if rest.len() + 1 == tokens.len() {
        let any = std::iter::once("\u{FFFD}").chain(rest.iter().copied());
        if !covers(any, asked) {
            return Err("the tokens do not make up the text".to_owned());
        }
    }
    Ok(tokens)
}

fn written(tokens: &[Token], text: &str) -> bool {
    covers(
        tokens.iter().map(|t| t.written.as_deref().unwrap_or("")),
        text,
    )
}

fn number(value: &Value) -> Result<Option<f64>, String> {
    match value {
        Value::Null => Ok(None),
        value => value
            .as_f64()
            .map(Some)
            .ok_or_else(|| format!("a log-probability is {value}, no number")),
    }
}
