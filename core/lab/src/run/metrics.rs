//! Live metrics for tests that recompute a value.

use crate::compare::{MetricSource, SourceError};
use mergelab_abi::{
    Kind,
    metric::{Metric, MetricSetup},
    registry::Registry,
};
use serde_json::{Map, Value};
use std::sync::Arc;

/// Metrics of a registry.
pub(crate) struct RegistryMetrics<'a>(pub(crate) &'a Registry);

impl MetricSource for RegistryMetrics<'_> {
    fn metric(
        &self,
        metric: &str,
        params: &Map<String, Value>,
        language: &str,
        labels: &[String],
    ) -> Result<Arc<dyn Metric>, SourceError> {
        let metric = self
            .0
            .get(Kind::Metric, metric)?
            .open_metric(&MetricSetup {
                params: params.clone(),
                language: language.to_owned(),
                labels: labels.to_vec(),
            })?;
        Ok(Arc::from(metric))
    }
}
