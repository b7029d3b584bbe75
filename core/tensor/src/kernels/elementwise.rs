//! The elementwise operations, each as in [`mergelab_abi::reference`].

use super::map::{Operand, in_place, map1, map2, map3, stored_map2};
use super::rounding::{ForRounding, Rounding, with_rounding};
use mergelab_abi::elementary;
use mergelab_abi::ops::Op;
use mergelab_abi::working::{Working, round_bf16, round_f16};

fn mask(condition: bool) -> f32 {
    if condition { 1.0 } else { 0.0 }
}

fn sign(x: f32) -> f32 {
    let nonzero = if x < 0.0 { -1.0 } else { x };
    let sign = if x > 0.0 { 1.0 } else { nonzero };
    // Both zeros give +0, NaN stays.
    sign + 0.0
}

pub(crate) fn unary(op: Op, out: &mut [f32], a: &[f32]) {
    match op {
        Op::Neg => map1(out, a, |x| -x),
        Op::Abs => map1(out, a, f32::abs),
        Op::Sign => map1(out, a, sign),
        Op::Sqrt => map1(out, a, f32::sqrt),
        Op::Exp => map1(out, a, elementary::exp),
        Op::Ln => map1(out, a, elementary::ln),
        Op::Sin => map1(out, a, f32::sin),
        Op::Cos => map1(out, a, f32::cos),
        Op::Acos => map1(out, a, |x| x.clamp(-1.0, 1.0).acos()),
        Op::Stored | Op::Materialize | Op::Widen | Op::Reshape => map1(out, a, |x| x),
        _ => unreachable!("`{}` does not take one tensor", op.name()),
    }
}

/// `add`, `sub`, `mul` and `div` are rounded, the others are not.
pub(crate) fn binary(working: Working, op: Op, out: &mut [f32], a: Operand<'_>, b: Operand<'_>) {
    match op {
        Op::Add | Op::Sub | Op::Mul | Op::Div => with_rounding(working, Arithmetic(op, out, a, b)),
        Op::Minimum => map2(out, a, b, |a, b| if a < b || a.is_nan() { a } else { b }),
        Op::Maximum => map2(out, a, b, |a, b| if a > b || a.is_nan() { a } else { b }),
        Op::Eq => map2(out, a, b, |a, b| mask(a == b)),
        Op::Ne => map2(out, a, b, |a, b| mask(a != b)),
        Op::Lt => map2(out, a, b, |a, b| mask(a < b)),
        Op::Le => map2(out, a, b, |a, b| mask(a <= b)),
        Op::Gt => map2(out, a, b, |a, b| mask(a > b)),
        Op::Ge => map2(out, a, b, |a, b| mask(a >= b)),
        _ => unreachable!("`{}` does not take two inputs", op.name()),
    }
}

pub(crate) fn select(out: &mut [f32], condition: Operand<'_>, b: Operand<'_>, c: Operand<'_>) {
    match condition {
        Operand::Tile(condition) => {
            map3(
                out,
                condition,
                b,
                c,
                |condition, b, c| {
                    if condition != 0.0 { b } else { c }
                },
            )
        }
        Operand::Value(condition) => match if condition != 0.0 { b } else { c } {
            Operand::Tile(x) => out.copy_from_slice(x),
            Operand::Value(x) => out.fill(x),
        },
    }
}

struct Arithmetic<'a>(Op, &'a mut [f32], Operand<'a>, Operand<'a>);

impl ForRounding for Arithmetic<'_> {
    type Output = ();

    fn with(self, rounding: impl Rounding) {
        let Arithmetic(op, out, a, b) = self;
        match (op, b) {
            (Op::Add, _) => map2(out, a, b, move |a, b| rounding.round(a + b)),
            (Op::Sub, _) => map2(out, a, b, move |a, b| rounding.round(a - b)),
            (Op::Mul, _) => map2(out, a, b, move |a, b| rounding.round(a * b)),
            (_, Operand::Value(by)) if has_exact_inverse(by) => {
                // The same bits, without the slow division.
                let inverse = Operand::Value(1.0 / by);
                map2(out, a, inverse, move |a, b| rounding.round(a * b));
            }
            _ => map2(out, a, b, move |a, b| rounding.round(a / b)),
        }
    }
}

/// Whether `1/x` is exact: `x` is a power of two, and neither it nor its inverse is subnormal.
pub(crate) fn has_exact_inverse(x: f32) -> bool {
    x.to_bits() & 0x007f_ffff == 0
        && (f32::MIN_POSITIVE..=1.0 / f32::MIN_POSITIVE).contains(&x.abs())
}

struct Change<'a>(&'a mut [f32], &'a [[u8; 2]], &'a [f32]);

impl ForRounding for Change<'_> {
    type Output = ();

    fn with(self, rounding: impl Rounding) {
        stored_map2(self.0, self.1, self.2, move |a, b| rounding.round(a - b));
    }
}

/// Stored bf16 elements less a tile, rounded.
pub(crate) fn change(working: Working, out: &mut [f32], stored: &[[u8; 2]], minus: &[f32]) {
    with_rounding(working, Change(out, stored, minus));
}

/// `chosen` where an element is above `b`, or equal to it if `equal`; else `other`.
pub(crate) fn choose(out: &mut [f32], a: &[f32], b: f32, equal: bool, chosen: f32, other: f32) {
    // As bits, and moved: else the compiler chooses between two addresses, one by one.
    let (chosen, other) = (chosen.to_bits(), other.to_bits());
    if equal {
        map1(out, a, move |a| {
            f32::from_bits(if a >= b { chosen } else { other })
        });
    } else {
        map1(out, a, move |a| {
            f32::from_bits(if a > b { chosen } else { other })
        });
    }
}

/// 1 where the magnitude is above `limit`.
pub(crate) fn exceeds(out: &mut [f32], a: &[f32], limit: f32) {
    map1(out, a, move |a| mask(a.abs() > limit));
}

/// Rounds a tile to the working precision.
pub(crate) fn round(working: Working, out: &mut [f32]) {
    match working {
        Working::F32 => {}
        Working::Bf16 => in_place(out, round_bf16),
        Working::F16 => in_place(out, round_f16),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sign_of_zeros_is_positive() {
        assert_eq!(sign(-0.0).to_bits(), 0);
        assert_eq!(sign(0.0).to_bits(), 0);
        assert_eq!([sign(-1e-40), sign(f32::INFINITY)], [-1.0, 1.0]);
        assert!(sign(f32::NAN).is_nan());
    }

    #[test]
    fn dividing_by_powers_of_two_is_multiplying() {
        for by in [
            0.5f32,
            -0.25,
            1.0,
            2f32.powi(100),
            2f32.powi(-126),
            2f32.powi(126),
        ] {
            assert!(has_exact_inverse(by));
            for x in [
                0.1f32,
                -3.0,
                f32::MAX,
                f32::MIN_POSITIVE,
                1e-45,
                0.0,
                f32::INFINITY,
            ] {
                assert_eq!((x / by).to_bits(), (x * (1.0 / by)).to_bits(), "{x} / {by}");
            }
        }
        for by in [0.0, 3.0, 1e-45, f32::INFINITY, f32::NAN, 2f32.powi(127)] {
            assert!(!has_exact_inverse(by), "{by}");
        }
    }
}
