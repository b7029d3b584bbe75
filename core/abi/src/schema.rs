//! Parameters: what a plugin takes, and the check of what a user gave.

use crate::{error::PluginError, suggest::hint};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// Type of a parameter's value.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ValueType {
    /// A number. Integers are taken as numbers too.
    Float,
    /// A whole number.
    Integer,
    /// `true` or `false`.
    Boolean,
    /// Text.
    String,
    /// A list of texts.
    StringList,
    /// Texts by name, such as one prompt per language.
    StringMap,
}

impl ValueType {
    fn words(self) -> &'static str {
        match self {
            ValueType::Float => "a number",
            ValueType::Integer => "a whole number",
            ValueType::Boolean => "true or false",
            ValueType::String => "a text",
            ValueType::StringList => "a list of texts",
            ValueType::StringMap => "a table of texts",
        }
    }

    fn fits(self, value: &Value) -> bool {
        match self {
            ValueType::Float => value.as_f64().is_some(),
            ValueType::Integer => value.as_i64().is_some() || value.as_u64().is_some(),
            ValueType::Boolean => value.is_boolean(),
            ValueType::String => value.is_string(),
            ValueType::StringList => value
                .as_array()
                .is_some_and(|a| a.iter().all(Value::is_string)),
            ValueType::StringMap => value
                .as_object()
                .is_some_and(|o| o.values().all(Value::is_string)),
        }
    }
}

/// One parameter.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Parameter {
    /// Its name.
    pub name: String,
    /// Type of its value; of each model's value where `per_model` is set.
    #[serde(rename = "type")]
    pub value_type: ValueType,
    /// Whether each model has its own value.
    #[serde(default)]
    pub per_model: bool,
    /// The value where none is given. `None` means that one must be given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub default: Option<Value>,
    /// Whether it may be left out although it has no default.
    #[serde(default)]
    pub optional: bool,
    /// Smallest allowed number.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub min: Option<f64>,
    /// Largest allowed number.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max: Option<f64>,
    /// Whether `min` itself is refused.
    #[serde(default)]
    pub above_min: bool,
    /// The allowed texts, where they are a fixed set.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub choices: Vec<String>,
    /// What it does, in the words of its doc comment.
    pub doc: String,
}

impl Parameter {
    /// The allowed values in words, such as `0 to 1`, or an empty text.
    pub fn range(&self) -> String {
        let low = if self.above_min { "above " } else { "" };
        match (self.min, self.max) {
            (Some(a), Some(b)) if self.above_min => format!("above {a}, at most {b}"),
            (Some(a), Some(b)) => format!("{a} to {b}"),
            (Some(a), None) if self.above_min => format!("{low}{a}"),
            (Some(a), None) => format!("at least {a}"),
            (None, Some(b)) => format!("at most {b}"),
            (None, None) if self.choices.is_empty() => String::new(),
            (None, None) => self.choices.join(" | "),
        }
    }

    fn check_one(&self, value: &Value) -> Result<(), PluginError> {
        let refuse = |message: String| Err(PluginError::parameter(&self.name, message));
        if !self.value_type.fits(value) {
            return refuse(format!(
                "`{}` takes {}, not {value}.",
                self.name,
                self.value_type.words()
            ));
        }
        if let Some(number) = value.as_f64() {
            let low = self
                .min
                .is_some_and(|m| number < m || (self.above_min && number <= m));
            let high = self.max.is_some_and(|m| number > m);
            if low || high || !number.is_finite() {
                return refuse(format!(
                    "`{}` = {number} is out of range: {}.",
                    self.name,
                    self.range()
                ));
            }
        }
        if let Some(text) = value.as_str()
            && !self.choices.is_empty()
            && !self.choices.iter().any(|c| c == text)
        {
            let near = crate::suggest::nearest(text, self.choices.iter().map(String::as_str))
                .map(|n| format!(" Did you mean `{n}`?"))
                .unwrap_or_default();
            return refuse(format!(
                "`{}` = \"{text}\" is not one of {}.{near}",
                self.name,
                self.choices.join(", ")
            ));
        }
        Ok(())
    }
}

/// The parameters of a plugin.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Schema {
    /// In the order in which the author wrote them.
    pub parameters: Vec<Parameter>,
}

impl Schema {
    /// The parameter of this name.
    pub fn get(&self, name: &str) -> Option<&Parameter> {
        self.parameters.iter().find(|p| p.name == name)
    }

