//! Corrections for testing many hypotheses at once.
//!
//! The family is every comparison a reader will scan in one table. All functions return adjusted p-values in the order
//! given: reject where the adjusted p-value is at most alpha.

use crate::error::{Result, StatsError};

/// Holm's step-down procedure: controls the chance of any false rejection, whatever the dependence.
///
/// The i-th smallest of m p-values becomes `max over j <= i of (m - j + 1) p_(j)`. Holm, *Scandinavian Journal of
/// Statistics* 6 (1979).
///
/// # Errors
/// If a p-value is not between 0 and 1.
///
/// ```
/// assert_eq!(mergelab_stats::holm(&[0.5, 0.125])?, [0.5, 0.25]);
/// # Ok::<(), mergelab_stats::StatsError>(())
/// ```
pub fn holm(p_values: &[f64]) -> Result<Vec<f64>> {
    let order = ascending(p_values)?;
    let m = p_values.len();
    let mut adjusted = vec![0.0; m];
    let mut running = 0.0f64;
    for (rank, &index) in order.iter().enumerate() {
        running = running.max((m - rank) as f64 * p_values[index]).min(1.0);
        adjusted[index] = running;
    }
    Ok(adjusted)
}

/// Benjamini and Hochberg's step-up procedure: controls the false discovery rate of independent or positively dependent
/// tests.
///
/// The i-th smallest of m p-values becomes `min over j >= i of m p_(j) / j`. *JRSS B* 57 (1995).
///
/// # Errors
/// If a p-value is not between 0 and 1.
pub fn benjamini_hochberg(p_values: &[f64]) -> Result<Vec<f64>> {
    step_up(p_values, 1.0)
}

/// Benjamini and Yekutieli's step-up procedure: controls the false discovery rate whatever the dependence.
///
/// [`benjamini_hochberg`] times `1 + 1/2 + ... + 1/m`. *Annals of Statistics* 29 (2001).
///
/// # Errors
/// If a p-value is not between 0 and 1.
pub fn benjamini_yekutieli(p_values: &[f64]) -> Result<Vec<f64>> {
    let harmonic = (1..=p_values.len()).map(|j| 1.0 / j as f64).sum();
    step_up(p_values, harmonic)
}

fn step_up(p_values: &[f64], factor: f64) -> Result<Vec<f64>> {
    let order = ascending(p_values)?;
    let m = p_values.len() as f64;
    let mut adjusted = vec![0.0; p_values.len()];
    let mut running = 1.0f64;
    for (rank, &index) in order.iter().enumerate().rev() {
        // In this order the factor of the largest is exactly 1, and no rounding lowers a p-value.
        let inflation = factor * (m / (rank + 1) as f64);
        running = running.min(p_values[index] * inflation);
        adjusted[index] = running;
    }
    Ok(adjusted)
}

/// Positions of the p-values from smallest to largest.
fn ascending(p_values: &[f64]) -> Result<Vec<usize>> {
    if let Some(&value) = p_values.iter().find(|p| !(0.0..=1.0).contains(*p)) {
        return Err(StatsError::OutOfRange {
            name: "p-value",
            value,
            expected: "a number from 0 to 1",
        });
    }
    let mut order: Vec<usize> = (0..p_values.len()).collect();
    order.sort_by(|&i, &j| p_values[i].total_cmp(&p_values[j]));
    Ok(order)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_test_needs_no_correction() {
        for adjust in [holm, benjamini_hochberg, benjamini_yekutieli] {
            assert_eq!(adjust(&[0.03]).unwrap(), [0.03]);
            assert!(adjust(&[]).unwrap().is_empty());
        }
    }

    #[test]
    fn refuses_what_is_not_a_probability() {
        for adjust in [holm, benjamini_hochberg, benjamini_yekutieli] {
            assert!(adjust(&[0.1, f64::NAN]).is_err());
            assert!(adjust(&[1.5]).is_err());
            assert!(adjust(&[-0.1]).is_err());
        }
    }
}
