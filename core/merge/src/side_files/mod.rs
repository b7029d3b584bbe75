//! The files beside the weights: configuration and tokenizer.

mod chat_template;
mod config;
mod tokenizer;

use crate::error::MergeError;
use crate::plan::Plan;
use mergelab_checkpoint::ExtraFile;
use std::io::ErrorKind;
use std::path::Path;

/// Files that belong to the model; the others of
/// [`SIDE_FILES`](mergelab_checkpoint::SIDE_FILES) belong to the tokenizer.
const MODEL_FILES: [&str; 2] = ["config.json", "generation_config.json"];

/// Reads the files that go beside the weights: configurations from the base (or the first model),
/// the tokenizer from where the recipe says, both changed where the result differs.
pub(crate) fn read(plan: &Plan<'_>) -> Result<Vec<ExtraFile>, MergeError> {
    let donor = plan.donor.checkpoint.dir();
    let mut files = Vec::new();
    for name in MODEL_FILES {
        let Some(bytes) = read_file(donor, name)? else {
            continue;
        };
        let bytes = match (name, plan.donor.checkpoint.config()) {
            ("config.json", Some(config)) => pretty(&config::changed(plan, config)),
            ("generation_config.json", _) => match serde_json::from_slice(&bytes) {
                Ok(generation) => match config::special_tokens(plan, &generation) {
                    Some(generation) => pretty(&generation),
                    None => bytes,
                },
                Err(_) => bytes,
            },
            _ => bytes,
        };
        files.push(ExtraFile::new(name, bytes));
    }
    files.extend(tokenizer::files(plan)?);
    Ok(files)
}

/// JSON as Hugging Face writes it: indented, with a final line break.
pub(crate) fn pretty(value: &serde_json::Value) -> Vec<u8> {
    format!("{value:#}\n").into_bytes()
}

fn read_file(folder: &Path, name: &str) -> Result<Option<Vec<u8>>, MergeError> {
    let path = folder.join(name);
    match std::fs::read(&path) {
        Ok(bytes) => Ok(Some(bytes)),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        Err(source) => Err(MergeError::SideFile { path, source }),
    }
}
