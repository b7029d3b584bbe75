//! Where a task's field comes from.
//!
//! A field is a value of the file's row, and steps that are applied to it in a fixed order:
//! `trim_end`, `names`, `among`, `as`. The value is one of:
//!
//! | in the card | the value |
//! |---|---|
//! | `"a.b"` or `{ path = "a.b" }` | what the row has there; over a list of tables, the list of what each has |
//! | `{ list = [..] }` | a list of the fields in it |
//! | `{ join = [..], with = " " }` | one text of the fields in it |
//! | `{ first = [..] }` | the first of them that is there and not empty |
//!
//! A path that begins with `@` is about the row's place: `@split`, `@row` (its number, from 1),
//! `@language`, `@code` (the set's own code of the language).

mod parse;
mod value;

pub(crate) use parse::read_all;
pub(crate) use value::{at, text};

use mergelab_abi::task::Row;
use serde_json::Value;
use std::{
    borrow::Cow,
    collections::{BTreeMap, BTreeSet},
};

/// A field of a task, as the card describes it.
#[derive(Debug, Clone, PartialEq)]
pub struct Field {
    from: From,
    trim_end: String,
    names: Option<Names>,
    among: Option<Among>,
    kind: Option<Kind>,
}

#[derive(Debug, Clone, PartialEq)]
enum From {
    Path(String),
    List(Vec<Field>),
    Join(Vec<Field>, String),
    First(Vec<Field>),
}

/// Names of values, such as labels of integers. The inner map is by language.
type Names = BTreeMap<String, Name>;

#[derive(Debug, Clone, PartialEq)]
enum Name {
    Same(String),
    ByLanguage(BTreeMap<String, String>),
}

/// The list in which a value's position is the field.
#[derive(Debug, Clone, PartialEq)]
enum Among {
    Texts(Vec<String>),
    Path(String),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Number,
    Text,
}

/// The row's place, which paths with `@` speak of.
#[derive(Debug, Clone, Copy)]
pub struct Place<'a> {
    /// The split that the card names.
    pub split: &'a str,
    /// The row's number, counted from 1.
    pub row: u64,
    /// Our code of the language.
    pub language: &'a str,
    /// The set's own code of the language.
    pub code: &'a str,
}

impl Field {
    /// The field at a path.
    pub fn path(path: &str) -> Self {
        Self {
            from: From::Path(path.to_owned()),
            trim_end: String::new(),
            names: None,
            among: None,
            kind: None,
        }
    }

    /// The value in a row. `None` where the row lacks it.
    ///
    /// # Errors
    /// A value that has no name, is not in the list, or is of the wrong type; says which field of
    /// the file.
    pub fn value(&self, row: &Row, place: &Place<'_>) -> Result<Option<Value>, String> {
        let Some(value) = self.raw(row, place)? else {
            return Ok(None);
        };
        if value.is_null() || !self.has_steps() {
            return Ok(Some(value.into_owned()));
        }
        let mut value = value;
        if !self.trim_end.is_empty() {
            value = match value.as_str() {
                Some(text) => {
                    let end = |c: char| c.is_whitespace() || self.trim_end.contains(c);
                    Cow::Owned(Value::from(text.trim_end_matches(end)))
                }
                None => return Err(format!("{} should be a text, not {value}", self.shown())),
            };
        }
        if let Some(names) = &self.names {
            value = Cow::Owned(Value::from(self.named(names, &value, place.language)?));
        }
        if let Some(among) = &self.among {
            value = Cow::Owned(Value::from(self.position(among, &value, row)?));
        }
        match self.kind {
            Some(kind) => self.converted(kind, value.into_owned()).map(Some),
            None => Ok(Some(value.into_owned())),
        }
    }

    fn has_steps(&self) -> bool {
        !self.trim_end.is_empty()
            || self.names.is_some()
            || self.among.is_some()
            || self.kind.is_some()
    }

