//! The bootstrap: how far would a value move on another test set of the same kind?

use rayon::prelude::*;
use serde::Serialize;

use crate::aggregate::{Aggregate, BATCH, evaluate, observed};
use crate::error::{Result, StatsError, require_fraction, require_resamples};
use crate::interval::{Interval, bca_interval, percentile_interval};
use crate::resample::Resampler;
use crate::statistics::{Statistics, Units};

/// Share of resamples that may leave the metric without a value before the bootstrap is refused.
const MOST_UNDEFINED: f64 = 0.05;

/// Bytes of sums that are computed before the metric reads them.
const BATCH_BYTES: usize = 1 << 19;

/// How to read an interval off the draws.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum BootstrapInterval {
    /// Quantiles of the draws.
    #[default]
    Percentile,
    /// Bias-corrected and accelerated; costs one more aggregation an example.
    Bca,
}

/// What a bootstrap is asked to do.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct BootstrapOptions {
    /// How many resamples to draw.
    pub resamples: usize,
    /// Seed of the draws. The same seed resamples the same examples for every metric and pair of systems.
    pub seed: u64,
    /// Coverage of the interval.
    pub level: f64,
    /// How to compute the interval.
    pub interval: BootstrapInterval,
}

impl Default for BootstrapOptions {
    /// 10,000 resamples, seed 0, a 95% percentile interval.
    fn default() -> Self {
        Self {
            resamples: 10_000,
            seed: 0,
            level: 0.95,
            interval: BootstrapInterval::Percentile,
        }
    }
}

/// A value, or a difference of two, with its bootstrap distribution.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Bootstrap {
    /// The value on the examples themselves.
    pub estimate: f64,
    /// Its confidence interval.
    pub interval: Interval,
    /// Standard deviation of the draws.
    pub standard_error: f64,
    /// Resamples drawn.
    pub resamples: usize,
    /// Resamples on which the metric had no value. They are left out of everything else.
    pub undefined: usize,
    /// Examples, or clusters, resampled as wholes.
    pub units: usize,
    /// Seed of the draws.
    pub seed: u64,
    /// The value on each resample that has one, in the order drawn.
    #[serde(skip)]
    pub draws: Vec<f64>,
    /// The value with each unit left out in turn. Empty unless a BCa interval was asked for, which needs it.
    #[serde(skip)]
    pub jackknife: Vec<f64>,
}

impl Bootstrap {
    /// Two-sided p-value that the estimate is 0, by shifting the draws to that hypothesis.
    ///
    /// `(1 + #{|draw - estimate| >= |estimate|}) / (draws + 1)`. More liberal than
    /// [`approximate_randomisation`](crate::approximate_randomisation), which is to be preferred (Riezler and Maxwell
    /// 2005). Berg-Kirkpatrick, Burkett and Klein, "An empirical investigation of statistical significance in NLP"
    /// (EMNLP 2012), made two-sided.
    pub fn p_shift(&self) -> f64 {
        let threshold = self.estimate.abs() * (1.0 - crate::randomisation::TIE);
        let extreme = self
            .draws
            .iter()
            .filter(|&draw| (draw - self.estimate).abs() >= threshold)
            .count();
        (1 + extreme) as f64 / (self.draws.len() + 1) as f64
    }
}

/// Bootstrap interval of one system's value.
///
/// Examples, or clusters if given, are drawn with replacement; the metric is recomputed from the sums of each draw.
///
/// # Errors
/// If an option is out of range, there are fewer than two units, the metric fails, or it has no value on the examples
/// or on more than one in twenty resamples.
pub fn bootstrap(
    statistics: &Statistics,
    aggregate: &dyn Aggregate,
    options: &BootstrapOptions,
) -> Result<Bootstrap> {
    run(
        &Units::new(&[statistics])?,
        aggregate,
        options,
        |_, values| values[0],
    )
}

/// Bootstrap interval of the difference between two systems' values, a minus b.
///
/// Every resample holds the same examples for both systems, so what makes an example hard cancels. Koehn, "Statistical
/// significance tests for machine translation evaluation" (EMNLP 2004), reads a confidence off the same draws.
///
/// # Errors
/// As [`bootstrap`], and if the systems are not paired.
///
/// ```
/// use mergelab_stats::{BootstrapOptions, Mean, Statistics, paired_bootstrap};
///
/// let a = Statistics::from_values(vec![0.9, 0.8, 0.7, 0.9, 0.8, 0.6])?;
/// let b = Statistics::from_values(vec![0.5, 0.6, 0.6, 0.4, 0.7, 0.5])?;
/// let result = paired_bootstrap(&a, &b, &Mean, &BootstrapOptions::default())?;
/// assert!(result.interval.low > 0.0 && result.interval.contains(result.estimate));
/// # Ok::<(), mergelab_stats::StatsError>(())
/// ```
pub fn paired_bootstrap(
    a: &Statistics,
    b: &Statistics,
    aggregate: &dyn Aggregate,
    options: &BootstrapOptions,
) -> Result<Bootstrap> {
    run(&Units::new(&[a, b])?, aggregate, options, |_, values| {
        values[0] - values[1]
    })
}

