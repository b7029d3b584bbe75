//! Fields of a table as text.

use serde_json::Value;

/// One field of a row.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Field {
    /// A name or other text from outside.
    Text(String),
    /// Text of our own making, such as a hash or JSON, that is written as it is.
    Plain(String),
    Integer(u64),
    Float(f64),
    Boolean(bool),
    Empty,
}

impl Field {
    pub(super) fn text(text: impl Into<String>) -> Self {
        Self::Text(text.into())
    }

    pub(super) fn plain(text: impl Into<String>) -> Self {
        Self::Plain(text.into())
    }

    /// A list of names, with `;` between them.
    pub(super) fn names(names: &[String]) -> Self {
        Self::Text(names.join(";"))
    }

    pub(super) fn count(count: usize) -> Self {
        Self::Integer(count as u64)
    }

    /// The field of a number, or an empty one.
    pub(super) fn maybe<T>(value: Option<T>, field: impl Fn(T) -> Self) -> Self {
        value.map_or(Self::Empty, field)
    }

    /// A parameter's value. Lists and objects are JSON.
    pub(super) fn parameter(value: &Value) -> Self {
        match value {
            Value::Null => Self::Empty,
            Value::Bool(flag) => Self::Boolean(*flag),
            Value::Number(number) => Self::Plain(number.to_string()),
            Value::String(text) => Self::text(text),
            Value::Array(_) | Value::Object(_) => Self::Plain(value.to_string()),
        }
    }

    /// The field as CSV writes it, before quoting. None for a number that is NaN or infinite.
    pub(super) fn written(&self) -> Option<String> {
        match self {
            Self::Text(text) => Some(neutral(text)),
            Self::Plain(text) => Some(text.clone()),
            Self::Integer(number) => Some(number.to_string()),
            // Debug is the shortest decimal that reads back as the same double, with an exponent
            // where the number is very large or small.
            Self::Float(number) => number.is_finite().then(|| format!("{number:?}")),
            Self::Boolean(flag) => Some(flag.to_string()),
            Self::Empty => Some(String::new()),
        }
    }
}

/// Text that no spreadsheet takes for a formula: one that starts with `=`, `+`, `-`, `@`, a tab or
/// a carriage return gets an apostrophe before it.
pub(crate) fn neutral(text: &str) -> String {
    if text.starts_with(['=', '+', '-', '@', '\t', '\r']) {
        format!("'{text}")
    } else {
        text.to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn floats_read_back_as_they_were() {
        for number in [0.1, 1.0 / 3.0, 1e-300, -2.5e17, 0.0, f64::MIN_POSITIVE] {
            let text = Field::Float(number).written().unwrap();
            assert_eq!(text.parse::<f64>().unwrap(), number, "{text}");
            assert!(text.len() < 25, "{text}");
        }
        assert_eq!(
            Field::Float(0.1 + 0.2).written().unwrap(),
            "0.30000000000000004"
        );
        assert_eq!(Field::Float(f64::NAN).written(), None);
    }

    #[test]
    fn formulas_are_only_text() {
        let written = |field: Field| field.written().unwrap();
        assert_eq!(written(Field::text("=1+1")), "'=1+1");
        assert_eq!(written(Field::text("-x")), "'-x");
        assert_eq!(written(Field::text("ties-0.5")), "ties-0.5");
        assert_eq!(written(Field::parameter(&json!(-0.5))), "-0.5");
        assert_eq!(written(Field::parameter(&json!("@x"))), "'@x");
        assert_eq!(written(Field::parameter(&json!([1, "a"]))), "[1,\"a\"]");
        assert_eq!(written(Field::parameter(&json!(null))), "");
    }
}
