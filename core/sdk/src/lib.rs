//! What the author of a mergelab plugin imports.
//!
//! A plugin is a type with documented fields (its parameters, [`Params`]), one of the traits
//! [`MergeMethod`], [`Task`] and [`Metric`], and a line [`plugin!`]. This is a merge method, whole:
//!
//! ```
//! use mergelab_sdk::prelude::*;
//!
//! /// Adds scaled task vectors to the base model.
//! #[derive(Params)]
//! struct TaskArithmetic {
//!     /// Multiplier on the summed task vectors.
//!     #[param(default = 1.0)]
//!     lambda: f64,
//!     /// Weight of each model.
//!     #[param(default = 1.0)]
//!     weight: PerModel<f64>,
//! }
//!
//! impl MergeMethod for TaskArithmetic {
//!     const ID: &'static str = "task_arithmetic";
//!
//!     fn merge(&self, group: &Group) -> Result<Tensor> {
//!         let base = group.base()?;
//!         let update: Tensor = group
//!             .models()
//!             .map(|m| (m.tensor() - &base) * self.weight[m])
//!             .sum();
//!         Ok(base + update * self.lambda)
//!     }
//! }
//!
//! plugin!(TaskArithmetic);
//! # fn main() {}
//! ```
//!
//! Nothing is computed while `merge` runs: [`Tensor`] operations are recorded, checked for shape,
//! and evaluated by the host in tiles once the method has returned. Reading a value
//! ([`Tensor::item`], [`Tensor::to_vec`]) evaluates what it depends on.
#![forbid(unsafe_code)]

// So that `#[derive(Params)]` works inside this crate's own tests.
extern crate self as mergelab_sdk;

pub mod conformance;
pub mod consensus;
mod group;
pub mod imitation;
pub mod interpolate;
mod method;
mod metric;
pub mod params;
pub mod plugin;
pub mod prompt;
pub mod reading;
pub mod scope;
pub mod sparsify;
pub mod spectral;
mod task;
mod tensor;
pub mod text;

pub use group::{Group, LowRank, Model};
pub use mergelab_abi::suggest;
pub use mergelab_abi::{
    PluginError as Error,
    describe::BaseUse,
    metric::{Case, Measure, Shape},
    task::{Likelihood, Prediction, Reference, Request, Response, Row, ScoredChoice},
};
pub use mergelab_sdk_derive::{Choice, Params};
pub use method::{Artifact, MergeMethod, Survey};
pub use metric::{Metric, MetricContext, check_tested};
pub use params::{Choice, Params, PerModel};
pub use task::{Task, TaskContext, fields};
pub use tensor::{Qr, Svd, Tensor};

pub use serde_json::{Value, json};

/// What plugin code returns.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Everything that a plugin usually needs: `use mergelab_sdk::prelude::*;`.
pub mod prelude {
    pub use crate::{
        Artifact, BaseUse, Case, Choice, Error, Group, Likelihood, Measure, MergeMethod, Metric,
        MetricContext, Model, Params, PerModel, Prediction, Reference, Request, Response, Result,
        Row, ScoredChoice, Shape, Survey, Task, TaskContext, Tensor, fields, json, plugin,
    };
}

/// What the macros' expansions name. Not for use by hand.
#[doc(hidden)]
pub mod private {
    pub use inventory;
    pub use mergelab_abi as abi;
    pub use serde_json;
}
