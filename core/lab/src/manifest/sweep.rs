//! How the listed values of `[[merges]]` are put together: `sweep`.

use super::{
    merges::MergeCell,
    reader::{Entry, Reader, TextOrTable},
    source::ManifestError,
};
use serde_json::{Map, Value};

/// How the listed values of an entry make merges.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Sweep {
    /// Every combination.
    #[default]
    Grid,
    /// The first values of all lists, then the second ones, and so on.
    Zip,
    /// Drawn at random from lists and ranges.
    Random {
        /// How many merges.
        draws: usize,
        /// Seed of the draws; the experiment's where absent.
        seed: Option<u64>,
    },
}

/// Draws for one merge after which no other one is looked for: what is listed has no more.
const PATIENCE: usize = 100;

impl Sweep {
    pub(super) fn read(reader: &Reader<'_>) -> Result<Self, ManifestError> {
        match reader.text_or_table("sweep")? {
            None => Ok(Self::Grid),
            Some(TextOrTable::Text(word)) => match word.value.as_str() {
                "grid" => Ok(Self::Grid),
                "zip" => Ok(Self::Zip),
                other => Err(reader.error(
                    word.span,
                    format!(
                        "`sweep` = \"{other}\" is not one of grid, zip, or a table \
                         {{ random = N }}."
                    ),
                )),
            },
            Some(TextOrTable::Table(table)) => {
                let draws = table.whole("random")?;
                let draws = draws.ok_or_else(|| table.missing("random"))?;
                if draws == 0 {
                    return Err(table.error(table.span_of("random"), "`random` cannot be 0."));
                }
                let seed = table.whole("seed")?;
                table.finish()?;
                Ok(Self::Random {
                    draws: draws as usize,
                    seed,
                })
            }
        }
    }

    /// Refuses values that this sweep has no meaning for.
    pub(super) fn check(self, params: &[Entry], reader: &Reader<'_>) -> Result<(), ManifestError> {
        for (key, value) in params {
            let refuse = |message: String| Err(reader.error(value.span.clone(), message));
            match &value.value {
                Value::Array(values) if values.is_empty() => {
                    let key = &key.value;
                    return refuse(format!("`{key}` is an empty list: there is no merge."));
                }
                Value::Object(table) if Range::looks_like(table) => match self {
                    Self::Random { .. } => {
                        if let Err(message) = Range::read(table) {
                            return refuse(format!("`{}`: {message}", key.value));
                        }
                    }
                    _ => {
                        let key = &key.value;
                        return refuse(format!(
                            "`{key}` is a range, which needs draws: set `sweep = {{ random = N }}`."
                        ));
                    }
                },
                _ => {}
            }
        }
        let mut lists = params.iter().filter_map(|(key, value)| {
            let length = value.value.as_array().map(Vec::len)?;
            (length > 1).then_some((key, value, length))
        });
        if self == Self::Zip
            && let Some((first, _, length)) = lists.next()
            && let Some((key, value, other)) = lists.find(|(_, _, other)| *other != length)
        {
            return Err(reader.error(
                value.span.clone(),
                format!(
                    "`sweep = \"zip\"` takes lists in step, but `{}` has {length} values and `{}` \
                     has {other}.",
                    first.value, key.value
                ),
            ));
        }
        Ok(())
    }

    /// The merges of one method. `seed` is the experiment's.
    pub(super) fn cells(self, method: &str, params: &[Entry], seed: u64) -> Vec<MergeCell> {
        let several = |value: &Value| match value {
            Value::Array(values) => values.len() > 1,
            Value::Object(table) => matches!(self, Self::Random { .. }) && Range::looks_like(table),
            _ => false,
        };
        let swept: Vec<String> = params
            .iter()
            .filter(|(_, value)| several(&value.value))
            .map(|(key, _)| key.value.clone())
            .collect();
        let maps = match self {
            Self::Grid => grid(params),
            Self::Zip => zip(params),
            Self::Random { draws, seed: own } => random(params, draws, own.unwrap_or(seed)),
        };
        maps.into_iter()
            .map(|params| MergeCell {
                method: method.to_owned(),
                params,
                swept: swept.clone(),
            })
            .collect()
    }
}

