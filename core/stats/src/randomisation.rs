//! Paired approximate randomisation: would the difference be as large if the systems' names were exchanged at random?

use serde::Serialize;

use crate::aggregate::{Aggregate, evaluate, observed};
use crate::error::{Result, require_resamples};
use crate::statistics::{Statistics, Units};
use crate::swap::{Exchanges, SubsetSums};

/// Differences closer than this, relative to the larger score, count as ties: aggregates of the same examples added in
/// another order differ by rounding alone.
pub(crate) const TIE: f64 = 1e-12;

/// The outcome of a test that exchanges the two systems.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct RandomisationTest {
    /// Value of system a minus value of system b.
    pub difference: f64,
    /// Two-sided p-value.
    pub p_value: f64,
    /// Whether every exchange was enumerated. If so, the p-value has no Monte-Carlo error.
    pub exact: bool,
    /// How many exchanges were looked at.
    pub resamples: usize,
    /// How many of them gave a difference at least as large as the observed one.
    pub extreme: usize,
    /// How many of them left the metric without a value. They are counted as extreme, which can only raise the p-value.
    pub undefined: usize,
    /// Examples, or clusters, that are exchanged as wholes.
    pub units: usize,
    /// Units on which the two systems differ. If 0, the systems are indistinguishable and the p-value is 1.
    pub differing_units: usize,
    /// Seed of the exchanges.
    pub seed: u64,
}

/// Tests whether two systems differ by exchanging their outputs, example by example, with probability one half.
///
/// The metric is recomputed from the sums after each exchange, so this is the test for metrics that are not means:
/// macro-F1, MCC, BLEU. The two-sided p-value is `(1 + #{|T| >= |D|}) / (resamples + 1)`. Examples on which the systems
/// agree are left out of the exchange, which changes nothing; if the `m` others allow no more than `resamples`
/// exchanges, all `2^m` are enumerated and p is the exact share. Clusters, if given, are exchanged as wholes.
///
/// Noreen, *Computer-Intensive Methods for Testing Hypotheses* (1989); Yeh, "More accurate tests for the statistical
/// significance of result differences" (COLING 2000).
///
/// # Errors
/// If the systems are not paired, the metric fails or has no value on the examples, or `resamples` is 0.
///
/// ```
/// use mergelab_stats::{EachRow, Statistics, approximate_randomisation};
///
/// // F1 of one class from (true positives, false positives, false negatives).
/// let f1 = EachRow(|s: &[f64], _: f64| 2.0 * s[0] / (2.0 * s[0] + s[1] + s[2]));
/// let right = [1.0, 0.0, 0.0];
/// let wrong = [0.0, 1.0, 1.0];
/// let a = Statistics::new([right; 8].concat(), 3)?;
/// let b = Statistics::new([[wrong; 6].concat(), [right; 2].concat()].concat(), 3)?;
/// let test = approximate_randomisation(&a, &b, &f1, 10_000, 1)?;
/// assert!(test.exact);
/// assert_eq!(test.p_value, 2.0 / 64.0);
/// # Ok::<(), mergelab_stats::StatsError>(())
/// ```
pub fn approximate_randomisation(
    a: &Statistics,
    b: &Statistics,
    aggregate: &dyn Aggregate,
    resamples: usize,
    seed: u64,
) -> Result<RandomisationTest> {
    require_resamples(resamples)?;
    let units = Units::new(&[a, b])?;
    let width = units.width();
    let (totals, examples) = units.totals();
    let values = evaluate(aggregate, &totals, &[examples; 2])?;
    observed(&values)?;
    let difference = values[0] - values[1];
    let tie = TIE * values[0].abs().max(values[1].abs());

    let changes = changes(&units, 0, 1);
    let differing_units = changes.len() / width;
    let table = SubsetSums::new(&changes, width);
    let exchanges = Exchanges::new(differing_units, resamples, seed);
    let (total_a, total_b) = totals.split_at(width);
    let counted = exchanges.batches(std::slice::from_ref(&table), |moved| {
        let count = moved.len() / width;
        let mut sums = Vec::with_capacity(2 * moved.len());
        for moved in moved.chunks_exact(width) {
            sums.extend(total_a.iter().zip(moved).map(|(a, moved)| a + moved));
        }
        for moved in moved.chunks_exact(width) {
            sums.extend(total_b.iter().zip(moved).map(|(b, moved)| b - moved));
        }
        let values = evaluate(aggregate, &sums, &vec![examples; 2 * count])?;
        let (a, b) = values.split_at(count);
        let mut tally = Tally::default();
        for (a, b) in a.iter().zip(b) {
            tally.count(a - b, difference.abs() - tie);
        }
        Ok(tally)
    })?;
    let tally: Tally = counted.into_iter().sum();
    Ok(RandomisationTest {
        difference,
        p_value: exchanges.p_value(tally.extreme),
        exact: exchanges.exact(),
        resamples: exchanges.count(),
        extreme: tally.extreme,
        undefined: tally.undefined,
        units: units.len(),
        differing_units,
        seed,
    })
}

