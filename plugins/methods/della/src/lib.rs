//! Merge method: drops entries at random by their rank, elects signs and merges what agrees.
#![forbid(unsafe_code)]

use mergelab_sdk::{
    Value,
    consensus::{Divisor, SignVote, Weighted, ZeroSign, agreeing, elect},
    prelude::*,
    sparsify::{Rescale, by_rank, check_rank_window},
};

/// Drops entries of task vectors at random, small ones sooner than large ones, elects signs and
/// averages what agrees (DELLA).
#[derive(Params)]
pub struct Della {
    /// Multiplier on the merged task vector.
    #[param(default = 1.0)]
    lambda: f64,
    /// Weight of each model's task vector.
    #[param(default = 1.0)]
    weight: PerModel<f64>,
    /// Mean probability of keeping an entry.
    #[param(default = 0.5, above = 0.0, max = 1.0)]
    density: PerModel<f64>,
    /// How far the probability of keeping an entry goes below `density` for the smallest of a row
    /// and above it for the largest.
    #[param(default = 0.15, min = 0.0, max = 0.5)]
    epsilon: PerModel<f64>,
    /// Divide each entry by the weights of the models that agree on its sign.
    #[param(default = true)]
    normalize: bool,
    /// How survivors are scaled; `expectation` divides each by its own probability.
    #[param(default = "expectation")]
    rescale: Rescale,
    /// Which task vectors vote on signs.
    #[param(default = "unweighted")]
    sign_vote: SignVote,
    /// The sign of an entry whose votes sum to zero.
    #[param(default = "majority")]
    zero_sign: ZeroSign,
}

impl MergeMethod for Della {
    const ID: &'static str = "della";
    const RANDOM: bool = true;

    fn presets() -> Vec<(&'static str, Value)> {
        vec![
            (
                "mergekit",
                json!({
                    "density": 1.0,
                    "rescale": "l1",
                    "sign_vote": "weighted",
                    "zero_sign": "positive",
                }),
            ),
            (
                "paper",
                json!({"density": 0.7, "epsilon": 0.07, "lambda": 1.1}),
            ),
        ]
    }

    fn check(&self) -> Result<()> {
        let mut windows = self.density.iter().zip(self.epsilon.iter());
        windows.try_for_each(|(d, e)| check_rank_window(*d, *e))
    }

    fn merge(&self, group: &Group) -> Result<Tensor> {
        let base = group.base()?;
        let vectors: Vec<Weighted> = group
            .models()
            .map(|m| {
                let delta = m.tensor() - &base;
                let window = (self.density[m], self.epsilon[m]);
                let kept = by_rank(group, m, &delta, window, self.rescale);
                Weighted::new(group, kept, self.weight[m])
            })
            .collect();
        let elected = elect(&vectors, self.sign_vote, self.zero_sign);
        let divisor = self.normalize.then_some(Divisor::Weights);
        let merged = agreeing(&vectors, &elected, self.sign_vote, divisor);
        Ok(base + merged * self.lambda)
    }
}

plugin!(Della);

#[cfg(test)]
mod tests {
    mergelab_sdk::conformance!(super::Della);
}
