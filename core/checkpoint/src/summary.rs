//! What a checkpoint is, at a glance.

use std::collections::BTreeMap;
use std::path::Path;

use serde::Serialize;
use serde_json::Value;

use crate::{Checkpoint, CheckpointError, GgufError, GgufFile};

/// What a checkpoint is: a Hugging Face folder, a safetensors file or a GGUF file.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Summary {
    /// `safetensors` or `gguf`.
    pub format: &'static str,
    /// The class in `config.json`, such as `LlamaForCausalLM`, or GGUF's `general.architecture`.
    pub architecture: Option<String>,
    /// Elements of all tensors.
    pub parameters: u64,
    /// Number of tensors.
    pub tensors: usize,
    /// Elements of the tensors of each kind: `embedding`, `attention`, `mlp`, `norm`, `lm_head`,
    /// `other`.
    pub kinds: BTreeMap<&'static str, u64>,
    /// Tensors, elements and bytes of each storage format.
    pub dtypes: BTreeMap<&'static str, Stored>,
    /// The weights' files and their lengths in bytes.
    pub files: Vec<FileSummary>,
    /// Whether the output layer is the embedding; `None` where there is no embedding.
    pub tied_embeddings: Option<bool>,
    /// The tokenizer, if one is there.
    pub tokenizer: Option<TokenizerSummary>,
    /// BLAKE3: of the content (see [`content_hash`](crate::content_hash)) for safetensors, of the
    /// file for GGUF; `None` where it was not asked for.
    pub hash: Option<String>,
}

/// What is stored in one format.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Stored {
    /// Number of tensors.
    pub tensors: usize,
    /// Their elements.
    pub parameters: u64,
}

/// A file of weights.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct FileSummary {
    /// Its name.
    pub name: String,
    /// Its length.
    pub bytes: u64,
}

/// A tokenizer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct TokenizerSummary {
    /// The model of `tokenizer.json`, such as `BPE`, or GGUF's `tokenizer.ggml.model`.
    pub kind: String,
    /// Tokens, added ones included.
    pub tokens: usize,
}

impl Summary {
    /// Looks at the checkpoint at `path`. The hash takes a pass over all bytes; everything else
    /// reads the heads alone.
    ///
    /// # Errors
    /// When there is none, or it is corrupt.
    pub fn of(path: &Path, with_hash: bool) -> Result<Summary, GgufError> {
        let is_gguf = path
            .extension()
            .is_some_and(|extension| extension.eq_ignore_ascii_case("gguf"));
        if is_gguf {
            of_gguf(&GgufFile::open(path)?, with_hash)
        } else {
            Ok(of_checkpoint(&Checkpoint::open(path)?, with_hash)?)
        }
    }

    fn new(format: &'static str) -> Summary {
        Summary {
            format,
            architecture: None,
            parameters: 0,
            tensors: 0,
            kinds: BTreeMap::new(),
            dtypes: BTreeMap::new(),
            files: Vec::new(),
            tied_embeddings: None,
            tokenizer: None,
            hash: None,
        }
    }

    fn add(&mut self, name: &str, dtype: &'static str, elements: usize) {
        let elements = elements as u64;
        self.parameters += elements;
        self.tensors += 1;
        *self.kinds.entry(kind(name)).or_default() += elements;
        let stored = self.dtypes.entry(dtype).or_default();
        stored.tensors += 1;
        stored.parameters += elements;
    }

    fn add_file(&mut self, path: &Path) -> Result<(), CheckpointError> {
        let found = std::fs::metadata(path).map_err(CheckpointError::io("look at", path))?;
        let name = path.file_name().unwrap_or(path.as_os_str());
        self.files.push(FileSummary {
            name: name.to_string_lossy().into_owned(),
            bytes: found.len(),
        });
        Ok(())
    }

    /// Whether there is an output layer beside the embedding.
    fn tie(&mut self) {
        let has = |kind| self.kinds.contains_key(kind);
        self.tied_embeddings = has("embedding").then(|| !has("lm_head"));
    }
}

fn of_checkpoint(checkpoint: &Checkpoint, with_hash: bool) -> Result<Summary, CheckpointError> {
    let mut summary = Summary::new("safetensors");
    for view in checkpoint.tensors() {
        summary.add(view.name, view.dtype.name(), view.elements());
    }
    for file in checkpoint.files() {
        summary.add_file(file)?;
    }
    summary.tie();
    if let Some(config) = checkpoint.config() {
        let class = config["architectures"][0].as_str();
        let class = class.or(config["model_type"].as_str());
        summary.architecture = class.map(str::to_owned);
    }
    summary.tokenizer = tokenizer(checkpoint.dir())?;
    summary.hash = with_hash.then(|| checkpoint.content_hash().to_string());
    Ok(summary)
}

