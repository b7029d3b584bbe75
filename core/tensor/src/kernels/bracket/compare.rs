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

/// How many elements are above the bracket, on its ends, and zero.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Sides {
    pub(super) above: u32,
    pub(super) high: u32,
    pub(super) low: u32,
    pub(super) zero: u32,
}

/// Counts the elements of at most [`ROWS`] rows on all sides, and sets a bit in the word of their
/// row for those between the ends. Bit `i` of what comes first is whether row `i` has any.
#[inline(always)]
pub(super) fn sides<const ZEROS: bool>(
    rows: &[[f32; ROW]],
    ends: (i32, i32),
    words: &mut [u16; ROWS],
    with: Instructions,
) -> (u32, Sides) {
    #[cfg(target_arch = "x86_64")]
    if let Some(simd) = with {
        return sides_by_bits::<ZEROS>(simd, rows, ends, words);
    }
    let _ = with;
    let (low, high) = ends;
    let is_inside = |m: i32| (m > low) & (m < high);
    let (mut above, mut at_high, mut at_low) = ([0; ROW], [0; ROW], [0; ROW]);
    let mut zero = [0; ROW];
    let mut hits = 0u32;
    for (place, row) in rows.iter().enumerate() {
        let mut between = 0;
        for j in 0..ROW {
            let m = magnitude(row[j]) as i32;
            above[j] += i32::from(m > high);
            at_high[j] += i32::from(m == high);
            at_low[j] += i32::from(m == low);
            if ZEROS {
                zero[j] += i32::from(m == 0);
            }
            between |= i32::from(is_inside(m));
        }
        hits |= u32::from(between != 0) << place;
    }
    // A bracket holds a small share of the elements, so few rows have any.
    let mut open = hits;
    while open != 0 {
        let place = open.trailing_zeros() as usize;
        open &= open - 1;
        let mut bits = [0u16; ROW];
        for (j, (bit, &x)) in bits.iter_mut().zip(&rows[place]).enumerate() {
            let inside = is_inside(magnitude(x) as i32);
            *bit = if inside { 1 << j } else { 0 };
        }
        words[place] = bits.iter().fold(0, |all, bit| all | bit);
    }
    let sides = Sides {
        above: total(above),
        high: total(at_high),
        low: total(at_low),
        zero: total(zero),
    };
    (hits, sides)
}

#[inline(always)]
fn total(lanes: [i32; ROW]) -> u32 {
    lanes.iter().map(|&x| x as u32).sum()
}

// A function of its own, as a closure would not be compiled for these instructions.
#[cfg(target_arch = "x86_64")]
#[inline(always)]
fn sides_by_bits<const ZEROS: bool>(
    simd: pulp::x86::V4,
    rows: &[[f32; ROW]],
    (low, high): (i32, i32),
    words: &mut [u16; ROWS],
) -> (u32, Sides) {
    let with = simd.avx512f;
    let (low, high) = (with._mm512_set1_epi32(low), with._mm512_set1_epi32(high));
    let (none, one) = (with._mm512_setzero_si512(), with._mm512_set1_epi32(1));
    let (mut above, mut at_high, mut at_low) = (none, none, none);
    let mut zero = none;
    *words = [0; ROWS];
    for (row, word) in rows.iter().zip(&mut *words) {
        let mut magnitudes = [0; ROW];
        for j in 0..ROW {
            magnitudes[j] = magnitude(row[j]) as i32;
        }
        let magnitudes = pulp::cast(magnitudes);
        let is_above = with._mm512_cmpgt_epi32_mask(magnitudes, high);
        let is_high = with._mm512_cmpeq_epi32_mask(magnitudes, high);
        let is_low = with._mm512_cmpeq_epi32_mask(magnitudes, low);
        let is_above_low = with._mm512_cmpgt_epi32_mask(magnitudes, low);
        above = with._mm512_mask_add_epi32(above, is_above, above, one);
        at_high = with._mm512_mask_add_epi32(at_high, is_high, at_high, one);
        at_low = with._mm512_mask_add_epi32(at_low, is_low, at_low, one);
        if ZEROS {
            let is_zero = with._mm512_cmpeq_epi32_mask(magnitudes, none);
            zero = with._mm512_mask_add_epi32(zero, is_zero, zero, one);
        }
        *word = is_above_low & !(is_above | is_high);
    }
    // All rows at once.
    let all = pulp::cast(*words);
    let hits = simd.avx512bw._mm512_test_epi16_mask(all, all);
    let sides = Sides {
        above: total(pulp::cast(above)),
        high: total(pulp::cast(at_high)),
        low: total(pulp::cast(at_low)),
        zero: total(pulp::cast(zero)),
    };
    (hits, sides)
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
            let (mut some, mut same) = ([0; ROWS], [0; ROWS]);
            let found = sides::<true>(&rows, ends, &mut some, None);
            assert_eq!(found, sides::<true>(&rows, ends, &mut same, instructions()));
            assert_eq!(some, same);
            for (place, row) in rows.iter().enumerate() {
                let inside = row
                    .iter()
                    .map(|&x| rank(x))
                    .filter(|&m| m > ends.0 && m < ends.1);
                let count = inside.count() as u32;
                assert_eq!(some[place].count_ones(), count);
                assert_eq!(count > 0, found.0 >> place & 1 == 1);
            }
        }
    }
}
