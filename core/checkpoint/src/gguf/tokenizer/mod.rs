//! The tokenizer in the metadata, as the files of a Hugging Face folder.

mod byte_level;
mod files;
mod pre_tokenizer;
mod sentencepiece;
mod vocabulary;

use serde_json::{Value, json};

use super::{GgufError, GgufFile};
use crate::ExtraFile;
use vocabulary::Vocabulary;

/// What was rebuilt.
#[derive(Debug)]
pub(super) struct Tokenizer {
    /// `tokenizer.ggml.model`.
    pub(super) kind: String,
    /// Entries of the vocabulary.
    pub(super) tokens: usize,
    pub(super) files: Vec<ExtraFile>,
    pub(super) notes: Vec<String>,
}

/// Rebuilds the tokenizer; `None` where the file has none.
pub(super) fn rebuild(file: &GgufFile) -> Result<Option<Tokenizer>, GgufError> {
    let metadata = file.metadata();
    let kind = match metadata.string("tokenizer.ggml.model")? {
        None | Some("no_vocab" | "none") => return Ok(None),
        Some(kind) => kind,
    };
    let mut notes = Vec::new();
    let (vocabulary, parts) = match kind {
        "gpt2" => {
            let vocabulary = Vocabulary::read(file, false)?;
            let parts = byte_level::parts(file, &vocabulary, &mut notes)?;
            (vocabulary, parts)
        }
        "llama" => {
            let vocabulary = Vocabulary::read(file, true)?;
            let parts = sentencepiece::parts(file, &vocabulary)?;
            (vocabulary, parts)
        }
        other => {
            return Err(refuse(
                file,
                format!("the kind {other:?} is not rebuilt (rebuilt: gpt2, llama)"),
            ));
        }
    };
    notes.extend(vocabulary.notes.iter().cloned());
    let files = files::write(file, &vocabulary, parts)?;
    Ok(Some(Tokenizer {
        kind: kind.to_owned(),
        tokens: vocabulary.tokens.len(),
        files,
        notes,
    }))
}

/// The parts of a `tokenizer.json` that depend on the kind.
struct Parts {
    normalizer: Value,
    pre_tokenizer: Value,
    /// What comes before the template with the special tokens, or null.
    post_processor: Value,
    decoder: Value,
    model: Value,
    /// Whether a text begins with the BOS token where the file does not say so.
    adds_bos: bool,
    /// Whether tokens defined by the user are looked for in the normalised text.
    normalized: bool,
}

/// Several of a kind, as one.
fn sequence(key: &str, parts: &[Value]) -> Value {
    json!({ "type": "Sequence", key: parts })
}

fn refuse(file: &GgufFile, reason: impl Into<String>) -> GgufError {
    GgufError::Tokenizer {
        path: file.path().to_owned(),
        reason: reason.into(),
    }
}
