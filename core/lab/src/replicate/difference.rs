//! The first place where two files differ.

use mergelab_checkpoint::Checkpoint;
use serde::Serialize;
use serde_json::Value;
use std::{fs, path::Path};

/// The first difference that was found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Difference {
    /// The stage, such as `merge linear`, or the table.
    pub stage: String,
    /// The file.
    pub file: String,
    /// The place in it: a tensor and an element, an example and a field, a byte.
    pub place: String,
    /// What the run has there.
    pub run: String,
    /// What was made anew.
    pub anew: String,
    /// What this tells, where it tells more than that.
    pub note: String,
}

/// Place and both values of the first difference of two files; `None` where they are the same as
/// far as the place can be told.
pub(super) fn first(run: &Path, anew: &Path) -> Option<[String; 3]> {
    let kind = run.extension().and_then(|e| e.to_str()).unwrap_or("");
    match kind {
        "safetensors" => of_tensors(run, anew),
        "jsonl" => of_lines(run, anew),
        "json" => {
            let read = |path: &Path| serde_json::from_slice::<Value>(&fs::read(path).ok()?).ok();
            of_values("", &read(run)?, &read(anew)?)
        }
        _ => None,
    }
    .or_else(|| of_bytes(run, anew))
}

fn of_tensors(run: &Path, anew: &Path) -> Option<[String; 3]> {
    let (run, anew) = (Checkpoint::open(run).ok()?, Checkpoint::open(anew).ok()?);
    for view in run.tensors() {
        let place = format!("tensor {}", view.name);
        let Ok(other) = anew.tensor(view.name) else {
            return Some([place, "there".to_owned(), "not there".to_owned()]);
        };
        let form = |dtype: &str, shape: &[usize]| format!("{dtype} {shape:?}");
        if (view.dtype, view.shape) != (other.dtype, other.shape) {
            return Some([
                place,
                form(view.dtype.name(), view.shape),
                form(other.dtype.name(), other.shape),
            ]);
        }
        let size = view.dtype.size();
        let chunks = || view.bytes.chunks(size).zip(other.bytes.chunks(size));
        let Some(index) = chunks().position(|(a, b)| a != b) else {
            continue;
        };
        let value = |view: &mergelab_checkpoint::TensorView<'_>| {
            let mut one = [0.0f32];
            match view.read_f32(index..index + 1, &mut one) {
                Ok(()) if view.dtype.is_float() => format!("{:?}", one[0]),
                _ => format!("{:02x?}", &view.bytes[index * size..(index + 1) * size]),
            }
        };
        let differing = chunks().filter(|(a, b)| a != b).count();
        return Some([
            format!(
                "{place}, element {} ({differing} of {} differ)",
                indices(index, view.shape),
                view.elements()
            ),
            value(&view),
            value(&other),
        ]);
    }
    let extra = anew.names().iter().find(|name| !run.contains(name))?;
    let place = format!("tensor {extra}");
    Some([place, "not there".to_owned(), "there".to_owned()])
}

/// A row-major position as an index for each dimension.
fn indices(mut index: usize, shape: &[usize]) -> String {
    let mut all: Vec<usize> = shape
        .iter()
        .rev()
        .map(|&size| {
            let own = index % size.max(1);
            index /= size.max(1);
            own
        })
        .collect();
    all.reverse();
    format!("{all:?}")
}

/// Files with a JSON object a line, each about one example.
fn of_lines(run: &Path, anew: &Path) -> Option<[String; 3]> {
    let (run, anew) = (
        fs::read_to_string(run).ok()?,
        fs::read_to_string(anew).ok()?,
    );
    let (run, anew): (Vec<&str>, Vec<&str>) = (run.lines().collect(), anew.lines().collect());
    for (i, (a, b)) in run.iter().zip(&anew).enumerate() {
        if a == b {
            continue;
        }
        let (Ok(a), Ok(b)) = (
            serde_json::from_str::<Value>(a),
            serde_json::from_str::<Value>(b),
        ) else {
            return Some([format!("line {}", i + 1), (*a).to_owned(), (*b).to_owned()]);
        };
        let id = b["id"].as_str().unwrap_or("").to_owned();
        if let Some([field, a, b]) = of_values("", &a, &b) {
            return Some([format!("example {id}, field {field}"), a, b]);
        }
    }
    (run.len() != anew.len()).then(|| {
        let said = |n: usize| format!("{n} lines");
        ["its end".to_owned(), said(run.len()), said(anew.len())]
    })
}

