//! Chat templates: how a model wants the turns of a conversation written.

use std::collections::BTreeMap;

use jiff::civil::{Date, date};
use jiff::fmt::strtime;
use minijinja::syntax::SyntaxConfig;
use minijinja::value::{Kwargs, Serde, Value};
use minijinja::{Environment, ErrorKind, context};
use serde::Serialize;

use crate::error::{ModelError, Result};

/// A turn of a conversation.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ChatMessage {
    /// Whose turn: `system`, `user` or `assistant`, for most templates.
    pub role: String,
    /// What is said.
    pub content: String,
}

impl ChatMessage {
    /// A turn.
    pub fn new(role: impl Into<String>, content: impl Into<String>) -> Self {
        Self {
            role: role.into(),
            content: content.into(),
        }
    }
}

/// The date that templates which ask for today's are given: a result must not depend on the day it
/// is computed. It is the one that Llama 3's templates fall back to.
const TODAY: Date = date(2024, 7, 26);

/// A model's chat template, in the dialect of Jinja that transformers renders.
#[derive(Clone)]
pub(super) struct ChatTemplate {
    environment: Environment<'static>,
    special_tokens: BTreeMap<String, String>,
}

/// Name of the template in its environment.
const NAME: &str = "chat_template";

impl ChatTemplate {
    /// Compiles a template; `special_tokens` are `bos_token` and its like.
    pub(super) fn new(source: &str, special_tokens: BTreeMap<String, String>) -> Result<Self> {
        let mut environment = Environment::new();
        let syntax = SyntaxConfig::builder()
            .trim_blocks(true)
            .lstrip_blocks(true)
            .build()
            .map_err(|error| failure("cannot be compiled", &error))?;
        environment.set_syntax(syntax);
        environment
            .set_unknown_method_callback(minijinja_contrib::pycompat::unknown_method_callback);
        environment.add_function("raise_exception", raise_exception);
        environment.add_function("strftime_now", strftime_now);
        environment.add_filter("tojson", to_json);
        environment
            .add_template_owned(NAME, without_generation_tags(source))
            .map_err(|error| failure("cannot be compiled", &error))?;
        Ok(Self {
            environment,
            special_tokens,
        })
    }

    /// The conversation as text, and after it the beginning of the assistant's turn if
    /// `add_generation_prompt`.
    pub(super) fn render(
        &self,
        messages: &[ChatMessage],
        add_generation_prompt: bool,
    ) -> Result<String> {
        let template = self
            .environment
            .get_template(NAME)
            .map_err(|error| failure("cannot be used", &error))?;
        template
            .render(context! {
                messages => Value::from(Serde(messages)),
                tools => Value::from(()),
                documents => Value::from(()),
                add_generation_prompt => add_generation_prompt,
                ..Value::from(Serde(&self.special_tokens)),
            })
            .map_err(|error| failure("does not take this conversation", &error))
    }
}

/// The template in `tokenizer_config.json`: a text, or the one named "default" of several.
pub(super) fn template_in(value: &serde_json::Value) -> Option<String> {
    let several = value.as_array().into_iter().flatten();
    let default = several
        .filter(|template| template["name"] == "default")
        .find_map(|template| template["template"].as_str());
    value.as_str().or(default).map(str::to_owned)
}

fn failure(what: &str, error: &minijinja::Error) -> ModelError {
    let line = match error.line() {
        Some(line) => format!(" (line {line})"),
        None => String::new(),
    };
    let reason = error.detail().unwrap_or_default();
    let reason = match reason {
        "" => error.kind().to_string(),
        reason => reason.to_owned(),
    };
    ModelError::Tokenizer(format!("the chat template {what}{line}: {reason}"))
}

fn raise_exception(message: String) -> Result<Value, minijinja::Error> {
    Err(minijinja::Error::new(ErrorKind::InvalidOperation, message))
}

fn strftime_now(format: &str) -> Result<String, minijinja::Error> {
    strtime::format(format, TODAY.at(0, 0, 0, 0))
        .map_err(|error| minijinja::Error::new(ErrorKind::InvalidOperation, error.to_string()))
}

