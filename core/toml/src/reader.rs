//! Reading tables key by key, so that every error has a line and no key is passed over.

use super::source::{Located, ManifestError, SourceFile, Span};
use mergelab_abi::suggest::hint;
use serde_json::{Map, Value};
use std::{cell::RefCell, collections::BTreeSet, sync::Arc};
use toml::de::{DeTable, DeValue};

/// A key with its value.
pub type Entry = (Located<String>, Located<Value>);

/// A table that is being read. Keys that nobody asked for are refused by [`Reader::finish`].
pub struct Reader<'a> {
    file: &'a Arc<SourceFile>,
    table: &'a DeTable<'a>,
    span: Span,
    /// Name of the table in messages, such as `[base.pretrain]`; empty at the root.
    name: String,
    asked: RefCell<BTreeSet<String>>,
}

impl<'a> Reader<'a> {
    pub(crate) fn new(
        file: &'a Arc<SourceFile>,
        table: &'a DeTable<'a>,
        span: Span,
        name: String,
    ) -> Self {
        Self {
            file,
            table,
            span,
            name,
            asked: RefCell::default(),
        }
    }

    /// The file.
    pub fn file(&self) -> &'a Arc<SourceFile> {
        self.file
    }

    /// The table's place.
    pub fn span(&self) -> Span {
        self.span.clone()
    }

    /// An error about a place in this file.
    pub fn error(&self, span: Span, message: impl Into<String>) -> ManifestError {
        ManifestError {
            file: Arc::clone(self.file),
            span,
            message: message.into(),
            help: None,
        }
    }

    fn place(&self) -> String {
        match self.name.as_str() {
            "" => "the file".to_owned(),
            name => name.to_owned(),
        }
    }

    fn value(&self, key: &str) -> Option<(&'a DeValue<'a>, Span)> {
        self.asked.borrow_mut().insert(key.to_owned());
        self.table
            .iter()
            .find(|(k, _)| k.get_ref().as_ref() == key)
            .map(|(_, v)| (v.get_ref(), v.span()))
    }

    /// Place of a key's value, or of the table where the key is absent.
    pub fn span_of(&self, key: &str) -> Span {
        self.value(key)
            .map_or_else(|| self.span.clone(), |(_, s)| s)
    }

    fn wrong(&self, key: &str, wanted: &str, found: &DeValue<'_>, span: Span) -> ManifestError {
        self.error(
            span,
            format!("`{key}` should be {wanted}, not a {}.", found.type_str()),
        )
    }

    /// The error for a key that must be there.
    pub fn missing(&self, key: &str) -> ManifestError {
        self.error(
            self.span.clone(),
            format!("{} lacks `{key}`.", self.place()),
        )
    }

    fn typed<T>(
        &self,
        key: &str,
        wanted: &str,
        read: impl Fn(&DeValue<'_>) -> Option<T>,
    ) -> Result<Option<Located<T>>, ManifestError> {
        let Some((value, span)) = self.value(key) else {
            return Ok(None);
        };
        match read(value) {
            Some(value) => Ok(Some(Located { value, span })),
            None => Err(self.wrong(key, wanted, value, span)),
        }
    }

    /// A text, where there is one.
    ///
    /// # Errors
    /// A value of another type.
    pub fn text(&self, key: &str) -> Result<Option<Located<String>>, ManifestError> {
        self.typed(key, "a text", |v| v.as_str().map(str::to_owned))
    }

    /// A text that must be there.
    ///
    /// # Errors
    /// No value, or one of another type.
    pub fn required_text(&self, key: &str) -> Result<Located<String>, ManifestError> {
        self.text(key)?.ok_or_else(|| self.missing(key))
    }

    /// A whole number from 0, where there is one.
    ///
    /// # Errors
    /// A value of another type, or a negative one.
    pub fn whole(&self, key: &str) -> Result<Option<u64>, ManifestError> {
        let read = |v: &DeValue<'_>| json(v)?.as_u64();
        Ok(self.typed(key, "a whole number", read)?.map(|l| l.value))
    }

    /// A whole number from 0 or a list of them. Empty where the key is absent.
    ///
    /// # Errors
    /// A value of another type, or an empty list.
    pub fn wholes(&self, key: &str) -> Result<Vec<u64>, ManifestError> {
        let read = |v: &DeValue<'_>| match json(v)? {
            Value::Array(items) => items.iter().map(Value::as_u64).collect(),
            one => Some(vec![one.as_u64()?]),
        };
        match self.typed(key, "a whole number or a list of them", read)? {
            None => Ok(Vec::new()),
            Some(list) if list.value.is_empty() => {
                Err(self.error(list.span, format!("`{key}` is an empty list.")))
            }
            Some(list) => Ok(list.value),
        }
    }

    /// A number, where there is one.
    ///
    /// # Errors
    /// A value of another type.
    pub fn number(&self, key: &str) -> Result<Option<Located<f64>>, ManifestError> {
        let read = |v: &DeValue<'_>| match v {
            DeValue::Integer(_) | DeValue::Float(_) => json(v)?.as_f64(),
            _ => None,
        };
        self.typed(key, "a number", read)
    }

    /// `true` or `false`, where there is one.
    ///
    /// # Errors
    /// A value of another type.
    pub fn flag(&self, key: &str) -> Result<Option<bool>, ManifestError> {
        let found = self.typed(key, "true or false", |v| v.as_bool())?;
        Ok(found.map(|l| l.value))
    }

    /// A text or a list of texts. `None` where the key is absent.
    ///
    /// # Errors
    /// A value of another type, or an empty list.
    pub fn texts(&self, key: &str) -> Result<Option<Vec<Located<String>>>, ManifestError> {
        let Some((value, span)) = self.value(key) else {
            return Ok(None);
        };
        let list: Option<Vec<Located<String>>> = match value {
            DeValue::String(text) => Some(vec![Located {
                value: text.to_string(),
                span: span.clone(),
            }]),
            DeValue::Array(items) => items
                .iter()
                .map(|item| {
                    Some(Located {
                        value: item.get_ref().as_str()?.to_owned(),
                        span: item.span(),
                    })
                })
                .collect(),
            _ => None,
        };
        match list {
            Some(list) if !list.is_empty() => Ok(Some(list)),
            Some(_) => Err(self.error(span, format!("`{key}` is an empty list."))),
            None => Err(self.wrong(key, "a text or a list of texts", value, span)),
        }
    }

    /// A table, where there is one.
    ///
    /// # Errors
    /// A value of another type.
    pub fn table(&self, key: &str) -> Result<Option<Reader<'a>>, ManifestError> {
        let Some((value, span)) = self.value(key) else {
            return Ok(None);
        };
        match value.as_table() {
            Some(table) => Ok(Some(Reader::new(self.file, table, span, self.child(key)))),
            None => Err(self.wrong(key, "a table", value, span)),
        }
    }

    fn child(&self, key: &str) -> String {
        let inner = self.name.trim_matches(['[', ']']);
        if inner.is_empty() {
            format!("[{key}]")
        } else {
            format!("[{inner}.{key}]")
        }
    }

    /// Tables of an array, such as all `[[merges]]`. Empty where there is none.
    ///
    /// # Errors
    /// A value of another type.
    pub fn tables(&self, key: &str) -> Result<Vec<Reader<'a>>, ManifestError> {
        let Some((value, span)) = self.value(key) else {
            return Ok(Vec::new());
        };
        let wrong = || {
            self.wrong(
                key,
                &format!("a list of tables, [[{key}]]"),
                value,
                span.clone(),
            )
        };
        let items = value.as_array().ok_or_else(wrong)?;
        items
            .iter()
            .map(|item| {
                let table = item.get_ref().as_table().ok_or_else(wrong)?;
                let name = format!("[[{key}]]");
                Ok(Reader::new(self.file, table, item.span(), name))
            })
            .collect()
    }

    /// Items of a list that may be texts or tables.
    ///
    /// # Errors
    /// A value of another type.
    pub fn texts_or_tables(&self, key: &str) -> Result<Vec<TextOrTable<'a>>, ManifestError> {
        let Some((value, span)) = self.value(key) else {
            return Ok(Vec::new());
        };
        let wrong = |span: Span| self.wrong(key, "a list of texts or tables", value, span);
        let items = value.as_array().ok_or_else(|| wrong(span.clone()))?;
        items
            .iter()
            .map(|item| match item.get_ref() {
                DeValue::String(text) => Ok(TextOrTable::Text(Located {
                    value: text.to_string(),
                    span: item.span(),
                })),
                DeValue::Table(table) => Ok(TextOrTable::Table(Reader::new(
                    self.file,
                    table,
                    item.span(),
                    self.child(key),
                ))),
                _ => Err(wrong(item.span())),
            })
            .collect()
    }

    /// A value that may be a text or a table. `None` where the key is absent.
    ///
    /// # Errors
    /// A value of another type.
    pub fn text_or_table(&self, key: &str) -> Result<Option<TextOrTable<'a>>, ManifestError> {
        let Some((value, span)) = self.value(key) else {
            return Ok(None);
        };
        match value {
            DeValue::String(text) => Ok(Some(TextOrTable::Text(Located {
                value: text.to_string(),
                span,
            }))),
            DeValue::Table(table) => Ok(Some(TextOrTable::Table(Reader::new(
                self.file,
                table,
                span,
                self.child(key),
            )))),
            _ => Err(self.wrong(key, "a text or a table", value, span)),
        }
    }

    /// Whether the key has a list as its value.
    pub fn is_list(&self, key: &str) -> bool {
        self.value(key).is_some_and(|(value, _)| value.is_array())
    }

    /// `true`, `false` or a table, where there is one.
    ///
    /// # Errors
    /// A value of another type.
    pub fn flag_or_table(&self, key: &str) -> Result<Option<FlagOrTable<'a>>, ManifestError> {
        match self.value(key) {
            Some((DeValue::Boolean(flag), span)) => {
                Ok(Some(FlagOrTable::Flag(Located { value: *flag, span })))
            }
            Some((DeValue::Table(_), _)) => Ok(self.table(key)?.map(FlagOrTable::Table)),
            Some((other, span)) => Err(self.wrong(key, "true, false or a table", other, span)),
            None => Ok(None),
        }
    }

    /// Every key of the table with its value, without regard to what was asked for.
    pub fn keys(&self) -> Vec<Located<String>> {
        self.table
            .keys()
            .map(|k| Located {
                value: k.get_ref().to_string(),
                span: k.span(),
            })
            .collect()
    }

    /// Every key that nobody asked for so far, with its value as JSON.
    ///
    /// # Errors
    /// A value that JSON has no form for, such as a date.
    pub fn rest(&self) -> Result<Vec<Entry>, ManifestError> {
        let unasked: Vec<Located<String>> = self
            .keys()
            .into_iter()
            .filter(|k| !self.asked.borrow().contains(&k.value))
            .collect();
        unasked
            .into_iter()
            .map(|key| {
                let (value, span) = self
                    .value(&key.value)
                    .ok_or_else(|| self.missing(&key.value))?;
                let value = json(value).ok_or_else(|| {
                    self.wrong(
                        &key.value,
                        "a number, text, list or table",
                        value,
                        span.clone(),
                    )
                })?;
                Ok((key, Located { value, span }))
            })
            .collect()
    }

    /// A table as JSON, or an empty one where there is none.
    ///
    /// # Errors
    /// A value of another type, or one that JSON has no form for.
    pub fn json_table(&self, key: &str) -> Result<Located<Map<String, Value>>, ManifestError> {
        let Some((value, span)) = self.value(key) else {
            return Ok(Located {
                value: Map::new(),
                span: self.span.clone(),
            });
        };
        match json(value) {
            Some(Value::Object(value)) => Ok(Located { value, span }),
            _ => Err(self.wrong(key, "a table", value, span)),
        }
    }

    /// Refuses keys that nobody asked for.
    ///
    /// # Errors
    /// Names the nearest known key.
    pub fn finish(&self) -> Result<(), ManifestError> {
        let asked = self.asked.borrow();
        match self.keys().into_iter().find(|k| !asked.contains(&k.value)) {
            None => Ok(()),
            Some(key) => Err(ManifestError {
                help: Some(
                    hint(&key.value, asked.iter().map(String::as_str))
                        .trim()
                        .to_owned(),
                ),
                ..self.error(
                    key.span,
                    format!("{} has no key `{}`.", self.place(), key.value),
                )
            }),
        }
    }
}

