//! GGUF files written by ggml's own Python package, with tokenizers trained by SentencePiece and
//! tokenizers; see `tests/golden/make_gguf.py`.

#![allow(clippy::unwrap_used, reason = "a panic is how a test fails")]

use std::path::PathBuf;

use mergelab_checkpoint::{
    Checkpoint, DType, GgmlType, GgufError, GgufFile, ImportOptions, Imported, import_gguf,
};
use serde_json::Value;

fn golden(name: &str) -> PathBuf {
    PathBuf::from(concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/../../tests/golden/gguf"
    ))
    .join(name)
}

fn json(path: PathBuf) -> Value {
    serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap()
}

struct Folder {
    _parent: tempfile::TempDir,
    path: PathBuf,
    imported: Imported,
}

fn import(name: &str, dtype: DType) -> Folder {
    let parent = tempfile::tempdir().unwrap();
    let path = parent.path().join("model");
    let options = ImportOptions {
        dtype,
        ..ImportOptions::default()
    };
    let imported = import_gguf(&golden(&format!("{name}.gguf")), &path, &options).unwrap();
    Folder {
        _parent: parent,
        path,
        imported,
    }
}

const MODELS: [&str; 3] = ["llama", "gemma3", "qwen2"];

#[test]
fn weights_are_those_of_ggml_bit_for_bit() {
    let expected = json(golden("expected.json"));
    for name in MODELS {
        let folder = import(name, DType::F32);
        let checkpoint = Checkpoint::open(&folder.path).unwrap();
        let wanted = expected[name]["tensors"].as_object().unwrap();
        let hashes = checkpoint.tensor_hashes();
        assert_eq!(hashes.len(), wanted.len(), "{name}");
        for (tensor, wanted) in wanted {
            let view = checkpoint.tensor(tensor).unwrap();
            assert_eq!(serde_json::json!(view.shape), wanted["shape"], "{tensor}");
            assert_eq!(
                hashes[tensor].to_string(),
                wanted["blake3"],
                "{name} {tensor}"
            );
        }
    }
}

#[test]
fn all_types_are_decoded_in_the_models() {
    let mut seen: Vec<&str> = MODELS
        .iter()
        .flat_map(|name| import(name, DType::F32).imported.formats.into_keys())
        .collect();
    seen.sort_unstable();
    seen.dedup();
    // Those that are rare in whole files are compared block by block, beside the decoder.
    let rare = ["IQ4_NL", "IQ4_XS", "Q2_K", "Q3_K"];
    let mut all = GgmlType::DECODED.map(GgmlType::name).to_vec();
    all.retain(|name| !rare.contains(name));
    all.sort_unstable();
    assert_eq!(seen, all);
}

#[test]
fn the_config_is_that_of_the_hugging_face_model() {
    let expected = json(golden("expected.json"));
    for name in MODELS {
        let config = json(import(name, DType::F32).path.join("config.json"));
        for (key, wanted) in expected[name]["config"].as_object().unwrap() {
            assert_eq!(&config[key], wanted, "{name} {key}");
        }
        assert_eq!(config["torch_dtype"], "float32");
    }
}

#[test]
fn the_tokenizer_gives_the_ids_of_the_original() {
    let expected = json(golden("expected.json"));
    for name in MODELS {
        let folder = import(name, DType::F32);
        let tokenizer =
            tokenizers::Tokenizer::from_file(folder.path.join("tokenizer.json")).unwrap();
        for (text, wanted) in expected[name]["ids"].as_object().unwrap() {
            let encoding = tokenizer.encode(text.as_str(), true).unwrap();
            let tokens = encoding.get_tokens();
            assert_eq!(
                serde_json::json!(encoding.get_ids()),
                *wanted,
                "{name} {text:?} {tokens:?}"
            );
            let back = tokenizer.decode(encoding.get_ids(), true).unwrap();
            assert_eq!(back, *text, "{name}");
        }
    }
}

#[test]
fn the_files_beside_the_weights_name_the_special_tokens() {
    let folder = import("qwen2", DType::BF16);
    let config = json(folder.path.join("tokenizer_config.json"));
    assert_eq!(config["eos_token"], "<|im_end|>");
    assert_eq!(config["add_bos_token"], false);
    assert!(
        config["chat_template"]
            .as_str()
            .unwrap()
            .contains("for m in messages")
    );
    assert_eq!(
        json(folder.path.join("generation_config.json"))["eos_token_id"],
        2
    );
    assert_eq!(
        json(folder.path.join("config.json"))["torch_dtype"],
        "bfloat16"
    );
    let checkpoint = Checkpoint::open(&folder.path).unwrap();
    assert!(checkpoint.tensors().all(|view| view.dtype == DType::BF16));
    let gemma = json(import("gemma3", DType::F32).path.join("tokenizer.json"));
    let added = gemma["added_tokens"].as_array().unwrap();
    let run = added.iter().find(|token| token["content"] == "▁▁").unwrap();
    assert_eq!(run["special"], false);
}

#[test]
fn the_result_does_not_depend_on_the_number_of_threads() {
    let whole = import("llama", DType::F16).imported.written.content_hash;
    let pool = rayon::ThreadPoolBuilder::new()
        .num_threads(1)
        .build()
        .unwrap();
    let single = pool.install(|| import("llama", DType::F16).imported.written.content_hash);
    assert_eq!(whole, single);
}

#[test]
fn a_range_that_cuts_blocks_reads_the_same_values() {
    let file = GgufFile::open(golden("llama.gguf")).unwrap();
    for tensor in file.tensors() {
        let mut whole = vec![0.0; tensor.elements()];
        file.read_f32(tensor, 0, &mut whole).unwrap();
        for (start, count) in [(0, 1), (3, 17), (5, 0), (tensor.elements() - 1, 1)] {
            if start + count > tensor.elements() {
                continue;
            }
            let mut part = vec![0.0; count];
            file.read_f32(tensor, start, &mut part).unwrap();
            assert_eq!(part, whole[start..start + count], "{}", tensor.name);
        }
        let error = file.read_f32(tensor, tensor.elements(), &mut [0.0]);
        assert!(matches!(error, Err(GgufError::Range { .. })));
    }
}

#[test]
fn an_interrupt_leaves_nothing_behind() {
    let parent = tempfile::tempdir().unwrap();
    let flag = std::sync::atomic::AtomicBool::new(true);
    let options = ImportOptions {
        interrupt: Some(&flag),
        ..ImportOptions::default()
    };
    let error = import_gguf(&golden("qwen2.gguf"), &parent.path().join("out"), &options);
    assert!(matches!(error, Err(GgufError::Interrupted)));
    assert_eq!(std::fs::read_dir(parent.path()).unwrap().count(), 0);
}
