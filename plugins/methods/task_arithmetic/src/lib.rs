//! Merge method: adds scaled task vectors to the base model.
#![forbid(unsafe_code)]

use mergelab_sdk::{
    Value,
    consensus::{Weighted, sum},
    prelude::*,
};

/// Adds scaled task vectors to the base model.
#[derive(Params)]
pub struct TaskArithmetic {
    /// Multiplier on the combined task vectors.
    #[param(default = 1.0)]
    lambda: f64,
    /// Weight of each model's task vector.
    #[param(default = 1.0)]
    weight: PerModel<f64>,
    /// Divide the sum of task vectors by the sum of the weights.
    #[param(default = false)]
    normalize: bool,
}

impl MergeMethod for TaskArithmetic {
    const ID: &'static str = "task_arithmetic";

    fn presets() -> Vec<(&'static str, Value)> {
        vec![
            ("mergekit", json!({})),
            ("fusionbench", json!({"lambda": 0.3})),
        ]
    }

    fn merge(&self, group: &Group) -> Result<Tensor> {
        let base = group.base()?;
        let vectors: Vec<Weighted> = group
            .models()
            .map(|m| Weighted::new(group, m.tensor() - &base, self.weight[m]))
            .collect();
        Ok(base + sum(&vectors, self.normalize) * self.lambda)
    }
}

plugin!(TaskArithmetic);

#[cfg(test)]
mod tests {
    mergelab_sdk::conformance!(super::TaskArithmetic);
}
