//! On which side of a bracket magnitudes are.
//!
//! The compiler keeps one bit for each element in as many registers of 32 bits, so the
//! instructions that do better are named where there are any.

use super::{ROW, ROWS};
use crate::kernels::magnitude::magnitude;

/// The instructions that there are, if any.
#[cfg(target_arch = "x86_64")]
pub(super) type Instructions = Option<pulp::x86::V4>;
#[cfg(not(target_arch = "x86_64"))]
pub(super) type Instructions = Option<std::convert::Infallible>;

/// Those of this processor.
#[inline(always)]
pub(super) fn instructions() -> Instructions {
    #[cfg(target_arch = "x86_64")]
    return pulp::x86::V4::try_new();
    #[cfg(not(target_arch = "x86_64"))]
    None
}

/// How many elements are above the bracket, not below it, and zero.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Outside {
    pub(super) above: u32,
    pub(super) not_below: u32,
    pub(super) zero: u32,
}

/// How many elements of a row are on the upper end, and, bit by bit, which are between the ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Within {
    pub(super) high: u32,
    pub(super) between: u32,
}

/// Counts what is outside of a bracket in rows. Bit `i` of what comes first is whether row `i` has
/// elements within, the ends included; there are at most [`ROWS`].
#[inline(always)]
pub(super) fn outside<const ZEROS: bool>(
    rows: &[[f32; ROW]],
    ends: (i32, i32),
    with: Instructions,
) -> (u32, Outside) {
    #[cfg(target_arch = "x86_64")]
    if let Some(simd) = with {
        return outside_by_bits::<ZEROS>(simd, rows, ends);
    }
    let _ = with;
    let (low, high) = ends;
    let (mut above, mut not_below, mut zero) = ([0; ROW], [0; ROW], [0; ROW]);
    let mut hits = 0u32;
    for (place, row) in rows.iter().enumerate() {
        let mut within = 0;
        for j in 0..ROW {
            let m = magnitude(row[j]) as i32;
            above[j] += i32::from(m > high);
            not_below[j] += i32::from(m >= low);
            if ZEROS {
                zero[j] += i32::from(m == 0);
            }
            within |= i32::from((m >= low) & (m <= high));
        }
        hits |= u32::from(within != 0) << place;
    }
    let outside = Outside {
        above: total(above),
        not_below: total(not_below),
        zero: total(zero),
    };
    (hits, outside)
}

#[inline(always)]
fn total(lanes: [i32; ROW]) -> u32 {
    lanes.iter().map(|&x| x as u32).sum()
}

/// Where the elements of a row are that are in a bracket.
#[inline(always)]
pub(super) fn within(row: &[f32; ROW], ends: (i32, i32), with: Instructions) -> Within {
    #[cfg(target_arch = "x86_64")]
    if let Some(simd) = with {
        return within_by_bits(simd, row, ends);
    }
    let _ = with;
    let (low, high) = ends;
    let (mut at_high, mut bits) = (0, [0u32; ROW]);
    for (j, (bit, &x)) in bits.iter_mut().zip(row).enumerate() {
        let m = magnitude(x) as i32;
        at_high += u32::from(m == high);
        *bit = if (m > low) & (m < high) { 1 << j } else { 0 };
    }
    Within {
        high: at_high,
        between: bits.iter().fold(0, |all, bit| all | bit),
    }
}

/// Copies the numbers of a row whose bits are set to the beginning of `out`, which has room for a
/// row, and returns how many they are.
#[inline(always)]
pub(super) fn pick(numbers: [u64; ROW], bits: u32, out: &mut [u64], with: Instructions) -> usize {
    #[cfg(target_arch = "x86_64")]
    if let Some(simd) = with {
        return pick_by_bits(simd, numbers, bits, out);
    }
    let _ = with;
    let (mut bits, mut count) = (bits, 0);
    while bits != 0 {
        out[count] = numbers[bits.trailing_zeros() as usize % ROW];
        count += 1;
        bits &= bits - 1;
    }
    count
}

// Functions of their own, as closures would not be compiled for these instructions.

