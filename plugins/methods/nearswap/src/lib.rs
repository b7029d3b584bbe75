//! Merge method: moves the base towards a model where they are close.
#![forbid(unsafe_code)]

use mergelab_sdk::{Value, prelude::*};

/// Moves each entry of the base towards the model's, all the way where both are close.
#[derive(Params)]
pub struct Nearswap {
    /// Distance up to which an entry becomes the model's. Further away it moves by this distance.
    #[param(above = 0.0)]
    t: f64,
}

/// Distances below this are taken for it.
const SMALLEST: f64 = 1e-6;

impl MergeMethod for Nearswap {
    const ID: &'static str = "nearswap";
    const MAX_MODELS: Option<usize> = Some(1);

    fn presets() -> Vec<(&'static str, Value)> {
        vec![("mergekit", json!({}))]
    }

    fn merge(&self, group: &Group) -> Result<Tensor> {
        let base = group.base()?;
        let merged = group.models().map(|m| {
            let model = m.tensor();
            let distance = (&base - model).abs().maximum(&Tensor::scalar(SMALLEST));
            let share = (self.t / &distance).minimum(&Tensor::scalar(1.0));
            model * &share + &base * (1.0 - &share)
        });
        Ok(merged.sum())
    }
}

plugin!(Nearswap);

#[cfg(test)]
mod tests {
    mergelab_sdk::conformance!(super::Nearswap);
}
