//! Merge method: goes from the base towards the average as far as the models agree.
#![forbid(unsafe_code)]

use mergelab_sdk::{
    Value,
    imitation::{is_coarse, norm, sum_of_products},
    interpolate::{Gram, Per},
    prelude::*,
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
    fn imitate(&self, per: Per, base: &Tensor, models: &[&Tensor]) -> Tensor {
        let deltas: Vec<Tensor> = models.iter().map(|m| per.flat(&(*m - base))).collect();
        let norms: Vec<Tensor> = deltas.iter().map(|d| norm(per, d)).collect();
        let mut cosines = Vec::new();
        for i in 0..deltas.len() {
            for j in 0..i {
                let size = (&norms[i] * &norms[j]).widen();
                let size = size.maximum(&Tensor::scalar(SMALLEST));
                let product = sum_of_products(per, &deltas[i], &deltas[j]);
                cosines.push(clamped(&(product / size).stored()).widen());
            }
        }
        let cosine = (Tensor::sum_of(&cosines) / cosines.len() as f64).stored();
        let share = self.spread_share(per, &cosine, &deltas, base.shape());
        let sum = models[1..].iter().fold(models[0].clone(), |s, m| s + *m);
        let mean = sum / models.len() as f64;
        mean * &share + base * (1.0 - &share)
    }

    /// The share at each element of a tensor of this shape.
    fn spread_share(
        &self,
        per: Per,
        cosine: &Tensor,
        deltas: &[Tensor],
        shape: &[usize],
    ) -> Tensor {
        let share = self.share(cosine, deltas.len());
        let share = match deltas.first() {
            Some(like) => per.spread(&share, like),
            None => share,
        };
        match share.shape() {
            [] => share,
            _ => share.reshape(shape),
        }
    }
}

fn clamped(cosine: &Tensor) -> Tensor {
    let one = Tensor::scalar(1.0);
    cosine.minimum(&one).maximum(&(-&one))
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
        if is_coarse(group)? {
            return Ok(self.imitate(per, &base, &models));
        }
        let deltas: Vec<Tensor> = group.task_vectors()?.iter().map(|d| per.flat(d)).collect();
        let gram = Gram::of(per, &deltas);
        let mut cosines = Vec::new();
        for i in 0..models.len() {
            for j in 0..i {
                let size = (gram.norm(i) * gram.norm(j)).maximum(&Tensor::scalar(SMALLEST));
                cosines.push(clamped(&(gram.dot(i, j) / size)));
            }
        }
        let cosine = Tensor::sum_of(&cosines) / cosines.len() as f64;
        let share = self.spread_share(per, &cosine, &deltas, group.shape());
        let mean = Tensor::sum_of(models) / group.models().len() as f64;
        Ok(mean * &share + base * (1.0 - share))
    }
}

plugin!(ModelStock);

#[cfg(test)]
mod tests {
    mergelab_sdk::conformance!(super::ModelStock);
}