/// `json.dumps(value, ensure_ascii=False, indent=indent)`.
fn to_json(value: Value, options: Kwargs) -> Result<String, minijinja::Error> {
    let indent: Option<usize> = options.get("indent")?;
    let fail = |error: serde_json::Error| {
        minijinja::Error::new(ErrorKind::BadSerialization, error.to_string())
    };
    let mut bytes = Vec::new();
    match indent {
        Some(width) => {
            let spaces = " ".repeat(width);
            let formatter = serde_json::ser::PrettyFormatter::with_indent(spaces.as_bytes());
            let mut serializer = serde_json::Serializer::with_formatter(&mut bytes, formatter);
            value.serialize(&mut serializer).map_err(fail)?;
        }
        None => {
            let mut serializer = serde_json::Serializer::with_formatter(&mut bytes, Spaced);
            value.serialize(&mut serializer).map_err(fail)?;
        }
    }
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

/// Python's separators: a space after commas and colons.
struct Spaced;

impl serde_json::ser::Formatter for Spaced {
    fn begin_array_value<W: ?Sized + std::io::Write>(
        &mut self,
        writer: &mut W,
        first: bool,
    ) -> std::io::Result<()> {
        writer.write_all(if first { b"" } else { b", " })
    }

    fn begin_object_key<W: ?Sized + std::io::Write>(
        &mut self,
        writer: &mut W,
        first: bool,
    ) -> std::io::Result<()> {
        writer.write_all(if first { b"" } else { b", " })
    }

    fn begin_object_value<W: ?Sized + std::io::Write>(
        &mut self,
        writer: &mut W,
    ) -> std::io::Result<()> {
        writer.write_all(b": ")
    }
}

/// Makes transformers' tag around what an assistant says, which only marks it, a condition that
/// holds.
fn without_generation_tags(source: &str) -> String {
    let mut out = String::with_capacity(source.len());
    let mut rest = source;
    while let Some(start) = rest.find("{%") {
        let (before, tag) = rest.split_at(start);
        out.push_str(before);
        let Some(end) = tag.find("%}") else {
            rest = tag;
            break;
        };
        let (tag, after) = tag.split_at(end + 2);
        let inside = tag[2..end].trim_matches(['-', '+', ' ', '\t', '\n']);
        match inside {
            "generation" => out.push_str(&tag.replace("generation", "if true")),
            "endgeneration" => out.push_str(&tag.replace("endgeneration", "endif")),
            _ => out.push_str(tag),
        }
        rest = after;
    }
    out.push_str(rest);
    out
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use serde::Deserialize;

    use super::*;

    #[derive(Deserialize)]
    struct Golden {
        special_tokens: BTreeMap<String, String>,
        templates: BTreeMap<String, String>,
        cases: Vec<Case>,
    }

    #[derive(Deserialize)]
    struct Case {
        template: String,
        messages: Vec<(String, String)>,
        add_generation_prompt: bool,
        text: Option<String>,
        error: Option<String>,
    }

    /// `tests/golden/make_chat.py` says where the texts come from.
    #[test]
    fn conversations_are_written_as_transformers_writes_them() {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/golden/chat.json");
        let text = std::fs::read_to_string(path).unwrap();
        let golden: Golden = serde_json::from_str(&text).unwrap();
        let mut errors = 0;
        for case in &golden.cases {
            let source = &golden.templates[&case.template];
            let template = ChatTemplate::new(source, golden.special_tokens.clone()).unwrap();
            let messages: Vec<ChatMessage> = case
                .messages
                .iter()
                .map(|(role, content)| ChatMessage::new(role, content))
                .collect();
            let found = template.render(&messages, case.add_generation_prompt);
            match (&case.text, &case.error) {
                (Some(expected), _) => assert_eq!(&found.unwrap(), expected, "{}", case.template),
                (None, Some(expected)) => {
                    let message = found.unwrap_err().to_string();
                    assert!(message.contains(expected), "{message} lacks {expected}");
                    errors += 1;
                }
                (None, None) => panic!("a case without an outcome"),
            }
        }
        assert!(golden.cases.len() > 40 && errors > 3);
    }

    #[test]
    fn a_template_that_is_not_jinja_is_refused_with_its_line() {
        let error = ChatTemplate::new("a\n{% if %}", BTreeMap::new())
            .err()
            .unwrap();
        let message = error.to_string();
        assert!(message.contains("cannot be compiled (line 2)"), "{message}");
    }
}
