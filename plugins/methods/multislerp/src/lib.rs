//! Merge method: averages directions of several models and their lengths.
#![forbid(unsafe_code)]

use mergelab_sdk::{
    Value,
    interpolate::{Gram, Per},
    prelude::*,
    stepwise::Stepwise,
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
    fn imitate(&self, exactly: Stepwise, vectors: &[Vec<f32>]) -> Vec<f32> {
        let round = |x: f32| exactly.round(x);
        let eps = self.eps as f32;
        let stored: Vec<f32> = self.weight.iter().map(|&w| round(w as f32)).collect();
        let sum = match self.normalize_weights {
            true => round(stored.iter().sum()),
            false => 1.0,
        };
        let weights: Vec<f32> = exactly.each(&stored, |w| w / sum);
        let lengths: Vec<f32> = vectors.iter().map(|v| exactly.norm(v)).collect();
        let weighted = |vectors: &[Vec<f32>]| {
            let parts = vectors.iter().zip(&weights);
            let parts: Vec<_> = parts.map(|(v, w)| exactly.each(v, |x| x * w)).collect();
            exactly.sum(&parts)
        };
        let directions: Vec<Vec<f32>> = vectors
            .iter()
            .zip(&lengths)
            .map(|(v, &length)| {
                let length = round(length + eps);
                exactly.each(v, |x| x / length)
            })
            .collect();
        let sum = weighted(&directions);
        let length = exactly.norm(&sum);
        if length < eps {
            return weighted(vectors);
        }
        let mean = exactly.each(&sum, |x| x / length);
        let tangents: Vec<Vec<f32>> = directions
            .iter()
            .map(|direction| {
                let along = exactly.dot(direction, &mean);
                exactly.pairs(direction, &mean, |x, m| x - round(m * along))
            })
            .collect();
        let tangent = weighted(&tangents);
        let angle = round(exactly.norm(&tangent) + eps);
        let (cosine, sine) = (round(angle.cos()), round(angle.sin()));
        let sine = round(sine / angle);
        let size = lengths.iter().zip(&weights).map(|(l, w)| round(l * w));
        let size = round(size.sum());
        let arc = exactly.pairs(&mean, &tangent, |m, t| round(m * cosine) + round(t * sine));
        exactly.each(&arc, |x| x * size)
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
        let merged = match Stepwise::of(group)? {
            None => self.mean(&vectors),
            Some(exactly) => {
                let read = vectors.iter().map(Tensor::to_vec);
                let merged = self.imitate(exactly, &read.collect::<Result<Vec<_>>>()?);
                group.literal(group.shape(), &merged)
            }
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
