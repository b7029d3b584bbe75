//! The reference pages say what the program says.
//!
//! Generated pages are compared with what the program writes, and the page about the manifest with
//! the keys that the reader knows. `MERGELAB_UPDATE=1 cargo test -p mergelab --test reference` writes
//! the generated ones anew.

mod manifest;
mod pages;
mod schema;

use std::{fs, path::PathBuf};

/// A file of `docs/reference`.
fn committed(name: &str) -> PathBuf {
    mergelab_tests::workspace_root()
        .join("docs/reference")
        .join(name)
}

/// Compares a committed file with what it should be, or writes it.
fn check(name: &str, text: &str) {
    let path = committed(name);
    if std::env::var_os("MERGELAB_UPDATE").is_some() {
        fs::write(&path, text).expect("docs/reference is writable");
    }
    let found = fs::read_to_string(&path).unwrap_or_default();
    let line = found.lines().zip(text.lines()).position(|(a, b)| a != b);
    assert!(
        found == text,
        "docs/reference/{name} is out of date from line {}: run \
         `MERGELAB_UPDATE=1 cargo test -p mergelab --test reference` and commit it",
        line.unwrap_or(found.lines().count().min(text.lines().count())) + 1
    );
}
