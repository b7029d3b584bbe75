//! Masks: the largest magnitudes, and random ones.

use super::dispatch;
use super::magnitude::magnitude;
use super::map::map1;
use mergelab_abi::random;
use pulp::NullaryFnOnce;

/// Which elements a top-k mask keeps: those of larger magnitude than `threshold`, and those of
/// the same magnitude before the index `cutoff`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Cut {
    pub(crate) threshold: u32,
    pub(crate) cutoff: usize,
}

impl Cut {
    /// Keeps everything.
    pub(crate) const ALL: Cut = Cut {
        threshold: 0,
        cutoff: usize::MAX,
    };
    /// Keeps nothing.
    pub(crate) const NOTHING: Cut = Cut {
        threshold: u32::MAX,
        cutoff: 0,
    };
}

/// 1 where the element is kept. The tile starts at index `first`.
pub(crate) fn top_k(out: &mut [f32], a: &[f32], cut: Cut, first: usize) {
    let Cut { threshold, cutoff } = cut;
    let before = cutoff.saturating_sub(first).min(a.len());
    let (out_before, out_after) = out.split_at_mut(before);
    let (before, after) = a.split_at(before);
    map1(out_before, before, |x| {
        if magnitude(x) >= threshold { 1.0 } else { 0.0 }
    });
    map1(out_after, after, |x| {
        if magnitude(x) > threshold { 1.0 } else { 0.0 }
    });
}

struct Keep<'a> {
    out: &'a mut [f32],
    key: [u32; 2],
    bound: u32,
    block: u64,
}

impl NullaryFnOnce for Keep<'_> {
    type Output = ();

    #[inline(always)]
    fn call(self) {
        let Keep {
            out,
            key,
            bound,
            block,
        } = self;
        let keep = |word: u32| if word < bound { 1.0 } else { 0.0 };
        let (groups, rest) = out.as_chunks_mut::<{ 4 * WIDE }>();
        let done = (groups.len() * WIDE) as u64;
        for (index, group) in groups.iter_mut().enumerate() {
            let words = philox_wide(block + (index * WIDE) as u64, key);
            for (j, row) in group.as_chunks_mut::<4>().0.iter_mut().enumerate() {
                for (out, lane) in row.iter_mut().zip(&words) {
                    *out = keep(lane[j]);
                }
            }
        }
        for (index, row) in rest.chunks_mut(4).enumerate() {
            let block = block + done + index as u64;
            let counter = [block as u32, (block >> 32) as u32, 0, 0];
            for (out, word) in row.iter_mut().zip(random::philox(counter, key)) {
                *out = keep(word);
            }
        }
    }
}

// Philox4x32-10, as in `mergelab_abi::random`; the tests compare both.
const ROUNDS: usize = 10;
const MULTIPLIER_0: u32 = 0xD251_1F53;
const MULTIPLIER_1: u32 = 0xCD9E_8D57;
const WEYL_0: u32 = 0x9E37_79B9;
const WEYL_1: u32 = 0xBB67_AE85;

/// Blocks of the generator that are computed side by side.
pub(super) const WIDE: usize = 16;

/// [`random::philox`] for the blocks from `first`: word `w` of block `first + j` is `[w][j]`.
///
/// The same steps with each variable an array, so that each becomes a vector instruction. The
/// compiler does not make that of sixteen separate calls.
#[inline(always)]
#[expect(
    clippy::needless_range_loop,
    reason = "`j` is the second index, into four arrays at once"
)]
pub(super) fn philox_wide(first: u64, key: [u32; 2]) -> [[u32; WIDE]; 4] {
    let mut c = [[0u32; WIDE]; 4];
    for j in 0..WIDE {
        let block = first + j as u64;
        (c[0][j], c[1][j]) = (block as u32, (block >> 32) as u32);
    }
    let [mut k0, mut k1] = key;
    for _ in 0..ROUNDS {
        for j in 0..WIDE {
            let p0 = u64::from(MULTIPLIER_0) * u64::from(c[0][j]);
            let p1 = u64::from(MULTIPLIER_1) * u64::from(c[2][j]);
            c[0][j] = (p1 >> 32) as u32 ^ c[1][j] ^ k0;
            c[1][j] = p1 as u32;
            c[2][j] = (p0 >> 32) as u32 ^ c[3][j] ^ k1;
            c[3][j] = p0 as u32;
        }
        k0 = k0.wrapping_add(WEYL_0);
        k1 = k1.wrapping_add(WEYL_1);
    }
    c
}

/// 1 where the element's random word is below `bound`. The tile starts at index `first`, a
/// multiple of 4.
pub(crate) fn keep(out: &mut [f32], key: u64, bound: u64, first: usize) {
    let Ok(bound) = u32::try_from(bound) else {
        // 2^32: every word is below it.
        return out.fill(1.0);
    };
    dispatch(Keep {
        out,
        key: [key as u32, (key >> 32) as u32],
        bound,
        block: first as u64 / 4,
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn random_masks_follow_the_generator_at_any_offset() {
        for first in [0usize, 16, 992, (1 << 34) - 16] {
            let mut out = vec![0.5; 64 * 3 + 39];
            keep(&mut out, 0xdead_beef_0123, 1 << 31, first);
            for (index, &kept) in out.iter().enumerate() {
                let word = random::word(0xdead_beef_0123, (first + index) as u64);
                assert_eq!(kept, if word < 1 << 31 { 1.0 } else { 0.0 });
            }
        }
    }
}
