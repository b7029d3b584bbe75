//! Intervals for accuracies, and for the difference of two accuracies on the same examples.

use crate::distribution::normal_quantile;
use crate::error::{Result, StatsError, require_fraction};
use crate::interval::{Interval, IntervalMethod};
use crate::mcnemar::PairedOutcomes;

/// Wilson's score interval for a proportion.
///
/// Keeps its coverage at small n and near 0 and 1, where the textbook interval does not. Wilson, *JASA* 22 (1927);
/// method 3 of Newcombe, *Statistics in Medicine* 17:857 (1998).
///
/// # Errors
/// If `examples` is 0, `successes` exceeds it, or `level` is not between 0 and 1.
///
/// ```
/// let interval = mergelab_stats::wilson_interval(10, 10, 0.95)?;
/// assert!(interval.low > 0.7 && interval.high > 0.999_999);
/// # Ok::<(), mergelab_stats::StatsError>(())
/// ```
pub fn wilson_interval(successes: u64, examples: u64, level: f64) -> Result<Interval> {
    require_fraction("confidence level", level)?;
    if examples == 0 {
        return Err(StatsError::Empty {
            what: "list of outcomes",
        });
    }
    if successes > examples {
        return Err(StatsError::OutOfRange {
            name: "successes",
            value: successes as f64,
            expected: "at most the number of examples",
        });
    }
    let n = examples as f64;
    let share = successes as f64 / n;
    let z = normal_quantile((1.0 + level) / 2.0);
    let scale = 1.0 + z * z / n;
    let centre = (share + z * z / (2.0 * n)) / scale;
    let half = z / scale * (share * (1.0 - share) / n + z * z / (4.0 * n * n)).sqrt();
    // At the ends centre and half cancel exactly, but not in floating point, and an interval must hold its estimate.
    let low = if successes == 0 { 0.0 } else { centre - half };
    let high = if successes == examples {
        1.0
    } else {
        centre + half
    };
    Ok(Interval {
        low: low.clamp(0.0, share),
        high: high.clamp(share, 1.0),
        level,
        method: IntervalMethod::Wilson,
    })
}

/// Newcombe's interval for the difference of two accuracies on the same examples, a minus b.
///
/// Joins the two Wilson intervals by the correlation of the outcomes, with the continuity correction on that correlation
/// alone: method 10 of Newcombe, "Improved confidence intervals for the difference between binomial proportions based on
/// paired data", *Statistics in Medicine* 17:2635 (1998).
///
/// # Errors
/// If there is no example or `level` is not between 0 and 1.
pub fn newcombe_interval(outcomes: &PairedOutcomes, level: f64) -> Result<Interval> {
    let examples = outcomes.examples();
    let n = examples as f64;
    let right_a = outcomes.both + outcomes.only_a;
    let right_b = outcomes.both + outcomes.only_b;
    let a = wilson_interval(right_a, examples, level)?;
    let b = wilson_interval(right_b, examples, level)?;
    let (share_a, share_b) = (right_a as f64 / n, right_b as f64 / n);
    let correlation = correlation(outcomes);
    let half = |da: f64, db: f64| {
        (da * da - 2.0 * correlation * da * db + db * db)
            .max(0.0)
            .sqrt()
    };
    let difference = outcomes.difference();
    Ok(Interval {
        low: difference - half(share_a - a.low, b.high - share_b),
        high: difference + half(a.high - share_a, share_b - b.low),
        level,
        method: IntervalMethod::Newcombe,
    })
}

/// The phi coefficient of the table, shrunk towards 0 when positive; 0 when a margin is empty.
fn correlation(outcomes: &PairedOutcomes) -> f64 {
    let [both, only_a, only_b, neither] = [
        outcomes.both,
        outcomes.only_a,
        outcomes.only_b,
        outcomes.neither,
    ]
    .map(|count| count as f64);
    let margins = (both + only_a) * (only_b + neither) * (both + only_b) * (only_a + neither);
    if margins == 0.0 {
        return 0.0;
    }
    let mut product = both * neither - only_a * only_b;
    if product > 0.0 {
        product = (product - (both + only_a + only_b + neither) / 2.0).max(0.0);
    }
    product / margins.sqrt()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn outcomes(both: u64, only_a: u64, only_b: u64, neither: u64) -> PairedOutcomes {
        PairedOutcomes {
            both,
            only_a,
            only_b,
            neither,
        }
    }

    #[test]
    fn a_wilson_interval_holds_its_estimate() {
        for n in 1..200 {
            for k in [0, 1, n / 2, n - 1, n] {
                let interval = wilson_interval(k, n, 0.95).unwrap();
                let share = k as f64 / n as f64;
                assert!(
                    interval.low <= share && share <= interval.high,
                    "{k} of {n}"
                );
            }
        }
    }

    #[test]
    fn ends_stay_in_range() {
        let none = wilson_interval(0, 5, 0.95).unwrap();
        assert!(none.low.abs() < 1e-15 && none.high < 0.5);
        let interval = newcombe_interval(&outcomes(0, 5, 0, 0), 0.95).unwrap();
        assert!(interval.high <= 1.0 + 1e-12 && interval.low > 0.0);
    }

    #[test]
    fn exchanging_the_systems_negates_the_interval() {
        let ab = newcombe_interval(&outcomes(20, 7, 2, 9), 0.95).unwrap();
        let ba = newcombe_interval(&outcomes(20, 2, 7, 9), 0.95).unwrap();
        assert!((ab.low + ba.high).abs() < 1e-14);
        assert!((ab.high + ba.low).abs() < 1e-14);
    }

    #[test]
    fn refuses_impossible_counts() {
        assert!(wilson_interval(0, 0, 0.95).is_err());
        assert!(wilson_interval(3, 2, 0.95).is_err());
        assert!(wilson_interval(1, 2, 95.0).is_err());
        assert!(newcombe_interval(&outcomes(0, 0, 0, 0), 0.95).is_err());
    }
}
