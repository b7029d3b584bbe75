//! Operations on matrices as a whole.
//!
//! They need the whole matrix in memory, in f32 and, within a decomposition, in f64.

use super::{Session, Tensor};
use mergelab_abi::ops::Op;

/// `A = U diag(s) Vᵀ` of an `m × n` matrix, `k = min(m, n)`.
#[derive(Debug, Clone)]
pub struct Svd {
    /// Left singular vectors in columns, `m × k`. The entry of largest magnitude of each column is
    /// positive.
    pub u: Tensor,
    /// Singular values, largest first, `[k]`.
    pub s: Tensor,
    /// Right singular vectors in columns, `n × k`.
    pub v: Tensor,
}

impl Svd {
    /// `U diag(s) Vᵀ`.
    pub fn product(&self) -> Tensor {
        (&self.u * self.s.spread_columns(&self.u)).matmul_transposed(&self.v)
    }

    /// The `rank` leading triples.
    pub fn truncated(&self, rank: usize) -> Self {
        Self {
            u: self.u.narrow(1, 0, rank),
            s: self.s.narrow(0, 0, rank),
            v: self.v.narrow(1, 0, rank),
        }
    }
}

/// `A = Q R` of an `m × n` matrix, `k = min(m, n)`.
#[derive(Debug, Clone)]
pub struct Qr {
    /// Orthonormal columns, `m × k`.
    pub q: Tensor,
    /// Upper triangle with a diagonal that is not negative, `k × n`.
    pub r: Tensor,
}

impl Tensor {
    /// Matrix product `A B`.
    pub fn matmul(&self, other: &Self) -> Self {
        Session::record(Op::MatMul, &[self, other], &[], &[0, 0])
    }

    /// Matrix product `Aᵀ B`.
    pub fn transposed_matmul(&self, other: &Self) -> Self {
        Session::record(Op::MatMul, &[self, other], &[], &[1, 0])
    }

    /// Matrix product `A Bᵀ`.
    pub fn matmul_transposed(&self, other: &Self) -> Self {
        Session::record(Op::MatMul, &[self, other], &[], &[0, 1])
    }

    /// The transpose of a matrix.
    pub fn transpose(&self) -> Self {
        self.unary(Op::Transpose)
    }

    /// The same elements in another shape.
    pub fn reshape(&self, shape: &[usize]) -> Self {
        let shape: Vec<u64> = shape.iter().map(|&n| n as u64).collect();
        Session::record(Op::Reshape, &[self], &[], &shape)
    }

    /// Tensors one after the other along `axis`.
    pub fn concat<'a>(axis: usize, tensors: impl IntoIterator<Item = &'a Tensor>) -> Self {
        let tensors: Vec<&Tensor> = tensors.into_iter().collect();
        Session::record(Op::Concat, &tensors, &[], &[axis as u64])
    }

    /// Along `axis`, the `length` places from `start`.
    pub fn narrow(&self, axis: usize, start: usize, length: usize) -> Self {
        let places = [axis as u64, start as u64, length as u64];
        Session::record(Op::Narrow, &[self], &[], &places)
    }

    /// Singular value decomposition.
    pub fn svd(&self) -> Svd {
        Svd {
            u: self.unary(Op::SvdU),
            s: self.unary(Op::SvdS),
            v: self.unary(Op::SvdV),
        }
    }

    /// Thin QR decomposition.
    pub fn qr(&self) -> Qr {
        Qr {
            q: self.unary(Op::QrQ),
            r: self.unary(Op::QrR),
        }
    }
}
