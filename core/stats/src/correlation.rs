//! Correlation of paired numbers, with bootstrap intervals.

use serde::Serialize;

use crate::error::{Result, StatsError, require_examples, require_fraction, require_resamples};
use crate::interval::{Interval, percentile_interval};
use crate::philox::{Philox, Purpose};

/// Fewest points that a bootstrap interval of a correlation is computed from. Of four points there
/// are 35 different resamples, and the interval is nearly always from -1 to 1.
pub const FEWEST_FOR_INTERVAL: usize = 5;

/// Which correlation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Correlation {
    /// Pearson's r: how well a line fits.
    Pearson,
    /// Spearman's rho: Pearson's r of the ranks, ties sharing the mean of theirs.
    Spearman,
}

impl Correlation {
    /// The name used in tables.
    pub fn name(self) -> &'static str {
        match self {
            Self::Pearson => "pearson",
            Self::Spearman => "spearman",
        }
    }

    /// The correlation of `x` and `y`, point by point.
    ///
    /// # Errors
    /// If the lengths differ, there are fewer than three points, one is not finite, or all `x` or all `y` are equal.
    ///
    /// ```
    /// use mergelab_stats::Correlation;
    ///
    /// let rho = Correlation::Spearman.of(&[1.0, 2.0, 3.0, 4.0], &[1.0, 8.0, 27.0, 64.0])?;
    /// assert!((rho - 1.0).abs() < 1e-12);
    /// # Ok::<(), mergelab_stats::StatsError>(())
    /// ```
    pub fn of(self, x: &[f64], y: &[f64]) -> Result<f64> {
        check(x, y)?;
        let found = match self {
            Self::Pearson => pearson(x, y),
            Self::Spearman => pearson(&ranks(x), &ranks(y)),
        };
        found.ok_or(StatsError::Undefined {
            what: "the correlation",
            why: "all values of one of both are equal",
        })
    }

    /// Percentile bootstrap interval of the correlation: points are drawn with replacement. Draws in
    /// which all values of one of both are equal have no correlation and are left out.
    ///
    /// Efron and Tibshirani, *An Introduction to the Bootstrap* (1993), section 6.5.
    ///
    /// # Errors
    /// As [`Correlation::of`], with fewer than [`FEWEST_FOR_INTERVAL`] points, no resamples, or a level that is not
    /// between 0 and 1.
    pub fn interval(
        self,
        x: &[f64],
        y: &[f64],
        resamples: usize,
        seed: u64,
        level: f64,
    ) -> Result<Interval> {
        self.of(x, y)?;
        require_resamples(resamples)?;
        require_fraction("confidence level", level)?;
        if x.len() < FEWEST_FOR_INTERVAL {
            return Err(StatsError::TooFew {
                what: "the interval of a correlation",
                needed: FEWEST_FOR_INTERVAL,
                unit: "points",
                found: x.len(),
            });
        }
        let points = x.len() as u32;
        let draws: Vec<f64> = (0..resamples as u64)
            .filter_map(|resample| {
                let mut random = Philox::new(seed, Purpose::Bootstrap, resample);
                let drawn: Vec<usize> = x.iter().map(|_| random.below(points) as usize).collect();
                let pick = |of: &[f64]| drawn.iter().map(|&at| of[at]).collect::<Vec<f64>>();
                let (x, y) = (pick(x), pick(y));
                match self {
                    Self::Pearson => pearson(&x, &y),
                    Self::Spearman => pearson(&ranks(&x), &ranks(&y)),
                }
            })
            .collect();
        percentile_interval(&draws, level)
    }
}

fn check(x: &[f64], y: &[f64]) -> Result<()> {
    if x.len() != y.len() {
        return Err(StatsError::Length {
            left: "x",
            left_length: x.len(),
            right: "y",
            right_length: y.len(),
        });
    }
    require_examples("the correlation", x, 3)?;
    require_examples("the correlation", y, 3)
}

