//! Largest and smallest elements.

use super::{LANES, dispatch};
use pulp::NullaryFnOnce;

/// Which extreme.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Extreme {
    Max,
    Min,
}

impl Extreme {
    /// The extreme of no elements.
    pub(crate) fn start(self) -> f32 {
        match self {
            Extreme::Max => f32::NEG_INFINITY,
            Extreme::Min => f32::INFINITY,
        }
    }

    /// The extreme of two values; NaN if one is.
    #[inline(always)]
    pub(crate) fn of(self, a: f32, b: f32) -> f32 {
        let first = match self {
            Extreme::Max => a > b,
            Extreme::Min => a < b,
        };
        if first || a.is_nan() { a } else { b }
    }
}

struct Fold<'a>(Extreme, &'a mut [f32; LANES], &'a [f32]);

impl NullaryFnOnce for Fold<'_> {
    type Output = ();

    #[inline(always)]
    fn call(self) {
        let Fold(extreme, lanes, tile) = self;
        let (rows, rest) = tile.as_chunks::<LANES>();
        match extreme {
            Extreme::Max => {
                for row in rows {
                    for (lane, &x) in lanes.iter_mut().zip(row) {
                        *lane = Extreme::Max.of(*lane, x);
                    }
                }
            }
            Extreme::Min => {
                for row in rows {
                    for (lane, &x) in lanes.iter_mut().zip(row) {
                        *lane = Extreme::Min.of(*lane, x);
                    }
                }
            }
        }
        for (lane, &x) in lanes.iter_mut().zip(rest) {
            *lane = extreme.of(*lane, x);
        }
    }
}

/// Folds a tile into lanes that start as [`Extreme::start`].
pub(crate) fn fold(extreme: Extreme, lanes: &mut [f32; LANES], tile: &[f32]) {
    dispatch(Fold(extreme, lanes, tile));
}
