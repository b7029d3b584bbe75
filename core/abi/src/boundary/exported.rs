//! The library's side: plain trait objects in, layouts out. No panic leaves this file.

use super::{
    imported::ImportedHost,
    raw::{
        HostBox, Json, MethodBox, MetricBox, Outcome, PluginRoot, PluginRootRef, RawMethod,
        RawMethod_TO, RawMetric, RawMetric_TO, RawTask, RawTask_TO, TaskBox,
    },
};
use crate::{
    describe::Kind,
    error::PluginError,
    method::Method,
    metric::Metric,
    register::{self, Opener},
    task::Task,
};
use abi_stable::{
    export_root_module,
    prefix_type::PrefixTypeTrait,
    sabi_trait::TD_Opaque,
    std_types::{RResult, RSlice, RStr, RVec},
};
use serde::{Serialize, de::DeserializeOwned};
use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    sync::Arc,
};

/// Runs a plugin's code so that a panic becomes an error.
///
/// # Errors
/// The code's own error, or [`PluginError::Panic`].
pub fn guard<T>(code: impl FnOnce() -> Result<T, PluginError>) -> Result<T, PluginError> {
    // A plugin's value that saw a panic is dropped or refused by its next caller, never reused
    // silently: hosts give up the stage on any error.
    catch_unwind(AssertUnwindSafe(code))
        .unwrap_or_else(|payload| Err(PluginError::from_panic(payload.as_ref())))
}

fn outcome<T>(code: impl FnOnce() -> Result<T, PluginError>) -> Outcome<T> {
    match guard(code) {
        Ok(value) => RResult::ROk(value),
        Err(error) => RResult::RErr(error.to_bytes().into()),
    }
}

fn parse<T: DeserializeOwned>(bytes: RSlice<'_, u8>) -> Result<T, PluginError> {
    serde_json::from_slice(bytes.as_slice())
        .map_err(|e| PluginError::failed(format!("the host sent a value that cannot be read: {e}")))
}

fn json<T: Serialize>(value: &T) -> Result<Json, PluginError> {
    serde_json::to_vec(value)
        .map(RVec::from)
        .map_err(|e| PluginError::failed(format!("a value cannot be written as JSON: {e}")))
}

struct ExportedMethod(Box<dyn Method>);

impl RawMethod for ExportedMethod {
    fn merge(&self, group: RSlice<'_, u8>, host: HostBox) -> Outcome<u32> {
        outcome(|| self.0.merge(&parse(group)?, Arc::new(ImportedHost(host))))
    }

    fn survey(&self, group: RSlice<'_, u8>, host: HostBox) -> Outcome<Json> {
        outcome(|| {
            json(
                &self
                    .0
                    .survey(&parse(group)?, Arc::new(ImportedHost(host)))?,
            )
        })
    }

    fn artifacts(&self, group: RSlice<'_, u8>, host: HostBox) -> Outcome<Json> {
        outcome(|| {
            json(
                &self
                    .0
                    .artifacts(&parse(group)?, Arc::new(ImportedHost(host)))?,
            )
        })
    }
}

struct ExportedTask(Box<dyn Task>);

impl RawTask for ExportedTask {
    fn prepare(&self, rows: RSlice<'_, u8>) -> Outcome<Json> {
        outcome(|| json(&self.0.prepare(&parse::<Vec<_>>(rows)?)?))
    }

    fn read(&self, rows: RSlice<'_, u8>, responses: RSlice<'_, u8>) -> Outcome<Json> {
        outcome(|| {
            json(
                &self
                    .0
                    .read(&parse::<Vec<_>>(rows)?, &parse::<Vec<_>>(responses)?)?,
            )
        })
    }
}

struct ExportedMetric(Box<dyn Metric>);

impl RawMetric for ExportedMetric {
    fn measures(&self) -> Outcome<Json> {
        outcome(|| json(&self.0.measures()))
    }

    fn score(&self, cases: RSlice<'_, u8>) -> Outcome<RVec<f64>> {
        outcome(|| Ok(self.0.score(&parse::<Vec<_>>(cases)?)?.into()))
    }

    fn aggregate(&self, measure: usize, sums: RSlice<'_, f64>, n: f64) -> Outcome<RVec<f64>> {
        outcome(|| Ok(self.0.aggregate(measure, sums.as_slice(), n)?.into()))
    }
}

extern "C" fn plugins() -> Outcome<Json> {
    outcome(|| json(&register::infos()))
}

extern "C" fn open_method(id: RStr<'_>, setup: RSlice<'_, u8>) -> Outcome<MethodBox> {
    outcome(|| match register::find(Kind::Method, id.as_str())? {
        Opener::Method(open) => Ok(RawMethod_TO::from_value(
            ExportedMethod(open(parse(setup)?)?),
            TD_Opaque,
        )),
        _ => Err(wrong_kind(Kind::Method, id.as_str())),
    })
}

extern "C" fn open_task(id: RStr<'_>, setup: RSlice<'_, u8>) -> Outcome<TaskBox> {
    outcome(|| match register::find(Kind::Task, id.as_str())? {
        Opener::Task(open) => Ok(RawTask_TO::from_value(
            ExportedTask(open(parse(setup)?)?),
            TD_Opaque,
        )),
        _ => Err(wrong_kind(Kind::Task, id.as_str())),
    })
}

extern "C" fn open_metric(id: RStr<'_>, setup: RSlice<'_, u8>) -> Outcome<MetricBox> {
    outcome(|| match register::find(Kind::Metric, id.as_str())? {
        Opener::Metric(open) => Ok(RawMetric_TO::from_value(
            ExportedMetric(open(parse(setup)?)?),
            TD_Opaque,
        )),
        _ => Err(wrong_kind(Kind::Metric, id.as_str())),
    })
}

fn wrong_kind(kind: Kind, id: &str) -> PluginError {
    PluginError::failed(format!(
        "`{id}` is registered as a {kind} and opens as another kind"
    ))
}

/// The root of whichever library this crate is linked into: its own inventory list.
#[export_root_module]
fn plugin_root() -> PluginRootRef {
    PluginRoot {
        plugins,
        open_method,
        open_task,
        open_metric,
    }
    .leak_into_prefix()
}
