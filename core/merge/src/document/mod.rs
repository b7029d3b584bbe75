//! TOML and YAML documents as one tree that knows where everything was written.
//!
//! Recipes are read from this tree by hand rather than through serde, so that every message about
//! a key, a value or a parameter can name its line, even when the fault is found much later, in
//! the parameters of a plugin.

mod toml;
mod yaml;

use crate::recipe::{Position, RecipeError};
use mergelab_abi::suggest::hint;
use serde_json::{Map, Value};
use std::path::Path;

pub(crate) use self::toml::read_toml;
pub(crate) use self::yaml::read_yaml;

/// A value and where it was written.
#[derive(Debug, Clone)]
pub(crate) struct Node {
    pub(crate) raw: Raw,
    pub(crate) at: Position,
}

#[derive(Debug, Clone)]
pub(crate) enum Raw {
    /// A null, number, truth value or text.
    Scalar(Value),
    List(Vec<Node>),
    /// In the order of the document.
    Table(Vec<Entry>),
}

/// A key with its value.
#[derive(Debug, Clone)]
pub(crate) struct Entry {
    pub(crate) key: String,
    pub(crate) at: Position,
    pub(crate) value: Node,
}

impl Node {
    /// The value without positions.
    pub(crate) fn to_json(&self) -> Value {
        match &self.raw {
            Raw::Scalar(value) => value.clone(),
            Raw::List(items) => items.iter().map(Node::to_json).collect(),
            Raw::Table(entries) => Value::Object(
                entries
                    .iter()
                    .map(|e| (e.key.clone(), e.value.to_json()))
                    .collect::<Map<_, _>>(),
            ),
        }
    }

    /// What kind of value it is, for messages.
    fn kind(&self) -> &'static str {
        match &self.raw {
            Raw::Scalar(Value::Null) => "nothing",
            Raw::Scalar(Value::Bool(_)) => "true or false",
            Raw::Scalar(Value::Number(_)) => "a number",
            Raw::Scalar(_) => "a text",
            Raw::List(_) => "a list",
            Raw::Table(_) => "a table",
        }
    }
}

/// Reads the tree and makes messages.
#[derive(Clone, Copy)]
pub(crate) struct Document<'a> {
    pub(crate) file: &'a Path,
}

impl<'a> Document<'a> {
    pub(crate) fn error(&self, at: Position, message: impl Into<String>) -> RecipeError {
        RecipeError {
            file: Some(self.file.to_owned()),
            at,
            message: message.into(),
        }
    }

    fn wrong(&self, name: &str, wanted: &str, node: &Node) -> RecipeError {
        self.error(
            node.at,
            format!("`{name}` takes {wanted}, not {}", node.kind()),
        )
    }

    pub(crate) fn table<'n>(&self, name: &str, node: &'n Node) -> Result<&'n [Entry], RecipeError> {
        match &node.raw {
            Raw::Table(entries) => Ok(entries),
            _ => Err(self.wrong(name, "a table", node)),
        }
    }

    pub(crate) fn list<'n>(&self, name: &str, node: &'n Node) -> Result<&'n [Node], RecipeError> {
        match &node.raw {
            Raw::List(items) => Ok(items),
            _ => Err(self.wrong(name, "a list", node)),
        }
    }

    pub(crate) fn text<'n>(&self, name: &str, node: &'n Node) -> Result<&'n str, RecipeError> {
        match &node.raw {
            Raw::Scalar(Value::String(text)) if text.is_empty() => {
                Err(self.error(node.at, format!("`{name}` is empty")))
            }
            Raw::Scalar(Value::String(text)) => Ok(text),
            _ => Err(self.wrong(name, "a text", node)),
        }
    }

    /// Refuses keys that are not among `known`.
    pub(crate) fn check_keys(
        &self,
        what: &str,
        entries: &[Entry],
        known: &[&str],
    ) -> Result<(), RecipeError> {
        match entries.iter().find(|e| !known.contains(&e.key.as_str())) {
            None => Ok(()),
            Some(entry) => Err(self.unknown_key(what, entry, known)),
        }
    }

    pub(crate) fn unknown_key(&self, what: &str, entry: &Entry, known: &[&str]) -> RecipeError {
        let key = &entry.key;
        self.error(
            entry.at,
            format!(
                "`{key}` is no key of {what}.{}",
                hint(key, known.iter().copied())
            ),
        )
    }
}

/// The value of a key.
pub(crate) fn get<'n>(entries: &'n [Entry], key: &str) -> Option<&'n Node> {
    entries.iter().find(|e| e.key == key).map(|e| &e.value)
}
