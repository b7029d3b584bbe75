//! Merge method: drops task vector entries at random, rescales, elects signs.
#![forbid(unsafe_code)]

use mergelab_sdk::{
    Value,
    consensus::{Divisor, SignVote, Weighted, ZeroSign, agreeing, elect},
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
    /// Divide each entry by what `divisor` names, over the models that agree on its sign.
    #[param(default = true)]
    normalize: bool,
    /// What `normalize` divides by: the weights of the models that agree, or how many they are.
    #[param(default = "weights")]
    divisor: Divisor,
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
        vec![
            (
                "mergekit",
                json!({
                    "density": 1.0,
                    "normalize": false,
                    "rescale": "l1",
                    "sign_vote": "weighted",
                    "zero_sign": "positive",
                }),
            ),
            (
                "peft",
                json!({
                    "divisor": "count",
                    "rescale": "expectation",
                    "sign_vote": "unweighted",
                    "zero_sign": "positive",
                }),
            ),
        ]
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
        let divisor = self.normalize.then_some(self.divisor);
        let merged = agreeing(&vectors, &elected, self.sign_vote, divisor);
        Ok(base + merged * self.lambda)
    }
}

plugin!(DareTies);

#[cfg(test)]
mod tests {
    mergelab_sdk::conformance!(super::DareTies);
}
