//! The same as mergekit rounds it where tensors are in bf16 or f16.

use super::{ArceeFusion, TINY, place};
use mergelab_sdk::{interpolate::Lane, stepwise::Stepwise};

impl ArceeFusion {
    pub(super) fn imitate(
        &self,
        exactly: Stepwise,
        base: &[f32],
        model: &[f32],
        rows: Vec<Lane>,
    ) -> Vec<f32> {
        let round = |x: f32| exactly.round(x);
        let delta = exactly.pairs(model, base, |x, b| x - b);
        let mut importance = vec![0.0; base.len()];
        for row in rows {
            let p = softmax(exactly, &row.gather(model));
            let q = softmax(exactly, &row.gather(base));
            let logarithms = exactly.pairs(&p, &q, |p, q| round(p / q).ln());
            let divergence = exactly.sum_of_products(&p, &logarithms);
            let sizes = exactly.each(&row.gather(&delta), |d| d.abs() * divergence);
            row.scatter(&sizes, &mut importance);
        }
        let mut sorted = importance.clone();
        sorted.sort_by(f32::total_cmp);
        let quantile = |q| sorted[place(q, sorted.len())];
        let range = round(quantile(0.75) - quantile(0.25));
        let threshold = round(quantile(0.5) + round(range * self.spread as f32));
        let entries = base.iter().zip(&delta).zip(&importance);
        // mergekit's mask is in f32, and so is what it writes: rounding it is left to the host.
        let fused = entries.map(|((b, d), i)| if *i >= threshold { b + d } else { *b });
        fused.collect()
    }
}

/// Softmax in f32, rounded once, [`TINY`] added.
fn softmax(exactly: Stepwise, row: &[f32]) -> Vec<f32> {
    let largest = row.iter().copied().fold(f32::NEG_INFINITY, f32::max);
    let powers: Vec<f32> = row.iter().map(|x| (x - largest).exp()).collect();
    let sum = powers.iter().map(|&p| f64::from(p)).sum::<f64>() as f32;
    let shares = exactly.each(&powers, |p| p / sum);
    exactly.each(&shares, |p| p + TINY as f32)
}
