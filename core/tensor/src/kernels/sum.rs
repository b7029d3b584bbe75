//! Sums in f64 lanes.

use super::{LANES, dispatch};
use pulp::NullaryFnOnce;

struct Sum<'a, F>(&'a mut [f64; LANES], &'a [f32], F);

impl<F: Fn(f32) -> f32> NullaryFnOnce for Sum<'_, F> {
    type Output = ();

    #[inline(always)]
    fn call(self) {
        let Sum(total, tile, of) = self;
        let mut lanes = *total;
        let (rows, rest) = tile.as_chunks::<LANES>();
        for row in rows {
            for (lane, &x) in lanes.iter_mut().zip(row) {
                *lane += f64::from(of(x));
            }
        }
        for (lane, &x) in lanes.iter_mut().zip(rest) {
            *lane += f64::from(of(x));
        }
        *total = lanes;
    }
}

struct Dot<'a>(&'a mut [f64; LANES], &'a [f32], &'a [f32]);

impl NullaryFnOnce for Dot<'_> {
    type Output = ();

    #[inline(always)]
    fn call(self) {
        let Dot(total, a, b) = self;
        let mut lanes = *total;
        let ((a, a_rest), (b, b_rest)) = (a.as_chunks::<LANES>(), b.as_chunks::<LANES>());
        for (a, b) in a.iter().zip(b) {
            for ((lane, &a), &b) in lanes.iter_mut().zip(a).zip(b) {
                *lane += f64::from(a) * f64::from(b);
            }
        }
        for ((lane, &a), &b) in lanes.iter_mut().zip(a_rest).zip(b_rest) {
            *lane += f64::from(a) * f64::from(b);
        }
        *total = lanes;
    }
}

struct Squares<'a>(&'a mut [f64; LANES], &'a [f32]);

impl NullaryFnOnce for Squares<'_> {
    type Output = ();

    #[inline(always)]
    fn call(self) {
        let Squares(total, a) = self;
        let mut lanes = *total;
        let (rows, rest) = a.as_chunks::<LANES>();
        for row in rows {
            for j in 0..LANES {
                let x = f64::from(row[j]);
                lanes[j] += x * x;
            }
        }
        for (lane, &x) in lanes.iter_mut().zip(rest) {
            *lane += f64::from(x) * f64::from(x);
        }
        *total = lanes;
    }
}

struct Ones<'a>(&'a [f32], Option<&'a [f32]>);

impl NullaryFnOnce for Ones<'_> {
    type Output = u32;

    #[inline(always)]
    fn call(self) -> u32 {
        match self.1 {
            None => self.0.iter().map(|&a| u32::from(a != 0.0)).sum(),
            Some(b) => {
                let pairs = self.0.iter().zip(b);
                pairs
                    .map(|(&a, &b)| u32::from((a != 0.0) & (b != 0.0)))
                    .sum()
            }
        }
    }
}

/// How many elements of a tile of zeros and ones are 1, or of two at the same place.
pub(crate) fn ones(a: &[f32], b: Option<&[f32]>) -> u32 {
    dispatch(Ones(a, b))
}

/// Adds a tile to the lanes.
pub(crate) fn sum(lanes: &mut [f64; LANES], tile: &[f32]) {
    dispatch(Sum(lanes, tile, |x| x));
}

/// Adds the magnitudes of a tile to the lanes.
pub(crate) fn abs_sum(lanes: &mut [f64; LANES], tile: &[f32]) {
    dispatch(Sum(lanes, tile, f32::abs));
}

/// Adds the products of two tiles to the lanes. A product of two f32 is exact in f64.
pub(crate) fn dot(lanes: &mut [f64; LANES], a: &[f32], b: &[f32]) {
    match std::ptr::eq(a, b) {
        true => dispatch(Squares(lanes, a)),
        false => dispatch(Dot(lanes, a, b)),
    }
}
