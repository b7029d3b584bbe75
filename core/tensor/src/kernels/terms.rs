//! Sums whose terms are computed as they are added.
//!
//! Adding tiles one by one writes and reads the sum so far, and each term, for every tile. Here a
//! row of the sum stays in registers while all terms are added to it, and a term that is used
//! nowhere else is never written.

use super::dispatch;
use super::draw::one;
use super::rounding::{ForRounding, Rounding, with_rounding};
use super::trim::Limits;
use mergelab_abi::working::Working;
use pulp::NullaryFnOnce;

/// Elements of a row: four registers of eight.
pub(crate) const ROW: usize = 32;

/// One term of a sum. Every operation in it is rounded.
pub(crate) trait Term: Copy {
    /// Element `index`.
    fn at(self, rounding: impl Rounding, index: usize) -> f32;
    /// Row `row`.
    fn row(self, rounding: impl Rounding, row: usize) -> [f32; ROW];
    /// Its elements, which are at least as many as those of the sum.
    fn length(self) -> usize;
}

/// Row `row` of a tile.
#[inline(always)]
fn row<T>(tile: &[T], row: usize) -> &[T; ROW] {
    &tile.as_chunks().0[row]
}

/// Implements [`Term`] for what is computed from elements of the same index.
macro_rules! term {
    ($name:ident, $a:ident [$($field:ident),*] {$($plain:ident),*} $rounding:ident, $body:expr) => {
        impl Term for $name<'_> {
            #[inline(always)]
            fn at(self, $rounding: impl Rounding, index: usize) -> f32 {
                let Self { $a, $($field,)* $($plain,)* } = self;
                let $a = $a[index];
                $(let $field = Tiled::element($field, index);)*
                $body
            }

            #[inline(always)]
            fn row(self, $rounding: impl Rounding, number: usize) -> [f32; ROW] {
                let Self { $a, $($field,)* $($plain,)* } = self;
                let $a = row($a, number);
                $(let $field = Tiled::row($field, number);)*
                let mut out = [0.0; ROW];
                for j in 0..ROW {
                    let $a = $a[j];
                    $(let $field = Tiled::element($field, j);)*
                    out[j] = $body;
                }
                out
            }

            #[inline(always)]
            fn length(self) -> usize {
                self.$a.len()
            }
        }
    };
}

/// A further operand of a term: a tile, or one number.
trait Tiled: Copy {
    type Row: Copy + Tiled;
    fn element(self, index: usize) -> f32;
    fn row(self, row: usize) -> Self::Row;
}

impl Tiled for f32 {
    type Row = f32;

    #[inline(always)]
    fn element(self, _: usize) -> f32 {
        self
    }

    #[inline(always)]
    fn row(self, _: usize) -> f32 {
        self
    }
}

impl<'a> Tiled for &'a [f32] {
    type Row = &'a [f32; ROW];

    #[inline(always)]
    fn element(self, index: usize) -> f32 {
        self[index]
    }

    #[inline(always)]
    fn row(self, number: usize) -> &'a [f32; ROW] {
        row(self, number)
    }
}

impl Tiled for &[f32; ROW] {
    type Row = Self;

    #[inline(always)]
    fn element(self, index: usize) -> f32 {
        self[index]
    }

    #[inline(always)]
    fn row(self, _: usize) -> Self {
        self
    }
}

/// A tile.
#[derive(Clone, Copy)]
pub(crate) struct Plain<'a> {
    pub(crate) x: &'a [f32],
}

/// A tile times a number.
#[derive(Clone, Copy)]
pub(crate) struct Scaled<'a> {
    pub(crate) x: &'a [f32],
    pub(crate) weight: f32,
}

/// Stored bf16 elements times a number.
#[derive(Clone, Copy)]
pub(crate) struct ScaledStored<'a> {
    pub(crate) x: &'a [[u8; 2]],
    pub(crate) weight: f32,
}

/// Stored bf16 elements less a tile, times a number: a weighted task vector.
#[derive(Clone, Copy)]
pub(crate) struct ScaledChange<'a> {
    pub(crate) x: &'a [[u8; 2]],
    pub(crate) minus: &'a [f32],
    pub(crate) weight: f32,
}

/// Stored bf16 elements less a tile: a task vector.
#[derive(Clone, Copy)]
pub(crate) struct Change<'a> {
    pub(crate) x: &'a [[u8; 2]],
    pub(crate) minus: &'a [f32],
}

/// Stored bf16 elements less a tile, times a mask.
#[derive(Clone, Copy)]
pub(crate) struct MaskedChange<'a> {
    pub(crate) x: &'a [[u8; 2]],
    pub(crate) minus: &'a [f32],
    pub(crate) mask: &'a [f32],
}

