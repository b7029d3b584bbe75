//! Tango's score statistic: intervals and equivalence for the difference of two accuracies on the same examples.

use crate::distribution::{normal_quantile, normal_sf};
use crate::equivalence::Equivalence;
use crate::error::{Result, StatsError, require_fraction};
use crate::interval::{Interval, IntervalMethod};
use crate::mcnemar::PairedOutcomes;

/// Halvings of an interval of length 2: the last is shorter than one rounding of a double.
const HALVINGS: usize = 60;

/// Tango's score interval for the difference of two accuracies on the same examples, a minus b.
///
/// The differences that a score test at `1 - level` does not reject. Never leaves [-1, 1] and holds its coverage at
/// small n and without discordant examples. Tango, *Statistics in Medicine* 17:891 (1998).
///
/// # Errors
/// If there is no example or `level` is not between 0 and 1.
pub fn tango_interval(outcomes: &PairedOutcomes, level: f64) -> Result<Interval> {
    require_fraction("confidence level", level)?;
    require_outcomes(outcomes)?;
    let z = normal_quantile((1.0 + level) / 2.0);
    let observed = outcomes.difference();
    Ok(Interval {
        low: crossing(outcomes, z, -1.0, observed),
        high: crossing(outcomes, -z, observed, 1.0),
        level,
        method: IntervalMethod::Tango,
    })
}

/// Tests whether the difference of two accuracies lies within `margin` of zero by two one-sided score tests.
///
/// Liu, Hsueh, Hsieh and Chen, *Statistics in Medicine* 21:231 (2002), with the restricted estimate of Tango (1998).
///
/// # Errors
/// If there is no example, or `margin` is not above 0 and below 1.
pub fn tango_equivalence(outcomes: &PairedOutcomes, margin: f64) -> Result<Equivalence> {
    require_outcomes(outcomes)?;
    require_fraction("margin", margin)?;
    Ok(Equivalence::new(
        margin,
        normal_sf(score(outcomes, -margin)),
        normal_sf(-score(outcomes, margin)),
    ))
}

fn require_outcomes(outcomes: &PairedOutcomes) -> Result<()> {
    if outcomes.examples() == 0 {
        return Err(StatsError::Empty {
            what: "list of outcomes",
        });
    }
    Ok(())
}

/// The standardised distance of the observed difference from `delta`, which falls as `delta` rises.
///
/// The variance is that of the maximum-likelihood table whose difference is `delta` (Tango 1998, equation 8).
fn score(outcomes: &PairedOutcomes, delta: f64) -> f64 {
    let n = outcomes.examples() as f64;
    let (b, c) = (outcomes.only_a as f64, outcomes.only_b as f64);
    let quadratic = 2.0 * n;
    let linear = -b - c + (2.0 * n - b + c) * delta;
    let constant = -c * delta * (1.0 - delta);
    let root = (linear * linear - 4.0 * quadratic * constant)
        .max(0.0)
        .sqrt();
    let only_b = (root - linear) / (2.0 * quadratic);
    let variance = n * (2.0 * only_b + delta * (1.0 - delta));
    let distance = b - c - n * delta;
    if variance > 0.0 {
        distance / variance.sqrt()
    } else if distance == 0.0 {
        0.0
    } else {
        distance * f64::INFINITY
    }
}

/// Where the score falls through `target` between `low` and `high`.
fn crossing(outcomes: &PairedOutcomes, target: f64, mut low: f64, mut high: f64) -> f64 {
    for _ in 0..HALVINGS {
        let middle = (low + high) / 2.0;
        if score(outcomes, middle) > target {
            low = middle;
        } else {
            high = middle;
        }
    }
    (low + high) / 2.0
}

#[cfg(test)]
mod tests {
    use super::*;

    fn outcomes(both: u64, only_a: u64, only_b: u64) -> PairedOutcomes {
        PairedOutcomes {
            both,
            only_a,
            only_b,
            neither: 0,
        }
    }

    #[test]
    fn at_no_difference_the_score_is_mcnemars() {
        let z = score(&outcomes(10, 9, 4), 0.0);
        assert!((z - 5.0 / 13f64.sqrt()).abs() < 1e-14);
    }

    #[test]
    fn without_discordant_examples_the_interval_is_symmetric_and_open() {
        let interval = tango_interval(&outcomes(50, 0, 0), 0.95).unwrap();
        assert!((interval.low + interval.high).abs() < 1e-12);
        // The restricted variance at delta is n |delta| (1 - |delta|): delta = z^2 / (n + z^2).
        let z2 = 1.959_963_984_540_054f64.powi(2);
        assert!((interval.high - z2 / (50.0 + z2)).abs() < 1e-9);
    }

    #[test]
    fn equivalence_agrees_with_the_interval() {
        let table = outcomes(180, 9, 11);
        let interval = tango_interval(&table, 0.90).unwrap();
        let margin = interval.low.abs().max(interval.high.abs());
        let test = tango_equivalence(&table, margin).unwrap();
        assert!((test.p_value - 0.05).abs() < 1e-9, "{test:?}");
    }

    #[test]
    fn refuses_bad_input() {
        assert!(tango_interval(&outcomes(0, 0, 0), 0.95).is_err());
        assert!(tango_equivalence(&outcomes(1, 1, 1), 0.0).is_err());
        assert!(tango_equivalence(&outcomes(1, 1, 1), 1.5).is_err());
    }
}
