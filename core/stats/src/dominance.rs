//! Almost stochastic order: are one system's scores larger at nearly every quantile?

use rayon::prelude::*;
use serde::Serialize;

use crate::bootstrap::standard_deviation;
use crate::distribution::normal_quantile;
use crate::error::{Result, require_examples, require_fraction, require_resamples};
use crate::philox::{Philox, Purpose};

/// How far the scores of one system are from dominating those of another.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Dominance {
    /// Share of the squared distance between the quantile functions where b is ahead of a: 0 if a is ahead at every
    /// quantile, 1 if b is, 0.5 if the samples are alike.
    pub violation_ratio: f64,
    /// Upper confidence bound of that share. Below 0.5 a almost dominates b; 0.2 is a safer bound. 1 if the samples are
    /// alike.
    pub min_epsilon: f64,
    /// Confidence of the bound.
    pub confidence: f64,
    /// Bootstrap resamples behind it.
    pub resamples: usize,
    /// Seed of the draws.
    pub seed: u64,
}

/// Compares two independent samples of scores, one score per training run, without assuming a distribution.
///
/// Tests the claim that a's quantile function lies above b's but for a share epsilon of the squared distance between
/// them: `min_epsilon` is the violation ratio plus `z_confidence` times its bootstrap standard error, clipped to 0..1.
/// For m comparisons use confidence 1 - alpha / m. The quantile functions are integrated exactly, not on a grid.
/// With fewer than five scores a side the bound means little, as the bootstrap has little to draw from. No test of a
/// difference on one test set: that is [`sign_flip`](crate::sign_flip).
///
/// del Barrio, Cuesta-Albertos and Matrán (2018), "An optimal transportation approach for assessing almost stochastic
/// order"; Dror, Shlomov and Reichart, "Deep dominance", ACL 2019; Ulmer, Hardmeier and Frellsen (2022), on the bound
/// 0.2.
///
/// # Errors
/// If a side has fewer than two scores, one is not finite, `confidence` is not between 0 and 1, or `resamples` is 0.
///
/// ```
/// let a = [0.81, 0.83, 0.80, 0.84, 0.82];
/// let b = [0.74, 0.71, 0.75, 0.73, 0.70];
/// let order = mergelab_stats::almost_stochastic_order(&a, &b, 0.95, 1_000, 0)?;
/// assert_eq!(order.min_epsilon, 0.0);
/// # Ok::<(), mergelab_stats::StatsError>(())
/// ```
pub fn almost_stochastic_order(
    a: &[f64],
    b: &[f64],
    confidence: f64,
    resamples: usize,
    seed: u64,
) -> Result<Dominance> {
    require_examples("scores of a", a, 2)?;
    require_examples("scores of b", b, 2)?;
    require_fraction("confidence", confidence)?;
    require_resamples(resamples)?;
    let (a, b) = (sorted(a.to_vec()), sorted(b.to_vec()));
    let Some(violation_ratio) = violation(&a, &b) else {
        return Ok(Dominance {
            violation_ratio: 0.5,
            min_epsilon: 1.0,
            confidence,
            resamples,
            seed,
        });
    };
    let draws: Vec<f64> = (0..resamples as u64)
        .into_par_iter()
        .map(|resample| {
            let mut stream = Philox::new(seed, Purpose::Bootstrap, resample);
            let mut draw = |from: &[f64]| {
                let picks = from
                    .iter()
                    .map(|_| stream.below(from.len() as u32) as usize);
                sorted(picks.map(|at| from[at]).collect())
            };
            let (a, b) = (draw(&a), draw(&b));
            violation(&a, &b).unwrap_or(0.5)
        })
        .collect();
    let margin = normal_quantile(confidence) * standard_deviation(&draws);
    Ok(Dominance {
        violation_ratio,
        min_epsilon: (violation_ratio + margin).clamp(0.0, 1.0),
        confidence,
        resamples,
        seed,
    })
}

fn sorted(mut values: Vec<f64>) -> Vec<f64> {
    values.sort_by(f64::total_cmp);
    values
}

/// The share of the squared distance between the quantile functions of two sorted samples where that of b is above.
/// None if the functions are equal.
fn violation(a: &[f64], b: &[f64]) -> Option<f64> {
    let (n, m) = (a.len(), b.len());
    // Both functions are constant between multiples of 1/n and 1/m; positions are counted in units of 1/(n m).
    let (mut i, mut j, mut at) = (0, 0, 0);
    let (mut all, mut against) = (0.0, 0.0);
    while i < n && j < m {
        let (end_a, end_b) = ((i + 1) * m, (j + 1) * n);
        let next = end_a.min(end_b);
        let gap = b[j] - a[i];
        let area = gap * gap * (next - at) as f64;
        all += area;
        if gap > 0.0 {
            against += area;
        }
        at = next;
        i += usize::from(end_a == next);
        j += usize::from(end_b == next);
    }
    (all > 0.0).then(|| against / all)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ratios_by_hand() {
        assert_eq!(violation(&[1.0, 2.0], &[0.0, 1.0]), Some(0.0));
        assert_eq!(violation(&[0.0, 1.0], &[1.0, 2.0]), Some(1.0));
        // Quantiles 0 against 1, then 4 against 2: squares 1 and 4.
        assert_eq!(violation(&[0.0, 4.0], &[1.0, 2.0]), Some(0.2));
        // Pieces of length 1/3, 1/6, 1/6, 1/3 with gaps 1, 2, -1, 3 of b over a.
        let found = violation(&[0.0, 3.0], &[1.0, 2.0, 6.0]).unwrap();
        let (all, against) = (2.0 + 4.0 + 1.0 + 18.0, 2.0 + 4.0 + 18.0);
        assert!((found - against / all).abs() < 1e-12);
        assert_eq!(violation(&[1.0, 2.0], &[1.0, 1.0, 2.0, 2.0]), None);
    }

    #[test]
    fn both_directions_add_to_one() {
        let (a, b) = ([0.3, 0.5, 0.9, 1.4], [0.2, 0.6, 0.7]);
        let sum = violation(&a, &b).unwrap() + violation(&b, &a).unwrap();
        assert!((sum - 1.0).abs() < 1e-12);
    }

    #[test]
    fn alike_samples_give_no_evidence() {
        let x = [0.4, 0.2, 0.9];
        let order = almost_stochastic_order(&x, &[0.9, 0.4, 0.2], 0.95, 100, 0).unwrap();
        assert_eq!((order.violation_ratio, order.min_epsilon), (0.5, 1.0));
    }

    #[test]
    fn more_confidence_means_a_higher_bound() {
        let a = [0.5, 0.6, 0.4, 0.8, 0.7];
        let b = [0.4, 0.6, 0.5, 0.5, 0.6];
        let bound = |confidence| {
            almost_stochastic_order(&a, &b, confidence, 500, 0)
                .unwrap()
                .min_epsilon
        };
        assert!(bound(0.99) >= bound(0.9) && bound(0.9) > bound(0.5));
    }

    #[test]
    fn refuses_bad_input() {
        let test = |a: &[f64], confidence, resamples| {
            almost_stochastic_order(a, &[1.0, 2.0], confidence, resamples, 0)
        };
        assert!(test(&[1.0], 0.95, 10).is_err());
        assert!(test(&[1.0, f64::NAN], 0.95, 10).is_err());
        assert!(test(&[1.0, 2.0], 1.0, 10).is_err());
        assert!(test(&[1.0, 2.0], 0.95, 0).is_err());
    }
}
