//! Merge method: hands out one model, scaled if asked.
#![forbid(unsafe_code)]

use mergelab_sdk::{Value, prelude::*};

/// One model's tensors, times a number.
#[derive(Params)]
pub struct Passthrough {
    /// Multiplier on the tensors.
    #[param(default = 1.0)]
    scale: PerModel<f64>,
}

impl MergeMethod for Passthrough {
    const ID: &'static str = "passthrough";
    const BASE: BaseUse = BaseUse::Unused;
    const MAX_MODELS: Option<usize> = Some(1);

    fn presets() -> Vec<(&'static str, Value)> {
        vec![("mergekit", json!({}))]
    }

    fn merge(&self, group: &Group) -> Result<Tensor> {
        let scaled = group.models().map(|m| match self.scale[m] {
            1.0 => m.tensor().clone(),
            scale => m.tensor() * scale,
        });
        Ok(scaled.sum())
    }
}

plugin!(Passthrough);

#[cfg(test)]
mod tests {
    mergelab_sdk::conformance!(super::Passthrough);
}