fn of_gguf(file: &GgufFile, with_hash: bool) -> Result<Summary, GgufError> {
    let mut summary = Summary::new("gguf");
    for tensor in file.tensors() {
        summary.add(&tensor.name, tensor.kind.name(), tensor.elements());
    }
    summary.add_file(file.path())?;
    summary.tie();
    summary.architecture = Some(file.architecture()?.to_owned());
    let kind = file.metadata().string("tokenizer.ggml.model")?;
    let tokens = file.metadata().strings("tokenizer.ggml.tokens")?;
    summary.tokenizer = kind.zip(tokens).map(|(kind, tokens)| TokenizerSummary {
        kind: kind.to_owned(),
        tokens: tokens.len(),
    });
    summary.hash = with_hash.then(|| file.file_hash().to_string());
    Ok(summary)
}

fn tokenizer(dir: &Path) -> Result<Option<TokenizerSummary>, CheckpointError> {
    let path = dir.join("tokenizer.json");
    if !path.is_file() {
        return Ok(None);
    }
    let bytes = std::fs::read(&path).map_err(CheckpointError::io("read", &path))?;
    let json: Value = serde_json::from_slice(&bytes).map_err(|error| CheckpointError::BadJson {
        path: path.clone(),
        reason: format!("not JSON: {error}"),
    })?;
    let model = &json["model"];
    // Unigram has a list of pieces, the others a map to ids.
    let known = |token: &str| match &model["vocab"] {
        Value::Object(map) => map.contains_key(token),
        Value::Array(list) => list.iter().any(|piece| piece[0] == token),
        _ => false,
    };
    let vocabulary = match &model["vocab"] {
        Value::Object(map) => map.len(),
        Value::Array(list) => list.len(),
        _ => 0,
    };
    let added = json["added_tokens"].as_array().into_iter().flatten();
    let more = added.filter(|token| token["content"].as_str().is_some_and(|text| !known(text)));
    // Older files do not name the model; only BPE has merges.
    let kind = match model["type"].as_str() {
        Some(kind) => kind,
        None if model["merges"].is_array() => "BPE",
        None => "unknown",
    };
    Ok(Some(TokenizerSummary {
        kind: kind.to_owned(),
        tokens: vocabulary + more.count(),
    }))
}

/// The kind of a tensor, by its name in a Hugging Face model or in ggml.
fn kind(name: &str) -> &'static str {
    let has = |part: &str| name.contains(part);
    if has("norm") || has(".ln_") {
        "norm"
    } else if has("lm_head") || name.starts_with("output.") {
        "lm_head"
    } else if has("embed") || has("token_embd") || has(".wte.") || has(".wpe.") {
        "embedding"
    } else if has("attn") || has("attention") {
        "attention"
    } else if has("mlp") || has("ffn") || has("feed_forward") {
        "mlp"
    } else {
        "other"
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn golden(name: &str) -> std::path::PathBuf {
        std::path::PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../../tests/golden"))
            .join(name)
    }

    #[test]
    fn a_gguf_file_and_the_folder_imported_from_it_are_one_model() {
        let file = golden("gguf/llama.gguf");
        let of_file = Summary::of(&file, true).unwrap();
        assert_eq!((of_file.format, of_file.tensors), ("gguf", 31));
        assert_eq!(of_file.architecture.as_deref(), Some("llama"));
        assert_eq!(of_file.tied_embeddings, Some(false));
        let dir = tempfile::tempdir().unwrap();
        let out = dir.path().join("out");
        crate::import_gguf(&file, &out, &crate::ImportOptions::default()).unwrap();
        let of_folder = Summary::of(&out, true).unwrap();
        assert_eq!(of_folder.architecture.as_deref(), Some("LlamaForCausalLM"));
        // All but the factors of the rotary angles, which the configuration holds.
        assert_eq!(of_folder.parameters + 8, of_file.parameters);
        let (mut kinds, folder_kinds) = (of_file.kinds.clone(), of_folder.kinds.clone());
        assert_eq!(kinds.remove("other"), Some(8));
        assert_eq!(kinds, folder_kinds);
        assert_eq!(of_folder.dtypes.keys().collect::<Vec<_>>(), [&"F32"]);
        let tokens = |summary: &Summary| summary.tokenizer.as_ref().map(|t| t.tokens);
        assert_eq!(tokens(&of_file), Some(380));
        assert_eq!(tokens(&of_folder), Some(380));
        assert_eq!(of_folder.tokenizer.map(|t| t.kind).as_deref(), Some("BPE"));
        assert_eq!(of_file.hash.map(|hash| hash.len()), Some(64));
        assert_eq!(Summary::of(&file, false).unwrap().hash, None);
    }

    #[test]
    fn a_path_without_weights_is_refused() {
        assert!(Summary::of(&golden("none.gguf"), false).is_err());
        assert!(Summary::of(&golden("gguf"), false).is_err());
    }
}
