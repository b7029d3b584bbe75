//! Everything that crosses mergelab's plugin boundary.
//!
//! A plugin is a `cdylib`. It is opened with `libloading`, a plain C header is read first
//! ([`handshake`]), then `abi_stable` compares the layout of every type that typed calls use
//! ([`boundary`]). Rich values cross as JSON bytes; tensors never cross at all: a merge method
//! records operations ([`ops`]) in the host and names the node that holds its result.
//!
//! | module | what it is |
//! |---|---|
//! | [`describe`], [`schema`] | what a plugin says about itself and its parameters |
//! | [`method`], [`task`], [`metric`] | the values that each kind of plugin exchanges with the host |
//! | [`ops`], [`random`], [`elementary`], [`reference`] | tensor operations, the mask generator, functions of f32, and an evaluator that defines them |
//! | [`boundary`], [`handshake`], [`register`] | layouts, header, and the list of what a library holds |
//! | [`loader`], [`registry`] | opening libraries and finding plugins by name |
//! | [`conformance`] | checks that every merge method must pass |
//!
//! This is the only crate that names `abi_stable`, and the only one where calls cross a library
//! boundary.

pub mod boundary;
pub mod conformance;
pub mod describe;
pub mod elementary;
pub mod error;
pub mod handshake;
pub mod loader;
pub mod method;
pub mod metric;
pub mod ops;
pub mod random;
pub mod reference;
pub mod register;
pub mod registry;
pub mod schema;
pub mod suggest;
pub mod task;
pub mod working;

pub use describe::{Kind, PluginInfo};
pub use error::PluginError;

/// Major version of the binary interface. A library built for another major is refused.
///
/// It moves on its own, not with the product's version.
pub const ABI_MAJOR: u32 = 1;

/// Revision of the tensor operations in [`ops`]. A plugin may use the host's revision or an
/// earlier one.
pub const OP_REVISION: u32 = 3;

/// Version of this crate, which a library carries as the version of its SDK.
pub const SDK_VERSION: &str = env!("CARGO_PKG_VERSION");
