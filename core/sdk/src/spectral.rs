//! Task vectors as matrices: which tensors are, their singular vectors, and orthogonalising them.
//!
//! A task vector that is a product of two thin matrices ([`crate::LowRank`]) is decomposed without
//! forming it: the cost is that of its rank.

use crate::{Choice, Group, LowRank, Model, Result, Svd, Tensor};

/// Singular values up to this share of the largest are taken for zero.
///
/// A matrix of f32 numbers has singular values of that order from rounding alone, and the vectors
/// that belong to them are arbitrary: methods that give every direction the same weight, as many
/// of those do that work on singular vectors, must not count them.
pub const NEGLIGIBLE: f64 = 1e-5;

/// What becomes of tensors that a method for matrices does not treat as a matrix.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Choice)]
pub enum Others {
    /// The mean of their task vectors is added.
    Mean,
    /// The sum of their task vectors is added.
    Sum,
    /// The base model's are kept.
    Base,
}

impl Others {
    /// What is added to the base model's tensor.
    ///
    /// # Errors
    /// There is no base.
    pub fn update(self, group: &Group) -> Result<Tensor> {
        let vectors = group.task_vectors()?;
        let sum = || Tensor::sum_of(&vectors);
        Ok(match self {
            Self::Mean => sum() / vectors.len().max(1) as f64,
            Self::Sum => sum(),
            Self::Base => Tensor::scalar(0.0),
        })
    }
}

/// Rows and columns of the tensor as a matrix: the first axis, and all further ones together.
/// `None` for a tensor with one axis, for one whose name holds one of `except`, and for one that no
/// model changed.
pub fn matrix(group: &Group, except: &[String]) -> Option<[usize; 2]> {
    let excluded = except.iter().any(|part| group.name().contains(part));
    match group.shape() {
        [m, rest @ ..]
            if !rest.is_empty()
                && !excluded
                && group.elements() > 0
                && changed(group).next().is_some() =>
        {
            Some([*m, rest.iter().product()])
        }
        _ => None,
    }
}

/// The models that may differ from the base in this tensor: nothing of the others need be
/// decomposed.
pub fn changed(group: &Group) -> impl Iterator<Item = &Model> {
    group.models().filter(|model| model.is_changed())
}

/// A model's task vector as a matrix.
pub fn task_matrix(model: &Model, base: &Tensor, shape: [usize; 2]) -> Tensor {
    let vector = model.tensor() - base;
    match vector.shape() == shape {
        true => vector,
        false => vector.reshape(&shape),
    }
}

/// 1 at singular values above [`NEGLIGIBLE`] times `scale` (shape `[]`), else 0.
pub fn significant(values: &Tensor, scale: &Tensor) -> Tensor {
    values.gt(&(scale * NEGLIGIBLE))
}

/// How far rounding turns singular vectors: [`ROUNDING`] times `scale`, the size (shape `[]`) of
/// the matrix that the vectors were computed from, over each singular value. 0 where `mask` is.
///
/// Rounding moves a matrix by about its size times the precision, and that turns a vector the
/// further the smaller its singular value is (Wedin's sin-theta theorem).
pub fn uncertainty(values: &Tensor, scale: &Tensor, mask: &Tensor) -> Tensor {
    let counted = mask.select(values, &Tensor::scalar(1.0));
    mask * (scale * ROUNDING) / counted
}

/// What rounding to f32 and a decomposition move a matrix by, relative to its size.
pub const ROUNDING: f64 = 1e-6;

/// Sets the columns of a matrix to zero where `mask` is.
pub fn masked_columns(columns: &Tensor, mask: &Tensor) -> Tensor {
    columns * mask.spread_columns(columns)
}

/// The matrix with the same singular vectors and all singular values 1: `U Vᵀ`, the nearest matrix
/// with orthonormal columns (the orthogonal Procrustes problem). Directions that the matrix does
/// not have stay away.
///
/// `uncertain` says by how much each column may be off ([`uncertainty`]). Columns that depend on
/// each other have directions of singular value zero, which rounding makes as large as what those
/// columns are off by: a direction counts where it is larger than that. Else the same columns with
/// another rounding would have other directions, as strong as all others.
pub fn orthogonalised(matrix: &Tensor, uncertain: &Tensor) -> Tensor {
    let Svd { u, s, v } = matrix.svd();
    let noise = (&v * uncertain.spread_rows(&v)).column_norm();
    let there = significant(&s, &s.max_all()) * s.gt(&noise);
    masked_columns(&u, &there).matmul_transposed(&v)
}

/// Singular value decomposition of `left · right` from their QR decompositions and that of a core
/// of their rank.
pub fn svd_of_product(left: &Tensor, right: &Tensor) -> Svd {
    let (left, right) = (left.qr(), right.transpose().qr());
    let core = left.r.matmul_transposed(&right.r).svd();
    Svd {
        u: left.q.matmul(&core.u),
        s: core.s,
        v: right.q.matmul(&core.v),
    }
}

/// Singular value decomposition of the weighted sum of the task vectors: from their factors, where
/// all models that changed have such.
pub fn svd_of_sum(
    group: &Group,
    base: &Tensor,
    shape: [usize; 2],
    weight: impl Fn(&Model) -> f64,
) -> Svd {
    let factors: Option<Vec<&LowRank>> = changed(group).map(Model::low_rank).collect();
    let Some(factors) = factors.filter(|factors| !factors.is_empty()) else {
        let scaled = |model: &Model| task_matrix(model, base, shape) * weight(model);
        return changed(group).map(scaled).sum::<Tensor>().svd();
    };
    let left: Vec<Tensor> = changed(group)
        .zip(&factors)
        .map(|(model, factors)| &factors.left * weight(model))
        .collect();
    let right = factors.iter().map(|factors| &factors.right);
    svd_of_product(&Tensor::concat(1, &left), &Tensor::concat(0, right))
}
