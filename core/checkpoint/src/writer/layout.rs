//! Which tensor goes where: shards, headers, offsets.

use std::collections::{BTreeMap, HashSet};

use serde_json::{Map, Value, json};

use super::{ExtraFile, TensorSpec, WriteError, WriterOptions};

/// Files to be written.
#[derive(Debug)]
pub(super) struct Plan {
    pub(super) files: Vec<PlannedFile>,
    /// In the order of the specifications.
    pub(super) places: Vec<Place>,
    /// The shard index, where there are several files.
    pub(super) index: Option<ExtraFile>,
}

#[derive(Debug)]
pub(super) struct PlannedFile {
    pub(super) name: String,
    /// The length field and the JSON.
    pub(super) header: Vec<u8>,
    /// Length of the whole file.
    pub(super) len: u64,
}

/// Where a tensor lies.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Place {
    pub(super) file: usize,
    /// Of the first byte, in the file.
    pub(super) offset: u64,
}

/// Assigns the tensors, in the order given, to shards of at most `max_shard_bytes`, as
/// transformers does.
pub(super) fn plan(
    specs: &[TensorSpec],
    options: &WriterOptions,
    stem: &str,
) -> Result<Plan, WriteError> {
    let sizes = sizes(specs)?;
    let mut shards: Vec<Vec<usize>> = vec![Vec::new()];
    let mut filled = 0u64;
    let mut total = 0u64;
    for (i, size) in sizes.iter().enumerate() {
        if filled.saturating_add(*size) > options.max_shard_bytes
            && shards.last().is_some_and(|shard| !shard.is_empty())
        {
            shards.push(Vec::new());
            filled = 0;
        }
        filled = filled.saturating_add(*size);
        total = total.checked_add(*size).ok_or_else(|| WriteError::Spec {
            tensor: specs[i].name.clone(),
            reason: "all tensors together exceed 2^64 bytes".to_owned(),
        })?;
        if let Some(shard) = shards.last_mut() {
            shard.push(i);
        }
    }
    let mut plan = Plan {
        files: Vec::new(),
        places: vec![Place::default(); specs.len()],
        index: None,
    };
    let count = shards.len();
    let mut weight_map = BTreeMap::new();
    for (file, mut shard) in shards.into_iter().enumerate() {
        // Wide elements first: the data begins 8-byte aligned, so every tensor is aligned to its
        // own elements.
        shard.sort_by(|a, b| {
            let key = |i: usize| (std::cmp::Reverse(specs[i].dtype.size()), &specs[i].name);
            key(*a).cmp(&key(*b))
        });
        let name = match count {
            1 => format!("{stem}.safetensors"),
            _ => format!("{stem}-{:05}-of-{count:05}.safetensors", file + 1),
        };
        let (header, len) = header(specs, &sizes, &shard, options);
        let mut offset = header.len() as u64;
        for i in shard {
            plan.places[i] = Place { file, offset };
            offset += sizes[i];
            weight_map.insert(specs[i].name.clone(), name.clone());
        }
        plan.files.push(PlannedFile { name, header, len });
    }
    if count > 1 {
        let index = json!({ "metadata": { "total_size": total }, "weight_map": weight_map });
        plan.index = Some(ExtraFile {
            name: format!("{stem}.safetensors.index.json"),
            bytes: format!("{index:#}\n").into_bytes(),
        });
    }
    Ok(plan)
}

/// The size of each tensor in bytes; refuses specifications that no file can hold.
fn sizes(specs: &[TensorSpec]) -> Result<Vec<u64>, WriteError> {
    if specs.is_empty() {
        return Err(WriteError::Empty);
    }
    let mut seen = HashSet::new();
    let mut sizes = Vec::with_capacity(specs.len());
    for spec in specs {
        let refuse = |reason: &str| WriteError::Spec {
            tensor: spec.name.clone(),
            reason: reason.to_owned(),
        };
        if spec.name.is_empty() || spec.name == "__metadata__" {
            return Err(refuse("the format does not allow this name"));
        }
        if !seen.insert(&spec.name) {
            return Err(refuse("the name is used twice"));
        }
        let size = spec
            .shape
            .iter()
            .try_fold(spec.dtype.size(), |size, dim| size.checked_mul(*dim))
            .ok_or_else(|| refuse("the shape exceeds 2^64 bytes"))?;
        sizes.push(size as u64);
    }
    Ok(sizes)
}

/// The header of a file with the tensors `order`, and the length of that file.
fn header(
    specs: &[TensorSpec],
    sizes: &[u64],
    order: &[usize],
    options: &WriterOptions,
) -> (Vec<u8>, u64) {
    let mut metadata = options.metadata.clone();
    metadata
        .entry("format".to_owned())
        .or_insert_with(|| "pt".to_owned());
    let mut entries = Map::new();
    entries.insert("__metadata__".to_owned(), json!(metadata));
    let mut end = 0;
    for i in order {
        let begin = end;
        end += sizes[*i];
        let entry: Value = json!({
            "dtype": specs[*i].dtype.name(),
            "shape": specs[*i].shape,
            "data_offsets": [begin, end],
        });
        entries.insert(specs[*i].name.clone(), entry);
    }
    let mut json = Value::Object(entries).to_string().into_bytes();
    json.resize(json.len().next_multiple_of(8), b' ');
    let mut header = (json.len() as u64).to_le_bytes().to_vec();
    header.append(&mut json);
    let len = header.len() as u64 + end;
    (header, len)
}
