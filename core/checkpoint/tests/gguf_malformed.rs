//! GGUF files that are short, wrong or contradict themselves: each gives an error, none a panic.

#![allow(clippy::unwrap_used, reason = "a panic is how a test fails")]

use std::path::PathBuf;

use mergelab_checkpoint::{GgufError, GgufFile, ImportOptions, import_gguf};
use proptest::prelude::*;

fn golden(name: &str) -> Vec<u8> {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../../tests/golden/gguf");
    std::fs::read(PathBuf::from(folder).join(name)).unwrap()
}

/// Imports a file of these bytes. Whatever they are, the output is whole or not there.
fn import(bytes: &[u8]) -> Result<(), GgufError> {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("model.gguf");
    std::fs::write(&file, bytes).unwrap();
    let out = dir.path().join("out");
    let result = import_gguf(&file, &out, &ImportOptions::default());
    assert_eq!(out.join("model.safetensors").is_file(), result.is_ok());
    let left = std::fs::read_dir(dir.path()).unwrap().count();
    assert_eq!(
        left,
        1 + usize::from(result.is_ok()),
        "no temporary files stay"
    );
    result.map(|_| ())
}

fn message(bytes: &[u8]) -> String {
    import(bytes).unwrap_err().to_string()
}

/// A file put together by hand.
#[derive(Clone, Default)]
struct Builder {
    pairs: Vec<u8>,
    pair_count: u64,
    tensors: Vec<u8>,
    tensor_count: u64,
    data: usize,
}

impl Builder {
    fn text(bytes: &mut Vec<u8>, text: &str) {
        bytes.extend((text.len() as u64).to_le_bytes());
        bytes.extend(text.as_bytes());
    }

    fn pair(mut self, key: &str, kind: u32, value: &[u8]) -> Self {
        Self::text(&mut self.pairs, key);
        self.pairs.extend(kind.to_le_bytes());
        self.pairs.extend(value);
        self.pair_count += 1;
        self
    }

    fn string(self, key: &str, value: &str) -> Self {
        let mut bytes = Vec::new();
        Self::text(&mut bytes, value);
        self.pair(key, 8, &bytes)
    }

    fn tensor(mut self, name: &str, dimensions: &[u64], kind: u32, offset: u64) -> Self {
        Self::text(&mut self.tensors, name);
        self.tensors.extend((dimensions.len() as u32).to_le_bytes());
        for n in dimensions {
            self.tensors.extend(n.to_le_bytes());
        }
        self.tensors.extend(kind.to_le_bytes());
        self.tensors.extend(offset.to_le_bytes());
        self.tensor_count += 1;
        self
    }

    fn bytes(self) -> Vec<u8> {
        let mut bytes = b"GGUF\x03\0\0\0".to_vec();
        bytes.extend(self.tensor_count.to_le_bytes());
        bytes.extend(self.pair_count.to_le_bytes());
        bytes.extend(self.pairs);
        bytes.extend(self.tensors);
        bytes.resize(bytes.len().next_multiple_of(32) + self.data, 0);
        bytes
    }

    fn refusal(self) -> String {
        message(&self.bytes())
    }
}

fn with_data(bytes: usize) -> Builder {
    Builder {
        data: bytes,
        ..Builder::default()
    }
}

#[test]
fn what_is_no_gguf_is_said() {
    assert!(message(b"").contains("does not begin with the letters GGUF"));
    assert!(message(b"PK\x03\x04aaaaaaaaaaaaa").contains("letters GGUF"));
    assert!(message(b"version https://git-lfs.github.com/spec/v1\n").contains("git lfs pull"));
    assert!(message(b"GGUF\x01\0\0\0aaaaaaaaaaaaaaaa").contains("version 1 is not read"));
    assert!(message(b"GGUF\0\0\0\x03aaaaaaaaaaaaaaaa").contains("big-endian"));
    let missing = GgufFile::open("/nonexistent/model.gguf").unwrap_err();
    assert!(missing.to_string().contains("does not exist"), "{missing}");
}

