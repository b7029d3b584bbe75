//! Merge method: keeps the entries of the summed task vectors that several tasks need.
#![forbid(unsafe_code)]

use mergelab_sdk::{Value, prelude::*};

/// Sums task vectors and keeps the entries that several tasks need (consensus task arithmetic).
#[derive(Params)]
pub struct ConsensusTa {
    /// Multiplier on the merged task vector.
    #[param(default = 1.0)]
    lambda: f64,
    /// A task needs an entry where its own magnitude is above this times that of the other tasks'
    /// sum.
    #[param(default = 0.4, min = 0.0)]
    threshold: PerModel<f64>,
    /// How many tasks must need an entry.
    #[param(default = 2, min = 0)]
    votes: usize,
}

impl MergeMethod for ConsensusTa {
    const ID: &'static str = "consensus_ta";
    const MIN_MODELS: usize = 2;
    const ALWAYS_F32: bool = true;

    fn presets() -> Vec<(&'static str, Value)> {
        vec![("mergebench", json!({"threshold": 0.2}))]
    }

    fn check(&self) -> Result<()> {
        let models = self.threshold.iter().count();
        match self.votes <= models {
            true => Ok(()),
            false => Err(Error::parameter(
                "votes",
                format!(
                    "`votes` = {} of {models} models: no entry can have that many.",
                    self.votes
                ),
            )),
        }
    }

    fn merge(&self, group: &Group) -> Result<Tensor> {
        let vectors = group.task_vectors()?;
        let sum = Tensor::sum_of(&vectors);
        let needs = group.models().zip(&vectors).map(|(model, vector)| {
            // The TALL mask of arXiv 2405.07813.
            let others = (&sum - vector).abs() * self.threshold[model];
            vector.abs().gt(&others)
        });
        let votes: Tensor = needs.sum();
        let consensus = votes.ge(&Tensor::scalar(self.votes as f64));
        Ok(group.base()? + sum * consensus * self.lambda)
    }
}

plugin!(ConsensusTa);

#[cfg(test)]
mod tests;
