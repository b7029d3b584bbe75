//! Confidence intervals, and the two ways to read one off bootstrap draws.

use serde::Serialize;

use crate::distribution::{normal_cdf, normal_quantile};
use crate::error::{Result, StatsError, require_finite, require_fraction};

/// How an interval was computed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum IntervalMethod {
    /// Quantiles of bootstrap draws.
    Percentile,
    /// Quantiles of bootstrap draws, corrected for bias and acceleration.
    Bca,
    /// Student's t on the mean.
    StudentT,
    /// Wilson's score interval of one proportion.
    Wilson,
    /// Newcombe's square-and-add interval of a paired difference of proportions.
    Newcombe,
    /// Tango's score interval of a paired difference of proportions.
    Tango,
}

impl IntervalMethod {
    /// The name used in tables.
    pub fn name(self) -> &'static str {
        match self {
            Self::Percentile => "percentile",
            Self::Bca => "bca",
            Self::StudentT => "student_t",
            Self::Wilson => "wilson",
            Self::Newcombe => "newcombe",
            Self::Tango => "tango",
        }
    }
}

/// A two-sided confidence interval.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Interval {
    /// Lower end.
    pub low: f64,
    /// Upper end.
    pub high: f64,
    /// Nominal coverage, such as 0.95.
    pub level: f64,
    /// How it was computed.
    pub method: IntervalMethod,
}

impl Interval {
    /// Whether `value` lies in the interval, ends included.
    pub fn contains(&self, value: f64) -> bool {
        self.low <= value && value <= self.high
    }
}

/// The interval between the `(1 - level) / 2` and `(1 + level) / 2` quantiles of bootstrap draws.
///
/// Quantiles interpolate linearly between order statistics (type 7 of Hyndman and Fan, numpy's default). Efron and
/// Tibshirani, *An Introduction to the Bootstrap* (1993), section 13.3.
///
/// # Errors
/// If there are no draws, one is not finite, or `level` is not between 0 and 1.
pub fn percentile_interval(draws: &[f64], level: f64) -> Result<Interval> {
    let sorted = sorted(draws, level)?;
    Ok(Interval {
        low: quantile(&sorted, (1.0 - level) / 2.0),
        high: quantile(&sorted, (1.0 + level) / 2.0),
        level,
        method: IntervalMethod::Percentile,
    })
}

/// The bias-corrected and accelerated interval of bootstrap draws.
///
/// `observed` is the estimate on the data themselves and `jackknife` the estimates with one example (or cluster) left
/// out. The bias z0 comes from the share of draws below `observed`, ties counted half; the acceleration from the
/// skewness of the jackknife. If every draw lies on one side of `observed`, z0 is infinite: the percentile interval is
/// returned and its `method` says so. Efron and Tibshirani (1993), equations 14.10, 14.14 and 14.15.
///
/// # Errors
/// As [`percentile_interval`], and if the jackknife holds fewer than two values or one is not finite.
pub fn bca_interval(
    draws: &[f64],
    observed: f64,
    jackknife: &[f64],
    level: f64,
) -> Result<Interval> {
    if jackknife.len() < 2 {
        return Err(StatsError::TooFew {
            what: "the BCa interval",
            needed: 2,
            unit: "units to leave out",
            found: jackknife.len(),
        });
    }
    require_finite("jackknife estimates", jackknife)?;
    require_finite("estimate", &[observed])?;
    let sorted = sorted(draws, level)?;
    let below = sorted.partition_point(|&draw| draw < observed);
    let not_above = sorted.partition_point(|&draw| draw <= observed);
    let share = (below + not_above) as f64 / (2 * sorted.len()) as f64;
    if share <= 0.0 || share >= 1.0 {
        return percentile_interval(draws, level);
    }
    let bias = normal_quantile(share);
    let acceleration = acceleration(jackknife);
    let adjusted = |probability: f64| {
        let shifted = bias + normal_quantile(probability);
        normal_cdf(bias + shifted / (1.0 - acceleration * shifted))
    };
    Ok(Interval {
        low: quantile(&sorted, adjusted((1.0 - level) / 2.0)),
        high: quantile(&sorted, adjusted((1.0 + level) / 2.0)),
        level,
        method: IntervalMethod::Bca,
    })
}

/// A sixth of the skewness of the jackknife influence values; 0 if all are equal.
fn acceleration(jackknife: &[f64]) -> f64 {
    let mean = jackknife.iter().sum::<f64>() / jackknife.len() as f64;
    let (mut squares, mut cubes) = (0.0, 0.0);
    for value in jackknife {
        let influence = mean - value;
        squares += influence * influence;
        cubes += influence * influence * influence;
    }
    if squares > 0.0 {
        cubes / (6.0 * squares.powf(1.5))
    } else {
        0.0
    }
}

fn sorted(draws: &[f64], level: f64) -> Result<Vec<f64>> {
    require_fraction("confidence level", level)?;
    if draws.is_empty() {
        return Err(StatsError::Empty {
            what: "list of bootstrap draws",
        });
    }
    require_finite("bootstrap draws", draws)?;
    let mut sorted = draws.to_vec();
    sorted.sort_by(f64::total_cmp);
    Ok(sorted)
}

/// Linear interpolation at position `probability * (length - 1)` of sorted values.
fn quantile(sorted: &[f64], probability: f64) -> f64 {
    let position = probability * (sorted.len() - 1) as f64;
    let below = position.floor() as usize;
    let above = (below + 1).min(sorted.len() - 1);
    sorted[below] + (sorted[above] - sorted[below]) * (position - below as f64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantiles_interpolate() {
        let draws = [4.0, 1.0, 2.0, 3.0, 5.0];
        let interval = percentile_interval(&draws, 0.9).unwrap();
        assert!((interval.low - 1.2).abs() < 1e-12);
        assert!((interval.high - 4.8).abs() < 1e-12);
        assert!(interval.contains(3.0) && !interval.contains(5.0));
    }

    #[test]
    fn without_bias_or_skewness_bca_is_percentile() {
        let draws: Vec<f64> = (-50..=50).map(f64::from).collect();
        let bca = bca_interval(&draws, 0.0, &[-1.0, 0.0, 1.0], 0.95).unwrap();
        let percentile = percentile_interval(&draws, 0.95).unwrap();
        assert_eq!(bca.method, IntervalMethod::Bca);
        assert!((bca.low - percentile.low).abs() < 1e-9);
        assert!((bca.high - percentile.high).abs() < 1e-9);
    }

    #[test]
    fn falls_back_and_says_so() {
        let interval = bca_interval(&[2.0, 3.0], 1.0, &[1.0, 2.0], 0.95).unwrap();
        assert_eq!(interval.method, IntervalMethod::Percentile);
        let constant = bca_interval(&[1.0; 4], 1.0, &[1.0; 3], 0.95).unwrap();
        assert_eq!((constant.low, constant.high), (1.0, 1.0));
    }

    #[test]
    fn refuses_bad_input() {
        assert!(percentile_interval(&[], 0.95).is_err());
        assert!(percentile_interval(&[f64::NAN], 0.95).is_err());
        assert!(percentile_interval(&[1.0], 1.0).is_err());
        assert!(percentile_interval(&[1.0], f64::NAN).is_err());
        assert!(bca_interval(&[1.0], 1.0, &[1.0], 0.95).is_err());
    }
}
