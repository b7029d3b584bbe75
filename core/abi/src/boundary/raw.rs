//! Layouts. Each error is a JSON [`crate::PluginError`]; each rich value is JSON.
// The macros write public items without docs.
#![allow(missing_docs, unreachable_pub, non_local_definitions)]

use abi_stable::{
    StableAbi, declare_root_module_statics,
    library::RootModule,
    package_version_strings, sabi_trait,
    sabi_types::VersionStrings,
    std_types::{RBox, RResult, RSlice, RStr, RVec},
};

/// Bytes of JSON.
pub type Json = RVec<u8>;
/// A value, or a JSON error.
pub type Outcome<T> = RResult<T, Json>;

#[sabi_trait]
pub trait RawHost: Send + Sync {
    fn record(
        &self,
        op: u16,
        inputs: RSlice<'_, u32>,
        scalars: RSlice<'_, f64>,
        integers: RSlice<'_, u64>,
    ) -> Outcome<u32>;
    fn literal(&self, shape: RSlice<'_, usize>, data: RSlice<'_, f32>) -> Outcome<u32>;
    fn shape(&self, node: u32) -> Outcome<RVec<usize>>;
    #[sabi(last_prefix_field)]
    fn read(&self, node: u32) -> Outcome<RVec<f32>>;
}
pub type HostBox = RawHost_TO<'static, RBox<()>>;

#[sabi_trait]
pub trait RawMethod: Send + Sync {
    fn merge(&self, group: RSlice<'_, u8>, host: HostBox) -> Outcome<u32>;
    fn survey(&self, group: RSlice<'_, u8>, host: HostBox) -> Outcome<Json>;
    #[sabi(last_prefix_field)]
    fn artifacts(&self, group: RSlice<'_, u8>, host: HostBox) -> Outcome<Json>;
}
pub type MethodBox = RawMethod_TO<'static, RBox<()>>;

#[sabi_trait]
pub trait RawTask: Send + Sync {
    fn prepare(&self, rows: RSlice<'_, u8>) -> Outcome<Json>;
    #[sabi(last_prefix_field)]
    fn read(&self, rows: RSlice<'_, u8>, responses: RSlice<'_, u8>) -> Outcome<Json>;
}
pub type TaskBox = RawTask_TO<'static, RBox<()>>;

#[sabi_trait]
pub trait RawMetric: Send + Sync {
    fn measures(&self) -> Outcome<Json>;
    fn score(&self, cases: RSlice<'_, u8>) -> Outcome<RVec<f64>>;
    #[sabi(last_prefix_field)]
    fn aggregate(&self, measure: usize, sums: RSlice<'_, f64>, n: f64) -> Outcome<RVec<f64>>;
}
pub type MetricBox = RawMetric_TO<'static, RBox<()>>;

/// What a library exports.
#[repr(C)]
#[derive(StableAbi)]
#[sabi(kind(Prefix(prefix_ref = PluginRootRef)))]
#[sabi(missing_field(panic))]
pub struct PluginRoot {
    /// JSON list of [`crate::PluginInfo`].
    pub plugins: extern "C" fn() -> Outcome<Json>,
    /// Makes a merge method from its id and a JSON [`crate::method::MethodSetup`].
    pub open_method: extern "C" fn(RStr<'_>, RSlice<'_, u8>) -> Outcome<MethodBox>,
    /// Makes a task from its id and a JSON [`crate::task::TaskSetup`].
    pub open_task: extern "C" fn(RStr<'_>, RSlice<'_, u8>) -> Outcome<TaskBox>,
    /// Makes a metric from its id and a JSON [`crate::metric::MetricSetup`].
    #[sabi(last_prefix_field)]
    pub open_metric: extern "C" fn(RStr<'_>, RSlice<'_, u8>) -> Outcome<MetricBox>,
}

impl RootModule for PluginRootRef {
    declare_root_module_statics! {PluginRootRef}
    const BASE_NAME: &'static str = "mergelab_plugin";
    const NAME: &'static str = "mergelab plugin";
    const VERSION_STRINGS: VersionStrings = package_version_strings!();
}
