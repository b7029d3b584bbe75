//! Student's t test on paired differences.

use serde::Serialize;

use crate::distribution::student_sf;
use crate::error::Result;
use crate::interval::Interval;
use crate::standard_error::{StandardError, clustered_standard_error, standard_error};

/// The outcome of a paired t test.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct PairedT {
    /// Mean of the differences.
    pub difference: f64,
    /// Its standard error.
    pub standard_error: f64,
    /// The t statistic; 0 if all differences are 0, infinite if all are the same other number.
    pub t: f64,
    /// Degrees of freedom: one fewer than there are differences, or clusters of them.
    pub degrees_of_freedom: f64,
    /// Two-sided p-value.
    pub p_value: f64,
    /// Interval of the mean difference at the level asked for.
    pub interval: Interval,
}

/// Tests whether the mean of paired differences `d` is zero, assuming their mean is normally distributed.
///
/// Fit for scores over seeds (Student 1908) and, for large n, for means of bounded scores. If all differences are zero
/// p = 1, where the formula has 0 / 0. `level` is the coverage of the interval.
///
/// # Errors
/// If there are fewer than two differences, one is not finite, or `level` is not between 0 and 1.
///
/// ```
/// let test = mergelab_stats::paired_t(&[1.0, 2.0, 3.0], 0.95)?;
/// assert!((test.t - 12f64.sqrt()).abs() < 1e-12);
/// # Ok::<(), mergelab_stats::StatsError>(())
/// ```
pub fn paired_t(d: &[f64], level: f64) -> Result<PairedT> {
    t_test(&standard_error(d)?, level)
}

/// As [`paired_t`] for differences that are correlated within clusters, by their clustered standard error.
///
/// With fewer than about 30 clusters, or clusters of very different sizes, it rejects a little too often: prefer
/// [`sign_flip_clustered`](crate::sign_flip_clustered). Miller, "Adding error bars to evals" (2024), section 2.2.
///
/// # Errors
/// As [`paired_t`], and if there are fewer than two clusters or not one a difference.
pub fn paired_t_clustered(d: &[f64], clusters: &[u32], level: f64) -> Result<PairedT> {
    t_test(&clustered_standard_error(d, clusters)?, level)
}

fn t_test(mean: &StandardError, level: f64) -> Result<PairedT> {
    let interval = mean.interval(level)?;
    let degrees = mean.clusters as f64 - 1.0;
    let t = t_statistic(mean.mean, mean.standard_error);
    Ok(PairedT {
        difference: mean.mean,
        standard_error: mean.standard_error,
        t,
        degrees_of_freedom: degrees,
        p_value: (2.0 * student_sf(t.abs(), degrees)?).min(1.0),
        interval,
    })
}

/// `distance / standard_error`, with 0 / 0 = 0.
pub(crate) fn t_statistic(distance: f64, standard_error: f64) -> f64 {
    if distance == 0.0 {
        0.0
    } else {
        distance / standard_error
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_difference_is_no_evidence() {
        let test = paired_t(&[0.0; 3], 0.95).unwrap();
        assert_eq!((test.t, test.p_value), (0.0, 1.0));
    }

    #[test]
    fn a_constant_difference_is_certain() {
        let test = paired_t(&[0.5; 4], 0.95).unwrap();
        assert_eq!((test.t, test.p_value), (f64::INFINITY, 0.0));
        assert_eq!(test.interval.low, 0.5);
    }

    #[test]
    fn copies_of_each_difference_change_nothing_in_clusters() {
        let once = paired_t(&[0.1, 0.4, -0.2], 0.9).unwrap();
        let twice = [0.1, 0.1, 0.4, 0.4, -0.2, -0.2];
        let twice = paired_t_clustered(&twice, &[0, 0, 1, 1, 2, 2], 0.9).unwrap();
        assert!((once.p_value - twice.p_value).abs() < 1e-12);
        assert_eq!(twice.degrees_of_freedom, 2.0);
    }

    #[test]
    fn refuses_too_little() {
        assert!(paired_t(&[1.0], 0.95).is_err());
        assert!(paired_t(&[1.0, f64::INFINITY], 0.95).is_err());
        assert!(paired_t(&[1.0, 2.0], 0.0).is_err());
    }
}
