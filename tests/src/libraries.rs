//! The workspace's plugin libraries.
//!
//! This crate depends on every plugin, so cargo has built them before a test runs. A dependency's
//! shared library lies in the `deps` folder, where the test executable lies too.

use crate::build::profile_folder;
use std::{
    fs,
    path::{Path, PathBuf},
};

/// File name of the shared library of a package.
pub fn file_name(package: &str) -> String {
    use std::env::consts::{DLL_PREFIX, DLL_SUFFIX};
    format!("{DLL_PREFIX}{}{DLL_SUFFIX}", package.replace('-', "_"))
}

/// The library of one plugin: `library("method", "ties")`.
///
/// # Panics
/// It was not built.
pub fn library(kind: &str, id: &str) -> PathBuf {
    let package = format!("mergelab-{kind}-{id}");
    let path = profile_folder().join("deps").join(file_name(&package));
    assert!(
        path.exists(),
        "{} is not there. Is the plugin a dependency in tests/Cargo.toml?",
        path.display()
    );
    path
}

/// Kind and id of every plugin in `plugins/`, sorted.
pub fn ids() -> Vec<(&'static str, String)> {
    let folder = crate::workspace_root().join("plugins");
    let mut ids = Vec::new();
    for (kind, kinds) in [
        ("method", "methods"),
        ("metric", "metrics"),
        ("task", "tasks"),
    ] {
        ids.extend(crates(&folder.join(kinds)).map(|id| (kind, id)));
    }
    ids.sort();
    ids
}

/// The libraries of all plugins.
pub fn all() -> Vec<PathBuf> {
    ids().iter().map(|(kind, id)| library(kind, id)).collect()
}

fn crates(folder: &Path) -> impl Iterator<Item = String> {
    fs::read_dir(folder)
        .unwrap_or_else(|e| panic!("{} cannot be read: {e}", folder.display()))
        .map(|entry| entry.expect("a readable folder").path())
        .filter(|path| path.join("Cargo.toml").exists())
        .filter_map(|path| Some(path.file_name()?.to_str()?.to_owned()))
}