/// Draws resamples of `units` and reads `contrast(resample, values of the systems)` off each. The resample is `None`
/// where the units are as they were observed, or one of them is left out.
pub(crate) fn run(
    units: &Units,
    aggregate: &dyn Aggregate,
    options: &BootstrapOptions,
    contrast: impl Fn(Option<usize>, &[f64]) -> f64 + Sync,
) -> Result<Bootstrap> {
    let resampler = Resampler::new(units, options.seed);
    let fill = |first: usize, sums: &mut [f64]| resampler.fill(first, sums);
    run_with(units, aggregate, options, &fill, contrast)
}

/// As [`run`], with resamples whose sums `fill(first resample, sums)` writes.
pub(crate) fn run_with(
    units: &Units,
    aggregate: &dyn Aggregate,
    options: &BootstrapOptions,
    fill: &(impl Fn(usize, &mut [f64]) -> Vec<f64> + Sync),
    contrast: impl Fn(Option<usize>, &[f64]) -> f64 + Sync,
) -> Result<Bootstrap> {
    require_resamples(options.resamples)?;
    require_fraction("confidence level", options.level)?;
    if units.len() < 2 {
        return Err(StatsError::TooFew {
            what: "the bootstrap",
            needed: 2,
            unit: "examples or clusters",
            found: units.len(),
        });
    }
    let (totals, examples) = units.totals();
    let values = evaluate(aggregate, &totals, &vec![examples; units.systems()])?;
    observed(&values)?;
    let estimate = contrast(None, &values);

    let drawn = rows(
        units,
        aggregate,
        options.resamples,
        fill,
        &|resample, values, draws| draws.push(contrast(Some(resample), values)),
    )?;
    let draws: Vec<f64> = drawn.into_iter().filter(|draw| draw.is_finite()).collect();
    let undefined = options.resamples - draws.len();
    refuse_undefined(undefined, options.resamples)?;
    let mut jackknife = Vec::new();
    let interval = match options.interval {
        BootstrapInterval::Percentile => percentile_interval(&draws, options.level)?,
        BootstrapInterval::Bca => {
            jackknife = leave_one_out(units, aggregate, &|values, out| {
                out.push(contrast(None, values));
            })?;
            if jackknife.iter().any(|value| !value.is_finite()) {
                return Err(StatsError::Undefined {
                    what: "the BCa interval",
                    why: "the metric has no value with one example left out",
                });
            }
            bca_interval(&draws, estimate, &jackknife, options.level)?
        }
    };
    Ok(Bootstrap {
        estimate,
        interval,
        standard_error: standard_deviation(&draws),
        resamples: options.resamples,
        undefined,
        units: units.len(),
        seed: options.seed,
        draws,
        jackknife,
    })
}

/// Errors if so many resamples have no value that those left would mislead.
pub(crate) fn refuse_undefined(undefined: usize, resamples: usize) -> Result<()> {
    if undefined as f64 > MOST_UNDEFINED * resamples as f64 {
        return Err(StatsError::UndefinedResamples {
            undefined,
            resamples,
        });
    }
    Ok(())
}

/// What `read` takes from the systems' values with each unit left out in turn.
pub(crate) fn leave_one_out(
    units: &Units,
    aggregate: &dyn Aggregate,
    read: &(impl Fn(&[f64], &mut Vec<f64>) + Sync),
) -> Result<Vec<f64>> {
    let (totals, examples) = units.totals();
    rows(
        units,
        aggregate,
        units.len(),
        &|first, sums: &mut [f64]| {
            (first..)
                .zip(sums.chunks_exact_mut(totals.len()))
                .map(|(unit, sums)| {
                    for ((sum, total), value) in sums.iter_mut().zip(&totals).zip(units.row(unit)) {
                        *sum = total - value;
                    }
                    examples - units.sizes()[unit]
                })
                .collect()
        },
        &|_, values, out| read(values, out),
    )
}

