//! Merge method: selects entries that vary, weighs by size and erases minority signs.
#![forbid(unsafe_code)]

use mergelab_sdk::{Value, prelude::*};

/// Selects the entries in which task vectors differ most, weighs models by what is left, and erases
/// entries against the majority (SCE).
#[derive(Params)]
pub struct Sce {
    /// Share of the entries that are selected, of those with any variance.
    #[param(default = 1.0, min = 0.0, max = 1.0)]
    select_topk: f64,
}

/// Sums below this are taken for zero.
const EMPTY: f64 = 1e-6;

impl Sce {
    fn selected(&self, vectors: Vec<Tensor>) -> Vec<Tensor> {
        if self.select_topk >= 1.0 {
            return vectors;
        }
        let count = vectors.len() as f64;
        let mean = Tensor::sum_of(&vectors) / count;
        let squares = vectors.iter().map(|v| {
            let off = v - &mean;
            &off * &off
        });
        let variance = squares.sum::<Tensor>() / count;
        let mask = variance.top_share_mask(self.select_topk);
        vectors.iter().map(|v| v * &mask).collect()
    }
}

impl MergeMethod for Sce {
    const ID: &'static str = "sce";

    fn presets() -> Vec<(&'static str, Value)> {
        vec![("mergekit", json!({}))]
    }

    fn merge(&self, group: &Group) -> Result<Tensor> {
        let base = group.base()?;
        let vectors = self.selected(group.task_vectors()?);
        let elements = group.elements().max(1) as f64;
        let sizes: Vec<Tensor> = vectors.iter().map(|v| v.dot(v) / elements).collect();
        let sum = Tensor::sum_of(&sizes);
        let none = sum.lt(&Tensor::scalar(EMPTY));
        let even = Tensor::scalar(1.0 / vectors.len() as f64);
        let elected = Tensor::sum_of(&vectors).ge(&Tensor::scalar(0.0));
        let elected = elected.select(&Tensor::scalar(1.0), &Tensor::scalar(-1.0));
        let weights: Vec<Tensor> = sizes
            .iter()
            .map(|size| none.select(&even, &(size / &sum)))
            .collect();
        let agrees: Vec<Tensor> = vectors.iter().map(|v| v.sign().eq(&elected)).collect();
        let parts = vectors.iter().zip(&weights).zip(&agrees);
        let total: Tensor = parts.map(|((v, weight), agrees)| v * weight * agrees).sum();
        let parts = weights.iter().zip(&agrees);
        let divisor: Tensor = parts.map(|(weight, agrees)| agrees * weight).sum();
        Ok(base + total / divisor.maximum(&Tensor::scalar(EMPTY)))
    }
}

plugin!(Sce);

#[cfg(test)]
mod tests {
    mergelab_sdk::conformance!(super::Sce);
}
