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
        if first | a.is_nan() { a } else { b }
    }
}

/// Registers that are filled side by side, as each waits for what it had before.
const WIDE: usize = 4 * LANES;

/// What the elements of a tile fold to, from which on.
struct Fold<'a>(Extreme, &'a mut [f32; LANES], &'a [f32]);

impl NullaryFnOnce for Fold<'_> {
    type Output = ();

    #[inline(always)]
    fn call(self) {
        let Fold(extreme, lanes, tile) = self;
        match extreme {
            Extreme::Max => fold_by(lanes, tile, |a, b| Extreme::Max.of(a, b)),
            Extreme::Min => fold_by(lanes, tile, |a, b| Extreme::Min.of(a, b)),
        }
    }
}

#[inline(always)]
fn fold_by(lanes: &mut [f32; LANES], tile: &[f32], of: impl Fn(f32, f32) -> f32) {
    let (rows, rest) = tile.as_chunks::<WIDE>();
    if let Some((first, rows)) = rows.split_first() {
        let mut wide = *first;
        for row in rows {
            for j in 0..WIDE {
                wide[j] = of(wide[j], row[j]);
            }
        }
        for part in wide.as_chunks::<LANES>().0 {
            for j in 0..LANES {
                lanes[j] = of(lanes[j], part[j]);
            }
        }
    }
    let (rows, rest) = rest.as_chunks::<LANES>();
    for row in rows {
        for j in 0..LANES {
            lanes[j] = of(lanes[j], row[j]);
        }
    }
    for (lane, &x) in lanes.iter_mut().zip(rest) {
        *lane = of(*lane, x);
    }
}

/// Folds a tile into lanes that start as [`Extreme::start`].
pub(crate) fn fold(extreme: Extreme, lanes: &mut [f32; LANES], tile: &[f32]) {
    dispatch(Fold(extreme, lanes, tile));
}

struct MaxOf<'a>(&'a [f32]);

impl NullaryFnOnce for MaxOf<'_> {
    type Output = f32;

    #[inline(always)]
    fn call(self) -> f32 {
        let mut lanes = [Extreme::Max.start(); LANES];
        fold_by(&mut lanes, self.0, |a, b| Extreme::Max.of(a, b));
        // By halves, so that few wait for each other.
        let mut half = LANES / 2;
        while half > 0 {
            for j in 0..half {
                lanes[j] = Extreme::Max.of(lanes[j], lanes[j + half]);
            }
            half /= 2;
        }
        lanes[0]
    }
}

/// The largest element; NaN if one is.
pub(crate) fn max_of(tile: &[f32]) -> f32 {
    dispatch(MaxOf(tile))
}
