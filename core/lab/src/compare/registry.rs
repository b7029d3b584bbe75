//! Live metrics of the plugins that were found.

use std::sync::Arc;

use mergelab_abi::{
    Kind,
    metric::{Metric, MetricSetup},
    registry::Registry,
};
use serde_json::{Map, Value};

use super::aggregate::{MetricSource, SourceError};

/// Metrics of a registry.
pub struct RegistryMetrics<'a>(pub &'a Registry);

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
