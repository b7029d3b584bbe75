//! Equivalence: evidence that two systems do *not* differ by more than a margin.
//!
//! A large p-value of a difference test is no such evidence. Here the null hypothesis is that the difference is at least
//! the margin, and rejecting it is the finding. State the margin before looking at results.

use serde::Serialize;

use crate::bootstrap::Bootstrap;
use crate::distribution::student_sf;
use crate::error::{Result, require_positive};
use crate::paired_t::t_statistic;
use crate::standard_error::{StandardError, clustered_standard_error, standard_error};

/// The outcome of two one-sided tests against a margin.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Equivalence {
    /// The difference, on the metric's scale, from which it would matter.
    pub margin: f64,
    /// p-value of "the difference is at most -margin".
    pub p_lower: f64,
    /// p-value of "the difference is at least +margin".
    pub p_upper: f64,
    /// p-value of "the difference is outside the margin": the larger of the two.
    pub p_value: f64,
}

impl Equivalence {
    pub(crate) fn new(margin: f64, p_lower: f64, p_upper: f64) -> Self {
        Self {
            margin,
            p_lower,
            p_upper,
            p_value: p_lower.max(p_upper),
        }
    }

    /// p-value of "system a is worse than system b by the margin or more"; small means a is not inferior.
    pub fn p_non_inferior(&self, higher_is_better: bool) -> f64 {
        if higher_is_better {
            self.p_lower
        } else {
            self.p_upper
        }
    }
}

/// Two one-sided paired t tests of differences `d` against ± `margin`.
///
/// The differences are equivalent to zero at level alpha exactly when their `1 - 2 alpha` t interval lies inside the
/// margin. Schuirmann, *Journal of Pharmacokinetics and Biopharmaceutics* 15:657 (1987).
///
/// # Errors
/// If there are fewer than two differences, one is not finite, or `margin` is not above 0.
///
/// ```
/// let same = mergelab_stats::tost_paired(&[0.01, -0.02, 0.0, 0.01, -0.01], 0.05)?;
/// assert!(same.p_value < 0.01);
/// # Ok::<(), mergelab_stats::StatsError>(())
/// ```
pub fn tost_paired(d: &[f64], margin: f64) -> Result<Equivalence> {
    one_sided(&standard_error(d)?, margin)
}

/// As [`tost_paired`] with the standard error of clustered differences and one degree of freedom fewer than clusters.
///
/// # Errors
/// As [`tost_paired`], and if there are fewer than two clusters or not one a difference.
pub fn tost_clustered(d: &[f64], clusters: &[u32], margin: f64) -> Result<Equivalence> {
    one_sided(&clustered_standard_error(d, clusters)?, margin)
}

/// Equivalence of two systems on any metric, from the draws of their paired bootstrap.
///
/// `p_lower` is the share of draws at or below -margin and `p_upper` the share at or above +margin, each with one added
/// above and below: inverting the percentile interval, so that equivalence at level alpha means the `1 - 2 alpha`
/// interval lies inside the margin. Resamples without a value count against equivalence. Use 10,000 resamples or more.
///
/// # Errors
/// If `margin` is not above 0.
pub fn tost_bootstrap(difference: &Bootstrap, margin: f64) -> Result<Equivalence> {
    require_positive("margin", margin)?;
    let share = |outside: usize| {
        (1 + outside + difference.undefined) as f64 / (1 + difference.resamples) as f64
    };
    let below = difference.draws.iter().filter(|&&d| d <= -margin).count();
    let above = difference.draws.iter().filter(|&&d| d >= margin).count();
    Ok(Equivalence::new(margin, share(below), share(above)))
}

fn one_sided(mean: &StandardError, margin: f64) -> Result<Equivalence> {
    require_positive("margin", margin)?;
    let degrees = mean.clusters as f64 - 1.0;
    let lower = t_statistic(mean.mean + margin, mean.standard_error);
    let upper = t_statistic(margin - mean.mean, mean.standard_error);
    Ok(Equivalence::new(
        margin,
        student_sf(lower, degrees)?,
        student_sf(upper, degrees)?,
    ))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{BootstrapOptions, Mean, Statistics, paired_bootstrap, paired_t};

    const D: [f64; 6] = [0.02, -0.01, 0.03, 0.00, -0.02, 0.01];

    #[test]
    fn agrees_with_the_interval_at_one_minus_two_alpha() {
        let interval = paired_t(&D, 0.90).unwrap().interval;
        let margin = interval.low.abs().max(interval.high.abs());
        assert!((tost_paired(&D, margin).unwrap().p_value - 0.05).abs() < 1e-9);
    }

    #[test]
    fn a_constant_difference_is_certain() {
        assert_eq!(tost_paired(&[0.1; 3], 0.2).unwrap().p_value, 0.0);
        assert_eq!(tost_paired(&[0.3; 3], 0.2).unwrap().p_value, 1.0);
        assert_eq!(tost_paired(&[0.0; 3], 0.2).unwrap().p_value, 0.0);
    }

    #[test]
    fn non_inferiority_looks_at_one_side() {
        let better = tost_paired(&D.map(|d| d + 0.2), 0.05).unwrap();
        assert!(better.p_value > 0.99);
        assert!(better.p_non_inferior(true) < 0.001);
        assert!(better.p_non_inferior(false) > 0.99);
    }

    #[test]
    fn bootstrap_p_falls_as_the_margin_widens() {
        let a = Statistics::from_values(D.to_vec()).unwrap();
        let b = Statistics::from_values(vec![0.0; 6]).unwrap();
        let draws = paired_bootstrap(&a, &b, &Mean, &BootstrapOptions::default()).unwrap();
        let p = |margin| tost_bootstrap(&draws, margin).unwrap().p_value;
        assert!(p(0.001) > p(0.01) && p(0.01) > p(0.02));
        assert_eq!(p(1.0), 1.0 / 10_001.0);
    }

    #[test]
    fn a_margin_is_positive() {
        assert!(tost_paired(&D, 0.0).is_err());
        assert!(tost_paired(&D, f64::NAN).is_err());
        assert!(tost_clustered(&D, &[0, 0, 1, 1, 2, 2], -1.0).is_err());
    }
}
