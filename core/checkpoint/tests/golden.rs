//! Checkpoints and adapters written by transformers, PEFT and safetensors in Python; see
//! `tests/golden/make_checkpoint.py`.

#![allow(clippy::unwrap_used, reason = "a panic is how a test fails")]

use std::path::PathBuf;

use mergelab_checkpoint::{
    Checkpoint, DType, LoraAdapter, TensorSource, WithAdapter, decode_f32, encode_f32, round_f32,
};
use serde_json::Value;

fn golden(name: &str) -> PathBuf {
    PathBuf::from(concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/../../tests/golden/checkpoint"
    ))
    .join(name)
}

fn expected() -> Value {
    serde_json::from_slice(&std::fs::read(golden("expected.json")).unwrap()).unwrap()
}

#[test]
fn every_format_of_torch_is_read() {
    let checkpoint = Checkpoint::open(golden("dtypes.safetensors")).unwrap();
    assert_eq!(checkpoint.names().len(), 14);
    let wanted = [0.0, 1.0, 2.0, 3.0, 4.0, 5.0];
    for dtype in DType::ALL
        .into_iter()
        .filter(|dtype| checkpoint.contains(dtype.name()))
    {
        let view = checkpoint.tensor(dtype.name()).unwrap();
        assert_eq!((view.dtype, view.shape), (dtype, &[2, 3][..]));
        if dtype.is_float() {
            assert_eq!(view.to_f32().unwrap(), wanted);
        } else {
            assert!(view.to_f32().is_err());
        }
    }
    let integers = checkpoint.tensor("I16").unwrap().bytes;
    assert_eq!(integers, [0, 0, 1, 0, 2, 0, 3, 0, 4, 0, 5, 0]);
    let scalar = checkpoint.tensor("scalar").unwrap();
    assert_eq!(
        (scalar.shape.len(), scalar.to_f32().unwrap()),
        (0, vec![1.5])
    );
    assert_eq!(checkpoint.tensor("empty").unwrap().shape, [0, 4]);
}

#[test]
fn rounding_is_that_of_torch() {
    let expected = expected();
    let bits = |key: &str| -> Vec<u32> {
        let list = expected["rounding"][key].as_array().unwrap();
        list.iter()
            .map(|bits| bits.as_u64().unwrap() as u32)
            .collect()
    };
    let values: Vec<f32> = bits("f32").into_iter().map(f32::from_bits).collect();
    assert!(values.len() > 300);
    for (key, dtype) in [("f16", DType::F16), ("bf16", DType::BF16)] {
        let wanted: Vec<u8> = bits(key)
            .into_iter()
            .flat_map(|bits| (bits as u16).to_le_bytes())
            .collect();
        let mut bytes = vec![0; wanted.len()];
        encode_f32(dtype, &values, &mut bytes).unwrap();
        assert_eq!(bytes, wanted, "{dtype}");
        let mut back = vec![0.0; values.len()];
        decode_f32(dtype, &wanted, &mut back).unwrap();
        let mut rounded = values.clone();
        round_f32(dtype, &mut rounded).unwrap();
        assert_eq!(back, rounded, "{dtype}");
    }
}

#[test]
fn content_hashes_are_those_of_the_description() {
    for (name, hash) in expected()["content_hash"].as_object().unwrap() {
        let checkpoint = Checkpoint::open(golden(name)).unwrap();
        assert_eq!(checkpoint.content_hash().to_hex().as_str(), hash, "{name}");
    }
}

#[test]
fn shards_of_transformers_open() {
    let checkpoint = Checkpoint::open(golden("llama")).unwrap();
    assert_eq!(checkpoint.files().count(), 4);
    assert_eq!(checkpoint.names().len(), 12);
    assert_eq!(checkpoint.metadata()["format"], "pt");
    assert_eq!(checkpoint.config().unwrap()["model_type"], "llama");
    assert_eq!(checkpoint.find_non_finite().unwrap(), []);
    let norm = checkpoint.tensor("model.norm.weight").unwrap();
    assert_eq!(norm.to_f32().unwrap(), [1.0; 16]);
}

/// Reads every tensor through the adapter and compares it with what PEFT merged, or with the
/// base where PEFT changed nothing. Both compute in f32, in another order of the sums: products
/// and sums of at most 4 terms around 1, so 4 roundings of 2^-24 each, with room for 2.
fn merges_like_peft(base: &str, adapter: &str, changed: usize) {
    let base = Checkpoint::open(golden(base)).unwrap();
    let merged = Checkpoint::open(golden(&format!("{adapter}-merged.safetensors"))).unwrap();
    let adapter = LoraAdapter::open(golden(adapter)).unwrap();
    let source = WithAdapter::new(&base, adapter).unwrap();
    assert_eq!(merged.names().len(), changed);
    for name in source.names() {
        let elements = source.info(name).unwrap().elements();
        let mut got = vec![0.0; elements];
        source.read_f32(name, 0..elements, &mut got).unwrap();
        let original = base.tensor(name).unwrap().to_f32().unwrap();
        if !merged.contains(name) {
            assert_eq!(got, original, "{name}");
            continue;
        }
        assert_ne!(got, original, "{name}");
        let want = merged.tensor(name).unwrap().to_f32().unwrap();
        for (i, (got, want)) in got.iter().zip(&want).enumerate() {
            let tolerance = 8.0 * 2f32.powi(-24) * want.abs().max(1.0);
            assert!((got - want).abs() <= tolerance, "{name} {i}: {got} {want}");
        }
    }
}

#[test]
fn patterns_embeddings_and_whole_modules_merge_like_peft() {
    // q_proj, v_proj, down_proj, embed_tokens and, stored whole, lm_head.
    merges_like_peft("llama", "llama-lora", 5);
}

#[test]
fn transposed_weights_and_rank_stabilised_scaling_merge_like_peft() {
    merges_like_peft("gpt2", "gpt2-lora", 2);
}
