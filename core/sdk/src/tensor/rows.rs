//! Operations that go row by row.
//!
//! The first axis of a tensor numbers its rows; all further axes together are one row. A tensor
//! with one axis is one row.

use super::{Session, Tensor};
use mergelab_abi::ops::{Op, rows};

impl Tensor {
    /// Number of rows, and of elements in each.
    pub fn rows(&self) -> (usize, usize) {
        rows(self.shape())
    }

    /// Sum of each row, added in f64. Shape `[rows]`.
    pub fn row_sum(&self) -> Self {
        self.unary(Op::RowSum)
    }

    /// Sum of the products of both tensors' elements over each row. Shape `[rows]`.
    pub fn row_dot(&self, other: &Self) -> Self {
        self.binary(Op::RowDot, other)
    }

    /// Euclidean norm of each row. Shape `[rows]`.
    pub fn row_norm(&self) -> Self {
        self.row_dot(self).sqrt()
    }

    /// Largest element of each row. Shape `[rows]`.
    pub fn row_max(&self) -> Self {
        self.unary(Op::RowMax)
    }

    /// Sum over all rows, place by place, added in f64. The shape of one row.
    pub fn column_sum(&self) -> Self {
        self.unary(Op::ColumnSum)
    }

    /// Sum of the products of both tensors' elements over all rows. The shape of one row.
    pub fn column_dot(&self, other: &Self) -> Self {
        self.binary(Op::ColumnDot, other)
    }

    /// Euclidean norm of each column. The shape of one row.
    pub fn column_norm(&self) -> Self {
        self.column_dot(self).sqrt()
    }

    /// Place of each magnitude in its row, from 0 (smallest) to 1 (largest); of equal magnitudes
    /// the earlier one is lower, and the only element of a row is at 0.5.
    pub fn row_rank(&self) -> Self {
        self.unary(Op::RowRank)
    }

    /// One number for each row (shape `[rows]`) at every element of a tensor shaped as `like`.
    pub fn spread_rows(&self, like: &Self) -> Self {
        let shape: Vec<u64> = like.shape().iter().map(|&n| n as u64).collect();
        Session::record(Op::SpreadRows, &[self], &[], &shape)
    }

    /// This row in every row of a tensor shaped as `like`.
    pub fn spread_columns(&self, like: &Self) -> Self {
        let shape: Vec<u64> = like.shape().iter().map(|&n| n as u64).collect();
        Session::record(Op::SpreadColumns, &[self], &[], &shape)
    }
}
