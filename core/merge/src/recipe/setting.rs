//! Values of a parameter, which may depend on the tensor.

use super::{Position, RecipeError};
use crate::document::{Document, Node, Raw, get};
use serde::{Serialize, Serializer};
use serde_json::{Map, Value, json};

/// The value of a parameter as a recipe gives it.
#[derive(Debug, Clone)]
pub struct Setting {
    /// The first one that fits a tensor's name counts.
    pub alternatives: Vec<Alternative>,
    /// Where it stands in the recipe.
    pub at: Position,
}

/// A value for the tensors that a filter fits.
#[derive(Debug, Clone)]
pub struct Alternative {
    /// A part of the tensor's name. `None` and `*` fit every tensor.
    pub filter: Option<String>,
    /// The value.
    pub value: SettingValue,
}

/// A value, or one for each layer.
#[derive(Debug, Clone, PartialEq)]
pub enum SettingValue {
    /// The same for every layer. A list of truth values or texts, for a parameter that takes one of
    /// them, gives each to the same share of the layers, and the last one to what is at the end.
    Plain(Value),
    /// Points of a piecewise linear function over the layers, at least one.
    Gradient(Vec<f64>),
}

impl From<Value> for Setting {
    /// The same value for every tensor, whatever it is: a list is a list, not a gradient.
    fn from(value: Value) -> Self {
        Self {
            alternatives: vec![Alternative {
                filter: None,
                value: SettingValue::Plain(value),
            }],
            at: Position::default(),
        }
    }
}

impl Setting {
    /// The value for a tensor that stands at `depth` (0 for the first layer, 1 for the last one).
    /// `None` where no filter fits.
    pub fn resolve(&self, tensor: &str, depth: f64) -> Option<Value> {
        self.find(tensor, depth).map(|(_, value)| value)
    }

    /// The alternative that counts for a tensor, and its value.
    pub(crate) fn find(&self, tensor: &str, depth: f64) -> Option<(&Alternative, Value)> {
        let fitting = self.alternatives.iter().find(|a| a.fits(tensor))?;
        Some((fitting, fitting.value.at(depth)?))
    }

    /// Reads a plain value, a gradient or a list of alternatives.
    pub(crate) fn read(
        document: Document<'_>,
        name: &str,
        node: &Node,
    ) -> Result<Self, RecipeError> {
        let alternatives = match &node.raw {
            Raw::List(items) if items.iter().any(is_alternative) => items
                .iter()
                .map(|item| Alternative::read(document, name, item))
                .collect::<Result<_, _>>()?,
            // A single one may stand without the list.
            Raw::Table(_) if is_alternative(node) => {
                vec![Alternative::read(document, name, node)?]
            }
            _ => vec![Alternative {
                filter: None,
                value: SettingValue::read(document, name, node)?,
            }],
        };
        Ok(Self {
            alternatives,
            at: node.at,
        })
    }
}

fn is_alternative(node: &Node) -> bool {
    match &node.raw {
        Raw::Table(entries) => entries
            .iter()
            .any(|e| e.key == "value" || e.key == "filter"),
        _ => false,
    }
}

impl Alternative {
    fn fits(&self, tensor: &str) -> bool {
        match self.filter.as_deref() {
            None | Some("*") => true,
            Some(filter) => tensor.contains(filter),
        }
    }

    fn read(document: Document<'_>, name: &str, node: &Node) -> Result<Self, RecipeError> {
        let Raw::Table(entries) = &node.raw else {
            return Ok(Self {
                filter: None,
                value: SettingValue::read(document, name, node)?,
            });
        };
        document.check_keys("an alternative", entries, &["filter", "value"])?;
        let filter = match get(entries, "filter") {
            None => None,
            Some(Node {
                raw: Raw::Scalar(Value::Null),
                ..
            }) => None,
            Some(node) => Some(document.text("filter", node)?.to_owned()),
        };
        let value = get(entries, "value").ok_or_else(|| {
            document.error(
                node.at,
                format!("this alternative of `{name}` has no `value`"),
            )
        })?;
        Ok(Self {
            filter,
            value: SettingValue::read(document, name, value)?,
        })
    }
}

