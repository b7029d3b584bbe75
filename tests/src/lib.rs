//! What end-to-end tests share: a staged program, the plugin libraries, the plugins to refuse.
//!
//! Tests that start the program lie in `core/cli/tests`, as cargo gives a program's path to tests
//! of its own package only. Tests of the workspace as a whole lie in `tests/tests`.
//!
//! | from | what tests get |
//! |---|---|
//! | [`Mergelab`] | the program in a folder of its own, apart from the user's plugins |
//! | [`libraries`] | the workspace's plugins, which are dependencies of this crate and so are built |
//! | [`hub`] | a hub of models |
//! | [`served`] | a server of a model that answers by a rule, fails and lies |
//! | [`bad_plugins`] | libraries that must be refused or caught, built once per target folder |
#![forbid(unsafe_code)]

pub mod bad_plugins;
pub mod build;
pub mod hub;
pub mod libraries;
mod program;
pub mod served;

pub use program::{Mergelab, Run};

use std::path::PathBuf;

/// The folder with the workspace's `Cargo.toml`.
pub fn workspace_root() -> PathBuf {
    let mut root = PathBuf::from(env!("CARGO_MANIFEST_DIR"));
    root.pop();
    root
}
