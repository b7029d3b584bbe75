//! Merge method: averages directions of several models and their lengths.
#![forbid(unsafe_code)]

use mergelab_sdk::{
    Value,
    imitation::{is_coarse, norm},
    interpolate::{Gram, Per},
    prelude::*,
};

/// The weighted mean direction of models, or of their task vectors, at their mean length.
#[derive(Params)]
pub struct Multislerp {
    /// Weight of each model.
    #[param(default = 1.0)]
    weight: PerModel<f64>,
    /// Divide weights by their sum.
    #[param(default = true)]
    normalize_weights: bool,
    /// Added to lengths before anything is divided by them; a shorter mean direction counts as
    /// none.
    #[param(default = 1e-8, above = 0.0)]
    eps: f64,
}

impl Multislerp {
    fn weights(&self) -> Vec<f64> {
        let sum: f64 = match self.normalize_weights {
            true => self.weight.iter().sum(),
            false => 1.0,
        };
        self.weight.iter().map(|w| w / sum).collect()
    }

    /// All that is needed are dot products of the vectors, so that one pass finds the factor of
    /// each vector.
    fn mean(&self, vectors: &[Tensor]) -> Tensor {
        let gram = Gram::of(Per::Tensor, vectors);
        let weights = self.weights();
        let parts: Vec<Tensor> = weights
            .iter()
            .enumerate()
            .map(|(i, &weight)| weight / (gram.norm(i) + self.eps))
            .collect();
        let pairs = (0..parts.len()).flat_map(|i| (0..parts.len()).map(move |j| (i, j)));
        let square: Tensor = pairs
            .map(|(i, j)| gram.dot(i, j) * &parts[i] * &parts[j])
            .sum();
        let direction = square.maximum(&Tensor::scalar(0.0)).sqrt();
        let length: Tensor = weights
            .iter()
            .enumerate()
            .map(|(i, &weight)| gram.norm(i) * weight)
            .sum();
        let none = direction.lt(&Tensor::scalar(self.eps));
        vectors
            .iter()
            .zip(weights)
            .zip(&parts)
            .map(|((vector, weight), part)| {
                let factor = part * &length / &direction;
                // Directions that cancel out have no mean: the mean of the vectors then.
                vector * none.select(&Tensor::scalar(weight), &factor)
            })
            .sum()
    }

    /// The same as mergekit rounds it: what it adds to the mean along the sphere is rounding alone.
    fn imitate(&self, group: &Group, vectors: &[Tensor]) -> Tensor {
        let stored: Vec<Tensor> = self.weight.iter().map(|&w| group.stored(w)).collect();
        let weights: Vec<Tensor> = match self.normalize_weights {
            true => stored.iter().map(|w| w / Tensor::sum_of(&stored)).collect(),
            false => stored,
        };
        let weighted = |vectors: &[Tensor]| -> Tensor {
            vectors.iter().zip(&weights).map(|(v, w)| v * w).sum()
        };
        let length = |vector: &Tensor| norm(Per::Tensor, vector);
        let lengths: Vec<Tensor> = vectors.iter().map(length).collect();
        let directions: Vec<Tensor> = vectors
            .iter()
            .zip(&lengths)
            .map(|(v, length)| v / (length + self.eps))
            .collect();
        let sum = weighted(&directions);
        let sum_length = length(&sum);
        let mean = &sum / &sum_length;
        let tangents: Vec<Tensor> = directions
            .iter()
            .map(|direction| direction - &mean * direction.dot(&mean))
            .collect();
        let tangent = weighted(&tangents);
        let angle = length(&tangent) + self.eps;
        let (cosine, sine) = (angle.cos(), angle.sin() / &angle);
        let size = lengths.iter().zip(&weights).map(|(l, w)| l * w);
        let arc = (mean * cosine + tangent * sine) * size.sum::<Tensor>();
        let none = sum_length.lt(&Tensor::scalar(self.eps));
        none.select(&weighted(vectors), &arc)
    }
}

impl MergeMethod for Multislerp {
    const ID: &'static str = "multislerp";
    const BASE: BaseUse = BaseUse::Optional;

    fn presets() -> Vec<(&'static str, Value)> {
        vec![("mergekit", json!({}))]
    }

    fn check(&self) -> Result<()> {
        let sum: f64 = self.weight.iter().sum();
        if self.normalize_weights && sum.abs() < 1e-8 {
            return Err(Error::parameter(
                "weight",
                format!(
                    "the weights sum to {sum}, and `normalize_weights` divides by the sum: choose \
                     other weights or set `normalize_weights = false`"
                ),
            ));
        }
        Ok(())
    }

    fn merge(&self, group: &Group) -> Result<Tensor> {
        let base = group.optional_base();
        let vectors: Vec<Tensor> = group
            .models()
            .map(|m| match &base {
                Some(base) => m.tensor() - base,
                None => m.tensor().clone(),
            })
            .collect();
        let merged = match is_coarse(group)? {
            false => self.mean(&vectors),
            true => self.imitate(group, &vectors),
        };
        Ok(match base {
            Some(base) => merged + base,
            None => merged,
        })
    }
}

plugin!(Multislerp);

#[cfg(test)]
mod tests {
    mergelab_sdk::conformance!(super::Multislerp);
}
