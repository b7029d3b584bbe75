//! What differs between two checkpoints.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use rayon::prelude::*;
use serde::Serialize;
use serde_json::Value;

use crate::{Checkpoint, CheckpointError, TensorView};

/// Elements compared at a time. Sums are added in the order of the tiles, so they do not depend
/// on the number of threads.
const TILE: usize = 1 << 16;

/// What differs between two checkpoints, `a` and `b`.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Difference {
    /// Keys of `config.json` with differing values; nested ones joined by dots.
    pub config: Vec<ConfigChange>,
    /// Tensors that `b` lacks.
    pub only_in_a: Vec<String>,
    /// Tensors that `a` lacks.
    pub only_in_b: Vec<String>,
    /// Tensors of differing shapes, whose values are not compared.
    pub shapes: Vec<ShapeChange>,
    /// Tensors whose dtype or values differ, sorted by name.
    pub changed: Vec<TensorChange>,
    /// Tensors with the same shape, dtype and bytes.
    pub identical: usize,
}

/// A key of `config.json`; a value is null where the key is not there.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ConfigChange {
    /// The key.
    pub key: String,
    /// Its value in `a`.
    pub a: Value,
    /// Its value in `b`.
    pub b: Value,
}

/// A tensor of differing shapes.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ShapeChange {
    /// Its name.
    pub tensor: String,
    /// Its shape in `a`.
    pub a: Vec<usize>,
    /// Its shape in `b`.
    pub b: Vec<usize>,
}

/// A tensor of differing dtypes or values.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct TensorChange {
    /// Its name.
    pub tensor: String,
    /// Its dtype in `a`, as safetensors writes it.
    pub dtype_a: &'static str,
    /// Its dtype in `b`.
    pub dtype_b: &'static str,
    /// Number of elements.
    pub elements: usize,
    /// Elements whose values differ.
    pub differing: usize,
    /// Norm of the difference over the norm of `a`; `None` where `a` is zero, a value is not
    /// finite, or the values are no floats.
    pub relative_change: Option<f64>,
    /// The largest absolute difference; `None` where a value is not finite or no float.
    pub max_difference: Option<f64>,
}

impl Difference {
    /// Whether nothing differs.
    pub fn is_empty(&self) -> bool {
        self.config.is_empty()
            && self.only_in_a.is_empty()
            && self.only_in_b.is_empty()
            && self.shapes.is_empty()
            && self.changed.is_empty()
    }

    /// Compares two checkpoints; `None` when `interrupt` was set meanwhile. `progress` is told the
    /// elements done and in all.
    ///
    /// # Errors
    /// When values cannot be read.
    pub fn between(
        a: &Checkpoint,
        b: &Checkpoint,
        interrupt: &AtomicBool,
        progress: &(dyn Fn(u64, u64) + Sync),
    ) -> Result<Option<Difference>, CheckpointError> {
        let mut difference = Difference {
            config: config_changes(a.config(), b.config()),
            ..Difference::default()
        };
        let lacks = |of: &Checkpoint, other: &Checkpoint| {
            let names = of.names().iter().filter(|name| !other.contains(name));
            names.cloned().collect()
        };
        difference.only_in_a = lacks(a, b);
        difference.only_in_b = lacks(b, a);
        let mut pairs = Vec::new();
        for view in a.tensors() {
            let Ok(other) = b.tensor(view.name) else {
                continue;
            };
            if view.shape == other.shape {
                pairs.push((view, other));
            } else {
                difference.shapes.push(ShapeChange {
                    tensor: view.name.to_owned(),
                    a: view.shape.to_vec(),
                    b: other.shape.to_vec(),
                });
            }
        }
        let total = pairs.iter().map(|(a, _)| a.elements() as u64).sum();
        let done = AtomicU64::new(0);
        for (a, b) in pairs {
            if interrupt.load(Ordering::Relaxed) {
                return Ok(None);
            }
            match change(&a, &b)? {
                Some(change) => difference.changed.push(change),
                None => difference.identical += 1,
            }
            let elements = a.elements() as u64;
            progress(
                done.fetch_add(elements, Ordering::Relaxed) + elements,
                total,
            );
        }
        Ok(Some(difference))
    }
}

