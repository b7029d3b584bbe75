//! The files beside the weights: configuration and tokenizer.

use crate::error::MergeError;
use crate::plan::Plan;
use crate::recipe::TokenizerSource;
use mergelab_checkpoint::{DType, ExtraFile, SIDE_FILES, set_torch_dtype};
use std::collections::BTreeMap;
use std::io::ErrorKind;
use std::path::Path;

/// Files that belong to the model; the others of [`SIDE_FILES`] belong to the tokenizer.
const MODEL_FILES: [&str; 2] = ["config.json", "generation_config.json"];

/// Reads the files that go beside the weights: configurations from the base (or the first model),
/// the tokenizer from where the recipe says.
pub(crate) fn read(plan: &Plan<'_>) -> Result<Vec<ExtraFile>, MergeError> {
    let donor = plan.donor.checkpoint.dir();
    let mut files = Vec::new();
    for name in MODEL_FILES {
        let Some(bytes) = read_file(donor, name)? else {
            continue;
        };
        let bytes = match (name, plan.donor.checkpoint.config()) {
            ("config.json", Some(config)) => {
                let mut config = config.clone();
                if let Some(dtype) = commonest_dtype(plan) {
                    set_torch_dtype(&mut config, dtype);
                }
                pretty(&config)
            }
            _ => bytes,
        };
        files.push(ExtraFile::new(name, bytes));
    }
    let named = match &plan.recipe.tokenizer {
        TokenizerSource::Path(path) => Some(plan.recipe.root.join(path)),
        TokenizerSource::Default | TokenizerSource::Base => None,
    };
    let folder = named.as_deref().unwrap_or(donor);
    let mut found = false;
    for name in SIDE_FILES.iter().filter(|n| !MODEL_FILES.contains(n)) {
        if let Some(bytes) = read_file(folder, name)? {
            found = true;
            files.push(ExtraFile::new(*name, bytes));
        }
    }
    // A base without a tokenizer is a base without one; a folder that was named should have it.
    if named.is_some() && !found {
        return Err(MergeError::NoTokenizer {
            path: folder.to_owned(),
        });
    }
    Ok(files)
}

/// JSON as Hugging Face writes it: indented, with a final line break.
pub(crate) fn pretty(value: &serde_json::Value) -> Vec<u8> {
    format!("{value:#}\n").into_bytes()
}

/// The format of most elements.
fn commonest_dtype(plan: &Plan<'_>) -> Option<DType> {
    let mut elements: BTreeMap<DType, usize> = BTreeMap::new();
    for tensor in plan.tensors().iter().filter(|t| t.dtype.is_float()) {
        *elements.entry(tensor.dtype).or_default() += tensor.elements();
    }
    elements
        .into_iter()
        .max_by_key(|(_, count)| *count)
        .map(|(dtype, _)| dtype)
}

fn read_file(folder: &Path, name: &str) -> Result<Option<Vec<u8>>, MergeError> {
    let path = folder.join(name);
    match std::fs::read(&path) {
        Ok(bytes) => Ok(Some(bytes)),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        Err(source) => Err(MergeError::SideFile { path, source }),
    }
}
