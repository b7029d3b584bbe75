//! Merge method: drops entries at random by their rank and adds the rest.
#![forbid(unsafe_code)]

use mergelab_sdk::{
    Value,
    consensus::{Weighted, sum},
    prelude::*,
    sparsify::{Rescale, by_rank, check_rank_window},
};

/// Drops entries of task vectors at random, small ones sooner than large ones, and adds
/// the rest.
#[derive(Params)]
pub struct DellaLinear {
    /// Multiplier on the combined task vectors.
    #[param(default = 1.0)]
    lambda: f64,
    /// Weight of each model's task vector.
    #[param(default = 1.0)]
    weight: PerModel<f64>,
    /// Mean probability of keeping an entry.
    #[param(default = 0.5, above = 0.0, max = 1.0)]
    density: PerModel<f64>,
    /// How far the probability of keeping an entry goes below `density` for the smallest of a row
    /// and above it for the largest.
    #[param(default = 0.15, min = 0.0, max = 0.5)]
    epsilon: PerModel<f64>,
    /// Divide the sum of task vectors by the sum of the weights.
    #[param(default = false)]
    normalize: bool,
    /// How survivors are scaled; `expectation` divides each by its own probability.
    #[param(default = "expectation")]
    rescale: Rescale,
}

impl MergeMethod for DellaLinear {
    const ID: &'static str = "della_linear";
    const RANDOM: bool = true;

    fn presets() -> Vec<(&'static str, Value)> {
        vec![
            ("mergekit", json!({"density": 1.0, "rescale": "l1"})),
            (
                "paper",
                json!({"density": 0.7, "epsilon": 0.07, "lambda": 1.1}),
            ),
        ]
    }

    fn check(&self) -> Result<()> {
        let mut windows = self.density.iter().zip(self.epsilon.iter());
        windows.try_for_each(|(d, e)| check_rank_window(*d, *e))
    }

    fn merge(&self, group: &Group) -> Result<Tensor> {
        let base = group.base()?;
        let vectors: Vec<Weighted> = group
            .models()
            .map(|m| {
                let delta = m.tensor() - &base;
                let window = (self.density[m], self.epsilon[m]);
                let kept = by_rank(group, m, &delta, window, self.rescale);
                Weighted::new(group, kept, self.weight[m])
            })
            .collect();
        Ok(base + sum(&vectors, self.normalize) * self.lambda)
    }
}

plugin!(DellaLinear);

#[cfg(test)]
mod tests {
    mergelab_sdk::conformance!(super::DellaLinear);
}
