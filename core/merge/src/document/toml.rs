//! TOML as a tree with positions.

use super::{Entry, Node, Raw};
use crate::recipe::{Position, RecipeError};
use serde_json::{Number, Value};
use std::ops::Range;
use std::path::Path;
use toml::Spanned;
use toml::de::{DeTable, DeValue};

/// Reads a TOML document.
///
/// # Errors
/// What is no TOML, and dates, which no recipe has.
pub(crate) fn read_toml(text: &str, file: &Path) -> Result<Node, RecipeError> {
    let reader = Reader { text, file };
    let table = DeTable::parse(text).map_err(|error| {
        let at = error.span().map_or(Position::default(), |s| reader.at(&s));
        reader.error(at, error.message().trim_end().to_owned())
    })?;
    let start = Position { line: 1, column: 1 };
    reader.table(table.get_ref(), start)
}

struct Reader<'a> {
    text: &'a str,
    file: &'a Path,
}

impl Reader<'_> {
    fn at(&self, span: &Range<usize>) -> Position {
        Position::of_byte(self.text, span.start)
    }

    fn error(&self, at: Position, message: String) -> RecipeError {
        RecipeError {
            file: Some(self.file.to_owned()),
            at,
            message,
        }
    }

    fn table(&self, table: &DeTable<'_>, at: Position) -> Result<Node, RecipeError> {
        let mut entries: Vec<(usize, Entry)> = Vec::new();
        for (key, value) in table {
            let entry = Entry {
                key: key.get_ref().to_string(),
                at: self.at(&key.span()),
                value: self.node(value)?,
            };
            entries.push((key.span().start, entry));
        }
        // The parser sorts by key; a reader of messages expects the order of the file.
        entries.sort_by_key(|(start, _)| *start);
        Ok(Node {
            raw: Raw::Table(entries.into_iter().map(|(_, entry)| entry).collect()),
            at,
        })
    }

    fn node(&self, value: &Spanned<DeValue<'_>>) -> Result<Node, RecipeError> {
        let at = self.at(&value.span());
        let scalar = |value: Value| Node {
            raw: Raw::Scalar(value),
            at,
        };
        Ok(match value.get_ref() {
            DeValue::String(text) => scalar(Value::from(text.as_ref())),
            DeValue::Boolean(value) => scalar(Value::from(*value)),
            DeValue::Integer(digits) => {
                let number = i64::from_str_radix(digits.as_str(), digits.radix())
                    .map(Number::from)
                    .or_else(|_| {
                        u64::from_str_radix(digits.as_str(), digits.radix()).map(Number::from)
                    })
                    .map_err(|_| self.error(at, format!("{digits} is too large a number")))?;
                scalar(Value::Number(number))
            }
            DeValue::Float(digits) => {
                let number = digits
                    .as_str()
                    .parse::<f64>()
                    .ok()
                    .and_then(Number::from_f64)
                    .ok_or_else(|| self.error(at, format!("{digits} is no finite number")))?;
                scalar(Value::Number(number))
            }
            DeValue::Datetime(date) => {
                return Err(self.error(at, format!("{date} is a date, which nothing here takes")));
            }
            DeValue::Array(items) => Node {
                raw: Raw::List(
                    items
                        .iter()
                        .map(|item| self.node(item))
                        .collect::<Result<_, _>>()?,
                ),
                at,
            },
            DeValue::Table(table) => self.table(table, at)?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::document::get;

    #[test]
    fn positions_and_order_are_those_of_the_file() {
        let text = "zeta = 1\nalpha = [\n  0.5,\n  { k = true },\n]\n[t]\nx = -2e-3\n";
        let node = read_toml(text, Path::new("a.toml")).unwrap();
        let Raw::Table(entries) = &node.raw else {
            panic!("a table");
        };
        let keys: Vec<_> = entries
            .iter()
            .map(|e| (e.key.as_str(), e.at.line))
            .collect();
        assert_eq!(keys, [("zeta", 1), ("alpha", 2), ("t", 6)]);
        let Raw::List(items) = &get(entries, "alpha").unwrap().raw else {
            panic!("a list");
        };
        assert_eq!((items[1].at.line, items[1].at.column), (4, 3));
        let json = serde_json::json!({"zeta": 1, "alpha": [0.5, {"k": true}], "t": {"x": -0.002}});
        assert_eq!(node.to_json(), json);
    }

    #[test]
    fn faults_name_their_line() {
        for (text, wanted) in [
            ("a = 1\nb = \n", "a.toml:2:"),
            ("a = 1\na = 2\n", "a.toml:2:"),
            ("a = 1\nb = nan\n", "a.toml:2:5: nan is no finite number"),
            ("d = 2020-01-01\n", "a.toml:1:5: 2020-01-01 is a date"),
        ] {
            let error = read_toml(text, Path::new("a.toml"))
                .unwrap_err()
                .to_string();
            assert!(error.starts_with(wanted), "{error}");
        }
    }
}
