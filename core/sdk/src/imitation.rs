//! What a tool does that keeps tensors in bf16 or f16 but takes norms and sums in f32.
//!
//! In a merge that computes in such a precision, tensor operations round each result as the tool's
//! do. Where the tool goes over to f32 and rounds once at the end, a method goes through
//! [`Tensor::widen`] and [`Tensor::stored`]; what is here is what several methods need.

use crate::interpolate::Per;
use crate::{Group, Result, Tensor};

/// Whether the merge computes in a coarser precision than f32, so that there is something to
/// imitate.
///
/// # Errors
/// The host cannot say.
pub fn is_coarse(group: &Group) -> Result<bool> {
    // A number that each precision rounds to another.
    const PROBE: f32 = 0.1;
    Ok(group.stored(f64::from(PROBE)).item()? as f32 != PROBE)
}

/// Euclidean norm of each vector, taken in f32 and not rounded.
pub fn wide_norm(per: Per, tensor: &Tensor) -> Tensor {
    let wide = tensor.widen();
    per.dot(&wide, &wide).sqrt()
}

/// Euclidean norm of each vector, taken in f32 and rounded once.
pub fn norm(per: Per, tensor: &Tensor) -> Tensor {
    wide_norm(per, tensor).stored()
}

/// Sum of rounded products over each vector, rounded once.
pub fn sum_of_products(per: Per, a: &Tensor, b: &Tensor) -> Tensor {
    per.sum(&(a * b))
}
