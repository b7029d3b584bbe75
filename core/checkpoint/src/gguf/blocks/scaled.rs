//! Blocks of 32 elements with a scale, and with or without a minimum: Q4_0 to Q8_0.
//!
//! The nibbles of 16 bytes are 32 elements: the low halves first, then the high halves.

use super::half;

/// `scale * (q - 8)`, q of 4 bits.
pub(super) fn q4_0(block: &[u8; 18], out: &mut [f32; 32]) {
    let scale = half(block[0], block[1]);
    for (j, byte) in block[2..].iter().enumerate() {
        out[j] = f32::from((byte & 15) as i8 - 8) * scale;
        out[j + 16] = f32::from((byte >> 4) as i8 - 8) * scale;
    }
}

/// `scale * q + minimum`, q of 4 bits.
pub(super) fn q4_1(block: &[u8; 20], out: &mut [f32; 32]) {
    let scale = half(block[0], block[1]);
    let minimum = half(block[2], block[3]);
    for (j, byte) in block[4..].iter().enumerate() {
        out[j] = f32::from(byte & 15) * scale + minimum;
        out[j + 16] = f32::from(byte >> 4) * scale + minimum;
    }
}

/// `scale * (q - 16)`, q of 5 bits, the fifth bits of all 32 elements in one word.
pub(super) fn q5_0(block: &[u8; 22], out: &mut [f32; 32]) {
    let scale = half(block[0], block[1]);
    let fifth = u32::from_le_bytes([block[2], block[3], block[4], block[5]]);
    for (j, byte) in block[6..].iter().enumerate() {
        let (low, high) = five_bits(*byte, fifth, j);
        out[j] = f32::from(low as i8 - 16) * scale;
        out[j + 16] = f32::from(high as i8 - 16) * scale;
    }
}

/// `scale * q + minimum`, q of 5 bits.
pub(super) fn q5_1(block: &[u8; 24], out: &mut [f32; 32]) {
    let scale = half(block[0], block[1]);
    let minimum = half(block[2], block[3]);
    let fifth = u32::from_le_bytes([block[4], block[5], block[6], block[7]]);
    for (j, byte) in block[8..].iter().enumerate() {
        let (low, high) = five_bits(*byte, fifth, j);
        out[j] = f32::from(low) * scale + minimum;
        out[j + 16] = f32::from(high) * scale + minimum;
    }
}

/// `scale * q`, q a signed byte.
pub(super) fn q8_0(block: &[u8; 34], out: &mut [f32; 32]) {
    let scale = half(block[0], block[1]);
    for (out, byte) in out.iter_mut().zip(&block[2..]) {
        *out = f32::from(*byte as i8) * scale;
    }
}

/// Elements `j` and `j + 16`.
fn five_bits(byte: u8, fifth: u32, j: usize) -> (u8, u8) {
    let bit = |at: usize| ((fifth >> at) as u8 & 1) << 4;
    (byte & 15 | bit(j), byte >> 4 | bit(j + 16))
}
