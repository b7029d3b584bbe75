//! Which files of a folder are the checkpoint.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde::Deserialize;

use crate::CheckpointError;

/// The files that a path stands for.
#[derive(Debug)]
pub(crate) struct Layout {
    pub(crate) dir: PathBuf,
    /// Sorted by name.
    pub(crate) files: Vec<PathBuf>,
    pub(crate) index: Option<Index>,
}

/// `model.safetensors.index.json`: which shard holds which tensor.
#[derive(Debug)]
pub(crate) struct Index {
    pub(crate) path: PathBuf,
    pub(crate) weight_map: BTreeMap<String, String>,
}

/// Finds the safetensors files of a folder, or takes the one file given.
pub(crate) fn find(path: &Path) -> Result<Layout, CheckpointError> {
    let kind = match std::fs::metadata(path) {
        Ok(kind) => kind,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            return Err(CheckpointError::NotFound {
                path: path.to_owned(),
            });
        }
        Err(error) => return Err(CheckpointError::io("look at", path)(error)),
    };
    if kind.is_dir() {
        find_in_dir(path)
    } else {
        single(path)
    }
}

fn single(path: &Path) -> Result<Layout, CheckpointError> {
    if path
        .extension()
        .is_none_or(|extension| extension != "safetensors")
    {
        let hint = if path.to_string_lossy().ends_with(".index.json") {
            "this is a shard index, give the folder that it is in"
        } else if path
            .extension()
            .is_some_and(|extension| extension == "gguf")
        {
            "turn it into safetensors with `mergelab model import FILE DIR`"
        } else {
            "only *.safetensors files are read; convert other formats first"
        };
        return Err(CheckpointError::NoWeights {
            path: path.to_owned(),
            hint: hint.to_owned(),
        });
    }
    let dir = match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent.to_owned(),
        _ => PathBuf::from("."),
    };
    Ok(Layout {
        dir,
        files: vec![path.to_owned()],
        index: None,
    })
}

fn find_in_dir(dir: &Path) -> Result<Layout, CheckpointError> {
    let whole = dir.join("model.safetensors");
    if whole.is_file() {
        return Ok(Layout {
            dir: dir.to_owned(),
            files: vec![whole],
            index: None,
        });
    }
    let names = file_names(dir)?;
    let is_adapter = |name: &&String| name.starts_with("adapter_model");
    let index = "model.safetensors.index.json";
    if names.iter().any(|name| name == index) {
        return sharded(dir, index);
    }
    let weights: Vec<&String> = names
        .iter()
        .filter(|name| name.ends_with(".safetensors") && !is_adapter(name))
        .collect();
    if let [only] = weights[..] {
        return Ok(Layout {
            dir: dir.to_owned(),
            files: vec![dir.join(only)],
            index: None,
        });
    }
    if !weights.is_empty() {
        return Err(CheckpointError::AmbiguousWeights {
            dir: dir.to_owned(),
            files: weights.into_iter().cloned().collect(),
        });
    }
    let hint = if names.iter().any(|name| name == "adapter_config.json") {
        "it is a LoRA adapter; name its base model and add it as an adapter"
    } else if names.iter().any(|name| name.starts_with("pytorch_model")) {
        "it holds PyTorch pickles; convert them, for example by loading the model with \
         transformers and calling save_pretrained"
    } else if names.iter().any(|name| name.ends_with(".gguf")) {
        "it holds GGUF files; turn one into safetensors with `mergelab model import FILE DIR`"
    } else {
        "expected model.safetensors, or model.safetensors.index.json and its shards"
    };
    Err(CheckpointError::NoWeights {
        path: dir.to_owned(),
        hint: hint.to_owned(),
    })
}

fn file_names(dir: &Path) -> Result<Vec<String>, CheckpointError> {
    let entries = std::fs::read_dir(dir).map_err(CheckpointError::io("list", dir))?;
    let mut names = Vec::new();
    for entry in entries {
        let entry = entry.map_err(CheckpointError::io("list", dir))?;
        names.push(entry.file_name().to_string_lossy().into_owned());
    }
    names.sort();
    Ok(names)
}

#[derive(Deserialize)]
struct RawIndex {
    weight_map: BTreeMap<String, String>,
}