/// Every combination of listed values, the last key fastest.
fn grid(params: &[Entry]) -> Vec<Map<String, Value>> {
    let mut maps = vec![Map::new()];
    for (key, value) in params {
        let axis = axis(&value.value);
        maps = maps
            .into_iter()
            .flat_map(|map: Map<String, Value>| {
                axis.iter().map(move |v| {
                    let mut map = map.clone();
                    map.insert(key.value.clone(), (*v).clone());
                    map
                })
            })
            .collect();
    }
    maps
}

fn zip(params: &[Entry]) -> Vec<Map<String, Value>> {
    let length = params.iter().map(|(_, v)| axis(&v.value).len()).max();
    (0..length.unwrap_or(1))
        .map(|step| {
            let own = |(key, value): &Entry| {
                let axis = axis(&value.value);
                // A list of one value is a value.
                let value = axis.get(step).or(axis.first())?;
                Some((key.value.clone(), (*value).clone()))
            };
            params.iter().filter_map(own).collect()
        })
        .collect()
}

fn axis(value: &Value) -> Vec<&Value> {
    match value {
        Value::Array(values) => values.iter().collect(),
        one => vec![one],
    }
}

/// `draws` different merges, or as many as there are. More draws keep those that were there.
fn random(params: &[Entry], draws: usize, seed: u64) -> Vec<Map<String, Value>> {
    let mut maps: Vec<Map<String, Value>> = Vec::new();
    for number in 0..draws * PATIENCE {
        if maps.len() == draws {
            break;
        }
        let map: Map<String, Value> = params
            .iter()
            .filter_map(|(key, value)| {
                let uniform = uniform(seed, number, &key.value);
                Some((key.value.clone(), drawn(&value.value, uniform)?))
            })
            .collect();
        if !maps.contains(&map) {
            maps.push(map);
        }
    }
    maps
}

fn drawn(value: &Value, uniform: f64) -> Option<Value> {
    match value {
        Value::Array(values) => {
            let at = (uniform * values.len() as f64) as usize;
            values.get(at.min(values.len().saturating_sub(1))).cloned()
        }
        Value::Object(table) if Range::looks_like(table) => Range::read(table).ok()?.at(uniform),
        one => Some(one.clone()),
    }
}

/// A number in `[0, 1)` that depends on the seed, the number of the draw and the key alone, so that
/// neither other keys nor more draws change it.
fn uniform(seed: u64, number: usize, key: &str) -> f64 {
    let mut hasher = blake3::Hasher::new();
    hasher.update(&seed.to_le_bytes());
    hasher.update(&(number as u64).to_le_bytes());
    hasher.update(key.as_bytes());
    let mut bytes = [0; 8];
    hasher.finalize_xof().fill(&mut bytes);
    (u64::from_le_bytes(bytes) >> 11) as f64 / (1u64 << 53) as f64
}

/// A range to draw from: `{ min = 0.1, max = 1.0, log = true }`.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Range {
    min: f64,
    max: f64,
    /// Evenly in the logarithm.
    log: bool,
    /// Whole numbers, both ends among them.
    whole: bool,
}

impl Range {
    /// Tells a range from a table of values by expert.
    fn looks_like(table: &Map<String, Value>) -> bool {
        let known = |key: &String| ["min", "max", "log", "whole"].contains(&key.as_str());
        table.contains_key("min") && table.contains_key("max") && table.keys().all(known)
    }

    fn read(table: &Map<String, Value>) -> Result<Self, String> {
        let number = |key: &str| {
            let value = table.get(key).and_then(Value::as_f64);
            value.ok_or_else(|| format!("`{key}` of a range is a number."))
        };
        let flag = |key: &str| match table.get(key) {
            None => Ok(false),
            Some(value) => value
                .as_bool()
                .ok_or_else(|| format!("`{key}` of a range is true or false.")),
        };
        let range = Self {
            min: number("min")?,
            max: number("max")?,
            log: flag("log")?,
            whole: flag("whole")?,
        };
        if range.min >= range.max {
            return Err("`min` of a range lies below its `max`.".to_owned());
        }
        if range.log && range.min <= 0.0 {
            return Err("`min` of a logarithmic range lies above 0.".to_owned());
        }
        Ok(range)
    }

