//! Merge method: merges task vectors in the basis of their joint singular vectors.
#![forbid(unsafe_code)]

use mergelab_sdk::{
    Value,
    consensus::{SignVote, Weighted, ZeroSign, agreeing_sum, elect, sum},
    prelude::*,
    spectral::{Others, changed, masked_columns, matrix, task_matrix},
};

/// Merges task vectors in the basis of their joint singular vectors (KnOTS).
#[derive(Params)]
pub struct Knots {
    /// How the task vectors are merged in that basis.
    #[param(default = "ties")]
    inner: Inner,
    /// Multiplier on the merged task vector.
    #[param(default = 1.0)]
    lambda: f64,
    /// Weight of each model's task vector.
    #[param(default = 1.0)]
    weight: PerModel<f64>,
    /// Share of each task vector's entries that is kept: those of largest magnitude for `ties`,
    /// random ones for `dare_ties`; `task_arithmetic` keeps all.
    #[param(default = 1.0, above = 0.0, max = 1.0)]
    density: PerModel<f64>,
    /// Divide each entry by the weights that are in it.
    #[param(default = true)]
    normalize: bool,
    /// Directions with singular values up to this are dropped.
    #[param(default = 1e-5, min = 0.0)]
    tolerance: f64,
    /// Matrices whose names hold one of these are not treated as matrices.
    #[param(default = ["embed", "lm_head", "wte.", "wpe.", "shared.weight"])]
    except: Vec<String>,
    /// What becomes of tensors that are not treated as matrices.
    #[param(default = "mean")]
    others: Others,
}

/// How task vectors are merged in the joint basis.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Choice)]
pub enum Inner {
    /// Trim by magnitude, elect signs, merge what agrees.
    Ties,
    /// Drop at random, elect signs, merge what agrees.
    DareTies,
    /// Weighted sum.
    TaskArithmetic,
}

impl MergeMethod for Knots {
    const ID: &'static str = "knots";
    const RANDOM: bool = true;
    const ALWAYS_F32: bool = true;

    fn presets() -> Vec<(&'static str, Value)> {
        vec![
            ("llama3_8b_ties", json!({"inner": "ties", "lambda": 0.5})),
            (
                "llama3_8b_dare_ties",
                json!({"inner": "dare_ties", "density": 0.2, "lambda": 0.4}),
            ),
            (
                "llama3_8b_task_arithmetic",
                json!({"inner": "task_arithmetic", "normalize": false, "lambda": 0.5}),
            ),
        ]
    }

    fn merge(&self, group: &Group) -> Result<Tensor> {
        let base = group.base()?;
        let update = match matrix(group, &self.except) {
            Some(shape) => self.merged(group, &base, shape).reshape(group.shape()),
            None => self.others.update(group)?,
        };
        Ok(base + update * self.lambda)
    }
}

impl Knots {
    fn merged(&self, group: &Group, base: &Tensor, shape: [usize; 2]) -> Tensor {
        let basis = self.basis(group, base, shape);
        let coordinates = |model: &Model| match model.low_rank() {
            Some(f) => basis.transposed_matmul(&f.left).matmul(&f.right),
            None => basis.transposed_matmul(&task_matrix(model, base, shape)),
        };
        let known: Vec<(&Model, Tensor)> = changed(group).map(|m| (m, coordinates(m))).collect();
        let vectors: Vec<Weighted> = group
            .models()
            .filter_map(|model| {
                let own = known.iter().find(|(m, _)| m.index() == model.index());
                let kept = match own {
                    Some((_, vector)) => self.sparse(group, model, vector),
                    // Its weight counts all the same.
                    None => &known.first()?.1 * 0.0,
                };
                Some(Weighted::new(group, kept, self.weight[model]))
            })
            .collect();
        basis.matmul(&match self.inner {
            Inner::TaskArithmetic => sum(&vectors, self.normalize),
            Inner::Ties | Inner::DareTies => {
                let elected = elect(&vectors, SignVote::Unweighted, ZeroSign::Majority);
                agreeing_sum(&vectors, &elected, self.normalize)
            }
        })
    }

    /// Left singular vectors `U` of the task vectors side by side, `W = [τ₁ … τ_T] = U S Vᵀ`.
    ///
    /// With a thin QR decomposition of each `τ_tᵀ = Q_t R_t` and `R` all `R_t` on top of each other,
    /// `W Wᵀ = Rᵀ R`: the right singular vectors of `R` are `U`, and the wide `W` is never formed.
    /// Of a task vector `B A`, `R_t` is `R_A Bᵀ` with `Aᵀ = Q_A R_A`, which has only as many rows
    /// as the rank. And `S V_tᵀ` is `Uᵀ τ_t`.
    fn basis(&self, group: &Group, base: &Tensor, shape: [usize; 2]) -> Tensor {
        let triangles: Vec<Tensor> = changed(group)
            .map(|model| match model.low_rank() {
                Some(f) => f.right.transpose().qr().r.matmul_transposed(&f.left),
                None => task_matrix(model, base, shape).transpose().qr().r,
            })
            .collect();
        let stacked = Tensor::concat(0, &triangles);
        let (u, s) = if stacked.shape()[0] < shape[0] {
            let thin = stacked.transpose().qr();
            let core = thin.r.svd();
            (thin.q.matmul(&core.u), core.s)
        } else {
            let core = stacked.qr().r.svd();
            (core.v, core.s)
        };
        masked_columns(&u, &s.gt(&Tensor::scalar(self.tolerance)))
    }

    fn sparse(&self, group: &Group, model: &Model, vector: &Tensor) -> Tensor {
        let density = self.density[model];
        match self.inner {
            Inner::Ties if density < 1.0 => {
                // The share is of entries other than zero, so that directions that were dropped do
                // not count.
                let mask = vector.top_share_mask(density);
                vector * mask
            }
            Inner::DareTies if density < 1.0 => {
                let all = vector.ge(vector) * density;
                let mask = group.keep_mask_by(model, &all);
                vector * mask / density
            }
            _ => vector.clone(),
        }
    }
}

plugin!(Knots);

#[cfg(test)]
mod tests;
