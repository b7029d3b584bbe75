//! Masks of the largest magnitudes.

use super::magnitude::magnitude;
use super::map::{in_place, map1};
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

/// The same in place.
pub(crate) fn keep(out: &mut [f32], cut: Cut, first: usize) {
    for (part, limit) in cut.parts(first, out.len()) {
        in_place(&mut out[part], move |a| above(a, limit));
    }
}