/// Stored bf16 elements less a tile, where they are kept, times numbers: what is left of a task
/// vector.
#[derive(Clone, Copy)]
pub(crate) struct Survivor<'a, F> {
    pub(crate) x: &'a [[u8; 2]],
    pub(crate) minus: &'a [f32],
    /// See [`draw`](super::draw).
    pub(crate) flags: &'a [u8],
    pub(crate) factors: F,
}

/// Numbers that a term is multiplied with or divided by, one after the other.
pub(crate) trait Factors: Copy {
    fn apply(self, rounding: impl Rounding, x: f32) -> f32;
}

impl<const N: usize> Factors for [f32; N] {
    #[inline(always)]
    fn apply(self, rounding: impl Rounding, x: f32) -> f32 {
        self.iter().fold(x, |x, &by| rounding.round(x * by))
    }
}

/// A division, then multiplications.
#[derive(Clone, Copy)]
pub(crate) struct Over<const N: usize>(pub(crate) f32, pub(crate) [f32; N]);

impl<const N: usize> Factors for Over<N> {
    #[inline(always)]
    fn apply(self, rounding: impl Rounding, x: f32) -> f32 {
        self.1.apply(rounding, rounding.round(x / self.0))
    }
}

/// The same where masks of its magnitude keep it.
#[derive(Clone, Copy)]
pub(crate) struct TrimmedChange<'a> {
    pub(crate) x: &'a [[u8; 2]],
    pub(crate) minus: &'a [f32],
    pub(crate) weight: f32,
    pub(crate) limits: Limits,
}

/// The square of a tile less another.
#[derive(Clone, Copy)]
pub(crate) struct Square<'a> {
    pub(crate) x: &'a [f32],
    pub(crate) minus: &'a [f32],
}

/// A tile times a number where its sign is the elected one.
#[derive(Clone, Copy)]
pub(crate) struct Agreeing<'a> {
    pub(crate) x: &'a [f32],
    pub(crate) elected: &'a [f32],
    pub(crate) weight: f32,
}

/// A number where the sign of a tile is the elected one.
#[derive(Clone, Copy)]
pub(crate) struct AgreeingWeight<'a> {
    pub(crate) x: &'a [f32],
    pub(crate) elected: &'a [f32],
    pub(crate) weight: f32,
}

/// 1 where the magnitude of a tile is above a limit.
#[derive(Clone, Copy)]
pub(crate) struct Exceeds<'a> {
    pub(crate) x: &'a [f32],
    pub(crate) limit: f32,
}

/// 1 where the magnitude of stored bf16 elements less a tile is above a limit.
#[derive(Clone, Copy)]
pub(crate) struct ExceedingChange<'a> {
    pub(crate) x: &'a [[u8; 2]],
    pub(crate) minus: &'a [f32],
    pub(crate) limit: f32,
}

/// A tile where its magnitude is above a limit.
#[derive(Clone, Copy)]
pub(crate) struct Exceeding<'a> {
    pub(crate) x: &'a [f32],
    pub(crate) limit: f32,
}

/// The same times a number where `alone` is not 0, and times `other` elsewhere.
#[derive(Clone, Copy)]
pub(crate) struct ExceedingChoice<'a> {
    pub(crate) x: &'a [f32],
    pub(crate) alone: &'a [f32],
    pub(crate) other: &'a [f32],
    pub(crate) weight: f32,
    pub(crate) limit: f32,
}

#[inline(always)]
pub(super) fn decode(bytes: [u8; 2]) -> f32 {
    f32::from_bits(u32::from(u16::from_le_bytes(bytes)) << 16)
}

/// Whether `sign(x) = elected`, as 1 or 0.
#[inline(always)]
pub(super) fn agrees(x: f32, elected: f32) -> f32 {
    let nonzero = if x < 0.0 { -1.0 } else { x };
    let sign = if x > 0.0 { 1.0 } else { nonzero };
    if sign + 0.0 == elected { 1.0 } else { 0.0 }
}

/// Whether the magnitude is above a limit, as 1 or 0.
#[inline(always)]
pub(super) fn exceeds(x: f32, limit: f32) -> f32 {
    if x.abs() > limit { 1.0 } else { 0.0 }
}

/// `number` where `alone` is not 0, else `other`.
#[inline(always)]
fn choose(alone: f32, number: f32, other: f32) -> f32 {
    if alone != 0.0 { number } else { other }
}

term!(Plain, x [] {} _rounding, x);
term!(Scaled, x [weight] {} rounding, rounding.round(x * weight));
term!(ScaledStored, x [weight] {} rounding, rounding.round(decode(x) * weight));
term!(ScaledChange, x [minus, weight] {} rounding,
    rounding.round(rounding.round(decode(x) - minus) * weight));
term!(Change, x [minus] {} rounding, rounding.round(decode(x) - minus));
term!(MaskedChange, x [minus, mask] {} rounding, rounding.round(decode(x) - minus) * mask);
term!(TrimmedChange, x [minus, weight] {limits} rounding, {
    let change = rounding.round(decode(x) - minus);
    rounding.round(change * limits.keep::<true>(change) * weight)
});
term!(Square, x [minus] {} rounding, {
    let off = rounding.round(x - minus);
    rounding.round(off * off)
});
term!(Agreeing, x [elected, weight] {} rounding,
    rounding.round(rounding.round(x * weight) * agrees(x, elected)));