fn sharded(dir: &Path, name: &str) -> Result<Layout, CheckpointError> {
    let path = dir.join(name);
    let text = std::fs::read(&path).map_err(CheckpointError::io("read", &path))?;
    let raw: RawIndex =
        serde_json::from_slice(&text).map_err(|error| CheckpointError::BadIndex {
            path: path.clone(),
            reason: error.to_string(),
        })?;
    let mut shards: BTreeMap<&String, &String> = BTreeMap::new();
    for (tensor, shard) in &raw.weight_map {
        // An index from elsewhere must not make us read files outside its folder.
        if shard.contains(['/', '\\']) || shard == ".." || !shard.ends_with(".safetensors") {
            return Err(CheckpointError::BadIndex {
                path,
                reason: format!("tensor {tensor:?} is in {shard:?}, not a *.safetensors file name"),
            });
        }
        shards.entry(shard).or_insert(tensor);
    }
    let mut files = Vec::with_capacity(shards.len());
    for (shard, tensor) in shards {
        let file = dir.join(shard);
        if !file.is_file() {
            return Err(CheckpointError::MissingShard {
                index: path,
                shard: shard.clone(),
                tensor: tensor.clone(),
            });
        }
        files.push(file);
    }
    if files.is_empty() {
        return Err(CheckpointError::BadIndex {
            path,
            reason: "its weight_map is empty".into(),
        });
    }
    Ok(Layout {
        dir: dir.to_owned(),
        files,
        index: Some(Index {
            path,
            weight_map: raw.weight_map,
        }),
    })
}

#[cfg(test)]
mod tests {
    use std::fs;

    use crate::{Checkpoint, CheckpointError, CheckpointWriter, DType, TensorSpec, WriterOptions};

    use super::*;

    /// A folder of two shards, each with one tensor of two elements.
    fn two_shards() -> (tempfile::TempDir, PathBuf) {
        let parent = tempfile::tempdir().unwrap();
        let dir = parent.path().join("model");
        let specs = vec![
            TensorSpec::new("a", DType::F32, [2]),
            TensorSpec::new("b", DType::F32, [2]),
        ];
        let options = WriterOptions {
            max_shard_bytes: 8,
            ..WriterOptions::default()
        };
        let writer = CheckpointWriter::create(&dir, specs, options).unwrap();
        writer.write_f32(0, 0, &[1.0, 2.0]).unwrap();
        writer.write_f32(1, 0, &[3.0, 4.0]).unwrap();
        writer.finish(&[]).unwrap();
        (parent, dir)
    }

    const SHARDS: [&str; 2] = [
        "model-00001-of-00002.safetensors",
        "model-00002-of-00002.safetensors",
    ];

    fn refusal(dir: &Path) -> CheckpointError {
        Checkpoint::open(dir).unwrap_err()
    }

    #[test]
    fn shards_open_as_one() {
        let (_parent, dir) = two_shards();
        let checkpoint = Checkpoint::open(&dir).unwrap();
        assert_eq!(checkpoint.names(), ["a", "b"]);
        assert_eq!(
            checkpoint.tensor("b").unwrap().to_f32().unwrap(),
            [3.0, 4.0]
        );
        assert_eq!(checkpoint.total_bytes(), 16);
        // A shard alone is a checkpoint too.
        let shard = Checkpoint::open(dir.join(SHARDS[1])).unwrap();
        assert_eq!(shard.names(), ["b"]);
        assert_eq!(shard.dir(), dir);
    }

    #[test]
    fn a_missing_shard_is_named_with_a_tensor_of_it() {
        let (_parent, dir) = two_shards();
        fs::remove_file(dir.join(SHARDS[1])).unwrap();
        match refusal(&dir) {
            CheckpointError::MissingShard { shard, tensor, .. } => {
                assert_eq!((shard.as_str(), tensor.as_str()), (SHARDS[1], "b"));
            }
            other => panic!("{other}"),
        }
    }

