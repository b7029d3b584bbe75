//! Products and decompositions of whole matrices.
//!
//! Everything is computed in f64 and rounded to f32 once. Work is cut into pieces by the sizes of
//! the matrices alone, and each piece is computed by one thread, so that the bits do not depend
//! on how many there are. They can depend on the processor, which decides the order of addition
//! within a piece.

mod decompose;
mod product;
mod qr;
mod svd;

pub(crate) use decompose::decompose;
pub(crate) use product::product;

use faer::MatRef;

/// A matrix in row-major order.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Matrix<'a> {
    pub(crate) rows: usize,
    pub(crate) columns: usize,
    pub(crate) data: &'a [f32],
}

/// The transpose, in row-major order.
pub(crate) fn transpose(a: Matrix<'_>) -> Vec<f32> {
    // Squares whose rows and columns both stay in the first cache.
    const SIDE: usize = 32;
    let mut to = vec![0.0; a.data.len()];
    for row in (0..a.rows).step_by(SIDE) {
        let rows = row..(row + SIDE).min(a.rows);
        for column in (0..a.columns).step_by(SIDE) {
            for i in column..(column + SIDE).min(a.columns) {
                for j in rows.clone() {
                    to[i * a.rows + j] = a.data[j * a.columns + i];
                }
            }
        }
    }
    to
}

/// The matrix in f32, in row-major order. `-0` becomes `+0`, so that the sign of a zero does not
/// depend on the order of addition.
fn rounded(a: MatRef<'_, f64>) -> Vec<f32> {
    let mut to = Vec::with_capacity(a.nrows() * a.ncols());
    for row in 0..a.nrows() {
        to.extend((0..a.ncols()).map(|column| a[(row, column)] as f32 + 0.0));
    }
    to
}
