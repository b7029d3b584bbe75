//! The host's side: layouts in, plain trait objects out; and the host as a library sees it.

use super::raw::{
    HostBox, Json, MethodBox, MetricBox, Outcome, PluginRootRef, RawHost, RawHost_TO, TaskBox,
};
use crate::{
    describe::PluginInfo,
    error::PluginError,
    method::{Artifact, GroupInfo, Method, MethodSetup, Survey},
    metric::{Case, Measure, Metric, MetricSetup},
    ops::{Host, HostHandle, Node, Op},
    task::{Prediction, Prepared, Response, Row, Task, TaskSetup},
};
use abi_stable::{
    sabi_trait::TD_Opaque,
    std_types::{RResult, RSlice, RVec},
};
use serde::{Serialize, de::DeserializeOwned};

fn result<T>(outcome: Outcome<T>) -> Result<T, PluginError> {
    match outcome {
        RResult::ROk(value) => Ok(value),
        RResult::RErr(bytes) => Err(PluginError::from_bytes(&bytes)),
    }
}

fn bytes<T: Serialize>(value: &T) -> Result<Vec<u8>, PluginError> {
    serde_json::to_vec(value)
        .map_err(|e| PluginError::failed(format!("a value cannot be written as JSON: {e}")))
}

fn parse<T: DeserializeOwned>(bytes: &Json) -> Result<T, PluginError> {
    serde_json::from_slice(bytes).map_err(|e| {
        PluginError::failed(format!(
            "the plugin returned a value that cannot be read: {e}"
        ))
    })
}

/// A library whose layout was checked.
pub(crate) struct Library(pub(crate) PluginRootRef);

impl Library {
    pub(crate) fn plugins(&self) -> Result<Vec<PluginInfo>, PluginError> {
        parse(&result(self.0.plugins()())?)
    }

    pub(crate) fn open_method(
        &self,
        id: &str,
        setup: &MethodSetup,
    ) -> Result<Box<dyn Method>, PluginError> {
        let setup = bytes(setup)?;
        let object = result(self.0.open_method()(id.into(), RSlice::from(&setup[..])))?;
        Ok(Box::new(ImportedMethod(object)))
    }

    pub(crate) fn open_task(
        &self,
        id: &str,
        setup: &TaskSetup,
    ) -> Result<Box<dyn Task>, PluginError> {
        let setup = bytes(setup)?;
        let object = result(self.0.open_task()(id.into(), RSlice::from(&setup[..])))?;
        Ok(Box::new(ImportedTask(object)))
    }

    pub(crate) fn open_metric(
        &self,
        id: &str,
        setup: &MetricSetup,
    ) -> Result<Box<dyn Metric>, PluginError> {
        let setup = bytes(setup)?;
        let object = result(self.0.open_metric()(id.into(), RSlice::from(&setup[..])))?;
        let measures = parse(&result(object.measures())?)?;
        Ok(Box::new(ImportedMetric { object, measures }))
    }
}

struct ImportedMethod(MethodBox);

impl Method for ImportedMethod {
    fn merge(&self, group: &GroupInfo, host: HostHandle) -> Result<Node, PluginError> {
        let group = bytes(group)?;
        let host = RawHost_TO::from_value(ExportedHost(host), TD_Opaque);
        result(self.0.merge(RSlice::from(&group[..]), host))
    }

    fn survey(&self, group: &GroupInfo, host: HostHandle) -> Result<Vec<Survey>, PluginError> {
        let group = bytes(group)?;
        let host = RawHost_TO::from_value(ExportedHost(host), TD_Opaque);
        parse(&result(self.0.survey(RSlice::from(&group[..]), host))?)
    }

    fn artifacts(&self, group: &GroupInfo, host: HostHandle) -> Result<Vec<Artifact>, PluginError> {
        let group = bytes(group)?;
        let host = RawHost_TO::from_value(ExportedHost(host), TD_Opaque);
        parse(&result(self.0.artifacts(RSlice::from(&group[..]), host))?)
    }
}

struct ImportedTask(TaskBox);

impl Task for ImportedTask {
    fn prepare(&self, rows: &[Row]) -> Result<Vec<Prepared>, PluginError> {
        let sent = bytes(&rows)?;
        let prepared: Vec<Prepared> = parse(&result(self.0.prepare(RSlice::from(&sent[..])))?)?;
        same_length(prepared, rows.len())
    }

