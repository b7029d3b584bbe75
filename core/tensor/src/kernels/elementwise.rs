//! The elementwise operations, each as in [`mergelab_abi::reference`].

use super::map::{Operand, in_place, map1, map2, map3};
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
        Op::Exp => map1(out, a, f32::exp),
        Op::Ln => map1(out, a, f32::ln),
        Op::Sin => map1(out, a, f32::sin),
        Op::Cos => map1(out, a, f32::cos),
        Op::Acos => map1(out, a, |x| x.clamp(-1.0, 1.0).acos()),
        Op::Stored | Op::Materialize | Op::Reshape => map1(out, a, |x| x),
        _ => unreachable!("`{}` does not take one tensor", op.name()),
    }
}

pub(crate) fn binary(op: Op, out: &mut [f32], a: Operand<'_>, b: Operand<'_>) {
    match op {
        Op::Add => map2(out, a, b, |a, b| a + b),
        Op::Sub => map2(out, a, b, |a, b| a - b),
        Op::Mul => map2(out, a, b, |a, b| a * b),
        Op::Div => map2(out, a, b, |a, b| a / b),
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

/// Adds tiles in their order.
pub(crate) fn add_n<'a>(out: &mut [f32], tiles: &[usize], tile: impl Fn(usize) -> &'a [f32]) {
    let value = |index: usize| Operand::Tile(tile(index));
    // The sum so far would be written and read for each tile; adding two at once halves that.
    let rest = match *tiles {
        [] => return out.fill(0.0),
        [a] => return out.copy_from_slice(tile(a)),
        [a, b] => return map2(out, value(a), value(b), |a, b| a + b),
        [a, b, c, ref rest @ ..] => {
            map3(out, tile(a), value(b), value(c), |a, b, c| (a + b) + c);
            rest
        }
    };
    for pair in rest.chunks(2) {
        match *pair {
            [a, b] => super::map::add_two(out, tile(a), tile(b)),
            [a] => super::map::add_one(out, tile(a)),
            _ => {}
        }
    }
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
    fn add_n_adds_in_order_for_any_count() {
        let tiles: Vec<Vec<f32>> = (0..9)
            .map(|i| vec![0.1 * i as f32, 1e8 / (i + 1) as f32])
            .collect();
        for count in 1..=tiles.len() {
            let mut out = vec![f32::NAN; 2];
            let order: Vec<usize> = (0..count).collect();
            add_n(&mut out, &order, |i| &tiles[i]);
            for j in 0..2 {
                let sum = tiles[1..count]
                    .iter()
                    .fold(tiles[0][j], |sum, t| sum + t[j]);
                assert_eq!(out[j].to_bits(), sum.to_bits(), "{count} tiles");
            }
        }
    }
}
