//! McNemar's test: do two systems get the same number of examples right?

use serde::Serialize;
use statrs::distribution::{Binomial, Discrete, DiscreteCDF};

use crate::error::{Result, StatsError};

/// How two systems' right and wrong answers coincide.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct PairedOutcomes {
    /// Examples that both get right.
    pub both: u64,
    /// Examples that only system a gets right: the discordant count b of the textbooks.
    pub only_a: u64,
    /// Examples that only system b gets right: the discordant count c.
    pub only_b: u64,
    /// Examples that neither gets right.
    pub neither: u64,
}

impl PairedOutcomes {
    /// Counts the four outcomes of two systems on the same examples.
    ///
    /// # Errors
    /// If there is no example or the lengths differ.
    pub fn new(a: &[bool], b: &[bool]) -> Result<Self> {
        if a.len() != b.len() {
            return Err(StatsError::Length {
                left: "system a",
                left_length: a.len(),
                right: "system b",
                right_length: b.len(),
            });
        }
        if a.is_empty() {
            return Err(StatsError::Empty {
                what: "list of outcomes",
            });
        }
        let mut outcomes = Self {
            both: 0,
            only_a: 0,
            only_b: 0,
            neither: 0,
        };
        for pair in a.iter().zip(b) {
            match pair {
                (true, true) => outcomes.both += 1,
                (true, false) => outcomes.only_a += 1,
                (false, true) => outcomes.only_b += 1,
                (false, false) => outcomes.neither += 1,
            }
        }
        Ok(outcomes)
    }

    /// How many examples there are.
    pub fn examples(&self) -> u64 {
        self.both + self.only_a + self.only_b + self.neither
    }

    /// Examples on which the systems differ.
    pub fn discordant(&self) -> u64 {
        self.only_a + self.only_b
    }

    /// Accuracy of system a minus accuracy of system b.
    ///
    /// NaN for an empty table, which [`PairedOutcomes::new`] never makes.
    pub fn difference(&self) -> f64 {
        (self.only_a as f64 - self.only_b as f64) / self.examples() as f64
    }
}

/// The outcome of McNemar's test.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct McNemar {
    /// The counts tested.
    pub outcomes: PairedOutcomes,
    /// Accuracy of system a minus accuracy of system b.
    pub difference: f64,
    /// Exact two-sided p-value: never above its nominal error, often well below.
    pub p_value: f64,
    /// Mid-p two-sided p-value: closer to the nominal error, which it can exceed slightly.
    pub p_mid: f64,
}

/// Tests whether two systems get the same share of examples right, given which each gets right.
///
/// Only discordant examples say anything: under the null hypothesis each is as likely to favour either system, so the
/// smaller discordant count is Binomial(b + c, 1/2). Exact p = min(1, 2 P(X <= min(b, c))); mid-p subtracts
/// P(X = min(b, c)). Without discordant examples p = 1.
///
/// McNemar, *Psychometrika* 12 (1947); mid-p as recommended by Fagerland, Lydersen and Laake, *BMC Medical Research
/// Methodology* 13:91 (2013).
///
/// # Errors
/// If there is no example or the lengths differ.
///
/// ```
/// let a = [true, true, true, true, true, true, false, true];
/// let b = [false, false, false, false, false, true, false, false];
/// let test = mergelab_stats::mcnemar(&a, &b)?;
/// assert_eq!((test.outcomes.only_a, test.outcomes.only_b), (6, 0));
/// assert!((test.p_value - 2.0 / 64.0).abs() < 1e-15);
/// # Ok::<(), mergelab_stats::StatsError>(())
/// ```
pub fn mcnemar(a: &[bool], b: &[bool]) -> Result<McNemar> {
    let outcomes = PairedOutcomes::new(a, b)?;
    let discordant = outcomes.discordant();
    let smaller = outcomes.only_a.min(outcomes.only_b);
    let null = Binomial::new(0.5, discordant).map_err(|_| StatsError::OutOfRange {
        name: "discordant examples",
        value: discordant as f64,
        expected: "a count",
    })?;
    let tail = null.cdf(smaller);
    Ok(McNemar {
        outcomes,
        difference: outcomes.difference(),
        p_value: (2.0 * tail).min(1.0),
        p_mid: (2.0 * tail - null.pmf(smaller)).clamp(0.0, 1.0),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn test(b: usize, c: usize, both: usize) -> McNemar {
        let system_a = [vec![true; b], vec![false; c], vec![true; both]].concat();
        let system_b = [vec![false; b], vec![true; c], vec![true; both]].concat();
        mcnemar(&system_a, &system_b).unwrap()
    }

    #[test]
    fn no_discordant_examples_means_no_evidence() {
        let result = test(0, 0, 5);
        assert_eq!((result.p_value, result.p_mid), (1.0, 1.0));
    }

    // Sums of binomial coefficients by hand; statrs goes through the incomplete beta function, good to about 1e-14.
    #[test]
    fn small_tables_by_hand() {
        assert!((test(5, 1, 0).p_value - 14.0 / 64.0).abs() < 1e-13);
        assert!((test(5, 1, 0).p_mid - 8.0 / 64.0).abs() < 1e-13);
        assert!((test(3, 3, 2).p_value - 1.0).abs() < 1e-13);
        assert!((test(3, 3, 2).p_mid - 1.0).abs() < 1e-13);
    }

    #[test]
    fn agreement_does_not_matter() {
        assert_eq!(test(9, 3, 0).p_value, test(9, 3, 500).p_value);
    }

    #[test]
    fn refuses_unpaired_input() {
        assert!(matches!(mcnemar(&[], &[]), Err(StatsError::Empty { .. })));
        assert!(matches!(
            mcnemar(&[true], &[]),
            Err(StatsError::Length { .. })
        ));
    }
}
