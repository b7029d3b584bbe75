//! From summed statistics to a metric's value.

use crate::error::{AggregateError, Result, StatsError};

/// Resamples handed to an [`Aggregate`] in one call: enough to make the cost of a call across a plugin's boundary
/// disappear, few enough for the rows to stay in the cache.
pub(crate) const BATCH: usize = 256;

/// A metric as a function of summed statistics.
///
/// Implementations are called from many threads at once, each time with up to a few hundred rows.
pub trait Aggregate: Sync {
    /// Computes one value for each row.
    ///
    /// `sums` holds `counts.len()` rows, one after the other, each as wide as the [`Statistics`](crate::Statistics) it
    /// was summed from; `counts[r]` is the number of examples behind row `r`. It differs between rows only when
    /// clusters of different sizes are resampled. Write the value of row `r` to `out[r]`, NaN where the metric has
    /// none.
    ///
    /// # Errors
    /// Whatever keeps the metric from computing at all, for instance a plugin that failed.
    fn values(
        &self,
        sums: &[f64],
        counts: &[f64],
        out: &mut [f64],
    ) -> std::result::Result<(), AggregateError>;
}

/// The mean of the first statistic over examples: accuracy, exact match, mean ROUGE.
#[derive(Debug, Clone, Copy, Default)]
pub struct Mean;

impl Aggregate for Mean {
    fn values(
        &self,
        sums: &[f64],
        counts: &[f64],
        out: &mut [f64],
    ) -> std::result::Result<(), AggregateError> {
        let width = sums.len() / counts.len().max(1);
        for ((value, row), count) in out.iter_mut().zip(sums.chunks(width.max(1))).zip(counts) {
            *value = row[0] / count;
        }
        Ok(())
    }
}

/// A closure that computes one row's value from its sums and its number of examples.
///
/// ```
/// use mergelab_stats::{EachRow, Statistics, value};
///
/// // Precision: column 0 counts hits, column 1 counts predictions.
/// let precision = EachRow(|sums: &[f64], _examples: f64| sums[0] / sums[1]);
/// let statistics = Statistics::new(vec![1.0, 2.0, 2.0, 2.0], 2)?;
/// assert_eq!(value(&statistics, &precision)?, 0.75);
/// # Ok::<(), mergelab_stats::StatsError>(())
/// ```
#[derive(Debug, Clone, Copy)]
pub struct EachRow<F>(pub F);

impl<F: Fn(&[f64], f64) -> f64 + Sync> Aggregate for EachRow<F> {
    fn values(
        &self,
        sums: &[f64],
        counts: &[f64],
        out: &mut [f64],
    ) -> std::result::Result<(), AggregateError> {
        let width = (sums.len() / counts.len().max(1)).max(1);
        for ((value, row), &count) in out.iter_mut().zip(sums.chunks(width)).zip(counts) {
            *value = (self.0)(row, count);
        }
        Ok(())
    }
}

/// A system's value on all its examples.
///
/// # Errors
/// If the metric fails or has no finite value.
pub fn value(statistics: &crate::Statistics, aggregate: &dyn Aggregate) -> Result<f64> {
    let counts = [statistics.examples() as f64];
    let values = evaluate(aggregate, &statistics.sums(), &counts)?;
    observed(&values)?;
    Ok(values[0])
}

/// The values of all rows.
pub(crate) fn evaluate(
    aggregate: &dyn Aggregate,
    sums: &[f64],
    counts: &[f64],
) -> Result<Vec<f64>> {
    let mut out = vec![f64::NAN; counts.len()];
    aggregate
        .values(sums, counts, &mut out)
        .map_err(StatsError::Aggregate)?;
    Ok(out)
}

/// Errors unless the metric has a value on the examples themselves.
pub(crate) fn observed(values: &[f64]) -> Result<()> {
    if values.iter().all(|value| value.is_finite()) {
        Ok(())
    } else {
        Err(StatsError::Undefined {
            what: "the metric",
            why: "it has no finite value on the examples scored",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Statistics;

    #[test]
    fn mean_divides_by_the_count_of_each_row() {
        assert_eq!(
            evaluate(&Mean, &[3.0, 8.0], &[2.0, 4.0]).unwrap(),
            [1.5, 2.0]
        );
    }

    #[test]
    fn failures_and_undefined_values_are_errors() {
        struct Broken;
        impl Aggregate for Broken {
            fn values(
                &self,
                _: &[f64],
                _: &[f64],
                _: &mut [f64],
            ) -> std::result::Result<(), AggregateError> {
                Err("the plugin panicked".into())
            }
        }
        let statistics = Statistics::from_values(vec![1.0]).unwrap();
        assert!(matches!(
            value(&statistics, &Broken),
            Err(StatsError::Aggregate(_))
        ));
        let undefined = EachRow(|_: &[f64], _| f64::NAN);
        assert!(matches!(
            value(&statistics, &undefined),
            Err(StatsError::Undefined { .. })
        ));
    }
}