    fn read(&self, rows: &[Row], responses: &[Response]) -> Result<Vec<Prediction>, PluginError> {
        let (sent, answers) = (bytes(&rows)?, bytes(&responses)?);
        let read = self
            .0
            .read(RSlice::from(&sent[..]), RSlice::from(&answers[..]));
        same_length(parse(&result(read)?)?, rows.len())
    }
}

struct ImportedMetric {
    object: MetricBox,
    measures: Vec<Measure>,
}

impl Metric for ImportedMetric {
    fn measures(&self) -> Vec<Measure> {
        self.measures.clone()
    }

    fn score(&self, cases: &[Case]) -> Result<Vec<f64>, PluginError> {
        let sent = bytes(&cases)?;
        let scores = result(self.object.score(RSlice::from(&sent[..])))?.into_vec();
        let width: usize = self.measures.iter().map(|m| m.width).sum();
        same_length(scores, cases.len() * width)
    }

    fn aggregate(&self, measure: usize, sums: &[f64], n: f64) -> Result<Vec<f64>, PluginError> {
        let values = result(self.object.aggregate(measure, RSlice::from(sums), n))?.into_vec();
        let width = self.measures.get(measure).map_or(1, |m| m.width.max(1));
        same_length(values, sums.len() / width)
    }
}

/// A plugin that returns fewer or more values than it was asked for is refused, not zipped.
fn same_length<T>(values: Vec<T>, wanted: usize) -> Result<Vec<T>, PluginError> {
    if values.len() == wanted {
        Ok(values)
    } else {
        Err(PluginError::failed(format!(
            "the plugin returned {} values where {wanted} were asked for",
            values.len()
        )))
    }
}

/// The host as it is handed to a library.
struct ExportedHost(HostHandle);

impl RawHost for ExportedHost {
    fn record(
        &self,
        op: u16,
        inputs: RSlice<'_, u32>,
        scalars: RSlice<'_, f64>,
        integers: RSlice<'_, u64>,
    ) -> Outcome<u32> {
        outcome(|| {
            let op = Op::from_code(op).ok_or_else(|| {
                PluginError::failed(format!(
                    "the plugin used tensor operation {op}, which this mergelab does not have. \
                     Rebuild the plugin with this mergelab's SDK, or update mergelab."
                ))
            })?;
            self.0.record(
                op,
                inputs.as_slice(),
                scalars.as_slice(),
                integers.as_slice(),
            )
        })
    }

    fn literal(&self, shape: RSlice<'_, usize>, data: RSlice<'_, f32>) -> Outcome<u32> {
        outcome(|| self.0.literal(shape.as_slice(), data.as_slice()))
    }

    fn shape(&self, node: u32) -> Outcome<RVec<usize>> {
        outcome(|| Ok(self.0.shape(node)?.into()))
    }

    fn read(&self, node: u32) -> Outcome<RVec<f32>> {
        outcome(|| Ok(self.0.read(node)?.into()))
    }
}

fn outcome<T>(code: impl FnOnce() -> Result<T, PluginError>) -> Outcome<T> {
    match super::guard(code) {
        Ok(value) => RResult::ROk(value),
        Err(error) => RResult::RErr(error.to_bytes().into()),
    }
}

/// The host as a library holds it.
pub(super) struct ImportedHost(pub(super) HostBox);

impl Host for ImportedHost {
    fn record(
        &self,
        op: Op,
        inputs: &[Node],
        scalars: &[f64],
        integers: &[u64],
    ) -> Result<Node, PluginError> {
        result(
            self.0
                .record(op as u16, inputs.into(), scalars.into(), integers.into()),
        )
    }

    fn literal(&self, shape: &[usize], data: &[f32]) -> Result<Node, PluginError> {
        result(self.0.literal(shape.into(), data.into()))
    }

    fn shape(&self, node: Node) -> Result<Vec<usize>, PluginError> {
        Ok(result(self.0.shape(node))?.into_vec())
    }

    fn read(&self, node: Node) -> Result<Vec<f32>, PluginError> {
        Ok(result(self.0.read(node))?.into_vec())
    }
}