/// What exchanging each unit adds to the first system's sums, without the units where that is nothing.
fn changes(units: &Units, first: usize, second: usize) -> Vec<f64> {
    let mut rows = Vec::new();
    for unit in 0..units.len() {
        let (a, b) = (
            units.system_row(unit, first),
            units.system_row(unit, second),
        );
        if a != b {
            rows.extend(b.iter().zip(a).map(|(b, a)| b - a));
        }
    }
    rows
}

/// Exchanges counted so far.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Tally {
    pub(crate) extreme: usize,
    pub(crate) undefined: usize,
}

impl Tally {
    #[inline]
    pub(crate) fn count(&mut self, difference: f64, threshold: f64) {
        if difference.is_finite() {
            self.extreme += usize::from(difference.abs() >= threshold);
        } else {
            self.extreme += 1;
            self.undefined += 1;
        }
    }
}

impl std::iter::Sum for Tally {
    fn sum<I: Iterator<Item = Self>>(tallies: I) -> Self {
        tallies.fold(Self::default(), |sum, tally| Self {
            extreme: sum.extreme + tally.extreme,
            undefined: sum.undefined + tally.undefined,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{EachRow, Mean};

    fn values(values: &[f64]) -> Statistics {
        Statistics::from_values(values.to_vec()).unwrap()
    }

    #[test]
    fn identical_systems_have_p_one() {
        let a = values(&[0.0, 1.0, 1.0]);
        let test = approximate_randomisation(&a, &a, &Mean, 100, 1).unwrap();
        assert_eq!(test.p_value, 1.0);
        assert_eq!(test.differing_units, 0);
        assert!(test.exact);
    }

    #[test]
    fn undefined_exchanges_count_against_significance() {
        // Sums outside what was observed leave the metric without a value.
        let strict = EachRow(|s: &[f64], n: f64| {
            if s[0] == 0.0 || s[0] == 3.0 {
                s[0] / n
            } else {
                f64::NAN
            }
        });
        let test =
            approximate_randomisation(&values(&[1.0; 3]), &values(&[0.0; 3]), &strict, 100, 1)
                .unwrap();
        assert_eq!(
            (test.extreme, test.undefined, test.resamples),
            (8, 6, 8),
            "{test:?}"
        );
        assert_eq!(test.p_value, 1.0);
    }

    #[test]
    fn clusters_are_exchanged_as_wholes() {
        let clusters = vec![0, 0, 0, 1, 1, 1];
        let a = values(&[1.0; 6]).with_clusters(clusters.clone()).unwrap();
        let b = values(&[0.0; 6]).with_clusters(clusters).unwrap();
        let test = approximate_randomisation(&a, &b, &Mean, 100, 1).unwrap();
        assert_eq!((test.units, test.p_value), (2, 0.5));
    }

    #[test]
    fn no_resamples_is_an_error() {
        let a = values(&[1.0]);
        assert!(approximate_randomisation(&a, &a, &Mean, 0, 1).is_err());
    }
}
