//! Merge method: moves the base towards the weighted average of models.
#![forbid(unsafe_code)]

use mergelab_sdk::prelude::*;

/// Moves the base model towards the weighted average of the models.
///
/// With weights `w` and models `m` the result is
/// `base + strength * (sum(w * (m - base)) / sum(w))`: `strength` 0 gives the base, 1 the average.
#[derive(Params)]
pub struct PluginName {
    /// How far to go from the base to the average.
    #[param(default = 1.0, min = 0.0)]
    strength: f64,
    /// Weight of each model in the average.
    #[param(default = 1.0, min = 0.0)]
    weight: PerModel<f64>,
}

impl MergeMethod for PluginName {
    const ID: &'static str = "{{id}}";

    // Runs once, before any tensor: say here what no single parameter's range can say.
    fn check(&self) -> Result<()> {
        let sum: f64 = self.weight.iter().sum();
        if sum > 0.0 {
            Ok(())
        } else {
            Err(Error::parameter(
                "weight",
                "all weights are 0, and the average divides by their sum: raise one of them",
            ))
        }
    }

    // Runs for each tensor. Operations are recorded, not computed: mergelab evaluates them once
    // the result is known, tile by tile.
    fn merge(&self, group: &Group) -> Result<Tensor> {
        let base = group.base()?;
        let total: f64 = self.weight.iter().sum();
        let average: Tensor = group
            .models()
            .map(|m| (m.tensor() - &base) * (self.weight[m] / total))
            .sum();
        Ok(base + average * self.strength)
    }
}

plugin!(PluginName);

#[cfg(test)]
mod tests {
    // Identity, order of models, determinism, dtypes, shapes, errors.
    mergelab_sdk::conformance!(super::PluginName);
}