    fn raw<'a>(&self, row: &'a Row, place: &Place<'_>) -> Result<Option<Cow<'a, Value>>, String> {
        match &self.from {
            From::Path(path) => Ok(match path.strip_prefix('@') {
                Some(name) => about(name, place).map(Cow::Owned),
                None => at(row, path),
            }),
            From::List(fields) => {
                let parts = fields.iter().map(|field| field.part(row, place));
                let parts = parts.collect::<Result<Vec<Value>, String>>()?;
                Ok(Some(Cow::Owned(Value::Array(parts))))
            }
            From::Join(fields, with) => {
                let parts = fields.iter().map(|field| {
                    let part = field.part(row, place)?;
                    Ok(text(&part).into_owned())
                });
                let parts = parts.collect::<Result<Vec<String>, String>>()?;
                Ok(Some(Cow::Owned(Value::from(parts.join(with)))))
            }
            From::First(fields) => {
                for field in fields {
                    let value = field.value(row, place)?;
                    let empty = |v: &Value| v.is_null() || v.as_str().is_some_and(str::is_empty);
                    if let Some(value) = value.filter(|v| !empty(v)) {
                        return Ok(Some(Cow::Owned(value)));
                    }
                }
                Ok(None)
            }
        }
    }

    /// A value that must be there.
    fn part(&self, row: &Row, place: &Place<'_>) -> Result<Value, String> {
        self.value(row, place)?
            .filter(|v| !v.is_null())
            .ok_or_else(|| format!("{} is missing", self.shown()))
    }

    fn named(&self, names: &Names, value: &Value, language: &str) -> Result<String, String> {
        let key = text(value);
        let found = match names.get(key.as_ref()) {
            Some(Name::Same(name)) => Some(name),
            Some(Name::ByLanguage(by_language)) => {
                by_language.get(language).or_else(|| by_language.get("*"))
            }
            None => None,
        };
        found.cloned().ok_or_else(|| {
            let known: Vec<&str> = names.keys().map(String::as_str).collect();
            format!(
                "{} is `{key}`, for which the card's `names` have no name in `{language}`. They \
                 name: {}",
                self.shown(),
                known.join(", ")
            )
        })
    }

    fn position(&self, among: &Among, value: &Value, row: &Row) -> Result<usize, String> {
        let wanted = text(value);
        let list: Cow<'_, [String]> = match among {
            Among::Texts(list) => Cow::Borrowed(list),
            Among::Path(path) => match at(row, path).as_deref() {
                Some(Value::Array(list)) => list.iter().map(|v| text(v).into_owned()).collect(),
                _ => {
                    return Err(format!(
                        "`{path}` should be a list, to look up {wanted} in it"
                    ));
                }
            },
        };
        list.iter().position(|v| *v == wanted).ok_or_else(|| {
            format!(
                "{} is `{wanted}`, which is none of: {}",
                self.shown(),
                list.join(", ")
            )
        })
    }

    fn converted(&self, kind: Kind, value: Value) -> Result<Value, String> {
        match (kind, &value) {
            (Kind::Text, Value::String(_)) | (Kind::Number, Value::Number(_)) => Ok(value),
            (Kind::Text, Value::Number(number)) => Ok(Value::from(number.to_string())),
            (Kind::Number, Value::String(written)) => {
                // Groups of thousands are written with commas, as in 1,000.
                let plain = written.trim().replace(',', "");
                let number: Option<serde_json::Number> = plain.parse().ok();
                number
                    .map(Value::Number)
                    .ok_or_else(|| format!("{} should be a number, not `{written}`", self.shown()))
            }
            _ => Err(format!(
                "{} should be a number or a text, not {value}",
                self.shown()
            )),
        }
    }

    /// How messages call the field.
    fn shown(&self) -> String {
        match &self.from {
            From::Path(path) => format!("`{path}`"),
            From::List(fields) | From::Join(fields, _) | From::First(fields) => {
                let shown: Vec<String> = fields.iter().map(Field::shown).collect();
                shown.join(" and ")
            }
        }
    }

    /// Adds the names of the file's fields that it reads.
    pub(crate) fn columns(&self, columns: &mut BTreeSet<String>) {
        let mut add = |path: &str| {
            if !path.starts_with('@') {
                // A field of the file may have dots in its own name.
                columns.insert(path.to_owned());
                columns.extend(path.split('.').next().map(str::to_owned));
            }
        };
        match &self.from {
            From::Path(path) => add(path),
            From::List(fields) | From::Join(fields, _) | From::First(fields) => {
                fields.iter().for_each(|field| field.columns(columns));
            }
        }
        if let Some(Among::Path(path)) = &self.among {
            columns.insert(path.clone());
            columns.extend(path.split('.').next().map(str::to_owned));
        }
    }
}

fn about(name: &str, place: &Place<'_>) -> Option<Value> {
    match name {
        "split" => Some(Value::from(place.split)),
        "row" => Some(Value::from(place.row)),
        "language" => Some(Value::from(place.language)),
        "code" => Some(Value::from(place.code)),
        _ => None,
    }
}

#[cfg(test)]
mod tests;
