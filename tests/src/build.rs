//! Running cargo from a test.

use std::{path::PathBuf, process::Command};

/// The folder of the profile that the tests were built with, such as `target/debug`.
pub fn profile_folder() -> PathBuf {
    let mut path = std::env::current_exe().expect("a test is a file");
    // The executable lies in `deps` of that folder.
    path.pop();
    path.pop();
    path
}

/// The target folder of crates that tests build: apart from the workspace's own, whose plugin
/// libraries must not lie beside those to refuse, and kept, so that dependencies are built once.
pub fn target_folder() -> PathBuf {
    let mut path = profile_folder();
    path.pop();
    path.join("bad-plugins")
}

/// Cargo as the tests themselves were started with.
pub fn plain_cargo(command: &str) -> Command {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let mut built = Command::new(cargo);
    built.arg(command);
    built
}

/// Cargo, offline: all that it builds here is in the workspace's own lock file. Several at once
/// wait for each other's lock on the target folder.
pub fn cargo(command: &str) -> Command {
    let mut built = plain_cargo(command);
    built
        .args(["--offline", "--quiet", "--target-dir"])
        .arg(target_folder())
        // One setting for all, so that their dependencies are built once.
        .env("CARGO_PROFILE_DEV_DEBUG", "false");
    built
}

/// Runs cargo, and returns what it said.
///
/// # Panics
/// It failed; with its messages.
pub fn succeed(command: &mut Command) -> String {
    let output = command.output().expect("cargo starts");
    let messages = [output.stdout, output.stderr].concat();
    let messages = String::from_utf8_lossy(&messages).into_owned();
    assert!(output.status.success(), "{command:?} failed:\n{messages}");
    messages
}
