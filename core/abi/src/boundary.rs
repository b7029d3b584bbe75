//! The types whose layout both sides agree on, and the conversion to and from plain Rust.
//!
//! Nothing in here is used by plugin authors or by the rest of the runtime: both see the traits in
//! [`crate::method`], [`crate::task`], [`crate::metric`] and [`crate::ops`].

mod exported;
mod imported;
mod raw;

pub use exported::guard;
pub(crate) use imported::Library;
pub use raw::{PluginRoot, PluginRootRef};
