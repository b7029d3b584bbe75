//! Merge method: goes from the base towards the average as far as the models agree.
#![forbid(unsafe_code)]

use mergelab_sdk::{
    Value,
    interpolate::{Gram, Lane, Per},
    prelude::*,
    stepwise::Stepwise,
};

/// Goes from the base towards the average of the models as far as their task vectors agree.
#[derive(Params)]
pub struct ModelStock {
    /// Decide how far to go for each row by itself.
    #[param(default = false)]
    filter_wise: bool,
    /// Never go back behind the base or beyond the average.
    #[param(default = true)]
    clamp: bool,
}

/// Products of norms below this are taken for it.
const SMALLEST: f64 = 1e-6;

impl ModelStock {
    /// `N cos / (1 + (N − 1) cos)`, for the mean cosine of all pairs.
    fn share(&self, cosine: &Tensor, models: usize) -> Tensor {
        let count = models as f64;
        let share = cosine * count / (cosine * (count - 1.0) + 1.0);
        match self.clamp {
            // Where the models pull apart the denominator may be 0 or below: not a step then.
            true => cosine
                .gt(&Tensor::scalar(0.0))
                .select(&share.minimum(&Tensor::scalar(1.0)), &Tensor::scalar(0.0)),
            false => share,
        }
    }

    /// The same as mergekit rounds it.
    fn imitate(
        &self,
        exactly: Stepwise,
        base: &[f32],
        models: &[Vec<f32>],
        lanes: Vec<Lane>,
    ) -> Vec<f32> {
        let round = |x: f32| exactly.round(x);
        let count = models.len() as f32;
        let mut merged = vec![0.0; base.len()];
        for lane in lanes {
            let base = lane.gather(base);
            let models: Vec<Vec<f32>> = models.iter().map(|m| lane.gather(m)).collect();
            let deltas: Vec<Vec<f32>> = models
                .iter()
                .map(|m| exactly.pairs(m, &base, |x, b| x - b))
                .collect();
            let norms: Vec<f32> = deltas.iter().map(|d| exactly.norm(d)).collect();
            let mut cosines = Vec::new();
            for i in 0..deltas.len() {
                for j in 0..i {
                    let size = round(norms[i] * norms[j]).max(SMALLEST as f32);
                    let product = exactly.sum_of_products(&deltas[i], &deltas[j]);
                    cosines.push(round(product / size).clamp(-1.0, 1.0));
                }
            }
            let cosine = round(cosines.iter().sum::<f32>() / cosines.len() as f32);
            let below = round(1.0 + round((count - 1.0) * cosine));
            let mut share = round(round(count * cosine) / below);
            if self.clamp {
                share = if cosine > 0.0 { share.min(1.0) } else { 0.0 };
            }
            let mut sum = models[0].clone();
            for model in &models[1..] {
                sum = exactly.pairs(&sum, model, |s, x| s + x);
            }
            let rest = round(1.0 - share);
            let mean = exactly.each(&sum, |x| x / count);
            let lane_merged =
                exactly.pairs(&mean, &base, |m, b| round(share * m) + round(rest * b));
            lane.scatter(&lane_merged, &mut merged);
        }
        merged
    }
}

impl MergeMethod for ModelStock {
    const ID: &'static str = "model_stock";
    const MIN_MODELS: usize = 2;

    fn presets() -> Vec<(&'static str, Value)> {
        vec![("mergekit", json!({"clamp": false}))]
    }

    fn merge(&self, group: &Group) -> Result<Tensor> {
        let base = group.base()?;
        let models: Vec<&Tensor> = group.models().map(Model::tensor).collect();
        let per = if self.filter_wise {
            Per::Row
        } else {
            Per::Tensor
        };
        let per = per.within(group.shape());
        if let Some(exactly) = Stepwise::of(group)? {
            let read = models.iter().map(|m| m.to_vec());
            let read = read.collect::<Result<Vec<_>>>()?;
            let lanes = per.lanes(group.shape());
            let merged = self.imitate(exactly, &base.to_vec()?, &read, lanes);
            return Ok(group.literal(group.shape(), &merged));
        }
        let deltas: Vec<Tensor> = group.task_vectors()?.iter().map(|d| per.flat(d)).collect();
        let gram = Gram::of(per, &deltas);
        let one = Tensor::scalar(1.0);
        let mut cosines = Vec::new();
        for i in 0..models.len() {
            for j in 0..i {
                let size = (gram.norm(i) * gram.norm(j)).maximum(&Tensor::scalar(SMALLEST));
                let cosine = gram.dot(i, j) / size;
                cosines.push(cosine.minimum(&one).maximum(&(-&one)));
            }
        }
        let cosine = Tensor::sum_of(&cosines) / cosines.len() as f64;
        let share = self.share(&cosine, models.len());
        let share = match deltas.first() {
            Some(like) => per.spread(&share, like),
            None => share,
        };
        let share = match share.shape() {
            [] => share,
            _ => share.reshape(group.shape()),
        };
        let mean = Tensor::sum_of(models) / group.models().len() as f64;
        Ok(mean * &share + base * (1.0 - share))
    }
}

plugin!(ModelStock);

#[cfg(test)]
mod tests {
    mergelab_sdk::conformance!(super::ModelStock);
}
