//! Four bits that stand for values of a table instead of equal steps: IQ4_NL, IQ4_XS.

use super::half;

/// What the 16 numbers stand for, closer together around zero.
const VALUES: [i8; 16] = [
    -127, -104, -83, -65, -49, -35, -22, -10, 1, 13, 25, 38, 53, 69, 89, 113,
];

/// `scale * value` for 32 elements: the low nibbles are the first half, the high ones the second.
fn scaled(scale: f32, nibbles: &[u8], values: &mut [f32]) {
    let (low, high) = values.split_at_mut(16);
    for ((byte, low), high) in nibbles.iter().zip(low).zip(high) {
        *low = scale * f32::from(VALUES[usize::from(byte & 15)]);
        *high = scale * f32::from(VALUES[usize::from(byte >> 4)]);
    }
}

/// One scale for 32 elements.
pub(super) fn iq4_nl(block: &[u8; 18], out: &mut [f32; 32]) {
    scaled(half(block[0], block[1]), &block[2..], out);
}

/// A scale for 256 elements, and one of 6 bits, less 32, for each 32: its high 2 bits lie in bytes 2
/// and 3, its low 4 bits in bytes 4 to 7.
pub(super) fn iq4_xs(block: &[u8; 136], out: &mut [f32; 256]) {
    let scale = half(block[0], block[1]);
    let high = u16::from_le_bytes([block[2], block[3]]);
    let (low, nibbles) = block[4..].split_at(4);
    let chunks = nibbles.chunks_exact(16).zip(out.chunks_exact_mut(32));
    for (j, (bytes, values)) in chunks.enumerate() {
        let low = low[j / 2] >> (4 * (j % 2)) & 15;
        let own = i16::from(low) | ((high >> (2 * j) & 3) << 4) as i16;
        scaled(scale * f32::from(own - 32), bytes, values);
    }
}
