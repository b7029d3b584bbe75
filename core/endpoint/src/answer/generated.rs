//! A generated text.

use super::{Usage, envelope::Envelope};
use serde_json::Value;

pub(super) fn read(
    envelope: &Envelope,
    chat: bool,
    max_tokens: usize,
    stop: &[String],
) -> Result<String, String> {
    let choice = &envelope.choices[0];
    let text = match chat {
        true => &choice["message"]["content"],
        false => &choice["text"],
    };
    let reason = choice["finish_reason"].as_str().unwrap_or("");
    check_end(reason, envelope.usage, max_tokens)?;
    let text = match text {
        Value::String(text) => text.as_str(),
        // A message of tool calls or of reasoning alone.
        Value::Null => "",
        other => return Err(format!("its text is no text but {}", kind(other))),
    };
    if text.is_empty() {
        check_empty(reason, envelope.usage, stop)?;
    }
    Ok(before_stop(text, stop).to_owned())
}

/// Whether it ended as a generation does: by itself, at a stop, or at the most tokens.
fn check_end(reason: &str, usage: Option<Usage>, max_tokens: usize) -> Result<(), String> {
    let most = max_tokens as u64;
    if let Some(usage) = usage
        && usage.completion > most
    {
        return Err(format!(
            "it has {} tokens although at most {most} were asked for",
            usage.completion
        ));
    }
    match reason {
        "stop" | "eos" | "eos_token" | "stop_sequence" => Ok(()),
        "length" => match usage {
            // Without a count nobody can tell.
            Some(usage) if usage.completion < most => Err(format!(
                "it was cut after {} of {most} tokens: the server's context or its own limit is too \
                 small",
                usage.completion
            )),
            _ => Ok(()),
        },
        "content_filter" => Err("the server's filter withheld the text".to_owned()),
        "" => Err("it has no `finish_reason`: the generation did not end".to_owned()),
        other => Err(format!(
            "its `finish_reason` is `{other}`, which is no end of a text"
        )),
    }
}

/// An empty text is an answer where the model ended at once, or stopped at once. Where it generated
/// more than that, text is missing.
fn check_empty(reason: &str, usage: Option<Usage>, stop: &[String]) -> Result<(), String> {
    let Some(usage) = usage else {
        return Err(
            "its text is empty, and no count of tokens says that none was meant".to_owned(),
        );
    };
    // A token has one byte at least, and one more ends the text.
    let explained = 1 + stop.iter().map(String::len).max().unwrap_or(0) as u64;
    if usage.completion == 0 {
        return Err("its text is empty, and no token was generated".to_owned());
    }
    if reason == "length" || usage.completion > explained {
        return Err(format!(
            "its text is empty although {} tokens were generated (a model that reasons first does \
             so: allow it more tokens, or turn reasoning off, such as with body = \
             {{ chat_template_kwargs = {{ enable_thinking = false }} }})",
            usage.completion
        ));
    }
    Ok(())
}

/// The text before the first of the texts to stop at: some servers leave them in, and some are
/// given the first few alone.
fn before_stop<'a>(text: &'a str, stop: &[String]) -> &'a str {
    let ends = stop.iter().filter_map(|stop| text.find(stop.as_str()));
    &text[..ends.min().unwrap_or(text.len())]
}

fn kind(value: &Value) -> &'static str {
    match value {
        Value::Array(_) => "a list",
        Value::Object(_) => "an object",
        _ => "a number or flag",
    }
}
