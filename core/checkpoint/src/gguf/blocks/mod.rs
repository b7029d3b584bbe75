//! Quantised blocks to f32, one file per family.
//!
//! Layouts and formulas: `ggml-quants.c` of llama.cpp. Each product and sum is rounded to f32 in
//! the order given there, so the values are those of ggml bit for bit.

mod k_quants;
mod non_linear;
mod scaled;

use super::GgmlType;
use crate::DType;

/// Decodes whole blocks; `out` has one value for each element of `bytes`.
///
/// Gives false, and leaves `out` alone, for a type that is not decoded or lengths that do not go
/// together.
pub(super) fn decode(kind: GgmlType, bytes: &[u8], out: &mut [f32]) -> bool {
    let blocks = bytes.len() / kind.block_bytes();
    if !bytes.len().is_multiple_of(kind.block_bytes())
        || out.len() != blocks * kind.block_elements()
    {
        return false;
    }
    match kind {
        GgmlType::F32 => return crate::decode_f32(DType::F32, bytes, out).is_ok(),
        GgmlType::F16 => return crate::decode_f32(DType::F16, bytes, out).is_ok(),
        GgmlType::BF16 => return crate::decode_f32(DType::BF16, bytes, out).is_ok(),
        GgmlType::Q4_0 => each(bytes, out, scaled::q4_0),
        GgmlType::Q4_1 => each(bytes, out, scaled::q4_1),
        GgmlType::Q5_0 => each(bytes, out, scaled::q5_0),
        GgmlType::Q5_1 => each(bytes, out, scaled::q5_1),
        GgmlType::Q8_0 => each(bytes, out, scaled::q8_0),
        GgmlType::Q2_K => each(bytes, out, k_quants::q2_k),
        GgmlType::Q3_K => each(bytes, out, k_quants::q3_k),
        GgmlType::Q4_K => each(bytes, out, k_quants::q4_k),
        GgmlType::Q5_K => each(bytes, out, k_quants::q5_k),
        GgmlType::Q6_K => each(bytes, out, k_quants::q6_k),
        GgmlType::IQ4_NL => each(bytes, out, non_linear::iq4_nl),
        GgmlType::IQ4_XS => each(bytes, out, non_linear::iq4_xs),
        _ => return false,
    }
    true
}

/// Calls `decode` on each block of `B` bytes and its `N` values.
fn each<const B: usize, const N: usize>(
    bytes: &[u8],
    out: &mut [f32],
    decode: impl Fn(&[u8; B], &mut [f32; N]),
) {
    let (blocks, _) = bytes.as_chunks::<B>();
    let (values, _) = out.as_chunks_mut::<N>();
    for (block, values) in blocks.iter().zip(values) {
        decode(block, values);
    }
}

/// The binary16 number in two bytes.
fn half(low: u8, high: u8) -> f32 {
    half::f16::from_le_bytes([low, high]).to_f32()
}

#[cfg(test)]
mod tests;
