//! Merge method: drops outliers and small entries of task vectors and adds the rest.
#![forbid(unsafe_code)]

use mergelab_sdk::{
    Value,
    consensus::{Weighted, sum},
    prelude::*,
    sparsify::{Rescale, band, between},
};

/// Drops the largest and the smallest entries of task vectors, and adds the rest.
#[derive(Params)]
pub struct Breadcrumbs {
    /// Multiplier on the combined task vectors.
    #[param(default = 1.0)]
    lambda: f64,
    /// Weight of each model's task vector.
    #[param(default = 1.0)]
    weight: PerModel<f64>,
    /// Share of each task vector's entries that is left.
    #[param(default = 0.1, above = 0.0, max = 1.0)]
    density: PerModel<f64>,
    /// Share of the entries with the largest magnitude that is dropped as outliers.
    #[param(default = 0.01, min = 0.0, max = 1.0)]
    gamma: PerModel<f64>,
    /// What becomes of a tensor too small to have an outlier, by `gamma` times its size.
    #[param(default = "keep")]
    no_outlier: NoOutlier,
    /// Divide the sum of task vectors by the sum of the weights.
    #[param(default = false)]
    normalize: bool,
    /// How the entries that are left are scaled.
    #[param(default = "none")]
    rescale: Rescale,
}

/// What becomes of a task vector in which no entry is to be dropped as an outlier.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Choice)]
pub enum NoOutlier {
    /// Its smallest entries are dropped, as in any other.
    Keep,
    /// All of it is dropped: mergekit, whose slice of sorted entries is then empty.
    Drop,
}

impl Breadcrumbs {
    fn kept(&self, delta: &Tensor, model: &Model) -> Tensor {
        let (density, gamma) = (self.density[model], self.gamma[model]);
        let (outliers, _) = band(density, gamma, delta.elements());
        if outliers == 0 && self.no_outlier == NoOutlier::Drop {
            return delta * 0.0;
        }
        between(delta, density, gamma, self.rescale)
    }
}

impl MergeMethod for Breadcrumbs {
    const ID: &'static str = "breadcrumbs";

    fn presets() -> Vec<(&'static str, Value)> {
        vec![
            ("mergekit", json!({"density": 1.0, "no_outlier": "drop"})),
            (
                "paper",
                json!({"no_outlier": "keep", "normalize": false, "rescale": "none"}),
            ),
        ]
    }

    fn merge(&self, group: &Group) -> Result<Tensor> {
        let base = group.base()?;
        let vectors: Vec<Weighted> = group
            .models()
            .map(|m| {
                let delta = m.tensor() - &base;
                let kept = self.kept(&delta, m);
                Weighted::new(group, kept, self.weight[m])
            })
            .collect();
        Ok(base + sum(&vectors, self.normalize) * self.lambda)
    }
}

plugin!(Breadcrumbs);

#[cfg(test)]
mod tests {
    mergelab_sdk::conformance!(super::Breadcrumbs);
}