#[derive(Clone, Copy, Default)]
struct Sums {
    difference: f64,
    a: f64,
    max: f64,
    differing: usize,
    finite: bool,
}

fn change(a: &TensorView<'_>, b: &TensorView<'_>) -> Result<Option<TensorChange>, CheckpointError> {
    if a.dtype == b.dtype && same_bytes(a.bytes, b.bytes) {
        return Ok(None);
    }
    let mut change = TensorChange {
        tensor: a.name.to_owned(),
        dtype_a: a.dtype.name(),
        dtype_b: b.dtype.name(),
        elements: a.elements(),
        differing: 0,
        relative_change: None,
        max_difference: None,
    };
    if !a.dtype.is_float() || !b.dtype.is_float() {
        let size = a.dtype.size();
        change.differing = if a.dtype == b.dtype {
            let pairs = a.bytes.chunks(size).zip(b.bytes.chunks(size));
            pairs.filter(|(a, b)| a != b).count()
        } else {
            change.elements
        };
        return Ok(Some(change));
    }
    let tiles: Vec<usize> = (0..a.elements()).step_by(TILE).collect();
    let sums: Vec<Sums> = tiles
        .into_par_iter()
        .map(|start| of_tile(a, b, start..a.elements().min(start + TILE)))
        .collect::<Result<_, _>>()?;
    let mut whole = Sums {
        finite: true,
        ..Sums::default()
    };
    for tile in sums {
        whole.difference += tile.difference;
        whole.a += tile.a;
        whole.max = whole.max.max(tile.max);
        whole.differing += tile.differing;
        whole.finite &= tile.finite;
    }
    change.differing = whole.differing;
    if whole.finite {
        change.max_difference = Some(whole.max);
        let relative = (whole.difference / whole.a).sqrt();
        change.relative_change = Some(relative).filter(|relative| relative.is_finite());
    }
    Ok(Some(change))
}

fn of_tile(
    a: &TensorView<'_>,
    b: &TensorView<'_>,
    range: std::ops::Range<usize>,
) -> Result<Sums, CheckpointError> {
    let (mut left, mut right) = (vec![0.0f32; range.len()], vec![0.0f32; range.len()]);
    a.read_f32(range.clone(), &mut left)?;
    b.read_f32(range, &mut right)?;
    let mut sums = Sums {
        finite: true,
        ..Sums::default()
    };
    for (a, b) in left.iter().zip(&right) {
        let difference = f64::from(*b) - f64::from(*a);
        sums.difference += difference * difference;
        sums.a += f64::from(*a) * f64::from(*a);
        sums.max = sums.max.max(difference.abs());
        // Equal NaN are no difference.
        sums.differing += usize::from(a != b && !(a.is_nan() && b.is_nan()));
        sums.finite &= difference.is_finite();
    }
    Ok(sums)
}

fn same_bytes(a: &[u8], b: &[u8]) -> bool {
    a.len() == b.len()
        && a.par_chunks(1 << 20)
            .zip(b.par_chunks(1 << 20))
            .all(|(a, b)| a == b)
}

fn config_changes(a: Option<&Value>, b: Option<&Value>) -> Vec<ConfigChange> {
    let flat = |config: Option<&Value>| {
        let mut keys = BTreeMap::new();
        if let Some(config) = config {
            flatten("", config, &mut keys);
        }
        keys
    };
    let (a, b) = (flat(a), flat(b));
    let mut keys: Vec<&String> = a.keys().chain(b.keys()).collect();
    keys.sort();
    keys.dedup();
    let value = |of: &BTreeMap<String, Value>, key: &str| of.get(key).cloned().unwrap_or_default();
    keys.into_iter()
        .filter(|key| a.get(*key) != b.get(*key))
        .map(|key| ConfigChange {
            key: key.clone(),
            a: value(&a, key),
            b: value(&b, key),
        })
        .collect()
}