/// What `read(row, values of the systems, out)` takes from `count` rows of sums, in parallel batches.
/// `fill(first row, sums)` writes the sums of a batch and returns how many examples are behind each row.
pub(crate) fn rows(
    units: &Units,
    aggregate: &dyn Aggregate,
    count: usize,
    fill: &(impl Fn(usize, &mut [f64]) -> Vec<f64> + Sync),
    read: &(impl Fn(usize, &[f64], &mut Vec<f64>) + Sync),
) -> Result<Vec<f64>> {
    let (width, systems) = (units.width(), units.systems());
    let size = batch(width * systems);
    let batches: Vec<Vec<f64>> = (0..count.div_ceil(size))
        .into_par_iter()
        .map(|number| {
            let first = number * size;
            let rows = size.min(count - first);
            let mut sums = vec![0.0; rows * systems * width];
            let counts: Vec<f64> = fill(first, &mut sums)
                .into_iter()
                .flat_map(|examples| std::iter::repeat_n(examples, systems))
                .collect();
            let values = evaluate(aggregate, &sums, &counts)?;
            let mut out = Vec::with_capacity(rows);
            for (values, row) in values.chunks_exact(systems).zip(first..) {
                read(row, values, &mut out);
            }
            Ok(out)
        })
        .collect::<Result<_>>()?;
    Ok(batches.concat())
}

/// How many rows of sums to compute at a time: as many as stay in the cache until the metric reads them.
fn batch(stride: usize) -> usize {
    (BATCH_BYTES / (size_of::<f64>() * stride.max(1))).clamp(16, BATCH)
}

/// With divisor n - 1; 0 for a single draw.
pub(crate) fn standard_deviation(draws: &[f64]) -> f64 {
    let n = draws.len() as f64;
    let mean = draws.iter().sum::<f64>() / n;
    let squares: f64 = draws.iter().map(|draw| (draw - mean).powi(2)).sum();
    if draws.len() > 1 {
        (squares / (n - 1.0)).sqrt()
    } else {
        0.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{EachRow, Mean};

    fn values(values: &[f64]) -> Statistics {
        Statistics::from_values(values.to_vec()).unwrap()
    }

    // The bootstrap variance of a mean is sum(e^2) / n^2; with 4,000 draws the sd has relative error 1.1%, 6% is five.
    #[test]
    fn standard_error_of_a_mean_is_known() {
        let data: Vec<f64> = (0..40).map(|i| f64::from(i * i % 23)).collect();
        let mean = data.iter().sum::<f64>() / 40.0;
        let expected = data.iter().map(|x| (x - mean).powi(2)).sum::<f64>().sqrt() / 40.0;
        let options = BootstrapOptions {
            resamples: 4000,
            ..Default::default()
        };
        let result = bootstrap(&values(&data), &Mean, &options).unwrap();
        assert!((result.estimate - mean).abs() < 1e-12);
        let ratio = result.standard_error / expected;
        assert!((ratio - 1.0).abs() < 0.06, "{ratio}");
        assert!(result.interval.contains(mean));
    }

    #[test]
    fn clusters_of_unequal_size_divide_by_the_examples_drawn() {
        // Every example scores 1, so every resample's mean must be exactly 1 whatever clusters it holds.
        let a = values(&[1.0; 6])
            .with_clusters(vec![0, 0, 0, 0, 1, 2])
            .unwrap();
        let result = bootstrap(&a, &Mean, &BootstrapOptions::default()).unwrap();
        assert_eq!((result.units, result.standard_error), (3, 0.0));
        assert_eq!((result.interval.low, result.interval.high), (1.0, 1.0));
    }

    #[test]
    fn rare_undefined_resamples_are_dropped_and_many_refused() {
        let recall = EachRow(|s: &[f64], _: f64| s[0] / s[1]);
        let rows = |with: usize, of: usize| {
            let rows = (0..of).flat_map(|i| if i < with { [1.0, 1.0] } else { [0.0, 0.0] });
            Statistics::new(rows.collect(), 2).unwrap()
        };
        let options = BootstrapOptions::default();
        // The share of resamples without any of 4 in 20 examples is 0.8^20 = 0.0115.
        let few = bootstrap(&rows(4, 20), &recall, &options).unwrap();
        assert!(few.undefined > 0 && few.draws.len() + few.undefined == 10_000);
        // Of 1 in 20 it is 0.95^20 = 0.36.
        assert!(matches!(
            bootstrap(&rows(1, 20), &recall, &options),
            Err(StatsError::UndefinedResamples { .. })
        ));
    }

    #[test]
    fn bad_options_are_errors() {
        let a = values(&[1.0, 2.0]);
        let with = |resamples, level| BootstrapOptions {
            resamples,
            level,
            ..Default::default()
        };
        assert!(bootstrap(&a, &Mean, &with(0, 0.95)).is_err());
        assert!(bootstrap(&a, &Mean, &with(10, 0.0)).is_err());
        assert!(bootstrap(&values(&[1.0]), &Mean, &with(10, 0.95)).is_err());
    }

    #[test]
    fn identical_systems_have_p_one() {
        let a = values(&[1.0, 0.0, 1.0]);
        let result = paired_bootstrap(&a, &a, &Mean, &BootstrapOptions::default()).unwrap();
        assert_eq!(result.p_shift(), 1.0);
    }
}
