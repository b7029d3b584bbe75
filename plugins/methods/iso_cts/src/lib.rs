//! Merge method: joins common and task-specific singular directions and makes them equally strong.
#![forbid(unsafe_code)]

use mergelab_sdk::{
    Svd,
    prelude::*,
    spectral::{
        Others, changed, masked_columns, matrix, orthogonalised, significant, svd_of_product,
        svd_of_sum, task_matrix, uncertainty,
    },
};

/// Joins common and task-specific singular directions and gives all of them one strength (Iso-CTS).
#[derive(Params)]
pub struct IsoCts {
    /// Multiplier on the merged task vector.
    #[param(default = 1.0)]
    lambda: f64,
    /// Share of each matrix's directions that is taken from the summed task vectors; the rest is
    /// shared out equally among the tasks.
    #[param(default = 0.8, min = 0.0, max = 1.0)]
    common: f64,
    /// Matrices whose names hold one of these are not treated as matrices.
    #[param(default = ["embed", "lm_head", "wte.", "wpe.", "shared.weight"])]
    except: Vec<String>,
    /// What becomes of tensors that are not treated as matrices.
    #[param(default = "mean")]
    others: Others,
}

impl MergeMethod for IsoCts {
    const ID: &'static str = "iso_cts";
    const ALWAYS_F32: bool = true;

    fn merge(&self, group: &Group) -> Result<Tensor> {
        let base = group.base()?;
        let update = match matrix(group, &self.except) {
            Some(shape) => self.merged(group, &base, shape).reshape(group.shape()),
            None => self.others.update(group)?,
        };
        Ok(base + update * self.lambda)
    }
}

/// Singular vectors and values, those that are rounding set to zero, and a mask of the others.
struct Part {
    u: Tensor,
    s: Tensor,
    v: Tensor,
    mask: Tensor,
    /// How far rounding turns the vectors.
    uncertain: Tensor,
}

impl Part {
    fn new(svd: &Svd, rank: usize, scale: &Tensor) -> Self {
        let Svd { u, s, v } = svd.truncated(rank.min(svd.s.elements()));
        let mask = significant(&s, scale);
        Self {
            u: masked_columns(&u, &mask),
            uncertain: uncertainty(&s, scale, &mask),
            s: s * &mask,
            v: masked_columns(&v, &mask),
            mask,
        }
    }
}

impl IsoCts {
    /// How many directions are common, and how many each task adds.
    fn split(&self, size: usize, tasks: usize) -> (usize, usize) {
        let rest = size - (size as f64 * self.common + 1e-9) as usize;
        let each = (rest as f64 / tasks as f64).round_ties_even() as usize;
        let each = each.min(size / tasks);
        (size - each * tasks, each)
    }

    fn merged(&self, group: &Group, base: &Tensor, shape: [usize; 2]) -> Tensor {
        let (common, each) = self.split(shape[0].min(shape[1]), group.models().len());
        let sum = svd_of_sum(group, base, shape, |_| 1.0);
        let shared = Part::new(&sum, common, &sum.s.max_all());
        // What the common directions leave of a matrix: (I - U Uᵀ) X.
        let outside = |x: &Tensor| x - shared.u.matmul(&shared.u.transposed_matmul(x));
        let mut parts: Vec<Part> = Vec::new();
        for model in changed(group).filter(|_| each > 0) {
            // The scale is the whole task vector's norm: where nothing is left, rounding is, and
            // next to itself it would look large.
            parts.push(match model.low_rank() {
                Some(factors) => {
                    let (left, right) = (&factors.left, &factors.right);
                    let norm = left
                        .transposed_matmul(left)
                        .dot(&right.matmul_transposed(right));
                    let svd = svd_of_product(&outside(left), right);
                    Part::new(&svd, each, &norm.maximum(&Tensor::scalar(0.0)).sqrt())
                }
                None => {
                    let vector = task_matrix(model, base, shape);
                    Part::new(&outside(&vector).svd(), each, &vector.norm())
                }
            });
        }
        parts.push(shared);
        let s = Tensor::concat(0, parts.iter().map(|part| &part.s));
        let count: Tensor = parts.iter().map(|part| part.mask.sum_all()).sum();
        let mean = s.sum_all() / count.maximum(&Tensor::scalar(1.0));
        let uncertain = Tensor::concat(0, parts.iter().map(|part| &part.uncertain));
        let u = Tensor::concat(1, parts.iter().map(|part| &part.u));
        let v = Tensor::concat(1, parts.iter().map(|part| &part.v));
        let (u, v) = (
            orthogonalised(&u, &uncertain),
            orthogonalised(&v, &uncertain),
        );
        u.matmul_transposed(&v) * mean
    }
}

plugin!(IsoCts);

#[cfg(test)]
mod tests;
