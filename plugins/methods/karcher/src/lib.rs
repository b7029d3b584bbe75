//! Merge method: finds the mean of models on the sphere.
#![forbid(unsafe_code)]

mod sphere;

use mergelab_sdk::{
    Value,
    imitation::is_coarse,
    interpolate::{Gram, Per},
    prelude::*,
};

/// The Karcher mean of the models' directions on the sphere, at their mean length.
#[derive(Params)]
pub struct Karcher {
    /// Most steps of the iteration.
    #[param(default = 10, min = 0)]
    max_iter: usize,
    /// Steps and angles shorter than this end the iteration; vectors shorter than this have no
    /// direction.
    #[param(default = 1e-5, above = 0.0)]
    tol: f64,
}

impl MergeMethod for Karcher {
    const ID: &'static str = "karcher";
    const BASE: BaseUse = BaseUse::Unused;

    fn presets() -> Vec<(&'static str, Value)> {
        vec![("mergekit", json!({}))]
    }

    fn merge(&self, group: &Group) -> Result<Tensor> {
        let vectors: Vec<Tensor> = group.models().map(|m| m.tensor().clone()).collect();
        let rule = sphere::Rule {
            steps: self.max_iter,
            tolerance: self.tol,
        };
        if is_coarse(group)? {
            return rule.imitate(&vectors);
        }
        // Every point of the iteration is a linear combination of the models, so the products of
        // the models are all that it needs.
        let products = Gram::of(Per::Tensor, &vectors).read()?;
        let parts = rule.coefficients(&products);
        Ok(vectors.iter().zip(parts).map(|(v, part)| v * part).sum())
    }
}

plugin!(Karcher);

#[cfg(test)]
mod tests {
    mergelab_sdk::conformance!(super::Karcher);
}
