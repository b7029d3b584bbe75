//! The tokenizer's files.

use super::{MODEL_FILES, chat_template, pretty, read_file};
use crate::error::MergeError;
use crate::plan::{Plan, Vocabulary};
use crate::recipe::TokenizerSource;
use mergelab_checkpoint::{ExtraFile, SIDE_FILES};
use serde_json::{Map, Value, json};
use std::path::PathBuf;

/// Other forms of the vocabulary. They would contradict a tokenizer.json that has grown.
const OLD_FORMS: [&str; 7] = [
    "added_tokens.json",
    "vocab.json",
    "vocab.txt",
    "merges.txt",
    "tokenizer.model",
    "sentencepiece.bpe.model",
    "spiece.model",
];

/// The files of the tokenizer, from where the recipe says.
pub(super) fn files(plan: &Plan<'_>) -> Result<Vec<ExtraFile>, MergeError> {
    let donor = plan.donor.checkpoint.dir();
    let (folder, named): (PathBuf, bool) = match (&plan.vocabulary, &plan.recipe.tokenizer.source) {
        (Some(vocabulary), source) => (
            vocabulary.folder.clone(),
            matches!(source, TokenizerSource::Path(_)),
        ),
        (None, TokenizerSource::Path(path)) => (plan.recipe.root.join(path), true),
        (None, _) => (donor.to_owned(), false),
    };
    let grown = plan.vocabulary.as_ref().filter(|v| v.grown);
    let mut files = Vec::new();
    for name in SIDE_FILES.iter().filter(|n| !MODEL_FILES.contains(n)) {
        if grown.is_some() && OLD_FORMS.contains(name) {
            continue;
        }
        let Some(bytes) = read_file(&folder, name)? else {
            continue;
        };
        let bytes = match (grown, *name) {
            (Some(vocabulary), "tokenizer.json") => pretty(vocabulary.tokenizer.json()),
            (Some(vocabulary), "tokenizer_config.json") => with_tokens(vocabulary, bytes),
            _ => bytes,
        };
        files.push(ExtraFile::new(*name, bytes));
    }
    // A base without a tokenizer is a base without one; a folder that was named should have it.
    if named && files.is_empty() {
        return Err(MergeError::NoTokenizer { path: folder });
    }
    chat_template::set(plan, &mut files)?;
    Ok(files)
}

/// A `tokenizer_config.json` that lists the added tokens of the result.
fn with_tokens(vocabulary: &Vocabulary, bytes: Vec<u8>) -> Vec<u8> {
    let Ok(Value::Object(mut config)) = serde_json::from_slice(&bytes) else {
        return bytes;
    };
    if let Some(Value::Object(decoder)) = config.get_mut("added_tokens_decoder") {
        let added = vocabulary.tokenizer.json()["added_tokens"].as_array();
        for token in added.into_iter().flatten() {
            let id = token["id"].to_string();
            if decoder.contains_key(&id) {
                continue;
            }
            let fields = [
                "content",
                "lstrip",
                "normalized",
                "rstrip",
                "single_word",
                "special",
            ];
            let entry: Map<String, Value> = fields
                .into_iter()
                .map(|field| {
                    let value = token.get(field).cloned();
                    (field.to_owned(), value.unwrap_or(json!(false)))
                })
                .collect();
            decoder.insert(id, Value::Object(entry));
        }
    }
    pretty(&Value::Object(config))
}
