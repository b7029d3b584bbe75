//! Merge method: elects one unified task vector, with masks and rescalers for each model.
#![forbid(unsafe_code)]

use mergelab_sdk::{prelude::*, suggest::hint};

/// Elects one unified task vector, with a 1-bit mask and a rescaler for each model (EMR-merging).
#[derive(Params)]
pub struct Emr {
    /// Id of a model: the result is that model as mask and rescaler restore it. Without it, the
    /// result is the unified model.
    model: Option<String>,
}

/// What one model keeps of the unified task vector.
struct Share {
    id: String,
    vector: Tensor,
    mask: Tensor,
}

impl MergeMethod for Emr {
    const ID: &'static str = "emr";
    const SURVEYS: bool = true;
    const ARTIFACTS: bool = true;
    const ALWAYS_F32: bool = true;

    fn merge(&self, group: &Group) -> Result<Tensor> {
        let base = group.base()?;
        let (unified, shares) = elected(group)?;
        let Some(wanted) = &self.model else {
            return Ok(base + unified);
        };
        let Some(share) = shares.iter().find(|share| share.id == *wanted) else {
            let ids = shares.iter().map(|share| share.id.as_str());
            return Err(Error::parameter(
                "model",
                format!("no model is called `{wanted}`.{}", hint(wanted, ids)),
            ));
        };
        Ok(base + unified * &share.mask * rescaler(group, wanted)?)
    }

    fn survey(&self, group: &Group) -> Result<Vec<Survey>> {
        let (unified, shares) = elected(group)?;
        let sums = shares.iter().flat_map(|Share { id, vector, mask }| {
            [
                Survey::sum(format!("own.{id}"), vector.abs()),
                Survey::sum(format!("unified.{id}"), unified.abs() * mask),
            ]
        });
        Ok(sums.collect())
    }

    fn artifacts(&self, group: &Group) -> Result<Vec<Artifact>> {
        let (_, shares) = elected(group)?;
        let mut made = Vec::new();
        for Share { id, mask, .. } in shares {
            let rescaler = group.stored(rescaler(group, &id)?);
            let name = file_name(&id);
            made.push(Artifact::number(format!("rescaler.{name}"), rescaler));
            made.push(Artifact::bits(format!("mask.{name}"), mask));
        }
        Ok(made)
    }
}

/// The unified task vector (for each entry the sign of the task vectors' sum and the largest
/// magnitude among those of that sign) and, for each model, where its own sign is the unified one.
fn elected(group: &Group) -> Result<(Tensor, Vec<Share>)> {
    let vectors = group.task_vectors()?;
    let sign = Tensor::sum_of(&vectors).sign();
    let nothing = Tensor::scalar(0.0);
    let along = vectors
        .iter()
        .map(|vector| (vector * &sign).maximum(&nothing));
    let largest = along
        .reduce(|a, b| a.maximum(&b))
        .unwrap_or(nothing.clone());
    let unified = largest * sign;
    let shares = group.models().zip(vectors).map(|(model, vector)| Share {
        id: model.id().to_owned(),
        mask: (&vector * &unified).gt(&nothing),
        vector,
    });
    let shares = shares.collect();
    Ok((unified, shares))
}

/// A model's id as part of a file's name: ids may be paths.
fn file_name(id: &str) -> String {
    let fits = |c: char| c.is_ascii_alphanumeric() || "._-".contains(c);
    id.chars().map(|c| if fits(c) { c } else { '_' }).collect()
}

/// Sum of a model's magnitudes over that of what its mask keeps, over all tensors; 1 where nothing
/// is kept.
fn rescaler(group: &Group, id: &str) -> Result<f64> {
    let own = group.statistic(&format!("own.{id}"))?;
    let kept = group.statistic(&format!("unified.{id}"))?;
    Ok(if kept > 0.0 { own / kept } else { 1.0 })
}

plugin!(Emr);

#[cfg(test)]
mod tests;
