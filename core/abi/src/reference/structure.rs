//! Operations that look at rows, or at a matrix as a whole.

use super::{Value, by_magnitude, matrix};
use crate::ops::{Op, rows};
use crate::random;

/// Whether this file computes the operation.
pub(super) fn covers(op: Op) -> bool {
    matches!(
        op,
        Op::RowSum
            | Op::RowDot
            | Op::RowMax
            | Op::ColumnSum
            | Op::ColumnDot
            | Op::RowRank
            | Op::TopShareMask
            | Op::KeepMaskBy
            | Op::RankedKeepMask
            | Op::SpreadRows
            | Op::SpreadColumns
            | Op::MatMul
            | Op::Transpose
            | Op::Reshape
            | Op::Concat
            | Op::Narrow
            | Op::SvdU
            | Op::SvdS
            | Op::SvdV
            | Op::QrQ
            | Op::QrR
    )
}

/// Whether its result is rounded to the working precision. Places in a row are not, so that a
/// coarse precision does not make equal what is not.
pub(super) fn rounds(op: Op) -> bool {
    op != Op::RowRank
}

pub(super) fn compute(
    op: Op,
    inputs: &[&Value],
    shape: &[usize],
    scalars: &[f64],
    integers: &[u64],
) -> Vec<f32> {
    let data: Vec<Vec<f64>> = inputs.iter().map(|v| v.elements()).collect();
    let a = &data[0];
    let (count, row) = rows(inputs[0].shape());
    let (_, to_row) = rows(shape);
    let ones = vec![1.0; a.len()];
    let b = data.get(1).unwrap_or(&ones);
    let result: Vec<f64> = match op {
        Op::RowSum | Op::RowDot => (0..count)
            .map(|number| {
                let places = number * row..(number + 1) * row;
                places.map(|i| a[i] * b[i]).sum::<f64>() + 0.0
            })
            .collect(),
        Op::RowMax => (0..count)
            .map(|number| {
                let largest = |m: f64, &x: &f64| match x > m || x.is_nan() {
                    true => x,
                    false => m,
                };
                let row = &a[number * row..(number + 1) * row];
                row.iter().fold(f64::NEG_INFINITY, largest) + 0.0
            })
            .collect(),
        Op::ColumnSum | Op::ColumnDot => (0..row)
            .map(|place| {
                let column = (place..a.len()).step_by(row);
                column.map(|i| a[i] * b[i]).sum::<f64>() + 0.0
            })
            .collect(),
        Op::RowRank => ranks(a, row),
        Op::TopShareMask => {
            let some = a.iter().filter(|x| **x != 0.0).count();
            let keep = (some as f64 * scalars[0]).floor() as usize;
            let mut mask = vec![0.0; a.len()];
            for index in by_magnitude(a).into_iter().take(keep) {
                mask[index] = 1.0;
            }
            mask
        }
        Op::KeepMaskBy => draw(integers[0], a.iter().copied()),
        Op::RankedKeepMask => {
            let (low, high) = (scalars[0], scalars[1]);
            let places = ranks(a, row);
            draw(
                integers[0],
                places.into_iter().map(|r| low + (high - low) * r),
            )
        }
        Op::SpreadRows => (0..shape.iter().product())
            .map(|i: usize| a[i / to_row])
            .collect(),
        Op::SpreadColumns => (0..shape.iter().product())
            .map(|i: usize| a[i % to_row])
            .collect(),
        Op::Reshape => a.clone(),
        Op::Concat => concat(&data, inputs, integers[0] as usize),
        Op::Narrow => {
            let (axis, start) = (integers[0] as usize, integers[1] as usize);
            let from = inputs[0].shape();
            let inner: usize = from[axis + 1..].iter().product();
            let length = shape[axis] * inner;
            a.chunks((from[axis] * inner).max(1))
                .flat_map(|part| part.iter().skip(start * inner).take(length).copied())
                .collect()
        }
        _ => matrix::compute(op, inputs, &data, integers),
    };
    result.into_iter().map(|x| x as f32).collect()
}

/// Place of each magnitude in its row, from 0 to 1.
fn ranks(a: &[f64], row: usize) -> Vec<f64> {
    let mut places = vec![0.5; a.len()];
    if row < 2 {
        return places;
    }
    for (row_number, part) in a.chunks(row).enumerate() {
        // Ascending magnitudes; equal ones keep the order of their indices.
        let mut order: Vec<usize> = (0..part.len()).collect();
        let bits = |x: f64| match x.is_nan() {
            true => u64::MAX,
            false => x.abs().to_bits(),
        };
        order.sort_by_key(|&i| bits(part[i]));
        for (place, index) in order.into_iter().enumerate() {
            places[row_number * row + index] = place as f64 / (row - 1) as f64;
        }
    }
    places
}

fn draw(key: u64, probabilities: impl Iterator<Item = f64>) -> Vec<f64> {
    probabilities
        .enumerate()
        .map(|(index, p)| {
            let kept = u64::from(random::word(key, index as u64)) < random::keep_bound(p);
            f64::from(u8::from(kept))
        })
        .collect()
}

fn concat(data: &[Vec<f64>], inputs: &[&Value], axis: usize) -> Vec<f64> {
    // What lies between two places of the axis before it.
    let outer: usize = inputs[0].shape()[..axis].iter().product();
    let part = |values: &Vec<f64>, number: usize| {
        let length = values.len() / outer.max(1);
        values[number * length..(number + 1) * length].to_vec()
    };
    (0..outer)
        .flat_map(|number| data.iter().flat_map(move |values| part(values, number)))
        .collect()
}
