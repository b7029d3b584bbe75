//! Merge method: minimises the interference of the merged task vector with each task.
#![forbid(unsafe_code)]

use mergelab_sdk::{
    prelude::*,
    spectral::{Others, changed, matrix, task_matrix},
};

/// Minimises the interference of the merged task vector with each task by gradient descent (WUDI).
#[derive(Params)]
pub struct Wudi {
    /// Steps of the optimiser.
    #[param(default = 300, min = 0, max = 100000)]
    steps: usize,
    /// Its learning rate.
    #[param(default = 1e-5, above = 0.0)]
    learning_rate: f64,
    /// Multiplier on the merged task vector.
    #[param(default = 1.0)]
    lambda: f64,
    /// Matrices whose names hold one of these are not treated as matrices.
    #[param(default = ["embed", "lm_head", "wte.", "wpe.", "shared.weight"])]
    except: Vec<String>,
    /// What becomes of tensors that are not treated as matrices.
    #[param(default = "mean")]
    others: Others,
}

// Adam (Kingma and Ba 2015, arXiv 1412.6980), with its authors' constants.
const BETA1: f64 = 0.9;
const BETA2: f64 = 0.999;
const EPSILON: f64 = 1e-8;

impl MergeMethod for Wudi {
    const ID: &'static str = "wudi";
    const ALWAYS_F32: bool = true;

    fn merge(&self, group: &Group) -> Result<Tensor> {
        let base = group.base()?;
        let update = match matrix(group, &self.except) {
            Some(shape) => self.minimised(group, &base, shape).reshape(group.shape()),
            None => self.others.update(group)?,
        };
        Ok(base + update * self.lambda)
    }
}

impl Wudi {
    /// Minimises `Σ_t ‖(τ - τ_t) τ_tᵀ‖² / ‖τ_t‖²` over `τ`, from the sum of the task vectors.
    ///
    /// Its gradient is `2 (τ A - B)` with `A = Σ τ_tᵀ τ_t / ‖τ_t‖²` and `B = Σ τ_t τ_tᵀ τ_t /
    /// ‖τ_t‖²`: two matrices made once, and no automatic differentiation.
    fn minimised(&self, group: &Group, base: &Tensor, shape: [usize; 2]) -> Tensor {
        let (mut a, mut b, mut start) = (Vec::new(), Vec::new(), Vec::new());
        for model in changed(group) {
            let vector = task_matrix(model, base, shape);
            let squares = vector.dot(&vector);
            // A model that changes nothing is interfered with by nothing.
            let weight = squares
                .gt(&Tensor::scalar(0.0))
                .select(&(Tensor::scalar(1.0) / &squares), &Tensor::scalar(0.0));
            let gram = vector.transposed_matmul(&vector) * weight;
            b.push(vector.matmul(&gram));
            a.push(gram);
            start.push(vector);
        }
        let (a, b) = (
            Tensor::sum_of(&a).materialize(),
            Tensor::sum_of(&b).materialize(),
        );
        let mut merged = Tensor::sum_of(&start).materialize();
        let (mut mean, mut variance) = (Tensor::scalar(0.0), Tensor::scalar(0.0));
        for step in 1..=self.steps {
            let gradient = ((merged.matmul(&a) - &b) * 2.0).materialize();
            mean = (mean * BETA1 + &gradient * (1.0 - BETA1)).materialize();
            variance = (variance * BETA2 + &gradient * &gradient * (1.0 - BETA2)).materialize();
            let unbiased = |beta: f64| 1.0 - beta.powi(step as i32);
            let deviation = (&variance / unbiased(BETA2)).sqrt() + EPSILON;
            let update = &mean / deviation * (self.learning_rate / unbiased(BETA1));
            merged = (merged - update).materialize();
        }
        merged
    }
}

plugin!(Wudi);

#[cfg(test)]
mod tests;
