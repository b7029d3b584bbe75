//! Standard errors of means, with and without clusters.

use serde::Serialize;

use crate::distribution::student_quantile;
use crate::error::{Result, StatsError, require_examples, require_fraction};
use crate::interval::{Interval, IntervalMethod};
use crate::statistics::dense_clusters;

/// A mean with its standard error.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct StandardError {
    /// The mean of the values.
    pub mean: f64,
    /// Its standard error.
    pub standard_error: f64,
    /// How many values there are.
    pub examples: usize,
    /// How many clusters they fall into; as many as values if they are independent.
    pub clusters: usize,
}

impl StandardError {
    /// Student's t interval with one degree of freedom fewer than there are clusters.
    ///
    /// # Errors
    /// If `level` is not between 0 and 1.
    pub fn interval(&self, level: f64) -> Result<Interval> {
        require_fraction("confidence level", level)?;
        let degrees = self.clusters as f64 - 1.0;
        let half = student_quantile((1.0 + level) / 2.0, degrees)? * self.standard_error;
        Ok(Interval {
            low: self.mean - half,
            high: self.mean + half,
            level,
            method: IntervalMethod::StudentT,
        })
    }
}

/// Standard error of the mean of independent values: `sqrt(sum((x - mean)^2) / (n (n - 1)))`.
///
/// Give paired differences to get the standard error of a difference.
///
/// # Errors
/// If there are fewer than two values or one is not finite.
pub fn standard_error(values: &[f64]) -> Result<StandardError> {
    require_examples("the standard error", values, 2)?;
    let each: Vec<usize> = (0..values.len()).collect();
    Ok(clustered(values, &each, values.len()))
}

/// Standard error of the mean of values that are correlated within clusters.
///
/// `sqrt(G / (G - 1) * sum over clusters of (sum of residuals)^2) / n` for G clusters: the cluster-robust variance of
/// Liang and Zeger (1986) as Miller, "Adding error bars to evals" (2024), section 2.2, recommends for questions that
/// share a text, with the usual factor for few clusters. With one value a cluster it equals [`standard_error`].
/// Below about 30 clusters it is still too small.
///
/// # Errors
/// If there are fewer than two clusters, a value is not finite, or there is not one cluster a value.
pub fn clustered_standard_error(values: &[f64], clusters: &[u32]) -> Result<StandardError> {
    require_examples("the standard error", values, 2)?;
    if clusters.len() != values.len() {
        return Err(StatsError::Length {
            left: "clusters",
            left_length: clusters.len(),
            right: "values",
            right_length: values.len(),
        });
    }
    let (cluster_of, count) = dense_clusters(clusters);
    if count < 2 {
        return Err(StatsError::TooFew {
            what: "the clustered standard error",
            needed: 2,
            unit: "clusters",
            found: count,
        });
    }
    Ok(clustered(values, &cluster_of, count))
}

fn clustered(values: &[f64], cluster_of: &[usize], clusters: usize) -> StandardError {
    let n = values.len() as f64;
    // Measured from the first value, so that equal values have exactly that mean and a standard error of 0.
    let mean = values[0] + values.iter().map(|value| value - values[0]).sum::<f64>() / n;
    let mut residuals = vec![0.0; clusters];
    for (value, &cluster) in values.iter().zip(cluster_of) {
        residuals[cluster] += value - mean;
    }
    let squares: f64 = residuals.iter().map(|sum| sum * sum).sum();
    let groups = clusters as f64;
    StandardError {
        mean,
        standard_error: (groups / (groups - 1.0) * squares).sqrt() / n,
        examples: values.len(),
        clusters,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn clusters_of_one_are_independent_values() {
        let values = [0.3, 0.9, 0.1, 0.6];
        let plain = standard_error(&values).unwrap();
        let singles = clustered_standard_error(&values, &[4, 3, 2, 1]).unwrap();
        assert!((plain.standard_error - singles.standard_error).abs() < 1e-15);
    }

    #[test]
    fn copies_of_each_value_carry_no_information() {
        let values = [1.0, 2.0, 4.0];
        let copied = [1.0, 1.0, 2.0, 2.0, 4.0, 4.0];
        let once = standard_error(&values).unwrap();
        let twice = clustered_standard_error(&copied, &[0, 0, 1, 1, 2, 2]).unwrap();
        assert!((once.standard_error - twice.standard_error).abs() < 1e-15);
        assert_eq!(
            once.interval(0.95).unwrap().low,
            twice.interval(0.95).unwrap().low
        );
    }

    #[test]
    fn refuses_too_little() {
        assert!(standard_error(&[]).is_err());
        assert!(standard_error(&[1.0]).is_err());
        assert!(clustered_standard_error(&[1.0, 2.0], &[0, 0]).is_err());
        assert!(clustered_standard_error(&[1.0, 2.0], &[0]).is_err());
    }
}
