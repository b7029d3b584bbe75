//! Sums and maxima of parts of rows and columns.

use super::extreme::max_of;
use super::{LANES, dispatch, sum};
use crate::{BLOCK, CHUNK};
use mergelab_abi::ops::Op;
use mergelab_abi::working::Working;
use pulp::NullaryFnOnce;

/// Adds elements, or their products, to lanes. The first one goes to lane `lane`.
pub(crate) fn add_to_row(lanes: &mut [f64; LANES], lane: usize, a: &[f32], b: Option<&[f32]>) {
    let head = ((LANES - lane) % LANES).min(a.len());
    let value = |i: usize| f64::from(a[i]) * b.map_or(1.0, |b| f64::from(b[i]));
    for i in 0..head {
        lanes[lane + i] += value(i);
    }
    if head < a.len() {
        match b {
            None => sum::sum(lanes, &a[head..]),
            Some(b) => sum::dot(lanes, &a[head..], &b[head..]),
        }
    }
}

struct Add<'a>(&'a mut [f64], &'a [f32]);

impl NullaryFnOnce for Add<'_> {
    type Output = ();

    #[inline(always)]
    fn call(self) {
        for (sum, &a) in self.0.iter_mut().zip(self.1) {
            *sum += f64::from(a);
        }
    }
}

struct AddProducts<'a>(&'a mut [f64], &'a [f32], &'a [f32]);

impl NullaryFnOnce for AddProducts<'_> {
    type Output = ();

    #[inline(always)]
    fn call(self) {
        for ((sum, &a), &b) in self.0.iter_mut().zip(self.1).zip(self.2) {
            *sum += f64::from(a) * f64::from(b);
        }
    }
}

/// Adds elements, or their products, to the sums of their columns. The first is in `column`.
pub(crate) fn add_to_columns(sums: &mut [f64], column: usize, a: &[f32], b: Option<&[f32]>) {
    let mut column = column;
    let mut done = 0;
    while done < a.len() {
        let length = (sums.len() - column).min(a.len() - done);
        let (to, part) = (&mut sums[column..column + length], done..done + length);
        match b {
            None => dispatch(Add(to, &a[part])),
            Some(b) => dispatch(AddProducts(to, &a[part.clone()], &b[part])),
        }
        done += length;
        column = 0;
    }
}

/// The statistics of whole rows, rounded. The first one starts at index `first`, which decides how
/// sums are cut.
pub(crate) fn statistics(
    working: Working,
    op: Op,
    out: &mut [f32],
    a: &[f32],
    b: Option<&[f32]>,
    row: usize,
    first: usize,
) {
    let rows = a.len() / row;
    for (index, out) in out[..rows].iter_mut().enumerate() {
        let part = index * row..(index + 1) * row;
        let a = &a[part.clone()];
        let total = match op {
            Op::RowMax => f64::from(max_of(a)),
            _ => row_total(a, b.map(|b| &b[part.clone()]), first + part.start),
        };
        // Either zero becomes `+0`.
        *out = working.round((total + 0.0) as f32);
    }
}

/// The sum of a row that starts at index `first`: pieces that end with blocks, and then those
/// that end with chunks.
fn row_total(a: &[f32], b: Option<&[f32]>, first: usize) -> f64 {
    let (mut total, mut piece) = (0.0, 0.0);
    let mut done = 0;
    while done < a.len() {
        let start = first + done;
        let end = a.len().min((start / BLOCK + 1) * BLOCK - first);
        let mut lanes = [0.0; LANES];
        let b = b.map(|b| &b[done..end]);
        add_to_row(&mut lanes, start % LANES, &a[done..end], b);
        piece += lanes.iter().sum::<f64>();
        done = end;
        if done == a.len() || (first + done).is_multiple_of(CHUNK) {
            total += piece;
            piece = 0.0;
        }
    }
    total
}
