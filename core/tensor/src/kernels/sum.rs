//! Sums in f64 lanes.

use super::draw::one;
use super::rounding::{ForRounding, Rounding, with_rounding};
use super::terms::decode;
use super::{LANES, dispatch};
use mergelab_abi::working::Working;
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

/// Stored bf16 elements less a tile, and the flags of a mask ([`draw`](super::draw)).
#[derive(Clone, Copy)]
pub(crate) struct Change<'a> {
    pub(crate) x: &'a [[u8; 2]],
    pub(crate) minus: &'a [f32],
    pub(crate) flags: &'a [u8],
}

struct ChangeSums<'a, R>(&'a mut [[f64; LANES]; 2], Change<'a>, R);

impl<R: Rounding> NullaryFnOnce for ChangeSums<'_, R> {
    type Output = ();

    #[inline(always)]
    fn call(self) {
        let ChangeSums(total, Change { x, minus, flags }, rounding) = self;
        let [mut whole, mut left] = *total;
        let ((x, x_rest), (minus, minus_rest)) =
            (x.as_chunks::<LANES>(), minus.as_chunks::<LANES>());
        let (flags, flags_rest) = flags.as_chunks::<LANES>();
        for ((x, minus), flags) in x.iter().zip(minus).zip(flags) {
            for j in 0..LANES {
                let size = rounding.round(decode(x[j]) - minus[j]).abs();
                whole[j] += f64::from(size);
                left[j] += f64::from(size * one(flags[j]));
            }
        }
        for (j, ((&x, &minus), &flag)) in x_rest.iter().zip(minus_rest).zip(flags_rest).enumerate()
        {
            let size = rounding.round(decode(x) - minus).abs();
            whole[j] += f64::from(size);
            left[j] += f64::from(size * one(flag));
        }
        *total = [whole, left];
    }
}

struct CallSums<'a>(&'a mut [[f64; LANES]; 2], Change<'a>);

impl ForRounding for CallSums<'_> {
    type Output = ();

    fn with(self, rounding: impl Rounding) {
        dispatch(ChangeSums(self.0, self.1, rounding));
    }
}

/// Adds the magnitudes of a change to the first lanes, and those of what is kept to the second.
pub(crate) fn change_magnitudes(
    working: Working,
    lanes: &mut [[f64; LANES]; 2],
    change: Change<'_>,
) {
    with_rounding(working, CallSums(lanes, change));
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
    dispatch(Dot(lanes, a, b));
}
