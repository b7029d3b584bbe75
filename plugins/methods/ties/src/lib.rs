//! Merge method: trims task vectors, elects signs and merges what agrees.
#![forbid(unsafe_code)]

use mergelab_sdk::{
    Value,
    consensus::{Divisor, SignVote, Weighted, ZeroSign, agreeing, elect, elect_in_model},
    prelude::*,
    scope::{Scope, ask_balance, ask_threshold, balance, trimmed},
    sparsify::Rescale,
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
    /// What `density` is a share of, and whose signs are the majority.
    #[param(default = "tensor")]
    scope: Scope,
    /// Divide each entry by what `divisor` names, over the models that agree on its sign.
    #[param(default = true)]
    normalize: bool,
    /// What `normalize` divides by: the weights of the models that agree, or how many they are.
    #[param(default = "weights")]
    divisor: Divisor,
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

impl Ties {
    /// The trimmed task vectors with their weights.
    fn vectors(&self, group: &Group) -> Result<Vec<Weighted>> {
        let base = group.base()?;
        let trim = |m| {
            let rule = (self.scope, self.density[m]);
            let kept = trimmed(group, m, &(m.tensor() - &base), rule, self.rescale)?;
            Ok(Weighted::new(group, kept, self.weight[m]))
        };
        group.models().map(trim).collect()
    }
}

impl MergeMethod for Ties {
    const ID: &'static str = "ties";
    const SURVEYS: bool = true;

    fn presets() -> Vec<(&'static str, Value)> {
        let whole = |lambda: f64, normalize: bool| {
            json!({
                "scope": "model",
                "density": 0.2,
                "lambda": lambda,
                "normalize": normalize,
                "sign_vote": "unweighted",
                "zero_sign": "majority",
            })
        };
        vec![
            (
                "mergekit",
                json!({"density": 1.0, "sign_vote": "weighted", "zero_sign": "positive"}),
            ),
            ("paper", whole(1.0, true)),
            ("fusionbench", whole(0.3, false)),
            (
                "peft",
                json!({"divisor": "count", "sign_vote": "unweighted", "zero_sign": "positive"}),
            ),
        ]
    }

    fn survey(&self, group: &Group) -> Result<Vec<Survey>> {
        if self.scope == Scope::Tensor {
            return Ok(Vec::new());
        }
        let base = group.base()?;
        let mut asked: Vec<Survey> = group
            .models()
            .filter_map(|m| ask_threshold(m, m.tensor() - &base, self.density[m]))
            .collect();
        // The signs are those of what the thresholds leave, so they come in the round after.
        if self.zero_sign == ZeroSign::Majority
            && let Ok(vectors) = self.vectors(group)
        {
            asked.push(ask_balance(&vectors, self.sign_vote));
        }
        Ok(asked)
    }

    fn merge(&self, group: &Group) -> Result<Tensor> {
        let vectors = self.vectors(group)?;
        let elected = match (self.scope, self.zero_sign) {
            (Scope::Model, ZeroSign::Majority) => {
                elect_in_model(&vectors, self.sign_vote, balance(group)?)
            }
            _ => elect(&vectors, self.sign_vote, self.zero_sign),
        };
        let divisor = self.normalize.then_some(self.divisor);
        let merged = agreeing(&vectors, &elected, self.sign_vote, divisor);
        Ok(group.base()? + merged * self.lambda)
    }
}

plugin!(Ties);

#[cfg(test)]
mod tests {
    mergelab_sdk::conformance!(super::Ties);
}
