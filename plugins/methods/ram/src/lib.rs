//! Merge method: adds what one model changed, averages what several changed.
#![forbid(unsafe_code)]

use mergelab_sdk::{Value, prelude::*};

/// Adds task vector entries that one model changed, and the mean of those that several changed.
#[derive(Params)]
pub struct Ram {
    /// Magnitude above which an entry of a task vector counts as changed.
    #[param(default = 1e-5, min = 0.0)]
    epsilon: f64,
}

impl MergeMethod for Ram {
    const ID: &'static str = "ram";

    fn presets() -> Vec<(&'static str, Value)> {
        vec![("mergekit", json!({}))]
    }

    fn merge(&self, group: &Group) -> Result<Tensor> {
        let base = group.base()?;
        let vectors = group.task_vectors()?;
        let smallest = group.stored(self.epsilon);
        let changed: Vec<Tensor> = vectors.iter().map(|v| v.abs().gt(&smallest)).collect();
        let sum: Tensor = vectors.iter().zip(&changed).map(|(v, c)| v * c).sum();
        let count: Tensor = changed.iter().sum();
        Ok(base + sum / count.maximum(&Tensor::scalar(1.0)))
    }
}

plugin!(Ram);

#[cfg(test)]
mod tests {
    mergelab_sdk::conformance!(super::Ram);
}
