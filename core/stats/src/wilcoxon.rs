//! Wilcoxon's signed-rank test, with its conventions named.
//!
//! Implementations disagree on zero differences, on ties and on when to use the normal approximation, and their
//! p-values with them. Every result therefore carries the scheme that gave it.

use std::fmt;

use serde::Serialize;

use crate::distribution::normal_sf;
use crate::error::{Result, StatsError, require_examples};

/// What becomes of differences that are zero.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Zeros {
    /// Dropped before ranking (Wilcoxon 1945); R's rule, scipy's `zero_method="wilcox"`.
    #[default]
    Drop,
    /// Ranked, then their ranks dropped (Pratt 1959); scipy's `"pratt"`.
    Pratt,
    /// Ranked, and their ranks shared equally between both sides; scipy's `"zsplit"`.
    Split,
}

/// Which null distribution gives the p-value.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Null {
    /// [`Null::Exact`] up to 50 differences, else [`Null::Normal`].
    #[default]
    Auto,
    /// All sign patterns of the ranks at hand, ties included; up to 200 differences.
    Exact,
    /// The normal approximation with the correction for ties (Cureton 1967 for Pratt's zeros).
    Normal,
    /// [`Null::Normal`] with the statistic moved half a rank towards its mean; R's `correct = TRUE`.
    NormalContinuity,
}

/// Differences up to which [`Null::Auto`] is exact.
const AUTO_EXACT: usize = 50;
/// Differences up to which [`Null::Exact`] is offered: the work grows with the cube.
const MOST_EXACT: usize = 200;

/// The conventions of one signed-rank test.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
pub struct WilcoxonScheme {
    /// What becomes of zeros.
    pub zeros: Zeros,
    /// The null distribution. In a result never [`Null::Auto`], but what it chose.
    pub null: Null,
}

impl fmt::Display for WilcoxonScheme {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let zeros = match self.zeros {
            Zeros::Drop => "drop",
            Zeros::Pratt => "pratt",
            Zeros::Split => "split",
        };
        let null = match self.null {
            Null::Auto => "auto",
            Null::Exact => "exact",
            Null::Normal => "normal",
            Null::NormalContinuity => "normal_continuity",
        };
        write!(f, "wilcoxon({zeros},{null})")
    }
}

/// The outcome of a signed-rank test.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Wilcoxon {
    /// Sum of the ranks of positive differences.
    pub rank_sum_positive: f64,
    /// Sum of the ranks of negative differences.
    pub rank_sum_negative: f64,
    /// Two-sided p-value.
    pub p_value: f64,
    /// Differences that are not zero.
    pub nonzero: usize,
    /// The conventions that gave the p-value.
    pub scheme: WilcoxonScheme,
}

impl Wilcoxon {
    /// The statistic W of most tables: the smaller rank sum.
    pub fn statistic(&self) -> f64 {
        self.rank_sum_positive.min(self.rank_sum_negative)
    }
}

/// Tests whether paired differences `d` are symmetric about zero, by the ranks of their sizes.
///
/// Ties share their average rank. If all differences are zero p = 1. Wilcoxon, *Biometrics Bulletin* 1 (1945).
///
/// # Errors
/// If `d` is empty or not finite, or [`Null::Exact`] is asked for with more than 200 differences that are not zero.
///
/// ```
/// use mergelab_stats::{WilcoxonScheme, wilcoxon};
///
/// let test = wilcoxon(&[1.5, 2.0, -0.5, 3.0, 2.5], WilcoxonScheme::default())?;
/// assert_eq!(test.p_value, 4.0 / 32.0);
/// assert_eq!(test.scheme.to_string(), "wilcoxon(drop,exact)");
/// # Ok::<(), mergelab_stats::StatsError>(())
/// ```
pub fn wilcoxon(d: &[f64], scheme: WilcoxonScheme) -> Result<Wilcoxon> {
    require_examples("paired differences", d, 1)?;
    let ranks = SignedRanks::new(d, scheme.zeros);
    let nonzero = ranks.nonzero.len();
    let null = match scheme.null {
        Null::Auto if nonzero <= AUTO_EXACT => Null::Exact,
        Null::Auto => Null::Normal,
        chosen => chosen,
    };
    if null == Null::Exact && nonzero > MOST_EXACT {
        return Err(StatsError::OutOfRange {
            name: "number of differences for the exact signed-rank test",
            value: nonzero as f64,
            expected: "at most 200: use the normal approximation",
        });
    }
    let p_value = match null {
        _ if nonzero == 0 => 1.0,
        Null::Exact => ranks.exact_p(),
        Null::NormalContinuity => ranks.normal_p(0.5),
        _ => ranks.normal_p(0.0),
    };
    let shared = ranks.zero_rank_sum / 2.0;
    Ok(Wilcoxon {
        rank_sum_positive: ranks.positive + shared,
        rank_sum_negative: ranks.negative + shared,
        p_value,
        nonzero,
        scheme: WilcoxonScheme {
            zeros: scheme.zeros,
            null,
        },
    })
}