/// The first field that differs, by its path.
fn of_values(path: &str, run: &Value, anew: &Value) -> Option<[String; 3]> {
    let inner = |name: &str| match path {
        "" => name.to_owned(),
        path => format!("{path}.{name}"),
    };
    match (run, anew) {
        (Value::Object(a), Value::Object(b)) => {
            let names = a
                .keys()
                .chain(b.keys().filter(|name| !a.contains_key(*name)));
            names
                .filter_map(|name| {
                    let of = |map: &serde_json::Map<String, Value>| {
                        map.get(name).cloned().unwrap_or(Value::Null)
                    };
                    of_values(&inner(name), &of(a), &of(b))
                })
                .next()
        }
        (Value::Array(a), Value::Array(b)) if a.len() == b.len() => {
            let pairs = a.iter().zip(b).enumerate();
            pairs
                .filter_map(|(i, (a, b))| of_values(&inner(&i.to_string()), a, b))
                .next()
        }
        (a, b) if a == b => None,
        (a, b) => Some([path.to_owned(), a.to_string(), b.to_string()]),
    }
}

fn of_bytes(run: &Path, anew: &Path) -> Option<[String; 3]> {
    let (run, anew) = (fs::read(run).ok()?, fs::read(anew).ok()?);
    let at = run.iter().zip(&anew).position(|(a, b)| a != b);
    match at {
        Some(at) => Some([
            format!("byte {at}"),
            format!("{:#04x}", run[at]),
            format!("{:#04x}", anew[at]),
        ]),
        None if run.len() != anew.len() => Some([
            "its length".to_owned(),
            format!("{} bytes", run.len()),
            format!("{} bytes", anew.len()),
        ]),
        None => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn files(name: &str, a: &str, b: &str) -> Option<[String; 3]> {
        let folder = tempfile::tempdir().unwrap();
        let [one, other] = ["a", "b"].map(|side| {
            let path = folder.path().join(side);
            fs::create_dir(&path).unwrap();
            path.join(name)
        });
        fs::write(&one, a).unwrap();
        fs::write(&other, b).unwrap();
        first(&one, &other)
    }

    fn found(name: &str, a: &str, b: &str) -> [String; 3] {
        files(name, a, b).unwrap()
    }

    #[test]
    fn an_example_and_its_field_are_named() {
        let a = "{\"id\":\"x\",\"s\":{\"f\":[1,2]}}\n{\"id\":\"y\",\"s\":{\"f\":[1,2]}}\n";
        let b = a.replace("\"y\",\"s\":{\"f\":[1,2]", "\"y\",\"s\":{\"f\":[1,3]");
        assert_eq!(
            found("p.jsonl", a, &b),
            ["example y, field s.f.1", "2", "3"]
        );
        assert_eq!(
            found("p.jsonl", a, a.lines().next().unwrap()),
            ["its end", "2 lines", "1 lines"]
        );
        assert_eq!(files("p.jsonl", a, a), None);
    }

    #[test]
    fn other_files_differ_at_a_key_or_a_byte() {
        assert_eq!(
            found("c.json", "{\"a\":1}", "{\"b\":1}"),
            ["a", "1", "null"]
        );
        assert_eq!(found("t.txt", "abc", "abd"), ["byte 2", "0x63", "0x64"]);
        assert_eq!(
            found("t.txt", "abc", "ab"),
            ["its length", "3 bytes", "2 bytes"]
        );
    }

    #[test]
    fn positions_count_by_dimension() {
        assert_eq!(indices(7, &[2, 5]), "[1, 2]");
        assert_eq!(indices(0, &[]), "[]");
    }
}
