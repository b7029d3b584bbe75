//! Merge method: weighted average of models.
#![forbid(unsafe_code)]

use mergelab_sdk::{Value, prelude::*};

/// Weighted average of the models' parameters.
#[derive(Params)]
pub struct Linear {
    /// Weight of each model.
    #[param(default = 1.0)]
    weight: PerModel<f64>,
    /// Divide by the sum of the weights.
    #[param(default = true)]
    normalize: bool,
}

impl MergeMethod for Linear {
    const ID: &'static str = "linear";
    const BASE: BaseUse = BaseUse::Unused;

    fn presets() -> Vec<(&'static str, Value)> {
        vec![("mergekit", json!({}))]
    }

    fn check(&self) -> Result<()> {
        let sum: f64 = self.weight.iter().sum();
        if self.normalize && sum.abs() < 1e-8 {
            return Err(Error::parameter(
                "weight",
                format!(
                    "the weights sum to {sum}, and `normalize` divides by the sum: choose other \
                     weights or set `normalize = false`"
                ),
            ));
        }
        Ok(())
    }

    fn merge(&self, group: &Group) -> Result<Tensor> {
        let weights: Vec<Tensor> = group
            .models()
            .map(|m| group.stored(self.weight[m]))
            .collect();
        let sum: Tensor = group
            .models()
            .zip(&weights)
            .map(|(m, weight)| m.tensor() * weight)
            .sum();
        Ok(if self.normalize {
            sum / Tensor::sum_of(&weights)
        } else {
            sum
        })
    }
}

plugin!(Linear);

#[cfg(test)]
mod tests {
    mergelab_sdk::conformance!(super::Linear);
}
