//! Loops that compute one element from those at the same index.

use super::dispatch;
use pulp::NullaryFnOnce;

/// What a loop reads: a tile, or one number for all elements.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Operand<'a> {
    Tile(&'a [f32]),
    Value(f32),
}

trait Elements: Copy {
    /// The first `length` elements. Lets the compiler see that no index is out of range.
    fn first(self, length: usize) -> Self;
    fn at(self, index: usize) -> f32;
}

impl Elements for &[f32] {
    #[inline(always)]
    fn first(self, length: usize) -> Self {
        &self[..length]
    }

    #[inline(always)]
    fn at(self, index: usize) -> f32 {
        self[index]
    }
}

impl Elements for f32 {
    #[inline(always)]
    fn first(self, _: usize) -> Self {
        self
    }

    #[inline(always)]
    fn at(self, _: usize) -> f32 {
        self
    }
}

struct Map1<'a, A, F>(&'a mut [f32], A, F);

impl<A: Elements, F: Fn(f32) -> f32> NullaryFnOnce for Map1<'_, A, F> {
    type Output = ();

    #[inline(always)]
    fn call(self) {
        let Map1(out, a, f) = self;
        let a = a.first(out.len());
        for (index, out) in out.iter_mut().enumerate() {
            *out = f(a.at(index));
        }
    }
}

struct Map2<'a, A, B, F>(&'a mut [f32], A, B, F);

impl<A: Elements, B: Elements, F: Fn(f32, f32) -> f32> NullaryFnOnce for Map2<'_, A, B, F> {
    type Output = ();

    #[inline(always)]
    fn call(self) {
        let Map2(out, a, b, f) = self;
        let (a, b) = (a.first(out.len()), b.first(out.len()));
        for (index, out) in out.iter_mut().enumerate() {
            *out = f(a.at(index), b.at(index));
        }
    }
}

struct Map3<'a, A, B, C, F>(&'a mut [f32], A, B, C, F);

impl<A, B, C, F> NullaryFnOnce for Map3<'_, A, B, C, F>
where
    A: Elements,
    B: Elements,
    C: Elements,
    F: Fn(f32, f32, f32) -> f32,
{
    type Output = ();

    #[inline(always)]
    fn call(self) {
        let Map3(out, a, b, c, f) = self;
        let length = out.len();
        let (a, b, c) = (a.first(length), b.first(length), c.first(length));
        for (index, out) in out.iter_mut().enumerate() {
            *out = f(a.at(index), b.at(index), c.at(index));
        }
    }
}

struct InPlace<'a, F>(&'a mut [f32], F);

impl<F: Fn(f32) -> f32> NullaryFnOnce for InPlace<'_, F> {
    type Output = ();

    #[inline(always)]
    fn call(self) {
        for x in self.0 {
            *x = self.1(*x);
        }
    }
}

/// `out[i] = f(a[i])`.
pub(crate) fn map1(out: &mut [f32], a: &[f32], f: impl Fn(f32) -> f32) {
    dispatch(Map1(out, a, f));
}

/// `out[i] = f(out[i])`.
pub(crate) fn in_place(out: &mut [f32], f: impl Fn(f32) -> f32) {
    dispatch(InPlace(out, f));
}

/// `out[i] = f(a[i], b[i])`.
pub(crate) fn map2(
    out: &mut [f32],
    a: Operand<'_>,
    b: Operand<'_>,
    f: impl Fn(f32, f32) -> f32 + Copy,
) {
    match (a, b) {
        (Operand::Tile(a), Operand::Tile(b)) => dispatch(Map2(out, a, b, f)),
        (Operand::Tile(a), Operand::Value(b)) => dispatch(Map2(out, a, b, f)),
        (Operand::Value(a), Operand::Tile(b)) => dispatch(Map2(out, a, b, f)),
        (Operand::Value(a), Operand::Value(b)) => out.fill(f(a, b)),
    }
}

/// `out[i] = f(a[i], b[i], c[i])`, where `a` is a tile.
pub(crate) fn map3(
    out: &mut [f32],
    a: &[f32],
    b: Operand<'_>,
    c: Operand<'_>,
    f: impl Fn(f32, f32, f32) -> f32 + Copy,
) {
    match (b, c) {
        (Operand::Tile(b), Operand::Tile(c)) => dispatch(Map3(out, a, b, c, f)),
        (Operand::Tile(b), Operand::Value(c)) => dispatch(Map3(out, a, b, c, f)),
        (Operand::Value(b), Operand::Tile(c)) => dispatch(Map3(out, a, b, c, f)),
        (Operand::Value(b), Operand::Value(c)) => dispatch(Map3(out, a, b, c, f)),
    }
}

struct StoredMap2<'a, F>(&'a mut [f32], &'a [[u8; 2]], &'a [f32], F);

impl<F: Fn(f32, f32) -> f32> NullaryFnOnce for StoredMap2<'_, F> {
    type Output = ();

    #[inline(always)]
    fn call(self) {
        let StoredMap2(out, a, b, f) = self;
        for ((out, &a), &b) in out.iter_mut().zip(a).zip(b) {
            *out = f(f32::from_bits(u32::from(u16::from_le_bytes(a)) << 16), b);
        }
    }
}

/// `out[i] = f(a[i], b[i])`, where `a` is stored in bf16.
pub(crate) fn stored_map2(out: &mut [f32], a: &[[u8; 2]], b: &[f32], f: impl Fn(f32, f32) -> f32) {
    dispatch(StoredMap2(out, a, b, f));
}
