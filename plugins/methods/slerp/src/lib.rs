//! Merge method: interpolates two models along the arc between them.
#![forbid(unsafe_code)]

use mergelab_sdk::{
    Value,
    interpolate::{Gram, Per, along_arc},
    prelude::*,
};

/// Interpolates from the base to a model along the arc between their directions.
#[derive(Params)]
pub struct Slerp {
    /// How far to go: 0 is the base, 1 the model.
    #[param(default = 0.5, min = 0.0, max = 1.0)]
    t: f64,
}

/// Above this cosine, vectors count as parallel, and the way between them as straight.
const PARALLEL: f64 = 0.9995;

/// Norms below this are left out of the cosine.
const SHORT: f64 = 1e-8;

impl MergeMethod for Slerp {
    const ID: &'static str = "slerp";
    const MAX_MODELS: Option<usize> = Some(1);
    const ALWAYS_F32: bool = true;

    fn presets() -> Vec<(&'static str, Value)> {
        vec![("mergekit", json!({}))]
    }

    fn merge(&self, group: &Group) -> Result<Tensor> {
        let base = group.base()?;
        let merged = group.models().map(|m| {
            let model = m.tensor();
            let gram = Gram::of(Per::Tensor, &[base.clone(), model.clone()]);
            let length = |i| {
                let norm = gram.norm(i);
                let one = Tensor::scalar(1.0);
                norm.gt(&Tensor::scalar(SHORT)).select(&norm, &one)
            };
            let cosine = gram.dot(0, 1) / (length(0) * length(1));
            let parallel = cosine.abs().gt(&Tensor::scalar(PARALLEL));
            let (from, to) = along_arc(&cosine.acos(), self.t, &parallel);
            &base * from + model * to
        });
        Ok(merged.sum())
    }
}

plugin!(Slerp);

#[cfg(test)]
mod tests {
    mergelab_sdk::conformance!(super::Slerp);
}