#[test]
fn every_truncation_is_an_error() {
    let whole = golden("gemma3.gguf");
    assert!(import(&whole).is_ok());
    // The head whole, then the data in steps.
    for length in (0..2000).chain((2000..whole.len()).step_by(977)) {
        let error = message(&whole[..length]);
        assert!(error.contains("model.gguf"), "{error}");
    }
}

#[test]
fn counts_that_the_file_cannot_hold_ask_for_no_memory() {
    let mut bytes = with_data(0).bytes();
    bytes[8..16].copy_from_slice(&u64::MAX.to_le_bytes());
    assert!(message(&bytes).contains("18446744073709551615 tensors do not fit"));
    let mut bytes = with_data(0).bytes();
    bytes[16..24].copy_from_slice(&(1u64 << 40).to_le_bytes());
    assert!(message(&bytes).contains("metadata keys do not fit"));
    let mut array = 8u32.to_le_bytes().to_vec();
    array.extend((1u64 << 60).to_le_bytes());
    let error = Builder::default()
        .pair("tokenizer.ggml.tokens", 9, &array)
        .refusal();
    assert!(error.contains("an array of 1152921504606846976"), "{error}");
    let error = Builder::default()
        .pair("a", 8, &u64::MAX.to_le_bytes())
        .refusal();
    assert!(
        error.contains("needs 18446744073709551615 bytes"),
        "{error}"
    );
}

#[test]
fn a_bad_value_is_named_by_its_key() {
    let of = |kind: u32, value: &[u8]| Builder::default().pair("some.key", kind, value).refusal();
    assert!(of(7, &[2]).contains("`some.key`: a boolean is 0 or 1, not 2"));
    assert!(of(99, &[0; 16]).contains("value type 99"));
    let mut nested = 9u32.to_le_bytes().to_vec();
    nested.extend(1u64.to_le_bytes());
    nested.extend([0; 32]);
    assert!(of(9, &nested).contains("arrays of arrays"));
    let mut text = 2u64.to_le_bytes().to_vec();
    text.extend([0xff, 0xfe]);
    assert!(of(8, &text).contains("not UTF-8"));
    let twice = Builder::default().string("k", "a").string("k", "b");
    assert!(twice.refusal().contains("key `k`: it is there twice"));
    let alignment = Builder::default().pair("general.alignment", 4, &3u32.to_le_bytes());
    assert!(alignment.refusal().contains("not a small power of two"));
    let wrong = Builder::default().pair("general.alignment", 7, &[1]);
    let error = wrong.refusal();
    assert!(
        error.contains("should be a non-negative integer, the file has a boolean"),
        "{error}"
    );
    let split = Builder::default().pair("split.count", 2, &3u16.to_le_bytes());
    assert!(split.refusal().contains("one of 3 parts"));
}

#[test]
fn a_bad_tensor_is_named() {
    let one = |dimensions: &[u64], kind, offset| {
        with_data(64)
            .tensor("x", dimensions, kind, offset)
            .refusal()
    };
    assert!(one(&[4], 4, 0).contains("tensor \"x\" has the unknown ggml type 4"));
    assert!(one(&[1; 5], 0, 0).contains("5 dimensions"));
    assert!(one(&[4], 0, 96).contains("past the end"));
    assert!(one(&[4], 0, 8).contains("alignment"));
    assert!(one(&[4], 0, u64::MAX - 31).contains("past the end"));
    assert!(one(&[1 << 40, 1 << 40], 0, 0).contains("past the end"));
    assert!(one(&[0, 1 << 40, 1 << 40], 0, 0).contains("dimensions is 0"));
    assert!(one(&[33], 8, 0).contains("not whole blocks of Q8_0"));
    let twice = with_data(64)
        .tensor("x", &[4], 0, 0)
        .tensor("x", &[4], 0, 32);
    assert!(twice.refusal().contains("it is there twice"));
    let overlap = with_data(64)
        .tensor("x", &[16], 0, 0)
        .tensor("y", &[4], 0, 32);
    assert!(overlap.refusal().contains("\"y\": it overlaps \"x\""));
}

