//! The files beside the weights in a Hugging Face folder: configuration and tokenizer.

use std::path::Path;

use serde_json::Value;

use crate::{DType, WriteError};

/// The files that make weights usable, where a model has them.
pub const SIDE_FILES: [&str; 16] = [
    "config.json",
    "generation_config.json",
    "tokenizer.json",
    "tokenizer_config.json",
    "special_tokens_map.json",
    "added_tokens.json",
    "vocab.json",
    "vocab.txt",
    "merges.txt",
    "tokenizer.model",
    "sentencepiece.bpe.model",
    "spiece.model",
    "chat_template.jinja",
    "chat_template.json",
    "preprocessor_config.json",
    "processor_config.json",
];

/// Copies those of [`SIDE_FILES`] that `from` has into `to` and gives their names.
///
/// A file that is already in `to` is left as it is, so that a changed configuration can be
/// written before.
///
/// # Errors
/// When a file cannot be read or written.
pub fn copy_side_files(from: &Path, to: &Path) -> Result<Vec<&'static str>, WriteError> {
    let mut copied = Vec::new();
    for name in SIDE_FILES {
        let (source, target) = (from.join(name), to.join(name));
        if !source.is_file() || target.exists() {
            continue;
        }
        // Read and written rather than copied: a model cache may hold read-only files, and the
        // copy of a permission would make the result read-only too.
        let bytes = std::fs::read(&source).map_err(WriteError::io("read", &source))?;
        std::fs::write(&target, bytes).map_err(WriteError::io("write", &target))?;
        copied.push(name);
    }
    Ok(copied)
}

/// Makes a `config.json` say that the weights are stored as `dtype`.
///
/// Changes the key `torch_dtype`, or the newer `dtype`, wherever one of them is present (nested
/// configurations of models with several parts included); adds `torch_dtype` where neither is.
/// Anything but a JSON object is left alone.
///
/// ```
/// use mergelab_checkpoint::{DType, set_torch_dtype};
/// let mut config = serde_json::json!({ "dtype": "float32", "hidden_size": 8 });
/// set_torch_dtype(&mut config, DType::BF16);
/// assert_eq!(config, serde_json::json!({ "dtype": "bfloat16", "hidden_size": 8 }));
/// ```
pub fn set_torch_dtype(config: &mut Value, dtype: DType) {
    if !update(config, dtype)
        && let Value::Object(map) = config
    {
        map.insert("torch_dtype".to_owned(), dtype.torch_name().into());
    }
}

/// Whether the outermost object had one of the keys.
fn update(config: &mut Value, dtype: DType) -> bool {
    let Value::Object(map) = config else {
        return false;
    };
    let mut found = false;
    for (key, value) in map {
        if key == "torch_dtype" || key == "dtype" {
            *value = dtype.torch_name().into();
            found = true;
        } else if key.ends_with("_config") && key != "quantization_config" {
            update(value, dtype);
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn the_keys_that_are_there_change() {
        for (before, after) in [
            (
                json!({ "torch_dtype": "float32" }),
                json!({ "torch_dtype": "bfloat16" }),
            ),
            (
                json!({ "a": 1 }),
                json!({ "a": 1, "torch_dtype": "bfloat16" }),
            ),
            (
                json!({ "dtype": "float32", "text_config": { "torch_dtype": "float16", "b": 2 } }),
                json!({ "dtype": "bfloat16", "text_config": { "torch_dtype": "bfloat16", "b": 2 } }),
            ),
            (
                json!({ "dtype": "float32", "torch_dtype": "float32" }),
                json!({ "dtype": "bfloat16", "torch_dtype": "bfloat16" }),
            ),
            (json!([1]), json!([1])),
        ] {
            let mut config = before;
            set_torch_dtype(&mut config, DType::BF16);
            assert_eq!(config, after);
        }
    }

    #[test]
    fn files_that_are_there_stay() {
        let (from, to) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        for (dir, text) in [(&from, "old"), (&to, "new")] {
            std::fs::write(dir.path().join("config.json"), text).unwrap();
        }
        std::fs::write(from.path().join("vocab.json"), "old").unwrap();
        let copied = copy_side_files(from.path(), to.path()).unwrap();
        assert_eq!(copied, ["vocab.json"]);
        let kept = std::fs::read_to_string(to.path().join("config.json")).unwrap();
        assert_eq!(kept, "new");
    }
}
