//! Tensors made of fewer elements than they have: rows and columns repeated.

use std::ops::Range;

/// Calls `work` for the parts of a tile of `length` elements that lie in one row each, with the
/// row. The tile starts at index `first`.
pub(crate) fn row_parts(
    length: usize,
    row: usize,
    first: usize,
    mut work: impl FnMut(Range<usize>, usize),
) {
    let mut done = 0;
    while done < length {
        let index = (first + done) / row;
        let end = ((index + 1) * row - first).min(length);
        work(done..end, index);
        done = end;
    }
}

/// Element `i` is `values[i / row]`. The tile starts at index `first`.
pub(crate) fn rows(out: &mut [f32], values: &[f32], row: usize, first: usize) {
    row_parts(out.len(), row, first, |part, index| {
        out[part].fill(values[index])
    });
}

/// Element `i` is `values[i % values.len()]`. The tile starts at index `first`.
pub(crate) fn columns(out: &mut [f32], values: &[f32], first: usize) {
    let mut done = 0;
    while done < out.len() {
        let column = (first + done) % values.len();
        let length = (values.len() - column).min(out.len() - done);
        out[done..done + length].copy_from_slice(&values[column..column + length]);
        done += length;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spreading_starts_anywhere() {
        let values: Vec<f32> = (0..40).map(|i| i as f32).collect();
        for row in [1, 3, 16, 40] {
            for first in [0, 16, 32] {
                let mut out = vec![f32::NAN; 8.min(40 * row - first)];
                rows(&mut out, &values, row, first);
                for (i, &x) in out.iter().enumerate() {
                    assert_eq!(x, values[(first + i) / row]);
                }
                let mut out = vec![f32::NAN; 100];
                columns(&mut out, &values[..row], first);
                for (i, &x) in out.iter().enumerate() {
                    assert_eq!(x, values[(first + i) % row]);
                }
            }
        }
    }
}
