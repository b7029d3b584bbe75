//! Matrix products: f32 in, added in f64, rounded once.
//!
//! The result is computed square by square. For each, strips of both inputs are converted to f64
//! and multiplied there, one stretch of the inner dimension after the other: so a product needs
//! little memory beside its inputs and its result, however large they are.

use super::Matrix;
use faer::linalg::matmul::matmul;
use faer::{Accum, MatMut, MatRef, Par};
use rayon::prelude::*;

/// Rows of the result that are computed at once.
const ROWS: usize = 128;
/// Columns of the result that are computed at once.
const COLUMNS: usize = 512;
/// Places of the inner dimension that are added at once.
const INNER: usize = 512;

/// A matrix, or its transpose.
#[derive(Clone, Copy)]
struct Turned<'a> {
    matrix: Matrix<'a>,
    transposed: bool,
}

impl Turned<'_> {
    fn shape(&self) -> (usize, usize) {
        match self.transposed {
            false => (self.matrix.rows, self.matrix.columns),
            true => (self.matrix.columns, self.matrix.rows),
        }
    }

    /// A part of it in f64, in the order in which it is stored.
    fn part<'b>(
        &self,
        rows: (usize, usize),
        columns: (usize, usize),
        buffer: &'b mut Vec<f64>,
    ) -> MatRef<'b, f64> {
        let (outer, inner) = match self.transposed {
            false => (rows, columns),
            true => (columns, rows),
        };
        buffer.clear();
        for line in outer.0..outer.0 + outer.1 {
            let start = line * self.matrix.columns + inner.0;
            let line = &self.matrix.data[start..start + inner.1];
            buffer.extend(line.iter().map(|&x| f64::from(x)));
        }
        let stored = MatRef::from_row_major_slice(buffer.as_slice(), outer.1, inner.1);
        match self.transposed {
            false => stored,
            true => stored.transpose(),
        }
    }
}

#[derive(Default)]
struct Buffers {
    a: Vec<f64>,
    b: Vec<f64>,
    sum: Vec<f64>,
}

/// `a b` in row-major order, each transposed first where its flag says so.
///
/// The inner sizes must agree.
pub(crate) fn product(a: Matrix<'_>, b: Matrix<'_>, transposed: [bool; 2]) -> Vec<f32> {
    let [a, b] = [(a, transposed[0]), (b, transposed[1])]
        .map(|(matrix, transposed)| Turned { matrix, transposed });
    let ((m, inner), (_, n)) = (a.shape(), b.shape());
    let mut to = vec![0.0; m * n];
    if to.is_empty() {
        return to;
    }
    let strips: Vec<(usize, &mut [f32])> = to.chunks_mut(ROWS * n).enumerate().collect();
    // Few rows would leave threads idle if each took a whole strip.
    strips.into_par_iter().for_each(|(strip, out)| {
        let rows = (strip * ROWS, out.len() / n);
        let columns = n.div_ceil(COLUMNS);
        let squares: Vec<Vec<f32>> = (0..columns)
            .into_par_iter()
            .map_init(Buffers::default, |buffers, square| {
                let first = square * COLUMNS;
                let columns = (first, COLUMNS.min(n - first));
                self::square(a, b, rows, columns, inner, buffers)
            })
            .collect();
        for (square, values) in squares.iter().enumerate() {
            let first = square * COLUMNS;
            let width = COLUMNS.min(n - first);
            for (row, values) in values.chunks(width).enumerate() {
                out[row * n + first..row * n + first + width].copy_from_slice(values);
            }
        }
    });
    to
}

fn square(
    a: Turned<'_>,
    b: Turned<'_>,
    rows: (usize, usize),
    columns: (usize, usize),
    inner: usize,
    buffers: &mut Buffers,
) -> Vec<f32> {
    let Buffers {
        a: a_part,
        b: b_part,
        sum,
    } = buffers;
    sum.clear();
    sum.resize(rows.1 * columns.1, 0.0);
    for first in (0..inner).step_by(INNER) {
        let stretch = (first, INNER.min(inner - first));
        matmul(
            MatMut::from_row_major_slice_mut(sum.as_mut_slice(), rows.1, columns.1),
            Accum::Add,
            a.part(rows, stretch, a_part),
            b.part(stretch, columns, b_part),
            1.0,
            Par::Seq,
        );
    }
    // `+ 0.0` makes the sign of a zero independent of the order of addition.
    sum.iter().map(|&x| x as f32 + 0.0).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn noise(len: usize, seed: u32) -> Vec<f32> {
        (0..len as u32)
            .map(|i| {
                let x = (i ^ seed.rotate_left(9)).wrapping_mul(0x85EB_CA6B);
                (x ^ (x >> 13)).wrapping_mul(0xC2B2_AE35) as f32 / 4.3e9 - 0.5
            })
            .collect()
    }

    #[test]
    fn any_size_and_either_side_transposed() {
        // Below, at and above the sizes of a square, and nothing to add.
        for (m, k, n) in [
            (1, 1, 1),
            (3, 0, 2),
            (129, 513, 7),
            (5, 2, 515),
            (128, 512, 512),
        ] {
            let (a, b) = (noise(m * k, 1), noise(k * n, 2));
            let (a_t, b_t) = (
                super::super::transpose(Matrix {
                    rows: m,
                    columns: k,
                    data: &a,
                }),
                super::super::transpose(Matrix {
                    rows: k,
                    columns: n,
                    data: &b,
                }),
            );
            for flags in [[false, false], [true, false], [false, true], [true, true]] {
                let turned = |rows, columns, data, turned_data, flag| match flag {
                    false => Matrix {
                        rows,
                        columns,
                        data,
                    },
                    true => Matrix {
                        rows: columns,
                        columns: rows,
                        data: turned_data,
                    },
                };
                let got = product(
                    turned(m, k, &a, &a_t, flags[0]),
                    turned(k, n, &b, &b_t, flags[1]),
                    flags,
                );
                assert_eq!(got.len(), m * n);
                for (index, got) in got.into_iter().enumerate() {
                    let (row, column) = (index / n, index % n);
                    let want: f64 = (0..k)
                        .map(|i| f64::from(a[row * k + i]) * f64::from(b[i * n + column]))
                        .sum();
                    // f64 sums of 513 products of numbers below 1, then one rounding to f32.
                    let slack = 1e-12 + want.abs() * 2f64.powi(-24);
                    assert!(
                        (f64::from(got) - want).abs() <= slack,
                        "{got} is not {want}"
                    );
                }
            }
        }
    }
}