#[cfg(target_arch = "x86_64")]
#[inline(always)]
fn outside_by_bits<const ZEROS: bool>(
    simd: pulp::x86::V4,
    rows: &[[f32; ROW]],
    (low, high): (i32, i32),
) -> (u32, Outside) {
    let with = simd.avx512f;
    let (low, high) = (with._mm512_set1_epi32(low), with._mm512_set1_epi32(high));
    let (none, one) = (with._mm512_setzero_si512(), with._mm512_set1_epi32(1));
    let (mut above, mut not_below, mut zero) = (none, none, none);
    // One word for each row, so that they are looked at together.
    let mut words = [0u16; ROWS];
    for (row, word) in rows.iter().zip(&mut words) {
        let magnitudes = pulp::cast(magnitudes(row));
        let is_above = with._mm512_cmpgt_epi32_mask(magnitudes, high);
        let is_not_below = with._mm512_cmpge_epi32_mask(magnitudes, low);
        above = with._mm512_mask_add_epi32(above, is_above, above, one);
        not_below = with._mm512_mask_add_epi32(not_below, is_not_below, not_below, one);
        if ZEROS {
            let is_zero = with._mm512_cmpeq_epi32_mask(magnitudes, none);
            zero = with._mm512_mask_add_epi32(zero, is_zero, zero, one);
        }
        // What is above is not below.
        *word = is_not_below & !is_above;
    }
    let words = pulp::cast(words);
    let hits = simd.avx512bw._mm512_test_epi16_mask(words, words);
    let outside = Outside {
        above: total(pulp::cast(above)),
        not_below: total(pulp::cast(not_below)),
        zero: total(pulp::cast(zero)),
    };
    (hits, outside)
}

#[cfg(target_arch = "x86_64")]
#[inline(always)]
fn within_by_bits(simd: pulp::x86::V4, row: &[f32; ROW], (low, high): (i32, i32)) -> Within {
    let with = simd.avx512f;
    let (low, high) = (with._mm512_set1_epi32(low), with._mm512_set1_epi32(high));
    let magnitudes = pulp::cast(magnitudes(row));
    let above_low = with._mm512_cmpgt_epi32_mask(magnitudes, low);
    let below_high = with._mm512_cmplt_epi32_mask(magnitudes, high);
    let at_high = with._mm512_cmpeq_epi32_mask(magnitudes, high);
    Within {
        high: u32::from(at_high).count_ones(),
        between: u32::from(above_low & below_high),
    }
}

/// Without a branch for each: how many there are in a row cannot be foreseen.
#[cfg(target_arch = "x86_64")]
#[inline(always)]
fn pick_by_bits(simd: pulp::x86::V4, numbers: [u64; ROW], bits: u32, out: &mut [u64]) -> usize {
    let with = simd.avx512f;
    let halves: [[u64; ROW / 2]; 2] = pulp::cast(numbers);
    let mut count = 0;
    for (half, numbers) in halves.into_iter().enumerate() {
        let bits = (bits >> (half * ROW / 2)) as u8;
        let first = with._mm512_maskz_compress_epi64(bits, pulp::cast(numbers));
        let first: [u64; ROW / 2] = pulp::cast(first);
        out[count..count + ROW / 2].copy_from_slice(&first);
        count += bits.count_ones() as usize;
    }
    count
}

#[cfg(target_arch = "x86_64")]
#[inline(always)]
fn magnitudes(row: &[f32; ROW]) -> [i32; ROW] {
    let mut magnitudes = [0; ROW];
    for j in 0..ROW {
        magnitudes[j] = magnitude(row[j]) as i32;
    }
    magnitudes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn named_instructions_and_others_agree() {
        let rows: Vec<[f32; ROW]> = (0..32u32)
            .map(|row| {
                std::array::from_fn(|j| match (row, j as u32) {
                    (5, 3) => f32::NAN,
                    (9, 7) => f32::NEG_INFINITY,
                    (row, j) => ((row * 16 + j) * 37 % 61) as f32 - 30.0,
                })
            })
            .collect();
        let rank = |x: f32| magnitude(x) as i32;
        for ends in [
            (rank(3.0), rank(9.0)),
            (rank(4.0), rank(4.0)),
            (0, i32::MAX),
            (rank(f32::INFINITY), rank(f32::NAN)),
        ] {
            let (hits, counts) = outside::<true>(&rows, ends, None);
            assert_eq!((hits, counts), outside::<true>(&rows, ends, instructions()));
            for (place, row) in rows.iter().enumerate() {
                let found = within(row, ends, None);
                assert_eq!(found, within(row, ends, instructions()));
                let ranks = row.iter().map(|&x| rank(x));
                let any = ranks.filter(|m| (ends.0..=ends.1).contains(m)).count() > 0;
                assert_eq!(any, hits >> place & 1 == 1);
                let numbers = std::array::from_fn(|j| j as u64 + 7);
                let (mut one, mut other) = ([0; ROW], [0; ROW]);
                let count = pick(numbers, found.between, &mut one, None);
                let same = pick(numbers, found.between, &mut other, instructions());
                assert_eq!(one[..count], other[..same]);
                assert_eq!(count as u32, found.between.count_ones());
            }
        }
    }
}
