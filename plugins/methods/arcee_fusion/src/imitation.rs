//! The same as mergekit rounds it where tensors are in bf16 or f16.

use super::{ArceeFusion, TINY, place};
use mergelab_sdk::prelude::*;

impl ArceeFusion {
    pub(super) fn imitate(&self, base: &Tensor, model: &Tensor) -> Tensor {
        let delta = model - base;
        let (p, q) = (softmax(model), softmax(base));
        let divergence = (&p * (&p / &q).ln()).row_sum();
        let importance = delta.abs() * divergence.spread_rows(base);
        let quantile = |q| smallest(&importance, place(q, importance.elements()) + 1);
        let range = quantile(0.75) - quantile(0.25);
        let threshold = quantile(0.5) + range * self.spread;
        // mergekit's mask is in f32, and so is what it writes.
        let moved = base.widen() + delta;
        importance.ge(&threshold).select(&moved, base).stored()
    }
}

/// The `k`-th smallest element, counted from 1. What rounding leaves of a divergence, and with it
/// the importance of a row, may be below zero.
fn smallest(tensor: &Tensor, k: usize) -> Tensor {
    let zero = Tensor::scalar(0.0);
    // One of both is zero: that of the negative elements where these are fewer than k.
    let above = tensor.maximum(&zero);
    let below = (-tensor).maximum(&zero);
    let from_the_top = tensor.elements() - k + 1;
    above.kth_largest_magnitude(from_the_top) - below.kth_largest_magnitude(k)
}

/// Softmax in f32, rounded once, [`TINY`] added.
fn softmax(tensor: &Tensor) -> Tensor {
    let powers = (tensor.widen() - tensor.row_max().spread_rows(tensor)).exp();
    let sums = powers.row_sum().spread_rows(&powers);
    (powers / sums).stored() + TINY
}
