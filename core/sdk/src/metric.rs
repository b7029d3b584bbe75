//! Metrics.

use crate::{Case, Error, Measure, Params, Result, Shape, params};
use mergelab_abi::metric::{Metric as AbiMetric, MetricSetup};
use mergelab_abi::suggest::hint;

/// What a metric knows beside its parameters.
#[derive(Debug, Clone)]
pub struct MetricContext {
    /// Language of the examples, as a BCP 47 code such as `de`.
    pub language: String,
    /// The label set that the dataset declares; empty where it declares none.
    pub labels: Vec<String>,
}

/// Turns predictions and references into values.
///
/// A metric gives each case a row of sufficient statistics. A measure's value is a function of
/// their sums: their mean (the default), or what [`aggregate`](Self::aggregate) makes of them.
pub trait Metric: Params {
    /// The metric's name in manifests and result tables.
    const ID: &'static str;

    /// Checks the parameters and the context together, once, before any case.
    ///
    /// # Errors
    /// What does not fit, such as a preset that does not exist for the language.
    fn check(&self, context: &MetricContext) -> Result<()> {
        let _ = context;
        Ok(())
    }

    /// The values that it reports. Their order is the order of their statistics in `score`.
    fn measures(&self, context: &MetricContext) -> Vec<Measure>;

    /// Sufficient statistics of one case: the widths of all measures side by side.
    ///
    /// # Errors
    /// A case that cannot be scored, such as one without a reference.
    fn score(&self, case: &Case, context: &MetricContext) -> Result<Vec<f64>>;

    /// Value of one measure from the sums of its statistics over `n` cases. Called for measures of
    /// shape [`Shape::Corpus`]; the others are `sums[0] / n`.
    fn aggregate(&self, measure: &Measure, sums: &[f64], n: f64, context: &MetricContext) -> f64 {
        let _ = (measure, context);
        sums[0] / n
    }
}

/// Checks the parameter `tested` of a metric that can report more than is to be tested: its entries
/// must be names of measures.
///
/// # Errors
/// A name that is none.
pub fn check_tested<'a>(
    metric: &str,
    tested: &[String],
    measures: impl Iterator<Item = &'a str> + Clone,
) -> Result<()> {
    for name in tested {
        if !measures.clone().any(|measure| measure == name) {
            return Err(Error::parameter(
                "tested",
                format!(
                    "`tested` has `{name}`, which is no measure of `{metric}`.{}",
                    hint(name, measures)
                ),
            ));
        }
    }
    Ok(())
}

struct Configured<M> {
    metric: M,
    context: MetricContext,
    measures: Vec<Measure>,
}

impl<M: Metric> AbiMetric for Configured<M> {
    fn measures(&self) -> Vec<Measure> {
        self.measures.clone()
    }

    fn score(&self, cases: &[Case]) -> Result<Vec<f64>> {
        let width: usize = self.measures.iter().map(|m| m.width).sum();
        let mut scores = Vec::with_capacity(cases.len() * width);
        for (i, case) in cases.iter().enumerate() {
            let row = self.metric.score(case, &self.context)?;
            if row.len() != width {
                return Err(Error::failed(format!(
                    "case {}: the metric gave {} statistics where its measures have {width}",
                    i + 1,
                    row.len()
                )));
            }
            scores.extend(row);
        }
        Ok(scores)
    }

    fn aggregate(&self, measure: usize, sums: &[f64], n: f64) -> Result<Vec<f64>> {
        let count = self.measures.len();
        let measure = self.measures.get(measure).ok_or_else(|| {
            Error::failed(format!(
                "measure {measure} was asked for, the metric has {count}"
            ))
        })?;
        if measure.width == 0 || !sums.len().is_multiple_of(measure.width) {
            return Err(Error::failed(format!(
                "{} sums do not fill rows of {}",
                sums.len(),
                measure.width
            )));
        }
        Ok(sums
            .chunks(measure.width)
            .map(|row| match measure.shape {
                Shape::Binary | Shape::Mean => row[0] / n,
                Shape::Corpus => self.metric.aggregate(measure, row, n, &self.context),
            })
            .collect())
    }
}

pub(crate) fn open<M: Metric>(setup: MetricSetup) -> Result<Box<dyn AbiMetric>> {
    let metric: M = params::read(&setup.params, 0)?;
    let context = MetricContext {
        language: setup.language,
        labels: setup.labels,
    };
    metric.check(&context)?;
    let measures = metric.measures(&context);
    Ok(Box::new(Configured {
        metric,
        context,
        measures,
    }))
}