impl SettingValue {
    fn read(document: Document<'_>, name: &str, node: &Node) -> Result<Self, RecipeError> {
        let value = node.to_json();
        let numbers = match &value {
            Value::Array(items) if items.is_empty() => {
                return Err(document.error(node.at, format!("`{name}` is an empty list")));
            }
            Value::Array(items) => items.iter().map(Value::as_f64).collect::<Option<Vec<_>>>(),
            Value::Null => {
                return Err(document.error(
                    node.at,
                    format!("`{name}` has no value: write one, or leave the name out"),
                ));
            }
            _ => None,
        };
        Ok(match numbers {
            Some(points) => SettingValue::Gradient(points),
            None => SettingValue::Plain(value),
        })
    }

    /// The value at a depth from 0 to 1; none of a gradient without points.
    fn at(&self, depth: f64) -> Option<Value> {
        match self {
            SettingValue::Plain(value) => Some(value.clone()),
            SettingValue::Gradient(points) => {
                let last = points.len().checked_sub(1)?;
                let scaled = depth * last as f64;
                let low = (scaled.floor() as usize).min(last);
                let high = (low + 1).min(last);
                let share = scaled - low as f64;
                Some(json!(points[low] * (1.0 - share) + points[high] * share))
            }
        }
    }

    fn to_json(&self) -> Value {
        match self {
            SettingValue::Plain(value) => value.clone(),
            SettingValue::Gradient(points) => json!(points),
        }
    }
}

/// In the form that a recipe file has.
impl Serialize for Setting {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if let [only] = &self.alternatives[..]
            && only.filter.is_none()
        {
            return only.value.to_json().serialize(serializer);
        }
        let list = self.alternatives.iter().map(|a| {
            let mut table = Map::new();
            if let Some(filter) = &a.filter {
                table.insert("filter".to_owned(), json!(filter));
            }
            table.insert("value".to_owned(), a.value.to_json());
            table
        });
        serializer.collect_seq(list)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn gradient(points: &[f64], depth: f64) -> f64 {
        let value = SettingValue::Gradient(points.to_vec()).at(depth);
        value.and_then(|v| v.as_f64()).unwrap()
    }

    #[test]
    fn gradients_are_piecewise_linear() {
        assert_eq!(gradient(&[2.0], 0.7), 2.0);
        assert_eq!(gradient(&[0.0, 1.0], 0.25), 0.25);
        for (depth, wanted) in [(0.0, 0.0), (0.25, 0.5), (0.5, 1.0), (0.75, 0.6), (1.0, 0.2)] {
            let found = gradient(&[0.0, 1.0, 0.2], depth);
            assert!((found - wanted).abs() < 1e-12, "{depth}: {found}");
        }
    }

    #[test]
    fn the_first_alternative_that_fits_counts() {
        let setting = Setting {
            alternatives: [
                (Some("mlp"), 0.1),
                (Some("layers.1."), 0.2),
                (Some("*"), 0.3),
            ]
            .map(|(filter, value)| Alternative {
                filter: filter.map(str::to_owned),
                value: SettingValue::Plain(json!(value)),
            })
            .into(),
            at: Position::default(),
        };
        for (tensor, wanted) in [
            ("model.layers.1.mlp.weight", 0.1),
            ("model.layers.1.attn.weight", 0.2),
            ("model.norm.weight", 0.3),
        ] {
            assert_eq!(setting.resolve(tensor, 0.0), Some(json!(wanted)));
        }
        let narrow = Setting {
            alternatives: setting.alternatives[..1].to_vec(),
            ..setting
        };
        assert_eq!(narrow.resolve("model.norm.weight", 0.0), None);
    }
}
