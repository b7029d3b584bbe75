//! Arithmetic as a tool does it that keeps tensors in bf16 or f16: each operation goes over all
//! elements, and each result is rounded.
//!
//! Tensor operations do the same, but where a tool takes a norm or a softmax in f32 and rounds
//! once, they round between. Where such a rounding decides, a method that imitates the tool reads
//! its inputs ([`crate::Tensor::to_vec`]) and computes with this, on whole tensors.

use crate::{Error, Group, Result};
use mergelab_abi::working::Working;

/// Rounds to the precision that a merge imitates.
#[derive(Debug, Clone, Copy)]
pub struct Stepwise(Working);

impl Stepwise {
    /// `None` where the merge computes in f32 and nothing is to be imitated.
    ///
    /// # Errors
    /// The precision cannot be told.
    pub fn of(group: &Group) -> Result<Option<Self>> {
        // A number that each precision rounds to another.
        const PROBE: f32 = 0.1;
        let stored = group.stored(f64::from(PROBE)).item()? as f32;
        match Working::ALL.iter().find(|w| w.round(PROBE) == stored) {
            Some(Working::F32) => Ok(None),
            Some(working) => Ok(Some(Self(*working))),
            None => Err(Error::failed(format!(
                "the merge computes in a precision in which {PROBE} is {stored}"
            ))),
        }
    }

    /// The nearest number of that precision.
    pub fn round(&self, x: f32) -> f32 {
        self.0.round(x)
    }

    /// A rounded operation on each element.
    pub fn each(&self, a: &[f32], f: impl Fn(f32) -> f32) -> Vec<f32> {
        a.iter().map(|&a| self.round(f(a))).collect()
    }

    /// A rounded operation on each pair of elements.
    pub fn pairs(&self, a: &[f32], b: &[f32], f: impl Fn(f32, f32) -> f32) -> Vec<f32> {
        let pairs = a.iter().zip(b);
        pairs.map(|(&a, &b)| self.round(f(a, b))).collect()
    }

    /// Sum of vectors, rounded once.
    pub fn sum(&self, vectors: &[Vec<f32>]) -> Vec<f32> {
        let mut total = vectors.first().cloned().unwrap_or_default();
        for vector in vectors.iter().skip(1) {
            total.iter_mut().zip(vector).for_each(|(t, x)| *t += x);
        }
        self.each(&total, |x| x)
    }

    /// Dot product, added in f64 and rounded once.
    pub fn dot(&self, a: &[f32], b: &[f32]) -> f32 {
        let products = a.iter().zip(b).map(|(&a, &b)| f64::from(a) * f64::from(b));
        self.round(products.sum::<f64>() as f32)
    }

    /// Sum of rounded products.
    pub fn sum_of_products(&self, a: &[f32], b: &[f32]) -> f32 {
        let products = a.iter().zip(b).map(|(&a, &b)| self.round(a * b));
        self.round(products.map(f64::from).sum::<f64>() as f32)
    }

    /// Euclidean norm, rounded once.
    pub fn norm(&self, a: &[f32]) -> f32 {
        self.round(norm(a))
    }
}

/// Euclidean norm in f32, its squares added in f64.
pub fn norm(a: &[f32]) -> f32 {
    let squares = a.iter().map(|&a| f64::from(a) * f64::from(a));
    squares.sum::<f64>().sqrt() as f32
}
