//! Super-blocks of 256 elements whose scales are quantised too: Q2_K to Q6_K.

use super::half;

/// The scale and the minimum, of 6 bits each, of sub-block `j` (of 8) in their 12 bytes.
///
/// The first four of both lie in the low 6 bits of bytes 0 to 7. The others have their low 4 bits
/// in bytes 8 to 11 and their high 2 bits in what the first four left free.
fn scale_and_minimum(packed: &[u8], j: usize) -> (f32, f32) {
    let (scale, minimum) = if j < 4 {
        (packed[j] & 63, packed[j + 4] & 63)
    } else {
        (
            packed[j + 4] & 15 | packed[j - 4] >> 6 << 4,
            packed[j + 4] >> 4 | packed[j] >> 6 << 4,
        )
    };
    (f32::from(scale), f32::from(minimum))
}

/// `scale * q - minimum`, q of 2 bits; a scale and a minimum of 4 bits for each 16 elements. Byte `l`
/// of 32 has an element of each of four groups of 32.
pub(super) fn q2_k(block: &[u8; 84], out: &mut [f32; 256]) {
    let (scales, rest) = block.split_at(16);
    let (packed, halves) = rest.split_at(64);
    let scale = half(halves[0], halves[1]);
    let minimum = half(halves[2], halves[3]);
    let (chunks, _) = out.as_chunks_mut::<16>();
    for (j, (own, values)) in scales.iter().zip(chunks).enumerate() {
        let bytes = &packed[32 * (j / 8) + 16 * (j % 2)..][..16];
        let (own_scale, own_minimum) = (scale * f32::from(own & 15), minimum * f32::from(own >> 4));
        for (byte, value) in bytes.iter().zip(values) {
            let q = byte >> (2 * (j % 8 / 2)) & 3;
            *value = own_scale * f32::from(q) - own_minimum;
        }
    }
}

/// `scale * (q - 4)`, q of 3 bits: 2 as in [`q2_k`], the third in `third`; a scale of 6 bits, less 32,
/// for each 16 elements.
pub(super) fn q3_k(block: &[u8; 110], out: &mut [f32; 256]) {
    let (third, rest) = block.split_at(32);
    let (packed, rest) = rest.split_at(64);
    let (scales, halves) = rest.split_at(12);
    let scale = half(halves[0], halves[1]);
    let (chunks, _) = out.as_chunks_mut::<16>();
    for (j, values) in chunks.iter_mut().enumerate() {
        let low = scales[j % 8] >> (4 * (j / 8)) & 15;
        let high = scales[8 + j % 4] >> (2 * (j / 4)) & 3;
        let own_scale = scale * f32::from((low | high << 4) as i8 - 32);
        let place = 16 * (j % 2);
        let bytes = &packed[32 * (j / 8) + place..][..16];
        for ((byte, third), value) in bytes.iter().zip(&third[place..]).zip(values) {
            let q = byte >> (2 * (j % 8 / 2)) & 3 | (third >> (j / 2) & 1) << 2;
            *value = own_scale * f32::from(q as i8 - 4);
        }
    }
}

/// `scale * q - minimum`, q of 4 bits.
pub(super) fn q4_k(block: &[u8; 144], out: &mut [f32; 256]) {
    let scale = half(block[0], block[1]);
    let minimum = half(block[2], block[3]);
    let (packed, nibbles) = block[4..].split_at(12);
    let (chunks, _) = out.as_chunks_mut::<64>();
    for (j, (bytes, values)) in nibbles.chunks_exact(32).zip(chunks).enumerate() {
        let (low_scale, low_minimum) = scale_and_minimum(packed, 2 * j);
        let (high_scale, high_minimum) = scale_and_minimum(packed, 2 * j + 1);
        let (low_scale, low_minimum) = (scale * low_scale, minimum * low_minimum);
        let (high_scale, high_minimum) = (scale * high_scale, minimum * high_minimum);
        for (l, byte) in bytes.iter().enumerate() {
            values[l] = low_scale * f32::from(byte & 15) - low_minimum;
            values[l + 32] = high_scale * f32::from(byte >> 4) - high_minimum;
        }
    }
}

/// `scale * q - minimum`, q of 5 bits; byte `l` of `fifth` has the fifth bits of element `l` of
/// each of the eight sub-blocks.
pub(super) fn q5_k(block: &[u8; 176], out: &mut [f32; 256]) {
    let scale = half(block[0], block[1]);
    let minimum = half(block[2], block[3]);
    let (packed, rest) = block[4..].split_at(12);
    let (fifth, nibbles) = rest.split_at(32);
    let (chunks, _) = out.as_chunks_mut::<64>();
    for (j, (bytes, values)) in nibbles.chunks_exact(32).zip(chunks).enumerate() {
        let (low_scale, low_minimum) = scale_and_minimum(packed, 2 * j);
        let (high_scale, high_minimum) = scale_and_minimum(packed, 2 * j + 1);
        let (low_scale, low_minimum) = (scale * low_scale, minimum * low_minimum);
        let (high_scale, high_minimum) = (scale * high_scale, minimum * high_minimum);
        for (l, (byte, fifth)) in bytes.iter().zip(fifth).enumerate() {
            let low = byte & 15 | (fifth >> (2 * j) & 1) << 4;
            let high = byte >> 4 | (fifth >> (2 * j + 1) & 1) << 4;
            values[l] = low_scale * f32::from(low) - low_minimum;
            values[l + 32] = high_scale * f32::from(high) - high_minimum;
        }
    }
}

/// `scale * (q - 32)`, q of 6 bits: 4 in `low`, 2 in `high`; a signed scale for each 16 elements.
pub(super) fn q6_k(block: &[u8; 210], out: &mut [f32; 256]) {
    let (low, rest) = block.split_at(128);
    let (high, rest) = rest.split_at(64);
    let (scales, rest) = rest.split_at(16);
    let scale = half(rest[0], rest[1]);
    let (chunks, _) = out.as_chunks_mut::<128>();
    for (n, values) in chunks.iter_mut().enumerate() {
        let (low, high) = (&low[64 * n..][..64], &high[32 * n..][..32]);
        let scales = &scales[8 * n..][..8];
        for quarter in 0..4 {
            for l in 0..32 {
                let nibble = low[l + 32 * (quarter % 2)] >> (4 * (quarter / 2)) & 15;
                let q = (nibble | (high[l] >> (2 * quarter) & 3) << 4) as i8 - 32;
                let scale = scale * f32::from(scales[2 * quarter + l / 16] as i8);
                values[32 * quarter + l] = scale * f32::from(q);
            }
        }
    }
}
