//! Plugins that must be refused or caught: the crates of `tests/bad-plugins`.

use crate::{
    build::{cargo, succeed, target_folder},
    libraries::file_name,
    workspace_root,
};
use std::{path::PathBuf, sync::OnceLock};

/// The library of the crate `name` there. The first call builds all of them.
///
/// # Panics
/// They do not build, or there is none of this name.
pub fn library(name: &str) -> PathBuf {
    static BUILT: OnceLock<()> = OnceLock::new();
    BUILT.get_or_init(|| {
        let manifest = workspace_root().join("tests/bad-plugins/Cargo.toml");
        let build = || {
            let mut build = cargo("build");
            build.arg("--manifest-path").arg(&manifest);
            build
        };
        succeed(build().args(["--workspace", "--exclude", "panic_abort"]));
        // In a profile of its own, as how panics end is a profile's setting.
        succeed(build().args(["--package", "panic_abort", "--profile", "abort"]));
    });
    let profile = if name == "panic_abort" {
        "abort"
    } else {
        "debug"
    };
    let path = target_folder().join(profile).join(file_name(name));
    assert!(path.exists(), "{} was not built", path.display());
    path
}
