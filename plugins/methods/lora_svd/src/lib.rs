//! Merge method: adds low-rank adapters up and truncates the sum back to a low rank.
#![forbid(unsafe_code)]

use mergelab_sdk::{
    Svd, Value,
    prelude::*,
    spectral::{Others, masked_columns, matrix, svd_of_sum},
};

/// Adds the products of low-rank adapters up and truncates the sum back to a low rank.
#[derive(Params)]
pub struct LoraSvd {
    /// Weight of each model's task vector.
    #[param(default = 1.0)]
    weight: PerModel<f64>,
    /// Rank of the result; without it, the largest rank among the tensor's adapters.
    #[param(min = 1)]
    rank: Option<usize>,
    /// Decompose tensors on which no model has an adapter too: makes adapters of full fine-tunes.
    /// Needs `rank`.
    #[param(default = false)]
    dense: bool,
    /// Matrices whose names hold one of these are not treated as matrices, unless a model has an
    /// adapter on them.
    #[param(default = ["embed", "lm_head", "wte.", "wpe.", "shared.weight"])]
    except: Vec<String>,
    /// What becomes of tensors that are not decomposed.
    #[param(default = "mean")]
    others: Others,
}

/// The sum of the task vectors, decomposed.
struct Sum {
    svd: Svd,
    rank: usize,
}

impl MergeMethod for LoraSvd {
    const ID: &'static str = "lora_svd";
    const ARTIFACTS: bool = true;
    const ALWAYS_F32: bool = true;

    fn presets() -> Vec<(&'static str, Value)> {
        vec![("peft", json!({"dense": false, "others": "base"}))]
    }

    fn check(&self) -> Result<()> {
        match (self.dense, self.rank) {
            (true, None) => Err(Error::parameter(
                "rank",
                "`dense` decomposes tensors without adapters, whose rank is not known: set `rank`.",
            )),
            _ => Ok(()),
        }
    }

    fn merge(&self, group: &Group) -> Result<Tensor> {
        let base = group.base()?;
        let update = match self.decomposed(group)? {
            Some(sum) => sum.svd.truncated(sum.rank).product().reshape(group.shape()),
            None => self.others.update(group)?,
        };
        Ok(base + update)
    }

    fn artifacts(&self, group: &Group) -> Result<Vec<Artifact>> {
        let Some(Sum { svd, rank }) = self.decomposed(group)? else {
            return Ok(Vec::new());
        };
        let kept = svd.truncated(rank);
        let square = |s: &Tensor| s.dot(s);
        let total = square(&svd.s);
        // Of nothing, nothing is lost.
        let floor = total
            .gt(&Tensor::scalar(0.0))
            .select(&total, &Tensor::scalar(1.0));
        let places = svd.s.elements();
        let lost = match places - rank {
            0 => Tensor::scalar(0.0) * &total,
            rest => square(&svd.s.narrow(0, rank, rest)),
        };
        Ok(vec![
            Artifact::values("lora_A", kept.v.transpose()),
            Artifact::values("lora_B", masked_columns(&kept.u, &kept.s)),
            Artifact::number("relative_error", (lost / floor).sqrt()),
        ])
    }
}

impl LoraSvd {
    fn decomposed(&self, group: &Group) -> Result<Option<Sum>> {
        let ranks = group.models().filter_map(Model::low_rank);
        let largest = ranks.map(|f| f.right.shape()[0]).max();
        let except: &[String] = if largest.is_some() { &[] } else { &self.except };
        let Some(shape) = matrix(group, except) else {
            return Ok(None);
        };
        let Some(rank) = self
            .rank
            .or(largest)
            .filter(|_| largest.is_some() || self.dense)
        else {
            return Ok(None);
        };
        let svd = svd_of_sum(group, &group.base()?, shape, |model| self.weight[model]);
        let rank = rank.min(svd.s.elements());
        Ok(Some(Sum { svd, rank }))
    }
}

plugin!(LoraSvd);

#[cfg(test)]
mod tests;
