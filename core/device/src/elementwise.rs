//! Operations that take one element of each input.

use crate::context::Context;
use crate::values::{Flat, Mask};
use mergelab_abi::ops::Op;

/// An input of an elementwise operation.
pub(crate) enum Operand {
    /// A node of shape `[]`, as a tensor operation reads it.
    Number(f32),
    Tensor(Flat),
}

impl Operand {
    fn tensor(self, context: &Context, length: usize) -> Flat {
        match self {
            Operand::Number(x) => context.full(length, x),
            Operand::Tensor(tensor) => tensor,
        }
    }
}

/// Whether this file computes the operation.
pub(crate) fn covers(op: Op) -> bool {
    (Op::Stored as u16..=Op::AddN as u16).contains(&(op as u16))
}

/// Whether its result has at most the precision of its inputs' type, so that it needs no rounding.
pub(crate) fn is_exact(op: Op) -> bool {
    matches!(
        op,
        Op::Sign | Op::Eq | Op::Ne | Op::Lt | Op::Le | Op::Gt | Op::Ge
    )
}

/// The result before it is rounded, at `length` elements. At least one input is a tensor.
///
/// `None` for a number of inputs that the operation does not take.
pub(crate) fn compute(
    context: &Context,
    op: Op,
    inputs: Vec<Operand>,
    length: usize,
) -> Option<Flat> {
    use Operand::{Number, Tensor};
    if op == Op::AddN {
        let tensors = inputs.into_iter().map(|x| x.tensor(context, length));
        return tensors.reduce(|sum, x| sum.add(x));
    }
    let mut inputs = inputs.into_iter();
    let result = match (inputs.next(), inputs.next(), inputs.next()) {
        (Some(Tensor(x)), None, None) => one(op, x),
        (Some(a), Some(b), None) => match op {
            Op::Add | Op::Sub | Op::Mul | Op::Div => arithmetic(context, op, a, b, length),
            Op::Minimum | Op::Maximum => {
                let (a, b) = (a.tensor(context, length), b.tensor(context, length));
                extreme(op, a, b)
            }
            _ => compare(op, a, b)?.float(),
        },
        (Some(condition), Some(b), Some(c)) => match (condition, b, c) {
            // Anything but 0 is a yes, NaN too.
            (Number(x), b, c) => {
                let chosen = if x != 0.0 { b } else { c };
                chosen.tensor(context, length)
            }
            (Tensor(x), Number(b), c) => {
                let c = c.tensor(context, length);
                c.mask_fill(x.not_equal_elem(0.0f32), b)
            }
            (Tensor(x), Tensor(b), Number(c)) => b.mask_fill(x.equal_elem(0.0f32), c),
            (Tensor(x), Tensor(b), Tensor(c)) => c.mask_where(x.not_equal_elem(0.0f32), b),
        },
        _ => return None,
    };
    Some(result)
}

fn one(op: Op, x: Flat) -> Flat {
    // What devices make of NaN here is not the same everywhere.
    let keeping_nan = |result: Flat, x: Flat| result.mask_where(x.clone().is_nan(), x);
    match op {
        Op::Neg => x.neg(),
        Op::Abs => x.abs(),
        Op::Sign => keeping_nan(x.clone().sign(), x),
        Op::Sqrt => x.sqrt(),
        Op::Exp => x.exp(),
        Op::Ln => x.log(),
        Op::Sin => x.sin(),
        Op::Cos => x.cos(),
        Op::Acos => keeping_nan(x.clone().clamp(-1.0f32, 1.0f32).acos(), x),
        // `stored`, `materialize` and `widen`: at most rounded.
        _ => x,
    }
}

fn arithmetic(context: &Context, op: Op, a: Operand, b: Operand, length: usize) -> Flat {
    use Operand::{Number, Tensor};
    match (op, a, b) {
        (Op::Add, Tensor(a), Tensor(b)) => a.add(b),
        (Op::Add, Tensor(x), Number(n)) | (Op::Add, Number(n), Tensor(x)) => x.add_scalar(n),
        (Op::Sub, Tensor(a), Tensor(b)) => a.sub(b),
        (Op::Sub, Tensor(a), Number(b)) => a.sub_scalar(b),
        (Op::Mul, Tensor(a), Tensor(b)) => a.mul(b),
        (Op::Mul, Tensor(x), Number(n)) | (Op::Mul, Number(n), Tensor(x)) => x.mul_scalar(n),
        (Op::Div, Tensor(a), Number(b)) => a.div_scalar(b),
        (_, a, b) => {
            let (a, b) = (a.tensor(context, length), b.tensor(context, length));
            match op {
                Op::Add => a.add(b),
                Op::Sub => a.sub(b),
                Op::Mul => a.mul(b),
                _ => a.div(b),
            }
        }
    }
}

/// The smaller or the larger of both, and NaN where either is.
fn extreme(op: Op, a: Flat, b: Flat) -> Flat {
    let wins = match op {
        Op::Minimum => a.clone().lower(b.clone()),
        _ => a.clone().greater(b.clone()),
    };
    let takes_a = wins.bool_or(a.clone().is_nan());
    b.mask_where(takes_a, a)
}

fn compare(op: Op, a: Operand, b: Operand) -> Option<Mask> {
    use Operand::{Number, Tensor};
    let mask = match (op, a, b) {
        (Op::Eq, Tensor(a), Tensor(b)) => a.equal(b),
        (Op::Ne, Tensor(a), Tensor(b)) => a.not_equal(b),
        (Op::Lt, Tensor(a), Tensor(b)) => a.lower(b),
        (Op::Le, Tensor(a), Tensor(b)) => a.lower_equal(b),
        (Op::Gt, Tensor(a), Tensor(b)) => a.greater(b),
        (Op::Ge, Tensor(a), Tensor(b)) => a.greater_equal(b),
        (Op::Eq, Tensor(x), Number(n)) | (Op::Eq, Number(n), Tensor(x)) => x.equal_elem(n),
        (Op::Ne, Tensor(x), Number(n)) | (Op::Ne, Number(n), Tensor(x)) => x.not_equal_elem(n),
        (Op::Lt, Tensor(x), Number(n)) | (Op::Gt, Number(n), Tensor(x)) => x.lower_elem(n),
        (Op::Le, Tensor(x), Number(n)) | (Op::Ge, Number(n), Tensor(x)) => x.lower_equal_elem(n),
        (Op::Gt, Tensor(x), Number(n)) | (Op::Lt, Number(n), Tensor(x)) => x.greater_elem(n),
        (Op::Ge, Tensor(x), Number(n)) | (Op::Le, Number(n), Tensor(x)) => x.greater_equal_elem(n),
        _ => return None,
    };
    Some(mask)
}
