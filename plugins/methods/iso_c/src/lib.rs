//! Merge method: sums task vectors and makes all singular values equal.
#![forbid(unsafe_code)]

use mergelab_sdk::{
    prelude::*,
    spectral::{Others, masked_columns, matrix, significant, svd_of_sum},
};

/// Sums task vectors and gives all singular values of the sum their mean (Iso-C).
#[derive(Params)]
pub struct IsoC {
    /// Multiplier on the merged task vector.
    #[param(default = 1.0)]
    lambda: f64,
    /// Matrices whose names hold one of these are not treated as matrices.
    #[param(default = ["embed", "lm_head", "wte.", "wpe.", "shared.weight"])]
    except: Vec<String>,
    /// What becomes of tensors that are not treated as matrices.
    #[param(default = "mean")]
    others: Others,
}

impl MergeMethod for IsoC {
    const ID: &'static str = "iso_c";
    const ALWAYS_F32: bool = true;

    fn merge(&self, group: &Group) -> Result<Tensor> {
        let base = group.base()?;
        let update = match matrix(group, &self.except) {
            Some(shape) => flattened(group, &base, shape).reshape(group.shape()),
            None => self.others.update(group)?,
        };
        Ok(base + update * self.lambda)
    }
}

/// `s̄ U Vᵀ` of the summed task vectors, `s̄` the mean of the singular values that are not zero.
fn flattened(group: &Group, base: &Tensor, shape: [usize; 2]) -> Tensor {
    let svd = svd_of_sum(group, base, shape, |_| 1.0);
    let mask = significant(&svd.s, &svd.s.max_all());
    let count = mask.sum_all().maximum(&Tensor::scalar(1.0));
    let mean = (&svd.s * &mask).sum_all() / count;
    masked_columns(&svd.u, &(mask * mean)).matmul_transposed(&svd.v)
}

plugin!(IsoC);

#[cfg(test)]
mod tests;