#[test]
fn a_model_that_is_not_imported_is_said() {
    let of = |name: &str| Builder::default().string("general.architecture", name);
    assert!(
        Builder::default()
            .refusal()
            .contains("`general.architecture`")
    );
    let error = of("llama5").refusal();
    assert!(
        error.contains("\"llama5\" is not imported (imported: llama, mistral"),
        "{error}"
    );
    assert!(error.contains("nearest is \"llama\""), "{error}");
    let error = of("llama").refusal();
    assert!(error.contains("lack `llama.embedding_length`"), "{error}");
}

#[test]
fn variants_of_a_model_are_said() {
    // The names have the same length, so that everything else stays in place.
    let changed = |from: &str, to: &str| {
        assert_eq!(from.len(), to.len());
        let mut bytes = golden("qwen2.gguf");
        let places = bytes.windows(from.len()).enumerate();
        let found: Vec<usize> = places
            .filter(|(_, window)| *window == from.as_bytes())
            .map(|(place, _)| place)
            .collect();
        assert!(!found.is_empty(), "{from}");
        for place in found {
            bytes[place..place + to.len()].copy_from_slice(to.as_bytes());
        }
        message(&bytes)
    };
    let error = changed("blk.0.ffn_up.weight", "blk.0.ffn_xx.weight");
    assert!(
        error.contains("\"blk.0.ffn_xx.weight\" has no counterpart"),
        "{error}"
    );
    let error = changed("smollm", "smolxx");
    assert!(error.contains("\"smolxx\" is not known"), "{error}");
    assert!(error.contains("llama-bpe"), "{error}");
    let error = changed("gpt2", "bert");
    assert!(
        error.contains("the kind \"bert\" is not rebuilt"),
        "{error}"
    );
}

/// The golden file with the first of these bytes replaced by others of the same length.
fn edited(name: &str, from: &[u8], to: &[u8]) -> Vec<u8> {
    assert_eq!(from.len(), to.len());
    let mut bytes = golden(name);
    let place = bytes.windows(from.len()).position(|window| window == from);
    let place = place.unwrap();
    bytes[place..place + to.len()].copy_from_slice(to);
    bytes
}

#[test]
fn a_model_with_layers_too_many_or_too_few_is_refused() {
    let key = b"llama.block_count\x04\0\0\0";
    let with = |count: u32| {
        let from = [&key[..], &3u32.to_le_bytes()].concat();
        let to = [&key[..], &count.to_le_bytes()].concat();
        message(&edited("llama.gguf", &from, &to))
    };
    assert!(with(2).contains("but there are tensors of layer 2"));
    assert!(with(4).contains("tensor \"blk.3.attn_k.weight\" is missing"));
    assert!(with(u32::MAX).contains("is 4294967295, the file has 31 tensors"));
    // A tensor that moves to another layer leaves a gap behind.
    let error = message(&edited("llama.gguf", b"blk.1.attn_v.", b"blk.7.attn_v."));
    assert!(error.contains("is missing"), "{error}");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(250))]

    /// Bytes of the head are overwritten: the import refuses or succeeds, and never panics.
    #[test]
    fn a_mutated_head_never_panics(
        edits in prop::collection::vec((0usize..8000, any::<u8>()), 1..6),
        which in 0usize..3,
    ) {
        let mut bytes = golden(["gemma3.gguf", "llama.gguf", "qwen2.gguf"][which]);
        for (at, value) in edits {
            bytes[at] = value;
        }
        let _ = import(&bytes);
    }

    /// A number in the description of the tensors or the shape of the model is overwritten by one
    /// of those that overflow.
    #[test]
    fn extreme_numbers_never_panic(
        places in prop::collection::vec((0usize..12_000, 0usize..6), 1..4),
        from_end in any::<bool>(),
    ) {
        let mut bytes = golden("qwen2.gguf");
        let data = 12_000.min(bytes.len() - 8);
        for (at, number) in places {
            let at = if from_end { data - at.min(data) } else { at };
            let number = [0, 1, u64::from(u32::MAX), 1 << 31, i64::MAX as u64, u64::MAX][number];
            bytes[at..at + 8].copy_from_slice(&number.to_le_bytes());
        }
        let _ = import(&bytes);
    }
}
