//! Merge method: trims task vectors, elects signs and merges what agrees.
#![forbid(unsafe_code)]

use mergelab_sdk::{
    Value,
    consensus::{SignVote, Weighted, ZeroSign, agreeing_sum, elect},
    prelude::*,
    sparsify::{Rescale, by_magnitude},
};

/// Trims task vectors, elects a sign for each entry and averages the entries that agree (TIES).
#[derive(Params)]
pub struct Ties {
    /// Multiplier on the merged task vector.
    #[param(default = 1.0)]
    lambda: f64,
    /// Weight of each model's task vector.
    #[param(default = 1.0)]
    weight: PerModel<f64>,
    /// Share of each task vector's entries that the trim keeps.
    #[param(default = 0.2, above = 0.0, max = 1.0)]
    density: PerModel<f64>,
    /// Divide each entry by the weights of the models that agree on its sign.
    #[param(default = true)]
    normalize: bool,
    /// How survivors of the trim are scaled.
    #[param(default = "none")]
    rescale: Rescale,
    /// Which task vectors vote on signs.
    #[param(default = "unweighted")]
    sign_vote: SignVote,
    /// The sign of an entry whose votes sum to zero.
    #[param(default = "majority")]
    zero_sign: ZeroSign,
}

impl MergeMethod for Ties {
    const ID: &'static str = "ties";

    fn presets() -> Vec<(&'static str, Value)> {
        vec![(
            "mergekit",
            json!({"density": 1.0, "sign_vote": "weighted", "zero_sign": "positive"}),
        )]
    }

    fn merge(&self, group: &Group) -> Result<Tensor> {
        let base = group.base()?;
        let vectors: Vec<Weighted> = group
            .models()
            .map(|m| {
                let delta = m.tensor() - &base;
                let kept = by_magnitude(&delta, self.density[m], self.rescale);
                Weighted::new(group, kept, self.weight[m])
            })
            .collect();
        let elected = elect(&vectors, self.sign_vote, self.zero_sign);
        Ok(base + agreeing_sum(&vectors, &elected, self.normalize) * self.lambda)
    }
}

plugin!(Ties);

#[cfg(test)]
mod tests {
    mergelab_sdk::conformance!(super::Ties);
}
