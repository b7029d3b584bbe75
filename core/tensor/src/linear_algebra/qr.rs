//! Thin QR decompositions by Householder reflections.

use super::decompose::Part;
use super::{Matrix, rounded};
use faer::dyn_stack::{MemBuffer, MemStack};
use faer::linalg::householder::{
    apply_block_householder_sequence_on_the_left_in_place_scratch as apply_scratch,
    apply_block_householder_sequence_on_the_left_in_place_with_conj as apply,
};
use faer::linalg::qr::no_pivoting::factor::{
    qr_in_place, qr_in_place_scratch, recommended_block_size,
};
use faer::{Conj, Mat, Par};
use mergelab_abi::ops::Op;

/// `Q` and `R`, each in row-major order.
pub(super) fn qr(a: Matrix<'_>) -> [Part; 2] {
    let (m, n) = (a.rows, a.columns);
    let rank = m.min(n);
    if rank == 0 {
        return [(Op::QrQ, Vec::new()), (Op::QrR, Vec::new())];
    }
    let mut reflections = Mat::from_fn(m, n, |row, column| f64::from(a.data[row * n + column]));
    let block = recommended_block_size::<f64>(m, n);
    let mut factors = Mat::zeros(block, rank);
    let scratch = qr_in_place_scratch::<f64>(m, n, block, Par::Seq, Default::default());
    qr_in_place(
        reflections.as_mut(),
        factors.as_mut(),
        Par::Seq,
        MemStack::new(&mut MemBuffer::new(scratch)),
        Default::default(),
    );
    let mut q = Mat::<f64>::identity(m, rank);
    apply(
        reflections.as_ref().subcols(0, rank),
        factors.as_ref(),
        Conj::No,
        q.as_mut(),
        Par::Seq,
        MemStack::new(&mut MemBuffer::new(apply_scratch::<f64>(m, block, rank))),
    );
    let mut r = Mat::from_fn(rank, n, |row, column| match row <= column {
        true => reflections[(row, column)],
        false => 0.0,
    });
    for i in 0..rank {
        if r[(i, i)] < 0.0 {
            (0..m).for_each(|row| q[(row, i)] = -q[(row, i)]);
            (i..n).for_each(|column| r[(i, column)] = -r[(i, column)]);
        }
    }
    [
        (Op::QrQ, rounded(q.as_ref())),
        (Op::QrR, rounded(r.as_ref())),
    ]
}