/// Ranks of the absolute differences.
struct SignedRanks {
    /// Average ranks of the differences that are not zero.
    nonzero: Vec<f64>,
    /// Sum of ranks of positive differences.
    positive: f64,
    /// Sum of ranks of negative differences.
    negative: f64,
    /// Sum of the ranks that zeros share out between both sides; 0 unless the zeros are split.
    zero_rank_sum: f64,
    /// The variance of the positive rank sum in the normal approximation.
    variance: f64,
}

impl SignedRanks {
    fn new(d: &[f64], zeros: Zeros) -> Self {
        let mut sorted: Vec<f64> = match zeros {
            Zeros::Drop => d.iter().copied().filter(|&d| d != 0.0).collect(),
            Zeros::Pratt | Zeros::Split => d.to_vec(),
        };
        sorted.sort_by(|a, b| a.abs().total_cmp(&b.abs()));
        let count = sorted.len() as f64;
        let mut ranks = Self {
            nonzero: Vec::with_capacity(sorted.len()),
            positive: 0.0,
            negative: 0.0,
            zero_rank_sum: 0.0,
            variance: count * (count + 1.0) * (2.0 * count + 1.0) / 24.0,
        };
        let mut start = 0;
        for tied in sorted.chunk_by(|a, b| a.abs() == b.abs()) {
            let size = tied.len() as f64;
            let rank = start as f64 + (size + 1.0) / 2.0;
            start += tied.len();
            if tied[0] == 0.0 {
                match zeros {
                    Zeros::Split => {
                        ranks.zero_rank_sum = rank * size;
                        ranks.variance -= (size * size * size - size) / 48.0;
                    }
                    _ => ranks.variance -= size * (size + 1.0) * (2.0 * size + 1.0) / 24.0,
                }
                continue;
            }
            ranks.variance -= (size * size * size - size) / 48.0;
            for difference in tied {
                ranks.nonzero.push(rank);
                if *difference > 0.0 {
                    ranks.positive += rank;
                } else {
                    ranks.negative += rank;
                }
            }
        }
        ranks
    }

    /// The share of sign patterns whose rank sums are at least as uneven as observed.
    ///
    /// Average ranks are multiples of one half, so twice a rank sum is a whole number and its distribution can be built
    /// one rank at a time.
    fn exact_p(&self) -> f64 {
        let doubled: Vec<usize> = self.nonzero.iter().map(|r| (2.0 * r) as usize).collect();
        let total: usize = doubled.iter().sum();
        let mut probability = vec![0.0; total + 1];
        probability[0] = 1.0;
        let mut reached = 0;
        for rank in doubled {
            reached += rank;
            for sum in (0..=reached).rev() {
                let with = if sum >= rank {
                    probability[sum - rank]
                } else {
                    0.0
                };
                probability[sum] = (probability[sum] + with) / 2.0;
            }
        }
        let smaller = (2.0 * self.positive.min(self.negative)) as usize;
        let tail: f64 = probability[..=smaller].iter().sum();
        (2.0 * tail).min(1.0)
    }

    fn normal_p(&self, continuity: f64) -> f64 {
        let distance = (self.positive - self.negative).abs() / 2.0;
        let z = (distance - continuity).max(0.0) / self.variance.sqrt();
        (2.0 * normal_sf(z)).min(1.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn p(d: &[f64], zeros: Zeros, null: Null) -> f64 {
        wilcoxon(d, WilcoxonScheme { zeros, null }).unwrap().p_value
    }

    #[test]
    fn exact_p_by_hand() {
        // W- = 2 of ranks 1..4: subsets with sum <= 2 are {}, {1}, {2}.
        let d = [1.0, -2.0, 3.0, 4.0];
        assert_eq!(p(&d, Zeros::Drop, Null::Exact), 6.0 / 16.0);
    }

    #[test]
    fn zeros_only_is_no_evidence() {
        for zeros in [Zeros::Drop, Zeros::Pratt, Zeros::Split] {
            for null in [
                Null::Auto,
                Null::Exact,
                Null::Normal,
                Null::NormalContinuity,
            ] {
                assert_eq!(p(&[0.0, 0.0], zeros, null), 1.0);
            }
        }
    }

    #[test]
    fn auto_names_what_it_chose() {
        let scheme = |n: u32| {
            let d: Vec<f64> = (1..=n).map(f64::from).collect();
            wilcoxon(&d, WilcoxonScheme::default()).unwrap().scheme
        };
        assert_eq!(scheme(50).null, Null::Exact);
        assert_eq!(scheme(51).to_string(), "wilcoxon(drop,normal)");
    }

    #[test]
    fn refuses_bad_input() {
        let scheme = WilcoxonScheme {
            zeros: Zeros::Drop,
            null: Null::Exact,
        };
        assert!(wilcoxon(&[], scheme).is_err());
        assert!(wilcoxon(&[f64::NAN], scheme).is_err());
        assert!(wilcoxon(&[1.0; 201], scheme).is_err());
    }
}