term!(AgreeingWeight, x [elected, weight] {} rounding,
    rounding.round(agrees(x, elected) * weight));
term!(Exceeds, x [] {limit} _rounding, exceeds(x, limit));
term!(ExceedingChange, x [minus] {limit} rounding,
    exceeds(rounding.round(decode(x) - minus), limit));
term!(Exceeding, x [] {limit} _rounding, x * exceeds(x, limit));
term!(ExceedingChoice, x [alone, other, weight] {limit} rounding,
    rounding.round(x * exceeds(x, limit) * choose(alone, weight, other)));

impl<F: Factors> Term for Survivor<'_, F> {
    #[inline(always)]
    fn at(self, rounding: impl Rounding, index: usize) -> f32 {
        let change = rounding.round(decode(self.x[index]) - self.minus[index]);
        self.factors
            .apply(rounding, change * one(self.flags[index]))
    }

    #[inline(always)]
    fn row(self, rounding: impl Rounding, number: usize) -> [f32; ROW] {
        let (x, minus) = (row(self.x, number), row(self.minus, number));
        let flags = row(self.flags, number);
        let mut out = [0.0; ROW];
        for j in 0..ROW {
            let change = rounding.round(decode(x[j]) - minus[j]);
            out[j] = self.factors.apply(rounding, change * one(flags[j]));
        }
        out
    }

    #[inline(always)]
    fn length(self) -> usize {
        self.x.len()
    }
}

struct Sum<'a, T, R>(&'a mut [f32], &'a [T], R);

impl<T: Term, R: Rounding> NullaryFnOnce for Sum<'_, T, R> {
    type Output = ();

    #[inline(always)]
    fn call(self) {
        let Sum(out, terms, rounding) = self;
        let (rows, last) = out.as_chunks_mut::<ROW>();
        let done = rows.len() * ROW;
        for (number, out) in rows.iter_mut().enumerate() {
            // Adding to -0 changes nothing, not even the sign of a zero. If the sum began with the
            // first term, the compiler would keep it in memory in case that there is no other.
            let mut sum = [-0.0; ROW];
            for term in terms {
                let more = term.row(rounding, number);
                for j in 0..ROW {
                    sum[j] += more[j];
                }
            }
            for j in 0..ROW {
                out[j] = rounding.round(sum[j]);
            }
        }
        for (index, out) in (done..).zip(last) {
            let add = |sum, term: &T| sum + term.at(rounding, index);
            *out = rounding.round(terms.iter().fold(-0.0, add));
        }
    }
}

/// A sum of one term. The version for many keeps the sum in memory where there is nothing to add,
/// and copies it one element at a time.
struct Only<'a, T, R>(&'a mut [f32], T, R);

impl<T: Term, R: Rounding> NullaryFnOnce for Only<'_, T, R> {
    type Output = ();

    #[inline(always)]
    fn call(self) {
        let Only(out, term, rounding) = self;
        let (rows, last) = out.as_chunks_mut::<ROW>();
        let done = rows.len() * ROW;
        for (number, out) in rows.iter_mut().enumerate() {
            let x = term.row(rounding, number);
            for j in 0..ROW {
                out[j] = rounding.round(x[j]);
            }
        }
        for (index, out) in (done..).zip(last) {
            *out = rounding.round(term.at(rounding, index));
        }
    }
}

struct Call<'a, T>(&'a mut [f32], &'a [T]);

impl<T: Term> ForRounding for Call<'_, T> {
    type Output = ();

    fn with(self, rounding: impl Rounding) {
        match self.1 {
            [] => self.0.fill(0.0),
            [term] => dispatch(Only(self.0, *term, rounding)),
            terms => dispatch(Sum(self.0, terms, rounding)),
        }
    }
}

/// Adds the terms in their order; rounds each, and the sum once.
pub(crate) fn sum<T: Term>(working: Working, out: &mut [f32], terms: &[T]) {
    debug_assert!(terms.iter().all(|t| t.length() >= out.len()));
    with_rounding(working, Call(out, terms));
}

struct AnyNonFinite<'a>(&'a [[u8; 2]]);

impl NullaryFnOnce for AnyNonFinite<'_> {
    type Output = bool;

    #[inline(always)]
    fn call(self) -> bool {
        let mut largest = 0;
        for &bytes in self.0 {
            largest = largest.max(u16::from_le_bytes(bytes) & 0x7fff);
        }
        largest >= 0x7f80
    }
}

/// Whether any stored bf16 element is NaN or infinite.
pub(crate) fn any_non_finite(bytes: &[[u8; 2]]) -> bool {
    dispatch(AnyNonFinite(bytes))
}
