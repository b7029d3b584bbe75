//! Merge method: joins the leading singular vectors of task vectors and orthogonalises them.
#![forbid(unsafe_code)]

use mergelab_sdk::{
    Svd,
    prelude::*,
    spectral::{
        Others, changed, masked_columns, matrix, orthogonalised, significant, svd_of_product,
        task_matrix, uncertainty,
    },
};

/// Joins the leading singular vectors of all task vectors and orthogonalises them (TSV-M).
#[derive(Params)]
pub struct TsvM {
    /// Multiplier on the merged task vector.
    #[param(default = 1.0)]
    lambda: f64,
    /// Share of each matrix's singular vectors that is kept; without it, one over the models.
    #[param(above = 0.0, max = 1.0)]
    share: Option<f64>,
    /// Matrices whose names hold one of these are not treated as matrices.
    #[param(default = ["embed", "lm_head", "wte.", "wpe.", "shared.weight"])]
    except: Vec<String>,
    /// What becomes of tensors that are not treated as matrices.
    #[param(default = "mean")]
    others: Others,
}

impl MergeMethod for TsvM {
    const ID: &'static str = "tsv_m";
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

impl TsvM {
    fn merged(&self, group: &Group, base: &Tensor, shape: [usize; 2]) -> Tensor {
        let share = self.share.unwrap_or(1.0 / group.models().len() as f64);
        let size = shape[0].min(shape[1]);
        // A whole product but for float rounding counts as whole.
        let rank = ((size as f64 * share + 1e-9) as usize).max(1);
        let parts: Vec<(Svd, Tensor)> = changed(group)
            .map(|model| {
                let all = match model.low_rank() {
                    Some(factors) => svd_of_product(&factors.left, &factors.right),
                    None => task_matrix(model, base, shape).svd(),
                };
                let kept = all.truncated(rank.min(all.s.elements()));
                let scale = all.s.max_all();
                let mask = significant(&kept.s, &scale);
                let uncertain = uncertainty(&kept.s, &scale, &mask);
                let part = Svd {
                    u: masked_columns(&kept.u, &mask),
                    v: masked_columns(&kept.v, &mask),
                    s: kept.s,
                };
                (part, uncertain)
            })
            .collect();
        let uncertain = Tensor::concat(0, parts.iter().map(|(_, uncertain)| uncertain));
        let u = Tensor::concat(1, parts.iter().map(|(part, _)| &part.u));
        let v = Tensor::concat(1, parts.iter().map(|(part, _)| &part.v));
        let s = Tensor::concat(0, parts.iter().map(|(part, _)| &part.s));
        let (u, v) = (
            orthogonalised(&u, &uncertain),
            orthogonalised(&v, &uncertain),
        );
        masked_columns(&u, &s).matmul_transposed(&v)
    }
}

plugin!(TsvM);

#[cfg(test)]
mod tests;
