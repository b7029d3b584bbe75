//! Merge method: drops task vector entries at random, rescales, elects signs.
#![forbid(unsafe_code)]

use mergelab_sdk::{
    Value,
    consensus::{SignVote, Weighted, ZeroSign, agreeing_sum, elect},
    prelude::*,
    sparsify::{Rescale, at_random},
};

/// Drops entries of task vectors at random, then elects signs and adds the entries that agree
/// (DARE, then TIES without its trim).
#[derive(Params)]
pub struct DareTies {
    /// Multiplier on the merged task vector.
    #[param(default = 1.0)]
    lambda: f64,
    /// Weight of each model's task vector.
    #[param(default = 1.0)]
    weight: PerModel<f64>,
    /// Probability of keeping an entry.
    #[param(default = 0.5, above = 0.0, max = 1.0)]
    density: PerModel<f64>,
    /// Divide each entry by the weights of the models that agree on its sign.
    #[param(default = true)]
    normalize: bool,
    /// How survivors are scaled.
    #[param(default = "expectation")]
    rescale: Rescale,
    /// Which task vectors vote on signs.
    #[param(default = "unweighted")]
    sign_vote: SignVote,
    /// The sign of an entry whose votes sum to zero.
    #[param(default = "majority")]
    zero_sign: ZeroSign,
}

impl MergeMethod for DareTies {
    const ID: &'static str = "dare_ties";
    const RANDOM: bool = true;

    fn presets() -> Vec<(&'static str, Value)> {
        vec![(
            "mergekit",
            json!({
                "density": 1.0,
                "normalize": false,
                "rescale": "l1",
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
                let kept = at_random(group, m, &delta, self.density[m], self.rescale);
                Weighted::new(group, kept, self.weight[m])
            })
            .collect();
        let elected = elect(&vectors, self.sign_vote, self.zero_sign);
        Ok(base + agreeing_sum(&vectors, &elected, self.normalize) * self.lambda)
    }
}

plugin!(DareTies);

#[cfg(test)]
mod tests {
    mergelab_sdk::conformance!(super::DareTies);
}
