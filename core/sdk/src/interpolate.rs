//! Interpolating between the directions of vectors.

use crate::{Choice, Result, Tensor};

/// What counts as one vector.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Choice)]
pub enum Per {
    /// The whole tensor.
    Tensor,
    /// What lies along the last axis: a row of a matrix.
    Row,
    /// What lies along the first axis: a column of a matrix.
    Column,
}

impl Per {
    /// The same for a tensor of this shape: with one axis, rows and columns are the whole.
    pub fn within(self, shape: &[usize]) -> Self {
        match shape.len() {
            0 | 1 => Per::Tensor,
            _ => self,
        }
    }

    /// The tensor as a matrix, where vectors lie along the last of several axes.
    pub fn flat(self, tensor: &Tensor) -> Tensor {
        match tensor.shape() {
            [.., last] if self == Per::Row && tensor.shape().len() > 2 => {
                let row = (*last).max(1);
                tensor.reshape(&[tensor.elements() / row, row])
            }
            _ => tensor.clone(),
        }
    }

    /// Dot product of each vector of one tensor with that of the other.
    pub fn dot(self, a: &Tensor, b: &Tensor) -> Tensor {
        match self {
            Per::Tensor => a.dot(b),
            Per::Row => a.row_dot(b),
            Per::Column => a.column_dot(b),
        }
    }

    /// Sum of each vector.
    pub fn sum(self, a: &Tensor) -> Tensor {
        match self {
            Per::Tensor => a.sum_all(),
            Per::Row => a.row_sum(),
            Per::Column => a.column_sum(),
        }
    }

    /// One number for each vector at all of the vector's elements.
    pub fn spread(self, numbers: &Tensor, like: &Tensor) -> Tensor {
        match self {
            Per::Tensor => numbers.clone(),
            Per::Row => numbers.spread_rows(like),
            Per::Column => numbers.spread_columns(like),
        }
    }
}

/// Weights of two vectors that lie an angle apart, `t` of the way along the arc between them
/// (Shoemake 1985): `sin((1 − t)θ) / sin θ` and `sin(tθ) / sin θ`, or `1 − t` and `t` where
/// `straight` is not 0.
pub fn along_arc(angle: &Tensor, t: f64, straight: &Tensor) -> (Tensor, Tensor) {
    let sine = angle.sin();
    let part = |share: f64| {
        let curved = (angle * share).sin() / &sine;
        straight.select(&Tensor::scalar(share), &curved)
    };
    (part(1.0 - t), part(t))
}

/// Dot products of all pairs of vectors. One pass collects them.
#[derive(Debug, Clone)]
pub struct Gram(Vec<Vec<Tensor>>);

impl Gram {
    /// The products of vectors taken as `per` says.
    pub fn of(per: Per, vectors: &[Tensor]) -> Self {
        let row = |i: usize| {
            let others = vectors.iter().take(i + 1);
            others.map(|other| per.dot(&vectors[i], other)).collect()
        };
        Self((0..vectors.len()).map(row).collect())
    }

    /// The product of vectors `i` and `j`.
    pub fn dot(&self, i: usize, j: usize) -> &Tensor {
        &self.0[i.max(j)][i.min(j)]
    }

    /// The norm of vector `i`.
    pub fn norm(&self, i: usize) -> Tensor {
        self.dot(i, i).sqrt()
    }

    /// All products as numbers, where the vectors are whole tensors.
    ///
    /// # Errors
    /// A failed operation before it.
    pub fn read(&self) -> Result<Vec<Vec<f64>>> {
        // Reading anything that depends on all makes one pass collect all.
        Tensor::sum_of(self.0.iter().flatten()).item()?;
        let mut all = vec![vec![0.0; self.0.len()]; self.0.len()];
        for (i, row) in self.0.iter().enumerate() {
            for (j, product) in row.iter().enumerate() {
                let number = precise(product)?;
                all[i][j] = number;
                all[j][i] = number;
            }
        }
        Ok(all)
    }
}

/// A number of shape `[]` with more than the 24 bits that reading it gives.
fn precise(number: &Tensor) -> Result<f64> {
    let high = number.item()?;
    if !high.is_finite() {
        return Ok(high);
    }
    Ok(high + (number - high).item()?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tensor_with_one_axis_is_one_vector() {
        assert_eq!(Per::Row.within(&[6]), Per::Tensor);
        assert_eq!(Per::Column.within(&[2, 3]), Per::Column);
    }
}