    /// The value at this share of the range. Four digits are kept, which a name can say.
    fn at(self, share: f64) -> Option<Value> {
        let (low, high) = if self.whole {
            (self.min.ceil(), self.max.floor() + 1.0)
        } else {
            (self.min, self.max)
        };
        let value = if self.log {
            (low.ln() + share * (high.ln() - low.ln())).exp()
        } else {
            low + share * (high - low)
        };
        if self.whole {
            return Some(Value::from(value.floor().min(self.max.floor()) as i64));
        }
        let rounded: f64 = format!("{value:.3e}").parse().ok()?;
        serde_json::Number::from_f64(rounded.clamp(self.min, self.max)).map(Value::Number)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::manifest::Located;
    use serde_json::json;

    fn params(values: &[(&str, Value)]) -> Vec<Entry> {
        let located = |value: &Value| Located {
            value: value.clone(),
            span: 0..0,
        };
        let key = |key: &str| Located {
            value: key.to_owned(),
            span: 0..0,
        };
        values.iter().map(|(k, v)| (key(k), located(v))).collect()
    }

    fn of(sweep: Sweep, values: &[(&str, Value)]) -> Vec<Value> {
        let cells = sweep.cells("m", &params(values), 7);
        cells.into_iter().map(|c| Value::Object(c.params)).collect()
    }

    #[test]
    fn a_grid_is_every_combination_and_a_zip_goes_in_step() {
        let values = [("a", json!([1, 2])), ("b", json!([3, 4])), ("c", json!(5))];
        assert_eq!(
            of(Sweep::Grid, &values),
            [
                json!({"a": 1, "b": 3, "c": 5}),
                json!({"a": 1, "b": 4, "c": 5}),
                json!({"a": 2, "b": 3, "c": 5}),
                json!({"a": 2, "b": 4, "c": 5}),
            ]
        );
        assert_eq!(
            of(Sweep::Zip, &values),
            [
                json!({"a": 1, "b": 3, "c": 5}),
                json!({"a": 2, "b": 4, "c": 5}),
            ]
        );
        assert_eq!(of(Sweep::Zip, &[]), [json!({})]);
        let cells = Sweep::Zip.cells("m", &params(&values), 7);
        assert_eq!(cells[0].swept, ["a", "b"]);
    }

    #[test]
    fn draws_are_repeatable_and_lie_in_their_range() {
        let values = [
            ("lambda", json!({"min": 0.01, "max": 1.0, "log": true})),
            ("density", json!({"min": 0.2, "max": 0.9})),
            ("k", json!({"min": 2, "max": 4, "whole": true})),
            ("vote", json!(["a", "b"])),
        ];
        let random = |draws, seed| Sweep::Random { draws, seed };
        let found = of(random(200, None), &values);
        assert_eq!(found.len(), 200);
        assert_eq!(found, of(random(200, Some(7)), &values));
        assert_ne!(found, of(random(200, Some(8)), &values));
        // More draws, or a further key, leave what was drawn.
        assert_eq!(found[..20], of(random(20, None), &values));
        let fewer = of(random(20, None), &values[..1]);
        assert!(
            fewer
                .iter()
                .zip(&found)
                .all(|(a, b)| a["lambda"] == b["lambda"])
        );
        let numbers = |key: &str| -> Vec<f64> {
            found
                .iter()
                .map(|m| m[key].as_f64().expect("a number"))
                .collect()
        };
        assert!(numbers("lambda").iter().all(|l| (0.01..=1.0).contains(l)));
        assert!(numbers("density").iter().all(|l| (0.2..=0.9).contains(l)));
        // Half of a logarithmic range from 0.01 to 1 lies below 0.1: of 200 draws 100, give or
        // take five standard deviations of 7.
        let low = numbers("lambda").iter().filter(|l| **l < 0.1).count();
        assert!((65..135).contains(&low), "{low}");
        for whole in [2.0, 3.0, 4.0] {
            let count = numbers("k").iter().filter(|k| **k == whole).count();
            assert!((33..101).contains(&count), "{whole}: {count}");
        }
        // Four significant digits.
        assert!(found.iter().all(|m| m["density"].to_string().len() <= 6));
    }

    #[test]
    fn draws_differ_from_each_other() {
        let random = Sweep::Random {
            draws: 10,
            seed: None,
        };
        let found = of(random, &[("a", json!([1, 2, 3]))]);
        assert_eq!(found.len(), 3, "there are no more: {found:?}");
    }
}
