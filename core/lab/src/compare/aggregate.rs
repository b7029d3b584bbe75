//! Metric plugins as functions of summed statistics.

use std::sync::Arc;

use mergelab_abi::metric::Metric;
use mergelab_stats::{Aggregate, AggregateError};
use serde_json::{Map, Value};

/// Why a metric could not be set up.
pub type SourceError = Box<dyn std::error::Error + Send + Sync>;

/// Where live metrics come from.
///
/// Called only for measures of the shape `corpus`: means need no plugin.
pub trait MetricSource: Sync {
    /// A metric set up as it was when the scores were made.
    ///
    /// # Errors
    /// An unknown metric, or parameters that it refuses.
    fn metric(
        &self,
        metric: &str,
        params: &Map<String, Value>,
        language: &str,
        labels: &[String],
    ) -> Result<Arc<dyn Metric>, SourceError>;
}

/// A metric as the statistics crate wants it.
pub(super) type Shared = Arc<dyn Aggregate + Send + Sync>;

/// One measure of a metric plugin.
pub(super) struct PluginMeasure {
    pub(super) metric: Arc<dyn Metric>,
    pub(super) measure: usize,
}

impl Aggregate for PluginMeasure {
    fn values(&self, sums: &[f64], counts: &[f64], out: &mut [f64]) -> Result<(), AggregateError> {
        let Some(&first) = counts.first() else {
            return Ok(());
        };
        if counts.iter().all(|&count| count == first) {
            let values = self.call(sums, first, counts.len())?;
            out.copy_from_slice(&values);
            return Ok(());
        }
        // A call across the boundary serves one number of examples, so rows that share it go
        // together.
        let width = sums.len() / counts.len();
        let mut order: Vec<usize> = (0..counts.len()).collect();
        order.sort_by(|&a, &b| counts[a].total_cmp(&counts[b]));
        for rows in order.chunk_by(|&a, &b| counts[a] == counts[b]) {
            let gathered: Vec<f64> = rows
                .iter()
                .flat_map(|&row| &sums[row * width..(row + 1) * width])
                .copied()
                .collect();
            let values = self.call(&gathered, counts[rows[0]], rows.len())?;
            for (&row, value) in rows.iter().zip(values) {
                out[row] = value;
            }
        }
        Ok(())
    }
}

impl PluginMeasure {
    fn call(&self, sums: &[f64], n: f64, rows: usize) -> Result<Vec<f64>, AggregateError> {
        let values = self.metric.aggregate(self.measure, sums, n)?;
        if values.len() == rows {
            Ok(values)
        } else {
            Err(format!("the metric gave {} values for {rows} rows", values.len()).into())
        }
    }
}

/// The unweighted mean of a metric over languages.
///
/// A row holds, for each language, the sums of its statistics and then its number of examples,
/// which may differ from resample to resample.
pub(super) struct MacroAverage {
    /// Width of the statistics and the metric of each language.
    pub(super) languages: Vec<(usize, Shared)>,
}

impl Aggregate for MacroAverage {
    fn values(&self, sums: &[f64], counts: &[f64], out: &mut [f64]) -> Result<(), AggregateError> {
        let stride = sums.len() / counts.len().max(1);
        out.fill(0.0);
        let mut offset = 0;
        for (width, metric) in &self.languages {
            let mut rows = Vec::with_capacity(counts.len());
            let mut gathered = Vec::with_capacity(counts.len() * width);
            let mut examples = Vec::with_capacity(counts.len());
            for row in 0..counts.len() {
                let block = &sums[row * stride + offset..][..width + 1];
                // A resample without any example of a language has no macro average.
                if block[*width] > 0.0 {
                    rows.push(row);
                    gathered.extend_from_slice(&block[..*width]);
                    examples.push(block[*width]);
                } else {
                    out[row] = f64::NAN;
                }
            }
            let mut values = vec![f64::NAN; rows.len()];
            metric.values(&gathered, &examples, &mut values)?;
            for (row, value) in rows.into_iter().zip(values) {
                out[row] += value / self.languages.len() as f64;
            }
            offset += width + 1;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::compare::fixture::MacroF1;
    use mergelab_stats::Mean;

    #[test]
    fn rows_with_different_counts_keep_their_order() {
        // Accuracy-like: the second measure of the fixture divides by the number of examples.
        let measure = PluginMeasure {
            metric: Arc::new(MacroF1 { classes: 1 }),
            measure: 1,
        };
        let mut out = [0.0; 4];
        measure
            .values(&[3.0, 4.0, 5.0, 6.0], &[6.0, 4.0, 10.0, 4.0], &mut out)
            .unwrap();
        assert_eq!(out, [0.5, 1.0, 0.5, 1.5]);
        measure
            .values(&[3.0, 4.0], &[2.0, 2.0], &mut out[..2])
            .unwrap();
        assert_eq!(out[..2], [1.5, 2.0]);
    }

    #[test]
    fn languages_weigh_the_same_whatever_their_size() {
        let metric = MacroAverage {
            languages: vec![(1, Arc::new(Mean)), (1, Arc::new(Mean))],
        };
        let mut out = [0.0; 2];
        let sums = [1.0, 1.0, 0.0, 99.0, 1.0, 2.0, 0.0, 0.0];
        metric.values(&sums, &[1.0; 2], &mut out).unwrap();
        assert_eq!(out[0], 0.5);
        assert!(out[1].is_nan());
    }
}
