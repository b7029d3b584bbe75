//! Merge method: drops outliers and small entries, elects signs and adds what agrees.
#![forbid(unsafe_code)]

use mergelab_sdk::{
    Value,
    consensus::{Divisor, SignVote, Weighted, ZeroSign, agreeing, elect},
    prelude::*,
    sparsify::{Rescale, band, between},
};

/// Drops the largest and the smallest entries of task vectors, elects signs and adds what agrees.
#[derive(Params)]
pub struct BreadcrumbsTies {
    /// Multiplier on the merged task vector.
    #[param(default = 1.0)]
    lambda: f64,
    /// Weight of each model's task vector.
    #[param(default = 1.0)]
    weight: PerModel<f64>,
    /// Share of each task vector's entries that is left.
    #[param(default = 0.1, above = 0.0, max = 1.0)]
    density: PerModel<f64>,
    /// Share of the entries with the largest magnitude that is dropped as outliers.
    #[param(default = 0.01, min = 0.0, max = 1.0)]
    gamma: PerModel<f64>,
    /// What becomes of a tensor too small to have an outlier, by `gamma` times its size.
    #[param(default = "keep")]
    no_outlier: NoOutlier,
    /// Divide each entry by the weights of the models that agree on its sign.
    #[param(default = false)]
    normalize: bool,
    /// How the entries that are left are scaled.
    #[param(default = "none")]
    rescale: Rescale,
    /// Which task vectors vote on signs.
    #[param(default = "unweighted")]
    sign_vote: SignVote,
    /// The sign of an entry whose votes sum to zero.
    #[param(default = "majority")]
    zero_sign: ZeroSign,
}

/// What becomes of a task vector in which no entry is to be dropped as an outlier.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Choice)]
pub enum NoOutlier {
    /// Its smallest entries are dropped, as in any other.
    Keep,
    /// All of it is dropped: mergekit, whose slice of sorted entries is then empty.
    Drop,
}

impl BreadcrumbsTies {
    fn kept(&self, delta: &Tensor, model: &Model) -> Tensor {
        let (density, gamma) = (self.density[model], self.gamma[model]);
        let (outliers, _) = band(density, gamma, delta.elements());
        if outliers == 0 && self.no_outlier == NoOutlier::Drop {
            return delta * 0.0;
        }
        between(delta, density, gamma, self.rescale)
    }
}

impl MergeMethod for BreadcrumbsTies {
    const ID: &'static str = "breadcrumbs_ties";

    fn presets() -> Vec<(&'static str, Value)> {
        vec![(
            "mergekit",
            json!({
                "density": 1.0,
                "no_outlier": "drop",
                "sign_vote": "weighted",
                "zero_sign": "positive",
            }),
        )]
    }

    fn merge(&self, group: &Group) -> Result<Tensor> {
        let base = group.base()?;
        let vectors: Vec<Weighted> = group
            .models()
            .map(|m| {
                let delta = m.tensor() - &base;
                let kept = self.kept(&delta, m);
                Weighted::new(group, kept, self.weight[m])
            })
            .collect();
        let elected = elect(&vectors, self.sign_vote, self.zero_sign);
        let divisor = self.normalize.then_some(Divisor::Weights);
        let merged = agreeing(&vectors, &elected, self.sign_vote, divisor);
        Ok(base + merged * self.lambda)
    }
}

plugin!(BreadcrumbsTies);

#[cfg(test)]
mod tests {
    mergelab_sdk::conformance!(super::BreadcrumbsTies);
}
