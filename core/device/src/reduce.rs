//! Sums and extremes: of a whole tensor, of its rows, of its columns.
//!
//! A tensor is seen as `[outer, length, inner]` and reduced along `length`. The device adds blocks
//! of [`BLOCK`] elements in f32; the processor adds the blocks in f64.

use crate::context::Context;
use crate::values::{Flat, Value};
use burn::tensor::Tensor;
use mergelab_abi::ops::{Op, rows};
use mergelab_abi::working::Working;
use mergelab_tensor::Error;

/// Elements that a device adds up in f32, so that the error does not grow with the tensor.
pub const BLOCK: usize = 128;

type Cube = Tensor<burn::Dispatch, 3>;

/// Whether this file computes the operation.
pub(crate) fn covers(op: Op) -> bool {
    matches!(
        op,
        Op::Sum
            | Op::Dot
            | Op::Max
            | Op::Min
            | Op::RowSum
            | Op::RowDot
            | Op::RowMax
            | Op::ColumnSum
            | Op::ColumnDot
    )
}

/// `None` where something is not finite, which may be due to f32: the processor must look.
pub(crate) fn compute(
    context: &Context,
    op: Op,
    shape: &[usize],
    a: Flat,
    b: Option<Flat>,
    working: Working,
) -> Result<Option<Value>, Error> {
    let (row_count, row) = rows(shape);
    let view = match op {
        Op::RowSum | Op::RowDot | Op::RowMax => [row_count, row, 1],
        Op::ColumnSum | Op::ColumnDot => [1, row_count, row],
        _ => [1, row_count * row, 1],
    };
    let x = match b {
        Some(b) => a.mul(b),
        None => a,
    };
    let extreme = matches!(op, Op::Max | Op::Min | Op::RowMax);
    if extreme && context.count(x.clone().is_nan())? > 0 {
        // Which devices overlook.
        return Ok(None);
    }
    let results = match op {
        Op::Max | Op::RowMax => blocks(
            context,
            x,
            view,
            |x| x.max_dim(1),
            f64::NEG_INFINITY,
            f64::max,
        )?,
        Op::Min => blocks(context, x, view, |x| x.min_dim(1), f64::INFINITY, f64::min)?,
        _ => blocks(context, x, view, |x| x.sum_dim(1), 0.0, |a, b| a + b)?,
    };
    let Some(results) = results else {
        return Ok(None);
    };
    // Turns -0 into +0, as the rules say.
    let mut results = results.into_iter().map(|x| x + 0.0);
    Ok(match op {
        Op::Sum | Op::Dot | Op::Max | Op::Min => results
            .next()
            .map(|x| Value::Number(working.round_scalar(x))),
        _ => Some(context.upload(results.map(|x| working.round(x as f32)).collect())),
    })
}

/// Reduces blocks on the device and joins their results on the processor.
fn blocks(
    context: &Context,
    x: Flat,
    [outer, length, inner]: [usize; 3],
    reduce: impl Fn(Cube) -> Cube,
    start: f64,
    join: impl Fn(f64, f64) -> f64,
) -> Result<Option<Vec<f64>>, Error> {
    let mut results = vec![start; outer * inner];
    let x: Cube = x.reshape([outer, length, inner]);
    let whole = length / BLOCK;
    let rest = length % BLOCK;
    for (first, count, size) in [(0, whole, BLOCK), (whole * BLOCK, 1, rest)] {
        if count * size == 0 {
            continue;
        }
        let part = x.clone().narrow(1, first, count * size);
        let reduced = reduce(part.reshape([outer * count, size, inner]));
        let found = context.download(reduced.reshape([outer * count * inner]))?;
        if found.iter().any(|x| !x.is_finite()) {
            return Ok(None);
        }
        for (number, block) in found.chunks(inner).enumerate() {
            let to = number / count * inner;
            for (result, &x) in results[to..to + inner].iter_mut().zip(block) {
                *result = join(*result, f64::from(x));
            }
        }
    }
    Ok(Some(results))
}
