//! Operations that move elements, and matrix products.

use crate::context::Context;
use crate::values::Flat;
use burn::tensor::Tensor;
use mergelab_abi::ops::{Op, rows};

type Matrix = Tensor<burn::Dispatch, 2>;
type Cube = Tensor<burn::Dispatch, 3>;

/// Whether this file computes the operation.
pub(crate) fn covers(op: Op) -> bool {
    matches!(
        op,
        Op::SpreadRows
            | Op::SpreadColumns
            | Op::MatMul
            | Op::Transpose
            | Op::Reshape
            | Op::Concat
            | Op::Narrow
    )
}

/// The result before it is rounded. `shapes` are those of the inputs, `to` that of the result.
///
/// `None` for inputs that the operation does not take.
pub(crate) fn compute(
    context: &Context,
    op: Op,
    inputs: Vec<Flat>,
    shapes: &[&[usize]],
    to: &[usize],
    integers: &[u64],
) -> Option<Flat> {
    let elements: usize = to.iter().product();
    let (row_count, row) = rows(to);
    let integer = |number: usize| integers.get(number).map(|&x| x as usize);
    let mut inputs = inputs.into_iter();
    let a = inputs.next()?;
    let result = match op {
        Op::SpreadRows => {
            let column: Matrix = a.reshape([row_count, 1]);
            column.repeat_dim(1, row).reshape([elements])
        }
        Op::SpreadColumns => {
            let line: Matrix = a.reshape([1, row]);
            line.repeat_dim(0, row_count).reshape([elements])
        }
        Op::Transpose => matrix(a, shapes.first()?)?.transpose().reshape([elements]),
        Op::MatMul => {
            let turned = |x: Matrix, flag: u64| if flag == 1 { x.transpose() } else { x };
            let a = turned(matrix(a, shapes.first()?)?, *integers.first()?);
            let b = matrix(inputs.next()?, shapes.get(1)?)?;
            let b = turned(b, *integers.get(1)?);
            let product = match context.multiplies_in_tf32() {
                true => product_of_parts(a, b),
                false => a.matmul(b),
            };
            product.reshape([elements])
        }
        Op::Concat => {
            let axis = integer(0)?;
            let cubes = std::iter::once(a).chain(inputs).zip(shapes);
            let cubes = cubes.map(|(x, shape)| x.reshape(around(shape, axis)));
            Cube::cat(cubes.collect(), 1).reshape([elements])
        }
        Op::Narrow => {
            let (axis, first, count) = (integer(0)?, integer(1)?, integer(2)?);
            let cube: Cube = a.reshape(around(shapes.first()?, axis));
            cube.narrow(1, first, count).reshape([elements])
        }
        // `reshape`: row-major order stays as it is.
        _ => a,
    };
    Some(result)
}

fn matrix(x: Flat, shape: &[usize]) -> Option<Matrix> {
    match shape {
        [rows, columns] => Some(x.reshape([*rows, *columns])),
        _ => None,
    }
}

/// A shape as what lies before an axis, the axis, and what lies after it.
fn around(shape: &[usize], axis: usize) -> [usize; 3] {
    let before = shape[..axis].iter().product();
    let after = shape[axis + 1..].iter().product();
    [before, shape[axis], after]
}

/// A product in f32 from products that take the upper 11 bits of their factors.
fn product_of_parts(a: Matrix, b: Matrix) -> Matrix {
    let (a_high, a_low) = split(a);
    let (b_high, b_low) = split(b);
    // Small addends first.
    let small = a_low
        .matmul(b_high.clone())
        .add(a_high.clone().matmul(b_low));
    small.add(a_high.matmul(b_high))
}

/// The upper 11 bits and the rest, both exact (Dekker 1971, "A floating-point technique for
/// extending the available precision", section 4; the splitting is Veltkamp's).
fn split(x: Matrix) -> (Matrix, Matrix) {
    const FACTOR: f32 = 8193.0;
    let scaled = x.clone().mul_scalar(FACTOR);
    let high = scaled.clone().sub(scaled.sub(x.clone()));
    let low = x.sub(high.clone());
    (high, low)
}
