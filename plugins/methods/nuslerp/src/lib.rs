//! Merge method: interpolates two models along an arc, by weights, per tensor, row or column.
#![forbid(unsafe_code)]

use mergelab_sdk::{
    Value,
    imitation::{is_coarse, norm, sum_of_products},
    interpolate::{Gram, Per, along_arc},
    prelude::*,
};

/// Interpolates two models, or their task vectors, along the arc between them.
#[derive(Params)]
pub struct Nuslerp {
    /// Weight of each model: the second one's share of the sum is how far to go.
    #[param(default = 1.0)]
    weight: PerModel<f64>,
    /// What is interpolated by itself.
    #[param(default = "tensor")]
    per: Per,
    /// mergekit's name for `per = "tensor"`, if true. Goes before `per`.
    nuslerp_flatten: Option<bool>,
    /// mergekit's name for `per = "column"`, if true, and for `per = "row"`, if false, where
    /// `nuslerp_flatten` is false.
    nuslerp_row_wise: Option<bool>,
}

/// Norms below this are taken for it.
const SHORTEST: f64 = 1e-7;

/// Angles with a smaller sine count as straight.
const STRAIGHT: f64 = 1e-8;

impl Nuslerp {
    fn per(&self) -> Per {
        match (self.nuslerp_flatten, self.nuslerp_row_wise) {
            (None, None) => self.per,
            (Some(false), Some(true)) => Per::Column,
            (Some(false), _) => Per::Row,
            _ => Per::Tensor,
        }
    }

    /// How far to go from the first model to the second.
    fn share(&self) -> f64 {
        let weights: Vec<f64> = self.weight.iter().copied().collect();
        match weights[..] {
            [first, second] if (first + second).abs() >= 1e-6 => second / (first + second),
            _ => 0.5,
        }
    }

    fn interpolate(&self, per: Per, from: &Tensor, to: &Tensor) -> Tensor {
        let (flat_from, flat_to) = (per.flat(from), per.flat(to));
        let gram = Gram::of(per, &[flat_from.clone(), flat_to.clone()]);
        let length = |i| gram.norm(i).maximum(&Tensor::scalar(SHORTEST));
        let angle = (gram.dot(0, 1) / (length(0) * length(1))).acos();
        let straight = angle.sin().abs().lt(&Tensor::scalar(STRAIGHT));
        let (a, b) = along_arc(&angle, self.share(), &straight);
        let merged = &flat_from * per.spread(&a, &flat_from) + &flat_to * per.spread(&b, &flat_to);
        match merged.shape() == from.shape() {
            true => merged,
            false => merged.reshape(from.shape()),
        }
    }

    /// The same as mergekit rounds it.
    fn imitate(&self, per: Per, from: &Tensor, to: &Tensor) -> Tensor {
        let share = self.share();
        let pair = [per.flat(from), per.flat(to)];
        let spread = |numbers: &Tensor| per.spread(numbers, &pair[0]);
        let directions = pair.each_ref().map(|x| {
            let length = norm(per, x).widen().maximum(&Tensor::scalar(SHORTEST));
            (x / spread(&length)).stored()
        });
        let angle = sum_of_products(per, &directions[0], &directions[1]).acos();
        let sine = angle.sin();
        let straight = sine.abs().lt(&Tensor::scalar(STRAIGHT));
        // The shares of a straight way are no tensors there, so nothing rounds them.
        let part = |share: f64| {
            let curved = (&angle * share).sin().widen();
            straight.select(&Tensor::scalar(share), &curved)
        };
        let divisor = straight.select(&Tensor::scalar(1.0), &sine);
        let [first, second] = &pair;
        let sum = (first * spread(&part(1.0 - share))).stored()
            + (second * spread(&part(share))).stored();
        let merged = sum / spread(&divisor);
        match merged.shape() == from.shape() {
            true => merged,
            false => merged.reshape(from.shape()),
        }
    }
}

impl MergeMethod for Nuslerp {
    const ID: &'static str = "nuslerp";
    const BASE: BaseUse = BaseUse::Optional;
    const MIN_MODELS: usize = 2;
    const MAX_MODELS: Option<usize> = Some(2);

    fn presets() -> Vec<(&'static str, Value)> {
        vec![("mergekit", json!({}))]
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
        let [from, to] = &vectors[..] else {
            return Err(Error::input("nuslerp takes two models"));
        };
        let per = self.per().within(group.shape());
        let merged = match is_coarse(group)? {
            false => self.interpolate(per, from, to),
            true => self.imitate(per, from, to),
        };
        Ok(match base {
            Some(base) => merged + base,
            None => merged,
        })
    }
}

plugin!(Nuslerp);

#[cfg(test)]
mod tests {
    mergelab_sdk::conformance!(super::Nuslerp);
}
