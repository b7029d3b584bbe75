//! Merge method: takes a model's most important changes.
#![forbid(unsafe_code)]

mod imitation;

use mergelab_sdk::{Value, imitation::is_coarse, interpolate::Per, prelude::*};

/// Takes those entries of a model whose change is large and lies in rows that changed much.
#[derive(Params)]
pub struct ArceeFusion {
    /// How many interquartile ranges above the median an entry's importance must be.
    #[param(default = 1.5, min = 0.0)]
    spread: f64,
}

/// Added to probabilities before their logarithm is taken.
const TINY: f64 = 1e-8;

/// Place of the quantile among `n` sorted numbers, counted from 0.
fn place(quantile: f64, n: usize) -> usize {
    (quantile * n.saturating_sub(1) as f64).floor() as usize
}

/// Softmax of each row, [`TINY`] added.
fn softmax(tensor: &Tensor) -> Tensor {
    let powers = (tensor - tensor.row_max().spread_rows(tensor)).exp();
    let sums = powers.row_sum().spread_rows(&powers);
    powers / sums + TINY
}

impl ArceeFusion {
    /// The share of each entry's change that is taken, 0 or 1, for matrices.
    fn taken(&self, base: &Tensor, model: &Tensor) -> Tensor {
        let (p, q) = (softmax(model), softmax(base));
        let divergence = p.row_dot(&(&p / &q).ln());
        // Of equal rows rounding may leave something below 0.
        let divergence = divergence.maximum(&Tensor::scalar(0.0));
        let importance = (model - base).abs() * divergence.spread_rows(base);
        let n = importance.elements();
        let quantile = |q| importance.kth_largest_magnitude(n - place(q, n));
        let range = quantile(0.75) - quantile(0.25);
        importance.ge(&(quantile(0.5) + range * self.spread))
    }
}

impl MergeMethod for ArceeFusion {
    const ID: &'static str = "arcee_fusion";
    const MAX_MODELS: Option<usize> = Some(1);

    fn presets() -> Vec<(&'static str, Value)> {
        vec![("mergekit", json!({}))]
    }

    fn merge(&self, group: &Group) -> Result<Tensor> {
        let base = group.base()?;
        if group.elements() == 0 {
            return Ok(base);
        }
        let per = Per::Row;
        let is_coarse = is_coarse(group)?;
        let merged = group
            .models()
            .map(|m| {
                let model = m.tensor();
                let (flat_base, flat_model) = (per.flat(&base), per.flat(model));
                if is_coarse {
                    let fused = self.imitate(&flat_base, &flat_model);
                    return Ok(match fused.shape() == group.shape() {
                        true => fused,
                        false => fused.reshape(group.shape()),
                    });
                }
                let taken = self.taken(&flat_base, &flat_model);
                let taken = match taken.shape() == group.shape() {
                    true => taken,
                    false => taken.reshape(group.shape()),
                };
                Ok(&base + (model - &base) * taken)
            })
            .collect::<Result<Vec<Tensor>>>()?;
        Ok(Tensor::sum_of(&merged))
    }
}

plugin!(ArceeFusion);

#[cfg(test)]
mod tests {
    mergelab_sdk::conformance!(super::ArceeFusion);
}