    /// Names of all parameters.
    pub fn names(&self) -> impl Iterator<Item = &str> + Clone {
        self.parameters.iter().map(|p| p.name.as_str())
    }

    /// Checks that a name exists.
    ///
    /// # Errors
    /// Names the nearest parameter.
    pub fn check_name(&self, name: &str) -> Result<&Parameter, PluginError> {
        self.get(name).ok_or_else(|| {
            let message = if self.parameters.is_empty() {
                format!("`{name}` is unknown: there are no parameters to set.")
            } else {
                format!(
                    "`{name}` is no parameter of it.{}",
                    hint(name, self.names())
                )
            };
            PluginError::parameter(name, message)
        })
    }

    /// Checks one value, of one model where the parameter is per model.
    ///
    /// # Errors
    /// An unknown name, a wrong type, a value out of range.
    pub fn check_value(&self, name: &str, value: &Value) -> Result<(), PluginError> {
        self.check_name(name)?.check_one(value)
    }

    /// Checks given values and fills in defaults, so that the result names every parameter.
    ///
    /// A per-model parameter may be given as one value for all or as an array of `models` values;
    /// the result has the array.
    ///
    /// # Errors
    /// An unknown name, a wrong type, a value out of range, a missing value without default, or an
    /// array of the wrong length.
    pub fn complete(
        &self,
        given: &Map<String, Value>,
        models: usize,
    ) -> Result<Map<String, Value>, PluginError> {
        for name in given.keys() {
            self.check_name(name)?;
        }
        let mut full = Map::new();
        for parameter in &self.parameters {
            let name = &parameter.name;
            let Some(value) = given.get(name).or(parameter.default.as_ref()) else {
                if parameter.optional {
                    continue;
                }
                return Err(PluginError::parameter(
                    name,
                    format!("`{name}` has no default: give it a value."),
                ));
            };
            let value = if parameter.per_model {
                let values = match value {
                    Value::Array(values) => values.clone(),
                    one => vec![one.clone(); models],
                };
                if values.len() != models {
                    return Err(PluginError::parameter(
                        name,
                        format!(
                            "`{name}` has {} values for {models} models: give one value for all, \
                             or one per model.",
                            values.len()
                        ),
                    ));
                }
                for value in &values {
                    parameter.check_one(value)?;
                }
                Value::Array(values)
            } else {
                parameter.check_one(value)?;
                value.clone()
            };
            full.insert(name.clone(), value);
        }
        Ok(full)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn schema() -> Schema {
        serde_json::from_value(json!([
            {"name": "density", "type": "float", "per_model": true, "default": 1.0, "min": 0.0,
             "max": 1.0, "above_min": true, "doc": "Share of entries kept."},
            {"name": "weight", "type": "float", "per_model": true, "doc": "Weight."},
            {"name": "sign_vote", "type": "string", "default": "weighted",
             "choices": ["weighted", "unweighted"], "doc": "Vote."}
        ]))
        .expect("a valid schema")
    }

    fn complete(given: Value) -> Result<Map<String, Value>, String> {
        let Value::Object(given) = given else {
            panic!("an object")
        };
        schema().complete(&given, 2).map_err(|e| e.to_string())
    }

    #[test]
    fn defaults_and_single_values_fill_up() {
        let full = complete(json!({"weight": 0.5})).expect("valid");
        assert_eq!(
            Value::Object(full),
            json!({"density": [1.0, 1.0], "weight": [0.5, 0.5], "sign_vote": "weighted"})
        );
    }

    #[test]
    fn refusals_say_what_to_write() {
        let message = |v| complete(v).expect_err("refused");
        assert_eq!(
            message(json!({"densty": 1})),
            "`densty` is no parameter of it. Did you mean `density`?"
        );
        assert_eq!(
            message(json!({"weight": 1, "density": 1.7})),
            "`density` = 1.7 is out of range: above 0, at most 1."
        );
        assert_eq!(
            message(json!({"weight": "1"})),
            "`weight` takes a number, not \"1\"."
        );
        assert_eq!(
            message(json!({})),
            "`weight` has no default: give it a value."
        );
        assert_eq!(
            message(json!({"weight": [1, 2, 3]})),
            "`weight` has 3 values for 2 models: give one value for all, or one per model."
        );
        assert_eq!(
            message(json!({"weight": 1, "sign_vote": "weigted"})),
            "`sign_vote` = \"weigted\" is not one of weighted, unweighted. Did you mean `weighted`?"
        );
    }
}
