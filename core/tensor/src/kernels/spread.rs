//! Tensors made of fewer elements than they have: rows and columns repeated.

/// Element `i` is `values[i / row]`. The tile starts at index `first`.
pub(crate) fn rows(out: &mut [f32], values: &[f32], row: usize, first: usize) {
    let mut done = 0;
    while done < out.len() {
        let index = (first + done) / row;
        let end = ((index + 1) * row - first).min(out.len());
        out[done..end].fill(values[index]);
        done = end;
    }
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
