//! Masks: the largest magnitudes, and random ones.

use super::dispatch;
use super::magnitude::magnitude;
use super::map::map1;
use mergelab_abi::random;
use pulp::NullaryFnOnce;
use std::ops::Range;

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

impl Cut {
    /// The parts of a tile of `length` elements that starts at index `first`, with the rank that
    /// magnitudes there must exceed to be kept.
    fn parts(self, first: usize, length: usize) -> [(Range<usize>, i32); 2] {
        let before = self.cutoff.saturating_sub(first).min(length);
        // Ranks fit 31 bits; comparing them as signed numbers is one instruction.
        let limit = |rank: i64| i32::try_from(rank).unwrap_or(i32::MAX);
        let threshold = i64::from(self.threshold);
        [
            (0..before, limit(threshold - 1)),
            (before..length, limit(threshold)),
        ]
    }
}

#[inline(always)]
fn above(x: f32, limit: i32) -> f32 {
    if magnitude(x) as i32 > limit {
        1.0
    } else {
        0.0
    }
}

/// 1 where the element is kept. The tile starts at index `first`.
pub(crate) fn top_k(out: &mut [f32], a: &[f32], cut: Cut, first: usize) {
    for (part, limit) in cut.parts(first, a.len()) {
        map1(&mut out[part.clone()], &a[part], move |a| above(a, limit));
    }
}

struct Keep<'a, S> {
    out: &'a mut [f32],
    key: [u32; 2],
    bound: u32,
    block: u64,
    source: S,
}

/// What a mask applies to.
trait Kept: Copy {
    fn at(self, index: usize) -> f32;
    fn group(self, group: usize) -> [f32; 4 * WIDE];
}

/// The mask itself: ones.
#[derive(Clone, Copy)]
struct Ones;

impl Kept for Ones {
    #[inline(always)]
    fn at(self, _: usize) -> f32 {
        1.0
    }

    #[inline(always)]
    fn group(self, _: usize) -> [f32; 4 * WIDE] {
        [1.0; 4 * WIDE]
    }
}

impl Kept for &[f32] {
    #[inline(always)]
    fn at(self, index: usize) -> f32 {
        self[index]
    }

    #[inline(always)]
    fn group(self, group: usize) -> [f32; 4 * WIDE] {
        self.as_chunks().0[group]
    }
}

impl<S: Kept> NullaryFnOnce for Keep<'_, S> {
    type Output = ();

    #[inline(always)]
    fn call(self) {
        let Keep {
            out,
            key,
            bound,
            block,
            source,
        } = self;
        let keep = |word: u32| if word < bound { 1.0 } else { 0.0 };
        let (groups, rest) = out.as_chunks_mut::<{ 4 * WIDE }>();
        let done = groups.len() * WIDE;
        for (index, group) in groups.iter_mut().enumerate() {
            let words = philox_wide(block + (index * WIDE) as u64, key);
            let x = source.group(index);
            for ((out, x), word) in group.iter_mut().zip(x).zip(words) {
                *out = x * keep(word);
            }
        }
        for (index, row) in rest.chunks_mut(4).enumerate() {
            let index = done + index;
            let block = block + index as u64;
            let counter = [block as u32, (block >> 32) as u32, 0, 0];
            let words = random::philox(counter, key);
            for (j, (out, word)) in row.iter_mut().zip(words).enumerate() {
                *out = source.at(index * 4 + j) * keep(word);
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

/// Blocks of the generator that are computed side by side: two registers of four.
pub(super) const WIDE: usize = 8;

/// [`random::philox`] for the blocks from `first`, in the order of their words.
///
/// Words are kept in the lower halves of 64-bit lanes, where a multiplication takes and leaves
/// them; what is in the upper halves is never looked at. The compiler does not find this way
/// from separate calls.
#[inline(always)]
#[expect(
    clippy::needless_range_loop,
    reason = "`j` is the second index, into four arrays at once"
)]
pub(super) fn philox_wide(first: u64, key: [u32; 2]) -> [u32; 4 * WIDE] {
    const LOW: u64 = 0xffff_ffff;
    let mut c = [[0u64; WIDE]; 4];
    for j in 0..WIDE {
        let block = first + j as u64;
        (c[0][j], c[1][j]) = (block, block >> 32);
    }
    let [mut k0, mut k1] = key;
    for _ in 0..ROUNDS {
        for j in 0..WIDE {
            let p0 = u64::from(MULTIPLIER_0) * (c[0][j] & LOW);
            let p1 = u64::from(MULTIPLIER_1) * (c[2][j] & LOW);
            c[0][j] = (p1 >> 32) ^ c[1][j] ^ u64::from(k0);
            c[1][j] = p1;
            c[2][j] = (p0 >> 32) ^ c[3][j] ^ u64::from(k1);
            c[3][j] = p0;
        }
        k0 = k0.wrapping_add(WEYL_0);
        k1 = k1.wrapping_add(WEYL_1);
    }
    let mut words = [0; 4 * WIDE];
    for j in 0..WIDE {
        for w in 0..4 {
            words[4 * j + w] = c[w][j] as u32;
        }
    }
    words
}

/// 1 where the element's random word is below `bound`. The tile starts at index `first`, a
/// multiple of 4.
pub(crate) fn keep(out: &mut [f32], key: u64, bound: u64, first: usize) {
    let Ok(bound) = u32::try_from(bound) else {
        // 2^32: every word is below it.
        return out.fill(1.0);
    };
    keep_of(out, Ones, key, bound, first);
}

/// `x` times that mask.
pub(crate) fn drop(out: &mut [f32], x: &[f32], key: u64, bound: u64, first: usize) {
    match u32::try_from(bound) {
        Ok(bound) => keep_of(out, &x[..out.len()], key, bound, first),
        // `x · 1`.
        Err(_) => out.copy_from_slice(x),
    }
}

fn keep_of(out: &mut [f32], source: impl Kept, key: u64, bound: u32, first: usize) {
    dispatch(Keep {
        out,
        key: [key as u32, (key >> 32) as u32],
        bound,
        block: first as u64 / 4,
        source,
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
            let x: Vec<f32> = (0..out.len()).map(|i| i as f32 - 70.0).collect();
            let mut dropped = x.clone();
            drop(&mut dropped, &x, 0xdead_beef_0123, 1 << 31, first);
            for (index, dropped) in dropped.iter().enumerate() {
                assert_eq!(dropped.to_bits(), (x[index] * out[index]).to_bits());
            }
        }
    }
}
