//! Merge method: drops task vector entries at random, rescales and adds.
#![forbid(unsafe_code)]

use mergelab_sdk::{
    Value,
    consensus::{Weighted, sum},
    prelude::*,
    sparsify::{Rescale, at_random},
};

/// Drops entries of task vectors at random, rescales the rest and adds them to the base (DARE).
#[derive(Params)]
pub struct DareLinear {
    /// Multiplier on the combined task vectors.
    #[param(default = 1.0)]
    lambda: f64,
    /// Weight of each model's task vector.
    #[param(default = 1.0)]
    weight: PerModel<f64>,
    /// Probability of keeping an entry.
    #[param(default = 0.5, above = 0.0, max = 1.0)]
    density: PerModel<f64>,
    /// Divide the sum of task vectors by the sum of the weights.
    #[param(default = false)]
    normalize: bool,
    /// How survivors are scaled.
    #[param(default = "expectation")]
    rescale: Rescale,
}

impl MergeMethod for DareLinear {
    const ID: &'static str = "dare_linear";
    const RANDOM: bool = true;

    fn presets() -> Vec<(&'static str, Value)> {
        let published = || json!({"rescale": "expectation", "normalize": false});
        vec![
            ("mergekit", json!({"density": 1.0, "rescale": "l1"})),
            ("paper", published()),
            ("peft", published()),
            ("fusionbench", json!({"density": 0.5, "lambda": 0.3})),
        ]
    }

    fn merge(&self, group: &Group) -> Result<Tensor> {
        let base = group.base()?;
        let vectors: Vec<Weighted> = group
            .models()
            .map(|m| {
                let delta = m.tensor() - &base;
                let kept = at_random(group, m, &delta, self.density[m], self.rescale);
                Weighted::new(group, kept, self.weight[m])
            })
            .collect();
        Ok(base + sum(&vectors, self.normalize) * self.lambda)
    }
}

plugin!(DareLinear);

#[cfg(test)]
mod tests {
    mergelab_sdk::conformance!(super::DareLinear);
}
