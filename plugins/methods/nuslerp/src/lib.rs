//! Merge method: interpolates two models along an arc, by weights, per tensor, row or column.
#![forbid(unsafe_code)]

use mergelab_sdk::{
    Value,
    interpolate::{Gram, Lane, Per, along_arc},
    prelude::*,
    stepwise::Stepwise,
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
    fn imitate(&self, exactly: Stepwise, from: &[f32], to: &[f32], lanes: Vec<Lane>) -> Vec<f32> {
        let round = |x: f32| exactly.round(x);
        let share = self.share();
        let mut merged = vec![0.0; from.len()];
        for lane in lanes {
            let pair = [lane.gather(from), lane.gather(to)];
            let [first, second] = &pair;
            let directions = pair.each_ref().map(|x| {
                let length = exactly.norm(x).max(SHORTEST as f32);
                exactly.each(x, |x| x / length)
            });
            let cosine = exactly.sum_of_products(&directions[0], &directions[1]);
            let angle = round(cosine.clamp(-1.0, 1.0).acos());
            let sine = round(angle.sin());
            let part = |share: f64| round(round(share as f32 * angle).sin());
            let (a, b, divisor) = match f64::from(sine.abs()) < STRAIGHT {
                true => ((1.0 - share) as f32, share as f32, 1.0),
                false => (part(1.0 - share), part(share), sine),
            };
            let sum = exactly.pairs(first, second, |x, y| round(x * a) + round(y * b));
            lane.scatter(&exactly.each(&sum, |x| x / divisor), &mut merged);
        }
        merged
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
        let merged = match Stepwise::of(group)? {
            None => self.interpolate(per, from, to),
            Some(exactly) => {
                let lanes = per.lanes(group.shape());
                let merged = self.imitate(exactly, &from.to_vec()?, &to.to_vec()?, lanes);
                group.literal(group.shape(), &merged)
            }
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
