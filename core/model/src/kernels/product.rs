//! Products of matrices on the CPU.
//!
//! The work is split into blocks of the result by the shapes alone, and each element is summed by
//! one thread in one order, so the bits do not depend on the number of threads. The sum over the
//! inner dimension is never split, so that a row's bits do not depend on the rows beside it.

use faer::linalg::matmul::matmul;
use faer::{Accum, MatMut, MatRef, Par};

/// Multiplications that are worth a task of their own: some tens of microseconds.
const LEAST_TASK: usize = 1 << 21;
/// Most tasks of one product. More would read the operands more often than they balance better.
const MOST_TASKS: usize = 32;
/// Blocks begin at multiples of this, which fits the registers of every processor.
const BLOCK: usize = 48;

/// Writes `a b` to `out`, or adds it.
pub(super) fn multiply(
    out: MatMut<'_, f32>,
    accumulate: Accum,
    a: MatRef<'_, f32>,
    b: MatRef<'_, f32>,
) {
    let work = out.nrows() * out.ncols() * a.ncols();
    split(out, accumulate, a, b, LEAST_TASK.max(work / MOST_TASKS));
}

fn split(
    out: MatMut<'_, f32>,
    accumulate: Accum,
    a: MatRef<'_, f32>,
    b: MatRef<'_, f32>,
    task: usize,
) {
    let (rows, columns) = (out.nrows(), out.ncols());
    let longer = rows.max(columns);
    if rows * columns * a.ncols() <= task || longer < 2 * BLOCK {
        matmul(out, accumulate, a, b, 1.0, Par::Seq);
        return;
    }
    let middle = (longer / 2).next_multiple_of(BLOCK);
    if rows >= columns {
        let (out, more_out) = out.split_at_row_mut(middle);
        let (a, more_a) = a.split_at_row(middle);
        rayon::join(
            || split(out, accumulate, a, b, task),
            || split(more_out, accumulate, more_a, b, task),
        );
    } else {
        let (out, more_out) = out.split_at_col_mut(middle);
        let (b, more_b) = b.split_at_col(middle);
        rayon::join(
            || split(out, accumulate, a, b, task),
            || split(more_out, accumulate, a, more_b, task),
        );
    }
}
