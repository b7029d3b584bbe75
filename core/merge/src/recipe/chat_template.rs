//! Which chat template the result has.

use super::RecipeError;
use crate::document::{Document, Node};
use mergelab_abi::suggest::nearest;

/// The chat template of the result's tokenizer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ChatTemplate {
    /// The commonest one among the inputs, the first of them where two are equally common.
    Auto,
    /// One of [`ChatTemplate::names`].
    Named(&'static str),
    /// A Jinja template.
    Text(String),
}

/// Name and text. Written from the published descriptions of the formats: a line or header that
/// names the speaker, the message, and the token that ends it.
const TEMPLATES: [(&str, &str); 5] = [
    ("alpaca", include_str!("templates/alpaca.jinja")),
    ("chatml", include_str!("templates/chatml.jinja")),
    ("exaone", include_str!("templates/exaone.jinja")),
    ("llama3", include_str!("templates/llama3.jinja")),
    ("mistral", include_str!("templates/mistral.jinja")),
];

impl ChatTemplate {
    /// Names of the templates that come with the program.
    pub fn names() -> impl Iterator<Item = &'static str> + Clone {
        TEMPLATES.iter().map(|(name, _)| *name)
    }

    /// The template itself; `None` where it depends on the inputs.
    pub fn text(&self) -> Option<&str> {
        match self {
            ChatTemplate::Auto => None,
            ChatTemplate::Named(name) => TEMPLATES
                .iter()
                .find(|(known, _)| known == name)
                .map(|(_, text)| text.trim_end()),
            ChatTemplate::Text(text) => Some(text),
        }
    }

    /// As a recipe writes it.
    pub(crate) fn written(&self) -> &str {
        match self {
            ChatTemplate::Auto => "auto",
            ChatTemplate::Named(name) => name,
            ChatTemplate::Text(text) => text,
        }
    }

    pub(super) fn read(document: Document<'_>, node: &Node) -> Result<Self, RecipeError> {
        let text = document.text("chat_template", node)?;
        if text == "auto" {
            return Ok(ChatTemplate::Auto);
        }
        if let Some((name, _)) = TEMPLATES.iter().find(|(name, _)| *name == text) {
            return Ok(ChatTemplate::Named(name));
        }
        // Any template writes something that depends on the messages.
        if text.contains("{{") || text.contains("{%") {
            return Ok(ChatTemplate::Text(text.to_owned()));
        }
        let known: Vec<&str> = std::iter::once("auto").chain(Self::names()).collect();
        let near = nearest(text, known.iter().copied())
            .map(|near| format!(" Did you mean `{near}`?"))
            .unwrap_or_default();
        Err(document.error(
            node.at,
            format!(
                "`chat_template` = \"{text}\" is neither a Jinja template nor one of {}.{near}",
                known.join(", ")
            ),
        ))
    }
}