    #[test]
    fn a_tensor_that_is_not_in_its_shard_is_named() {
        let (_parent, dir) = two_shards();
        let index = dir.join("model.safetensors.index.json");
        let text = fs::read_to_string(&index).unwrap();
        fs::write(&index, text.replace(r#""b":"#, r#""c":"#)).unwrap();
        let error = refusal(&dir);
        assert!(matches!(&error, CheckpointError::MissingTensor { tensor, .. } if tensor == "c"));
        // In a shard, but not the one that the index says.
        fs::write(&index, text.replace("00002-of", "00001-of")).unwrap();
        assert!(matches!(
            refusal(&dir),
            CheckpointError::MissingTensor { .. }
        ));
    }

    #[test]
    fn a_tensor_in_two_shards_is_refused() {
        let (_parent, dir) = two_shards();
        fs::copy(dir.join(SHARDS[0]), dir.join(SHARDS[1])).unwrap();
        let error = refusal(&dir);
        assert!(
            matches!(&error, CheckpointError::DuplicateAcrossShards { tensor, first, second, .. }
                if tensor == "a" && first == SHARDS[0] && second == SHARDS[1]),
            "{error}"
        );
    }

    #[test]
    fn an_index_cannot_reach_outside_its_folder() {
        let (_parent, dir) = two_shards();
        let index = dir.join("model.safetensors.index.json");
        for bad in ["../x.safetensors", "/x.safetensors", "..", "x.bin"] {
            let json = format!(r#"{{"weight_map":{{"a":{bad:?}}}}}"#);
            fs::write(&index, json).unwrap();
            assert!(
                matches!(refusal(&dir), CheckpointError::BadIndex { .. }),
                "{bad}"
            );
        }
        for json in ["{", "{}", r#"{"weight_map":{}}"#, r#"{"weight_map":3}"#] {
            fs::write(&index, json).unwrap();
            assert!(
                matches!(refusal(&dir), CheckpointError::BadIndex { .. }),
                "{json}"
            );
        }
    }

    #[test]
    fn folders_without_a_clear_answer_say_what_to_do() {
        let (_parent, dir) = two_shards();
        fs::remove_file(dir.join("model.safetensors.index.json")).unwrap();
        let error = refusal(&dir);
        assert!(
            matches!(&error, CheckpointError::AmbiguousWeights { files, .. }
            if *files == SHARDS)
        );
        fs::remove_file(dir.join(SHARDS[0])).unwrap();
        assert_eq!(Checkpoint::open(&dir).unwrap().names(), ["b"]);
        fs::remove_file(dir.join(SHARDS[1])).unwrap();
        for (name, word) in [
            ("model.gguf", "GGUF"),
            ("pytorch_model.bin", "pickles"),
            ("adapter_config.json", "adapter"),
        ] {
            fs::write(dir.join(name), "").unwrap();
            let message = refusal(&dir).to_string();
            assert!(message.contains(word), "{message}");
        }
        let message = refusal(&dir.join("model.gguf")).to_string();
        assert!(message.contains("mergelab model import"), "{message}");
        fs::write(dir.join("model.pt"), "").unwrap();
        let message = refusal(&dir.join("model.pt")).to_string();
        assert!(message.contains("convert"), "{message}");
        assert!(matches!(
            refusal(&dir.join("x")),
            CheckpointError::NotFound { .. }
        ));
    }

    #[test]
    fn a_broken_config_is_named() {
        let (_parent, dir) = two_shards();
        fs::write(dir.join("config.json"), "{").unwrap();
        let message = refusal(&dir).to_string();
        assert!(message.contains("config.json"), "{message}");
        fs::write(dir.join("config.json"), r#"{"hidden_size":8}"#).unwrap();
        let checkpoint = Checkpoint::open(&dir).unwrap();
        assert_eq!(checkpoint.config().unwrap()["hidden_size"], 8);
    }

    #[test]
    fn unknown_tensors_suggest_the_nearest() {
        let (_parent, dir) = two_shards();
        let known = ["model.norm.weight".to_owned(), "lm_head.weight".to_owned()];
        let error = CheckpointError::unknown_tensor(&dir, "model.nrm.weight", &known);
        assert!(
            error
                .to_string()
                .contains("did you mean \"model.norm.weight\""),
            "{error}"
        );
        let checkpoint = Checkpoint::open(&dir).unwrap();
        assert!(matches!(
            checkpoint.tensor("zz"),
            Err(CheckpointError::UnknownTensor { .. })
        ));
    }
}