fn flatten(prefix: &str, value: &Value, keys: &mut BTreeMap<String, Value>) {
    match value {
        Value::Object(map) if !map.is_empty() => {
            for (key, value) in map {
                let key = if prefix.is_empty() {
                    key.clone()
                } else {
                    format!("{prefix}.{key}")
                };
                flatten(&key, value, keys);
            }
        }
        value => {
            keys.insert(prefix.to_owned(), value.clone());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{CheckpointWriter, DType, ExtraFile, TensorSpec, WriterOptions};

    fn checkpoint(
        dir: &std::path::Path,
        tensors: &[(&str, DType, &[f32])],
        config: Value,
    ) -> Checkpoint {
        let specs = tensors
            .iter()
            .map(|(name, dtype, values)| TensorSpec::new(*name, *dtype, [values.len()]))
            .collect();
        let writer = CheckpointWriter::create(dir, specs, WriterOptions::default()).unwrap();
        for (i, (_, _, values)) in tensors.iter().enumerate() {
            writer.write_f32(i, 0, values).unwrap();
        }
        let config = ExtraFile::new("config.json", config.to_string());
        writer.finish(&[config]).unwrap();
        Checkpoint::open(dir).unwrap()
    }

    fn between(a: &Checkpoint, b: &Checkpoint) -> Difference {
        let none = AtomicBool::new(false);
        Difference::between(a, b, &none, &|_, _| ())
            .unwrap()
            .unwrap()
    }

    #[test]
    fn everything_that_differs_is_listed() {
        let dir = tempfile::tempdir().unwrap();
        let a = checkpoint(
            &dir.path().join("a"),
            &[
                ("alone", DType::F32, &[1.0]),
                ("same", DType::BF16, &[1.0, 2.0]),
                ("shape", DType::F32, &[1.0, 2.0]),
                ("stored", DType::F32, &[1.0, 2.0]),
                ("values", DType::F32, &[3.0, 4.0, 0.0]),
                ("zero", DType::F32, &[0.0]),
            ],
            serde_json::json!({ "x": 1, "same": [1], "rope": { "theta": 1.0, "kind": "a" } }),
        );
        let b = checkpoint(
            &dir.path().join("b"),
            &[
                ("other", DType::F32, &[1.0]),
                ("same", DType::BF16, &[1.0, 2.0]),
                ("shape", DType::F32, &[1.0]),
                ("stored", DType::F16, &[1.0, 2.0]),
                ("values", DType::F32, &[3.0, 4.5, 0.0]),
                ("zero", DType::F32, &[2.0]),
            ],
            serde_json::json!({ "same": [1], "rope": { "theta": 2.0, "kind": "a" } }),
        );
        let found = between(&a, &b);
        assert_eq!(
            serde_json::to_value(&found).unwrap(),
            serde_json::json!({
                "config": [
                    { "key": "rope.theta", "a": 1.0, "b": 2.0 },
                    { "key": "x", "a": 1, "b": null },
                ],
                "only_in_a": ["alone"],
                "only_in_b": ["other"],
                "shapes": [{ "tensor": "shape", "a": [2], "b": [1] }],
                "changed": [
                    {
                        "tensor": "stored", "dtype_a": "F32", "dtype_b": "F16", "elements": 2,
                        "differing": 0, "relative_change": 0.0, "max_difference": 0.0,
                    },
                    {
                        "tensor": "values", "dtype_a": "F32", "dtype_b": "F32", "elements": 3,
                        "differing": 1, "relative_change": 0.1, "max_difference": 0.5,
                    },
                    {
                        "tensor": "zero", "dtype_a": "F32", "dtype_b": "F32", "elements": 1,
                        "differing": 1, "relative_change": null, "max_difference": 2.0,
                    },
                ],
                "identical": 1,
            })
        );
        assert!(!found.is_empty());
        assert!(between(&a, &a).is_empty());
        let interrupted = AtomicBool::new(true);
        let result = Difference::between(&a, &b, &interrupted, &|_, _| ());
        assert_eq!(result.unwrap(), None);
    }
}