/// An item of a mixed list.
pub enum TextOrTable<'a> {
    /// A text.
    Text(Located<String>),
    /// A table.
    Table(Reader<'a>),
}

/// A flag, or a table that says more.
pub enum FlagOrTable<'a> {
    /// `true` or `false`.
    Flag(Located<bool>),
    /// A table.
    Table(Reader<'a>),
}

/// A TOML value as JSON. `None` for dates and for numbers that do not fit.
pub(crate) fn json(value: &DeValue<'_>) -> Option<Value> {
    Some(match value {
        DeValue::String(text) => Value::from(text.as_ref()),
        DeValue::Boolean(flag) => Value::from(*flag),
        DeValue::Integer(number) => {
            Value::from(i64::from_str_radix(number.as_str(), number.radix()).ok()?)
        }
        DeValue::Float(number) => {
            serde_json::Number::from_f64(number.as_str().parse().ok()?).map(Value::Number)?
        }
        DeValue::Array(items) => Value::Array(
            items
                .iter()
                .map(|i| json(i.get_ref()))
                .collect::<Option<_>>()?,
        ),
        DeValue::Table(table) => Value::Object(
            table
                .iter()
                .map(|(k, v)| Some((k.get_ref().to_string(), json(v.get_ref())?)))
                .collect::<Option<_>>()?,
        ),
        DeValue::Datetime(_) => return None,
    })
}
