//! Parameters of a plugin.
//!
//! `#[derive(Params)]` reads a struct's fields: the doc comment becomes the parameter's
//! description, the type its type, and `#[param(...)]` the rest:
//!
//! | attribute | meaning |
//! |---|---|
//! | `default = 1.0` | the value where none is given |
//! | `min = 0.0`, `max = 1.0` | the allowed range, bounds included |
//! | `above = 0.0` | the allowed range, this bound excluded |
//! | `name = "lambda"` | another name than the field's |
//!
//! A field of type [`PerModel`] has one value per model. `Option` fields may be left out. Enums
//! with `#[derive(Choice)]` take one of their variants in snake case.

use crate::{Error, Model, Result};
use mergelab_abi::schema::{Schema, ValueType};
use serde_json::{Map, Value};
use std::{collections::BTreeMap, ops::Index};

/// A plugin's parameters. Derive it.
pub trait Params: Sized + Send + Sync + 'static {
    /// The struct's doc comment, lines joined.
    const DOC: &'static str;

    /// The parameters, in the order of the fields.
    fn schema() -> Schema;

    /// Reads checked values: every parameter is there, per-model ones as arrays.
    ///
    /// # Errors
    /// A value of the wrong type.
    fn from_values(values: &Map<String, Value>) -> Result<Self>;
}

/// Checks what was given, fills in defaults, and reads it.
pub(crate) fn read<P: Params>(given: &Map<String, Value>, models: usize) -> Result<P> {
    P::from_values(&P::schema().complete(given, models)?)
}

/// A type that a parameter can have.
pub trait Parameter: Sized {
    /// Type of the value in a manifest.
    const TYPE: ValueType;
    /// Whether each model has its own value.
    const PER_MODEL: bool = false;
    /// Whether the parameter may be left out.
    const OPTIONAL: bool = false;

    /// The allowed texts, where they are a fixed set.
    fn choices() -> Vec<String> {
        Vec::new()
    }

    /// Reads a value. `None` where an optional parameter is absent.
    ///
    /// # Errors
    /// A value of the wrong type.
    fn from_value(name: &str, value: Option<&Value>) -> Result<Self>;
}

fn wrong(name: &str, value: Option<&Value>) -> Error {
    Error::parameter(
        name,
        match value {
            Some(value) => format!("`{name}` cannot be {value}"),
            None => format!("`{name}` is missing"),
        },
    )
}

macro_rules! scalar {
    ($($type:ty, $kind:ident, $read:expr;)+) => {$(
        impl Parameter for $type {
            const TYPE: ValueType = ValueType::$kind;
            fn from_value(name: &str, value: Option<&Value>) -> Result<Self> {
                let read: fn(&Value) -> Option<$type> = $read;
                value.and_then(read).ok_or_else(|| wrong(name, value))
            }
        }
    )+};
}

scalar! {
    f64, Float, |v| v.as_f64();
    i64, Integer, |v| v.as_i64();
    u64, Integer, |v| v.as_u64();
    usize, Integer, |v| v.as_u64().and_then(|n| n.try_into().ok());
    bool, Boolean, |v| v.as_bool();
    String, String, |v| v.as_str().map(str::to_owned);
    Vec<String>, StringList, |v| {
        v.as_array()?.iter().map(|s| s.as_str().map(str::to_owned)).collect()
    };
    BTreeMap<String, String>, StringMap, |v| {
        let texts = v.as_object()?.iter();
        texts.map(|(k, s)| Some((k.clone(), s.as_str()?.to_owned()))).collect()
    };
}

impl<T: Parameter> Parameter for Option<T> {
    const TYPE: ValueType = T::TYPE;
    const OPTIONAL: bool = true;

    fn choices() -> Vec<String> {
        T::choices()
    }

    fn from_value(name: &str, value: Option<&Value>) -> Result<Self> {
        value.map(|v| T::from_value(name, Some(v))).transpose()
    }
}

/// A fixed set of texts. Derive it on an enum whose variants have no fields: `OneWord` is written
/// `one_word`.
pub trait Choice: Sized + Copy + 'static {
    /// Every variant with its text.
    const VARIANTS: &'static [(&'static str, Self)];
}

impl<T: Choice> Parameter for T {
    const TYPE: ValueType = ValueType::String;

    fn choices() -> Vec<String> {
        T::VARIANTS.iter().map(|(n, _)| (*n).to_owned()).collect()
    }

    fn from_value(name: &str, value: Option<&Value>) -> Result<Self> {
        let text = value.and_then(Value::as_str);
        T::VARIANTS
            .iter()
            .find(|(n, _)| Some(*n) == text)
            .map(|(_, v)| *v)
            .ok_or_else(|| wrong(name, value))
    }
}

/// One value per model, indexed by the model.
#[derive(Debug, Clone, PartialEq)]
pub struct PerModel<T>(Vec<T>);

impl<T> PerModel<T> {
    /// The values, in the order of the models.
    pub fn iter(&self) -> impl Iterator<Item = &T> {
        self.0.iter()
    }
}

impl<T: Parameter> Parameter for PerModel<T> {
    const TYPE: ValueType = T::TYPE;
    const PER_MODEL: bool = true;

    fn choices() -> Vec<String> {
        T::choices()
    }

    fn from_value(name: &str, value: Option<&Value>) -> Result<Self> {
        let values = value
            .and_then(Value::as_array)
            .ok_or_else(|| wrong(name, value))?;
        values
            .iter()
            .map(|v| T::from_value(name, Some(v)))
            .collect::<Result<_>>()
            .map(Self)
    }
}

impl<T> Index<&Model> for PerModel<T> {
    type Output = T;

    fn index(&self, model: &Model) -> &T {
        &self.0[model.index()]
    }
}
