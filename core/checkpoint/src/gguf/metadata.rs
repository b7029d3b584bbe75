//! The key-value pairs in the head of a GGUF file.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use super::GgufError;
use super::cursor::Cursor;

/// Longest array: sixteen times the largest vocabulary in use, so that a corrupt count asks for
/// no memory.
const MAX_ARRAY: u64 = 1 << 24;

/// A value. The widths of the file are not kept.
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    /// u8, u16, u32 or u64.
    Unsigned(u64),
    /// i8, i16, i32 or i64.
    Signed(i64),
    /// f32 or f64.
    Float(f64),
    /// One byte, 0 or 1.
    Bool(bool),
    /// UTF-8.
    String(String),
    /// An array of unsigned or signed integers.
    Integers(Vec<i64>),
    /// An array of floats.
    Floats(Vec<f64>),
    /// An array of booleans.
    Bools(Vec<bool>),
    /// An array of strings.
    Strings(Vec<String>),
}

impl Value {
    fn kind(&self) -> &'static str {
        match self {
            Value::Unsigned(_) | Value::Signed(_) => "an integer",
            Value::Float(_) => "a float",
            Value::Bool(_) => "a boolean",
            Value::String(_) => "a string",
            Value::Integers(_) => "an array of integers",
            Value::Floats(_) => "an array of floats",
            Value::Bools(_) => "an array of booleans",
            Value::Strings(_) => "an array of strings",
        }
    }
}

/// The metadata of a file.
#[derive(Clone, Debug)]
pub struct Metadata {
    path: PathBuf,
    entries: Vec<(String, Value)>,
    by_key: HashMap<String, usize>,
}

/// The types of values, as the file numbers them.
mod kind {
    pub(super) const U8: u32 = 0;
    pub(super) const I8: u32 = 1;
    pub(super) const U16: u32 = 2;
    pub(super) const I16: u32 = 3;
    pub(super) const U32: u32 = 4;
    pub(super) const I32: u32 = 5;
    pub(super) const F32: u32 = 6;
    pub(super) const BOOL: u32 = 7;
    pub(super) const STRING: u32 = 8;
    pub(super) const ARRAY: u32 = 9;
    pub(super) const U64: u32 = 10;
    pub(super) const I64: u32 = 11;
    pub(super) const F64: u32 = 12;
}

impl Metadata {
    /// Reads `count` pairs.
    pub(super) fn read(
        path: &Path,
        cursor: &mut Cursor<'_>,
        count: u64,
    ) -> Result<Metadata, GgufError> {
        let mut metadata = Metadata {
            path: path.to_owned(),
            entries: Vec::new(),
            by_key: HashMap::new(),
        };
        for _ in 0..count {
            let key = cursor.string("a metadata key")?.to_owned();
            let kind = cursor.u32(&key)?;
            let value = if kind == kind::ARRAY {
                array(path, cursor, &key)?
            } else {
                scalar(path, cursor, &key, kind)?
            };
            let place = metadata.entries.len();
            if metadata.by_key.insert(key.clone(), place).is_some() {
                let place = format!("key `{key}`");
                return Err(GgufError::malformed(path, place, "it is there twice"));
            }
            metadata.entries.push((key, value));
        }
        Ok(metadata)
    }

    /// All pairs, in the order of the file.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = (&str, &Value)> {
        self.entries
            .iter()
            .map(|(key, value)| (key.as_str(), value))
    }

    /// The value of a key.
    pub fn get(&self, key: &str) -> Option<&Value> {
        self.by_key.get(key).map(|i| &self.entries[*i].1)
    }

    /// A string.
    ///
    /// # Errors
    /// When the value is of another type; so for the other getters.
    pub fn string(&self, key: &str) -> Result<Option<&str>, GgufError> {
        self.typed(key, "a string", |value| match value {
            Value::String(text) => Some(text.as_str()),
            _ => None,
        })
    }

    /// A non-negative integer.
    ///
    /// # Errors
    /// When the value is of another type or negative.
    pub fn unsigned(&self, key: &str) -> Result<Option<u64>, GgufError> {
        self.typed(key, "a non-negative integer", |value| match value {
            Value::Unsigned(number) => Some(*number),
            Value::Signed(number) => u64::try_from(*number).ok(),
            _ => None,
        })
    }

    /// A number; an integer is converted.
    ///
    /// # Errors
    /// When the value is of another type.
    pub fn float(&self, key: &str) -> Result<Option<f64>, GgufError> {
        self.typed(key, "a number", |value| match value {
            Value::Float(number) => Some(*number),
            Value::Unsigned(number) => Some(*number as f64),
            Value::Signed(number) => Some(*number as f64),
            _ => None,
        })
    }

    /// A boolean.
    ///
    /// # Errors
    /// When the value is of another type.
    pub fn bool(&self, key: &str) -> Result<Option<bool>, GgufError> {
        self.typed(key, "a boolean", |value| match value {
            Value::Bool(flag) => Some(*flag),
            _ => None,
        })
    }

    /// An array of strings.
    ///
    /// # Errors
    /// When the value is of another type.
    pub fn strings(&self, key: &str) -> Result<Option<&[String]>, GgufError> {
        self.typed(key, "an array of strings", |value| match value {
            Value::Strings(strings) => Some(strings.as_slice()),
            _ => None,
        })
    }

    /// An array of integers.
    ///
    /// # Errors
    /// When the value is of another type.
    pub fn integers(&self, key: &str) -> Result<Option<&[i64]>, GgufError> {
        self.typed(key, "an array of integers", |value| match value {
            Value::Integers(numbers) => Some(numbers.as_slice()),
            _ => None,
        })
    }

    /// An array of floats.
    ///
    /// # Errors
    /// When the value is of another type.
    pub fn floats(&self, key: &str) -> Result<Option<&[f64]>, GgufError> {
        self.typed(key, "an array of floats", |value| match value {
            Value::Floats(numbers) => Some(numbers.as_slice()),
            _ => None,
        })
    }

    /// The error for a key that should be there.
    pub(super) fn missing(&self, key: &str) -> GgufError {
        GgufError::MissingKey {
            path: self.path.clone(),
            key: key.to_owned(),
        }
    }

    /// The error for a value that its key does not allow.
    pub(super) fn bad(&self, key: &str, reason: impl Into<String>) -> GgufError {
        GgufError::BadValue {
            path: self.path.clone(),
            key: key.to_owned(),
            reason: reason.into(),
        }
    }

    fn typed<'a, T>(
        &'a self,
        key: &str,
        wanted: &str,
        read: impl FnOnce(&'a Value) -> Option<T>,
    ) -> Result<Option<T>, GgufError> {
        let Some(value) = self.get(key) else {
            return Ok(None);
        };
        match read(value) {
            Some(value) => Ok(Some(value)),
            None => Err(self.bad(
                key,
                format!("should be {wanted}, the file has {}", value.kind()),
            )),
        }
    }
}