/// None where one of both does not vary.
fn pearson(x: &[f64], y: &[f64]) -> Option<f64> {
    let mean = |values: &[f64]| values.iter().sum::<f64>() / values.len() as f64;
    let (mean_x, mean_y) = (mean(x), mean(y));
    let (mut xx, mut yy, mut xy) = (0.0, 0.0, 0.0);
    for (x, y) in x.iter().zip(y) {
        let (x, y) = (x - mean_x, y - mean_y);
        xx += x * x;
        yy += y * y;
        xy += x * y;
    }
    let constant = |values: &[f64]| values.iter().all(|value| *value == values[0]);
    let norm = (xx * yy).sqrt();
    // The mean of equal values may differ from them in its last bit.
    (!constant(x) && !constant(y) && norm > 0.0).then(|| (xy / norm).clamp(-1.0, 1.0))
}

/// Ranks from 1, ties sharing the mean of theirs.
fn ranks(values: &[f64]) -> Vec<f64> {
    let mut order: Vec<usize> = (0..values.len()).collect();
    order.sort_by(|a, b| values[*a].total_cmp(&values[*b]));
    let mut ranks = vec![0.0; values.len()];
    for tied in order.chunk_by(|a, b| values[*a] == values[*b]) {
        let first = ranks_before(values, values[tied[0]]);
        let rank = first as f64 + (tied.len() as f64 + 1.0) / 2.0;
        for &at in tied {
            ranks[at] = rank;
        }
    }
    ranks
}

fn ranks_before(values: &[f64], value: f64) -> usize {
    values.iter().filter(|other| **other < value).count()
}

#[cfg(test)]
mod tests {
    use super::*;

    const X: [f64; 6] = [0.1, 0.4, 0.2, 0.8, 0.5, 0.4];
    const Y: [f64; 6] = [1.0, 3.0, 2.5, 4.0, 3.0, 2.0];

    // By hand: sums of squares 0.3 and 125/24, of products 1.1; of the ranks 17, 17 and 14.75.
    const R: f64 = 0.88;
    const RHO: f64 = 59.0 / 68.0;

    #[test]
    fn correlations_by_hand() {
        let r = Correlation::Pearson.of(&X, &Y).unwrap();
        let rho = Correlation::Spearman.of(&X, &Y).unwrap();
        assert!((r - R).abs() < 1e-12, "{r}");
        assert!((rho - RHO).abs() < 1e-12, "{rho}");
    }

    #[test]
    fn ties_share_their_ranks() {
        assert_eq!(ranks(&X), [1.0, 3.5, 2.0, 6.0, 5.0, 3.5]);
        assert_eq!(ranks(&[2.0, 2.0, 2.0]), [2.0; 3]);
    }

    #[test]
    fn an_interval_holds_the_correlation_and_follows_from_the_seed() {
        let with = |seed| {
            Correlation::Pearson
                .interval(&X, &Y, 2_000, seed, 0.95)
                .unwrap()
        };
        let interval = with(3);
        assert!(interval.contains(R) && interval.low > -1.0 && interval.high <= 1.0);
        assert_eq!(interval, with(3));
        assert_ne!(interval, with(4));
        let narrow = Correlation::Pearson
            .interval(&X, &Y, 2_000, 3, 0.5)
            .unwrap();
        assert!(narrow.low > interval.low && narrow.high < interval.high);
    }

    #[test]
    fn refuses_what_has_no_correlation() {
        let pearson = Correlation::Pearson;
        assert!(pearson.of(&X[..2], &Y[..2]).is_err());
        assert!(pearson.of(&X, &Y[..5]).is_err());
        let flat = pearson.of(&[0.1; 6], &Y);
        assert!(matches!(flat, Err(StatsError::Undefined { .. })));
        assert!(pearson.of(&X[..4], &Y[..4]).is_ok());
        let few = pearson.interval(&X[..4], &Y[..4], 100, 0, 0.95);
        assert!(matches!(few, Err(StatsError::TooFew { found: 4, .. })));
    }
}
