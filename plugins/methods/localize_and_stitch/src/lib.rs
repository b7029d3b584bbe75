//! Merge method: keeps the largest entries of each task vector and averages overlaps.
#![forbid(unsafe_code)]

use mergelab_sdk::{prelude::*, scope::Scope, sparsify::kept};

/// Keeps the largest entries of each task vector and averages where they overlap
/// (dataless Localize-and-Stitch).
#[derive(Params)]
pub struct LocalizeAndStitch {
    /// Multiplier on the merged task vector.
    #[param(default = 1.0)]
    lambda: f64,
    /// Share of each task vector's entries that is kept.
    #[param(default = 0.1, above = 0.0, max = 1.0)]
    density: PerModel<f64>,
    /// Whether the largest entries are those of each tensor or of the whole model.
    #[param(default = "model")]
    scope: Scope,
}

impl MergeMethod for LocalizeAndStitch {
    const ID: &'static str = "localize_and_stitch";
    const SURVEYS: bool = true;
    const ALWAYS_F32: bool = true;

    fn survey(&self, group: &Group) -> Result<Vec<Survey>> {
        if self.scope == Scope::Tensor {
            return Ok(Vec::new());
        }
        let vectors = group.task_vectors()?;
        let asked = group.models().zip(vectors).map(|(model, vector)| {
            let density = self.density[model];
            Survey::kth_largest_magnitude(threshold(model, density), vector, density, 0)
        });
        Ok(asked.collect())
    }

    fn merge(&self, group: &Group) -> Result<Tensor> {
        let (mut kept_entries, mut masks) = (Vec::new(), Vec::new());
        for (model, vector) in group.models().zip(group.task_vectors()?) {
            // An entry that did not change belongs to no task, even where few did.
            let mask = self.largest(group, model, &vector)? * vector.ne(&Tensor::scalar(0.0));
            kept_entries.push(vector * &mask);
            masks.push(mask);
        }
        let overlaps = Tensor::sum_of(&masks).maximum(&Tensor::scalar(1.0));
        let stitched = Tensor::sum_of(&kept_entries) / overlaps;
        Ok(group.base()? + stitched * self.lambda)
    }
}

/// The name of a model's threshold. Tensors for which a recipe gives another density have one of
/// their own.
fn threshold(model: &Model, density: f64) -> String {
    format!("threshold.{density}.{}", model.id())
}

impl LocalizeAndStitch {
    fn largest(&self, group: &Group, model: &Model, vector: &Tensor) -> Result<Tensor> {
        let density = self.density[model];
        Ok(match self.scope {
            Scope::Tensor => vector.top_k_mask(kept(density, vector.elements())),
            Scope::Model => {
                let threshold = group.statistic(&threshold(model, density))?;
                vector.abs().ge(&Tensor::scalar(threshold))
            }
        })
    }
}

plugin!(LocalizeAndStitch);

#[cfg(test)]
mod tests;