fn scalar(path: &Path, cursor: &mut Cursor<'_>, key: &str, kind: u32) -> Result<Value, GgufError> {
    Ok(match kind {
        kind::U8 => Value::Unsigned(u8::from_le_bytes(cursor.array(key)?).into()),
        kind::I8 => Value::Signed(i8::from_le_bytes(cursor.array(key)?).into()),
        kind::U16 => Value::Unsigned(u16::from_le_bytes(cursor.array(key)?).into()),
        kind::I16 => Value::Signed(i16::from_le_bytes(cursor.array(key)?).into()),
        kind::U32 => Value::Unsigned(u32::from_le_bytes(cursor.array(key)?).into()),
        kind::I32 => Value::Signed(i32::from_le_bytes(cursor.array(key)?).into()),
        kind::U64 => Value::Unsigned(cursor.u64(key)?),
        kind::I64 => Value::Signed(i64::from_le_bytes(cursor.array(key)?)),
        kind::F32 => Value::Float(f32::from_le_bytes(cursor.array(key)?).into()),
        kind::F64 => Value::Float(f64::from_le_bytes(cursor.array(key)?)),
        kind::BOOL => match cursor.array::<1>(key)? {
            [0] => Value::Bool(false),
            [1] => Value::Bool(true),
            [other] => {
                let reason = format!("a boolean is 0 or 1, not {other}");
                return Err(GgufError::malformed(path, format!("key `{key}`"), reason));
            }
        },
        kind::STRING => Value::String(cursor.string(key)?.to_owned()),
        other => {
            let reason = format!("the value type {other} does not exist");
            return Err(GgufError::malformed(path, format!("key `{key}`"), reason));
        }
    })
}

fn array(path: &Path, cursor: &mut Cursor<'_>, key: &str) -> Result<Value, GgufError> {
    let kind = cursor.u32(key)?;
    let count = cursor.u64(key)?;
    let refuse = |reason: String| Err(GgufError::malformed(path, format!("key `{key}`"), reason));
    // Each element takes at least a byte, so the file bounds the count too.
    if count > MAX_ARRAY || count > cursor.remaining() as u64 {
        return refuse(format!(
            "an array of {count} elements is not possible here (at most {MAX_ARRAY}, and {} bytes \
             are left)",
            cursor.remaining()
        ));
    }
    Ok(match kind {
        kind::STRING => {
            let strings = (0..count).map(|_| cursor.string(key).map(str::to_owned));
            Value::Strings(strings.collect::<Result<_, _>>()?)
        }
        kind::F32 | kind::F64 => {
            let mut numbers = Vec::new();
            for _ in 0..count {
                if let Value::Float(number) = scalar(path, cursor, key, kind)? {
                    numbers.push(number);
                }
            }
            Value::Floats(numbers)
        }
        kind::BOOL => {
            let mut flags = Vec::new();
            for _ in 0..count {
                if let Value::Bool(flag) = scalar(path, cursor, key, kind)? {
                    flags.push(flag);
                }
            }
            Value::Bools(flags)
        }
        kind::ARRAY => return refuse("arrays of arrays are not read".to_owned()),
        _ => {
            let mut numbers = Vec::new();
            for _ in 0..count {
                let number = match scalar(path, cursor, key, kind)? {
                    Value::Unsigned(number) => i64::try_from(number).ok(),
                    Value::Signed(number) => Some(number),
                    _ => None,
                };
                match number {
                    Some(number) => numbers.push(number),
                    None => return refuse("an integer is above 2^63".to_owned()),
                }
            }
            Value::Integers(numbers)
        }
    })
}
