//! On which side of a bracket magnitudes are.
//!
//! The compiler keeps one bit for each element in as many registers of 32 bits, so the
//! instructions that do better are named where there are any.

use super::ROW;
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

/// How many elements are above the bracket, and how many zero.
#[derive(Clone, Copy, Default)]
pub(super) struct Outside {
    pub(super) above: u32,
    pub(super) zero: u32,
}

/// Where the elements of a row are that are in the bracket, bit by bit.
#[derive(Clone, Copy, Default)]
pub(super) struct Within {
    pub(super) high: u32,
    pub(super) low: u32,
    pub(super) between: u32,
}

/// Counts what is outside of a bracket in rows. Bit `i` of what comes first is whether row `i` has
/// elements within, the ends included; there are at most 32.
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
    let (mut above, mut zero) = ([0; ROW], [0; ROW]);
    let mut hits = 0u32;
    for (place, row) in rows.iter().enumerate() {
        let mut within = 0;
        for j in 0..ROW {
            let m = magnitude(row[j]) as i32;
            above[j] += i32::from(m > high);
            if ZEROS {
                zero[j] += i32::from(m == 0);
            }
            within |= i32::from((m >= low) & (m <= high));
        }
        hits |= u32::from(within != 0) << place;
    }
    let add = |lanes: [i32; ROW]| lanes.iter().map(|&x| x as u32).sum();
    let outside = Outside {
        above: add(above),
        zero: add(zero),
    };
    (hits, outside)
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
    let bits_where = |is: &dyn Fn(i32) -> bool| {
        let bits = row.iter().enumerate();
        bits.fold(0, |bits, (j, &x)| {
            bits | u32::from(is(magnitude(x) as i32)) << j
        })
    };
    Within {
        high: bits_where(&|m| m == high),
        low: bits_where(&|m| m == low),
        between: bits_where(&|m| (m > low) & (m < high)),
    }
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
    let mut outside = Outside::default();
    let mut hits = 0u32;
    for (place, row) in rows.iter().enumerate() {
        let magnitudes = pulp::cast(magnitudes(row));
        let above = with._mm512_cmpgt_epi32_mask(magnitudes, high);
        let not_below = with._mm512_cmpge_epi32_mask(magnitudes, low);
        outside.above += u32::from(above).count_ones();
        if ZEROS {
            let zero = with._mm512_setzero_si512();
            let zero = with._mm512_cmpeq_epi32_mask(magnitudes, zero);
            outside.zero += u32::from(zero).count_ones();
        }
        // What is above is not below.
        hits |= u32::from(not_below & !above != 0) << place;
    }
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
    Within {
        high: u32::from(with._mm512_cmpeq_epi32_mask(magnitudes, high)),
        low: u32::from(with._mm512_cmpeq_epi32_mask(magnitudes, low)),
        between: u32::from(above_low & below_high),
    }
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
            let (hits, one) = outside::<true>(&rows, ends, None);
            let (same_hits, other) = outside::<true>(&rows, ends, instructions());
            assert_eq!(hits, same_hits);
            assert_eq!((one.above, one.zero), (other.above, other.zero));
            for (place, row) in rows.iter().enumerate() {
                let one = within(row, ends, None);
                let other = within(row, ends, instructions());
                let bits = |w: Within| (w.high, w.low, w.between);
                assert_eq!(bits(one), bits(other));
                let any = one.high | one.low | one.between;
                assert_eq!(any != 0, hits >> place & 1 == 1);
            }
        }
    }
}
