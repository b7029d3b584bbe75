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
        let ChangeSums(total, change, rounding) = self;
        let before = *total;
        // Leaving out what is not kept takes less than a product with 0, of which the sum is the
        // same unless something is infinite.
        *total = change.sums(before, rounding, |size, flag| match flag {
            0 => 0.0,
            _ => size,
        });
        let [whole, _] = total;
        if !whole.iter().all(|x| x.is_finite()) {
            *total = change.sums(before, rounding, |size, flag| size * f64::from(one(flag)));
        }
    }
}

impl Change<'_> {
    #[inline(always)]
    fn sums(
        self,
        [mut whole, mut left]: [[f64; LANES]; 2],
        rounding: impl Rounding,
        kept: impl Fn(f64, u8) -> f64,
    ) -> [[f64; LANES]; 2] {
        let Change { x, minus, flags } = self;
        let size = |x, minus: f32| f64::from(rounding.round(decode(x) - minus).abs());
        let ((x, x_rest), (minus, minus_rest)) = (x.as_chunks(), minus.as_chunks());
        let (flags, flags_rest) = flags.as_chunks();
        for ((x, minus), flags) in x.iter().zip(minus).zip(flags) {
            let (x, minus, flags): (&[_; LANES], &[_; LANES], &[_; LANES]) = (x, minus, flags);
            for j in 0..LANES {
                let size = size(x[j], minus[j]);
                whole[j] += size;
                left[j] += kept(size, flags[j]);
            }
        }
        let rest = x_rest.iter().zip(minus_rest).zip(flags_rest);
        for (j, ((&x, &minus), &flag)) in rest.enumerate() {
            let size = size(x, minus);
            whole[j] += size;
            left[j] += kept(size, flag);
        }
        [whole, left]
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

/// Elements whose bits are set are added to `kept` too.
struct Survivors<'a, F> {
    all: &'a mut [f64; LANES],
    kept: &'a mut [f64; LANES],
    tile: &'a [f32],
    bits: &'a [u64],
    first: usize,
    of: F,
}

impl<F: Fn(f32) -> f32> NullaryFnOnce for Survivors<'_, F> {
    type Output = ();

    #[inline(always)]
    fn call(mut self) {
        let before = (*self.all, *self.kept);
        // As in sums of changes.
        self.add(|x, bit| if bit == 0 { 0.0 } else { x });
        if !self.all.iter().all(|x| x.is_finite()) {
            (*self.all, *self.kept) = before;
            self.add(|x, bit| x * f64::from(bit.min(1)));
        }
    }
}

impl<F: Fn(f32) -> f32> Survivors<'_, F> {
    #[inline(always)]
    fn add(&mut self, left: impl Fn(f64, u32) -> f64) {
        let of = |x| f64::from((self.of)(x));
        let (mut lanes, mut kept) = (*self.all, *self.kept);
        let (rows, rest) = self.tile.as_chunks::<LANES>();
        let places = (self.first..).step_by(LANES);
        for (row, place) in rows.iter().zip(places) {
            let bits = (self.bits[place / 64] >> (place % 64)) as u32;
            for j in 0..LANES {
                let x = of(row[j]);
                lanes[j] += x;
                kept[j] += left(x, bits & 1 << j);
            }
        }
        let place = self.first + rows.len() * LANES;
        for (j, &x) in rest.iter().enumerate() {
            let bit = (self.bits[(place + j) / 64] >> ((place + j) % 64)) as u32 & 1;
            let x = of(x);
            lanes[j] += x;
            kept[j] += left(x, bit);
        }
        (*self.all, *self.kept) = (lanes, kept);
    }
}

/// Adds a tile to the lanes, or its magnitudes, and to others what a mask keeps of it: bit `i % 64`
/// of word `i / 64` for the element `i` of a row, of which the tile starts at `first`, a multiple of
/// the lanes.
pub(crate) fn survivors(
    all: &mut [f64; LANES],
    kept: &mut [f64; LANES],
    tile: &[f32],
    (bits, first): (&[u64], usize),
    abs: bool,
) {
    macro_rules! with {
        ($of:expr) => {
            dispatch(Survivors {
                all,
                kept,
                tile,
                bits,
                first,
                of: $of,
            })
        };
    }
    match abs {
        true => with!(f32::abs),
        false => with!(|x| x),
    }
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernels::draw::KEPT;

    #[test]
    fn an_infinite_change_that_is_dropped_leaves_no_number() {
        let largest = 0x7f7fu16.to_le_bytes();
        for place in [3, 18] {
            let mut x = [[0, 0]; 20];
            x[place] = largest;
            let minus = [-f32::MAX; 20];
            let mut flags = [KEPT; 20];
            flags[place] = 0;
            let mut lanes = [[0.0; LANES]; 2];
            let change = Change {
                x: &x,
                minus: &minus,
                flags: &flags,
            };
            change_magnitudes(Working::F32, &mut lanes, change);
            let [whole, left] = lanes.map(|lanes| lanes[place % LANES]);
            // As the sum of `x * 0` has it.
            assert!(whole == f64::INFINITY && left.is_nan(), "{whole}, {left}");

            let mut tile = [0.0; 20];
            tile[place] = f32::NEG_INFINITY;
            let (mut whole, mut left) = ([0.0; LANES], [0.0; LANES]);
            survivors(&mut whole, &mut left, &tile, (&[!(1 << place)], 0), true);
            let [whole, left] = [whole, left].map(|lanes| lanes[place % LANES]);
            assert!(whole == f64::INFINITY && left.is_nan(), "{whole}, {left}");
        }
    }
}
