//! What random masks leave of task vectors.

use super::Buffers;
use super::added::add_up;
use crate::kernels::terms::{self, Over};
use crate::kernels::{bits, draw, elementwise};
use crate::program::fuse::FACTORS;
use mergelab_abi::working::Working;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;

/// Where the flags of a mask come from.
pub(in crate::program) enum Draw {
    /// Everything is kept.
    All,
    /// Elements are kept whose random words are below a bound.
    Random {
        key: u64,
        bound: u64,
        /// Where the bits go for later passes.
        bits: Option<Arc<Vec<AtomicU64>>>,
    },
    /// Element `i` is bit `i % 64` of word `i / 64`, counted from an index on.
    Bits(Arc<Vec<u64>>, usize),
}

impl Draw {
    pub(super) fn flags(&self, flags: &mut [u8], first: usize) {
        match self {
            Draw::All => flags.fill(draw::KEPT),
            Draw::Random { key, bound, bits } => {
                draw::keep(flags, *key, *bound, first);
                if let Some(words) = bits {
                    bits::store(words, flags, first);
                }
            }
            Draw::Bits(words, from) => draw::bits(flags, words, first - from),
        }
    }
}

/// A source less a slot, where it is kept, times numbers.
pub(in crate::program) struct Survivor {
    pub(in crate::program) source: usize,
    pub(in crate::program) minus: usize,
    pub(in crate::program) draw: Draw,
    pub(in crate::program) factors: Factors,
}

/// What a survivor is divided by, then what it is multiplied with. Those that are not there are 1,
/// which changes nothing.
pub(in crate::program) struct Factors {
    over: f32,
    times: [f32; FACTORS + 1],
}

impl Factors {
    pub(in crate::program) fn new(over: Option<f32>, times: impl Iterator<Item = f32>) -> Self {
        let inverse = over
            .filter(|&x| elementwise::has_exact_inverse(x))
            .map(|x| 1.0 / x);
        let mut factors = Self {
            over: if inverse.is_some() {
                1.0
            } else {
                over.unwrap_or(1.0)
            },
            times: [1.0; FACTORS + 1],
        };
        for (factor, x) in factors
            .times
            .iter_mut()
            .zip(inverse.into_iter().chain(times))
        {
            *factor = x;
        }
        factors
    }

    /// Up to the last that is not 1.
    fn count(&self) -> usize {
        self.times
            .iter()
            .rposition(|&x| x != 1.0)
            .map_or(0, |last| last + 1)
    }
}

/// In the version with as many factors as any of them has.
pub(super) fn survivors(
    working: Working,
    buffers: &Buffers<'_>,
    out: &mut [f32],
    list: &[Survivor],
    first: usize,
) {
    let times = |s: &Survivor| s.factors.times;
    if list.iter().any(|s| s.factors.over != 1.0) {
        let factors = |s: &Survivor| Over(s.factors.over, times(s));
        return survivors_by(working, buffers, out, list, first, factors);
    }
    match list.iter().map(|s| s.factors.count()).max() {
        Some(0) => survivors_by(working, buffers, out, list, first, |_| []),
        Some(1) => survivors_by(working, buffers, out, list, first, |s| [times(s)[0]]),
        _ => survivors_by(working, buffers, out, list, first, times),
    }
}

fn survivors_by<F: terms::Factors>(
    working: Working,
    buffers: &Buffers<'_>,
    out: &mut [f32],
    list: &[Survivor],
    first: usize,
    factors: impl Fn(&Survivor) -> F,
) {
    let length = out.len();
    let terms = list.iter().zip(&buffers.flags);
    let terms = terms.map(|(survivor, flags)| terms::Survivor {
        x: buffers.inputs[survivor.source].elements(first, length),
        minus: &buffers.tiles[survivor.minus][..length],
        flags: &flags[..length],
        factors: factors(survivor),
    });
    add_up(working, out, terms);
}
