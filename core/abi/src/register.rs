//! The list of plugins that a library holds.
//!
//! Each plugin submits itself through `inventory`; a cdylib's list has what was linked into that
//! cdylib and nothing else. In a static build the same list has every plugin of the program.

use crate::{
    describe::{Kind, PluginInfo},
    error::PluginError,
    method::{Method, MethodSetup},
    metric::{Metric, MetricSetup},
    suggest::hint,
    task::{Task, TaskSetup},
};

/// Makes an instance from its setup.
pub type Open<S, T> = fn(S) -> Result<Box<T>, PluginError>;

/// How to make an instance of a plugin.
#[derive(Clone, Copy)]
pub enum Opener {
    /// Of a merge method.
    Method(Open<MethodSetup, dyn Method>),
    /// Of a task.
    Task(Open<TaskSetup, dyn Task>),
    /// Of a metric.
    Metric(Open<MetricSetup, dyn Metric>),
}

/// A plugin's entry in the list. The SDK's `plugin!` writes it.
pub struct Registration {
    /// What it says about itself.
    pub info: fn() -> PluginInfo,
    /// How to make an instance.
    pub opener: fn() -> Opener,
}

inventory::collect!(Registration);

/// Every registration linked into this library or program.
pub fn registrations() -> impl Iterator<Item = &'static Registration> {
    inventory::iter::<Registration>.into_iter()
}

/// What the linked plugins say about themselves, sorted by kind and id.
pub fn infos() -> Vec<PluginInfo> {
    let mut infos: Vec<PluginInfo> = registrations().map(|r| (r.info)()).collect();
    infos.sort_by(|a, b| (a.kind, &a.id).cmp(&(b.kind, &b.id)));
    infos
}

/// How to make an instance of the linked plugin with this kind and id.
///
/// # Errors
/// Names the nearest id.
pub fn find(kind: Kind, id: &str) -> Result<Opener, PluginError> {
    let mut known = Vec::new();
    for registration in registrations() {
        let info = (registration.info)();
        if info.kind == kind {
            if info.id == id {
                return Ok((registration.opener)());
            }
            known.push(info.id);
        }
    }
    Err(PluginError::failed(format!(
        "this library has no {kind} `{id}`.{}",
        hint(id, known.iter().map(String::as_str))
    )))
}
