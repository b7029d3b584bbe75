//! Thin singular value decompositions.

use super::decompose::Part;
use super::{Matrix, rounded};
use faer::dyn_stack::{MemBuffer, MemStack};
use faer::linalg::svd::{ComputeSvdVectors, svd as decompose, svd_scratch};
use faer::{Col, Mat, Par};
use mergelab_abi::ops::Op;

/// Entries of a column that differ by less than this share are of equal magnitude: their order
/// would be decided by rounding errors.
const EQUAL: f64 = 1e-9;

/// `U`, the singular values and `V`, matrices in row-major order.
///
/// # Errors
/// The iteration does not converge, which does not happen with finite input.
pub(super) fn svd(a: Matrix<'_>) -> Result<[Part; 3], &'static str> {
    let (m, n) = (a.rows, a.columns);
    let rank = m.min(n);
    let matrix = Mat::from_fn(m, n, |row, column| f64::from(a.data[row * n + column]));
    let (mut u, mut v) = (Mat::zeros(m, rank), Mat::zeros(n, rank));
    let mut s = Col::zeros(rank);
    if rank > 0 {
        let thin = ComputeSvdVectors::Thin;
        let scratch = svd_scratch::<f64>(m, n, thin, thin, Par::Seq, Default::default());
        decompose(
            matrix.as_ref(),
            s.as_mut().as_diagonal_mut(),
            Some(u.as_mut()),
            Some(v.as_mut()),
            Par::Seq,
            MemStack::new(&mut MemBuffer::new(scratch)),
            Default::default(),
        )
        .map_err(|_| "the iteration does not converge")?;
    }
    for i in 0..rank {
        let largest = (0..m).fold(0.0f64, |largest, row| largest.max(u[(row, i)].abs()));
        let first = (0..m).find(|&row| u[(row, i)].abs() >= largest * (1.0 - EQUAL));
        if first.is_some_and(|row| u[(row, i)] < 0.0) {
            (0..m).for_each(|row| u[(row, i)] = -u[(row, i)]);
            (0..n).for_each(|row| v[(row, i)] = -v[(row, i)]);
        }
    }
    // Rounding errors can leave the smallest ones a trace below 0.
    let s = (0..rank).map(|i| s[i].max(0.0) as f32).collect();
    Ok([
        (Op::SvdU, rounded(u.as_ref())),
        (Op::SvdS, s),
        (Op::SvdV, rounded(v.as_ref())),
    ])
}
