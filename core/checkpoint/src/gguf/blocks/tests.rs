//! Against the values that ggml's Python package gives; see `tests/golden/make_gguf.py`.

use serde_json::Value;

use super::*;

fn bytes(hex: &Value) -> Vec<u8> {
    let (pairs, _) = hex.as_str().unwrap().as_bytes().as_chunks::<2>();
    pairs
        .iter()
        .map(|pair| u8::from_str_radix(std::str::from_utf8(pair).unwrap(), 16).unwrap())
        .collect()
}

#[test]
fn values_are_those_of_ggml_bit_for_bit() {
    let path = concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/../../tests/golden/gguf/blocks.json"
    );
    let golden: Value = serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap();
    for kind in GgmlType::DECODED {
        let case = &golden[kind.name()];
        let wanted = bytes(&case["f32"]);
        let (wanted, _) = wanted.as_chunks::<4>();
        let wanted: Vec<u32> = wanted.iter().map(|b| u32::from_le_bytes(*b)).collect();
        let mut out = vec![0.0; wanted.len()];
        assert!(decode(kind, &bytes(&case["bytes"]), &mut out));
        let out: Vec<u32> = out.iter().map(|value| value.to_bits()).collect();
        assert_eq!(out, wanted, "{kind}");
    }
}

#[test]
fn lengths_that_do_not_go_together_are_refused() {
    for kind in GgmlType::DECODED {
        let (bytes, mut out) = (
            vec![0; kind.block_bytes()],
            vec![1.0; kind.block_elements()],
        );
        assert!(!decode(kind, &bytes[1..], &mut out), "{kind}");
        assert!(!decode(kind, &bytes, &mut out[1..]), "{kind}");
        assert!(decode(kind, &bytes, &mut out), "{kind}");
        assert!(out.iter().all(|value| *value == 0.0), "{kind}");
    }
}
