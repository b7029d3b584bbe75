//! The task vector of a LoRA adapter, `s B A`, computed from its factors.
//!
//! With U = B (rows x r) and V = A (r x columns), the inner product of two updates is
//! tr((s1 U1 V1)' (s2 U2 V2)) = s1 s2 sum((U1' U2) o (V1 V2')), and the singular values of s U V
//! are those of the r x r matrix s R_U R_V', where R_U and R_V are the triangles of the QR
//! decompositions of U and V'. No matrix of the tensor's size is formed.

use faer::Mat;
use mergelab_checkpoint::LoraModule;

/// `scaling * left right`, in the orientation of the base's tensor.
#[derive(Clone, Debug)]
pub(crate) struct Factors {
    rows: usize,
    columns: usize,
    rank: usize,
    scaling: f64,
    /// Shape (rows, rank), row-major.
    left: Vec<f32>,
    /// Shape (rank, columns), row-major.
    right: Vec<f32>,
}

impl Factors {
    /// `transposed`: whether linear layers are stored as (inputs, outputs).
    pub(crate) fn new(module: &LoraModule, scaling: f64, transposed: bool) -> Factors {
        let (rank, inputs, outputs) = (module.rank, module.inputs, module.outputs);
        let (a, b) = (&module.a, &module.b);
        let turn = |matrix: &[f32], columns: usize| -> Vec<f32> {
            (0..columns)
                .flat_map(|column| matrix.iter().skip(column).step_by(columns).copied())
                .collect()
        };
        if module.embedding || transposed {
            Factors {
                rows: inputs,
                columns: outputs,
                rank,
                scaling,
                left: turn(a, inputs),
                right: turn(b, rank),
            }
        } else {
            Factors {
                rows: outputs,
                columns: inputs,
                rank,
                scaling,
                left: b.clone(),
                right: a.clone(),
            }
        }
    }

    /// The update's elements from `start` on, summed in f64 in the order of the rank.
    pub(crate) fn read(&self, start: usize, out: &mut [f32]) {
        let mut at = start;
        let mut rest = out;
        let mut sums = vec![0.0f64; self.columns.min(rest.len())];
        while !rest.is_empty() {
            let (row, column) = (at / self.columns, at % self.columns);
            let width = rest.len().min(self.columns - column);
            let (part, tail) = rest.split_at_mut(width);
            let sums = &mut sums[..width];
            sums.fill(0.0);
            for k in 0..self.rank {
                let factor = f64::from(self.left[row * self.rank + k]);
                let right = &self.right[k * self.columns + column..][..width];
                for (sum, right) in sums.iter_mut().zip(right) {
                    *sum += factor * f64::from(*right);
                }
            }
            for (value, sum) in part.iter_mut().zip(sums.iter()) {
                *value = (self.scaling * sum) as f32;
            }
            at += width;
            rest = tail;
        }
    }

    fn left(&self) -> Mat<f64> {
        Mat::from_fn(self.rows, self.rank, |i, k| {
            f64::from(self.left[i * self.rank + k])
        })
    }

    /// The right factor, transposed: shape (columns, rank).
    fn right(&self) -> Mat<f64> {
        Mat::from_fn(self.columns, self.rank, |j, k| {
            f64::from(self.right[k * self.columns + j])
        })
    }

    /// The inner product of two updates of one tensor, as vectors of all their entries.
    pub(crate) fn dot(&self, other: &Factors) -> f64 {
        let left = self.left().transpose() * other.left();
        let right = self.right().transpose() * other.right();
        let mut sum = 0.0;
        for i in 0..self.rank {
            for k in 0..other.rank {
                sum += left[(i, k)] * right[(i, k)];
            }
        }
        self.scaling * other.scaling * sum
    }

    /// The singular values that are not zero by construction, in no particular order.
    pub(crate) fn singular_values(&self) -> Result<Vec<f64>, String> {
        let left = self.left().qr().thin_R().to_owned();
        let right = self.right().qr().thin_R().to_owned();
        let core = left * right.transpose();
        let values = core
            .singular_values()
            .map_err(|error| format!("{error:?}"))?;
        Ok(values
            .into_iter()
            .map(|value| value * self.scaling.abs())
            .collect())
    }
}
