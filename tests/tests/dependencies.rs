//! Which crate may depend on which. A plugin depends on mergelab-sdk alone, so that a new model
//! engine or a new table never asks for a plugin to be built again.

use cargo_metadata::{DependencyKind, MetadataCommand, Package};
use std::collections::BTreeSet;

/// What a crate of `core/` may depend on. A crate that is not listed fails the test, so a new one
/// is a decision and not an accident.
const ALLOWED: &[(&str, &[&str])] = &[
    ("mergelab-abi", &[]),
    ("mergelab-sdk-derive", &[]),
    ("mergelab-sdk", &["abi", "sdk-derive"]),
    ("mergelab-tensor", &["abi"]),
    ("mergelab-device", &["abi", "tensor"]),
    ("mergelab-checkpoint", &[]),
    ("mergelab-merge", &["abi", "tensor", "checkpoint"]),
    ("mergelab-transfer", &[]),
    ("mergelab-hub", &["transfer"]),
    ("mergelab-endpoint", &[]),
    ("mergelab-model", &["checkpoint"]),
    ("mergelab-stats", &[]),
    ("mergelab-vectors", &["checkpoint"]),
    ("mergelab-toml", &["abi"]),
    ("mergelab-dataset", &["abi", "toml", "transfer"]),
    (
        "mergelab-lab",
        &[
            "abi",
            "tensor",
            "checkpoint",
            "hub",
            "endpoint",
            "merge",
            "model",
            "stats",
            "toml",
            "dataset",
            "vectors",
        ],
    ),
    // It reads a run's folder, so it needs nothing that made it.
    ("mergelab-report", &["stats"]),
    (
        "mergelab",
        &[
            "abi",
            "tensor",
            "device",
            "checkpoint",
            "hub",
            "transfer",
            "merge",
            "model",
            "stats",
            "vectors",
            "toml",
            "dataset",
            "lab",
            "report",
        ],
    ),
];

/// Names that these crates alone may depend on.
const RESERVED: &[(&str, &[&str])] = &[
    ("abi_stable", &["mergelab-abi"]),
    ("libloading", &["mergelab-abi"]),
    ("burn", &["mergelab-device", "mergelab-model"]),
    ("parquet", &["mergelab-dataset"]),
];

fn packages() -> Vec<Package> {
    let metadata = MetadataCommand::new()
        .manifest_path(mergelab_tests::workspace_root().join("Cargo.toml"))
        .no_deps()
        .other_options(["--offline".to_owned()])
        .exec()
        .expect("cargo metadata reads the workspace");
    assert!(metadata.packages.len() > 10, "the workspace has its crates");
    metadata.packages
}

/// Names of a package's dependencies that are part of it, tests left out.
fn dependencies(package: &Package) -> BTreeSet<&str> {
    let all = package.dependencies.iter();
    all.filter(|d| d.kind != DependencyKind::Development)
        .map(|d| d.name.as_str())
        .collect()
}

fn ours(package: &Package) -> impl Iterator<Item = &str> {
    let all = dependencies(package).into_iter();
    all.filter(|name| *name == "mergelab" || name.starts_with("mergelab-"))
}

fn is_plugin(package: &Package) -> bool {
    let root = mergelab_tests::workspace_root().join("plugins");
    package.manifest_path.as_std_path().starts_with(root)
}

#[test]
fn core_crates_depend_in_one_direction() {
    for package in packages() {
        let name = package.name.as_str();
        if is_plugin(&package) || name == "mergelab-tests" {
            continue;
        }
        let allowed = ALLOWED.iter().find(|(crate_name, _)| *crate_name == name);
        let (_, allowed) = allowed.unwrap_or_else(|| panic!("{name} is not in ALLOWED"));
        for dependency in ours(&package) {
            let short = dependency.trim_start_matches("mergelab-");
            assert!(
                allowed.contains(&short),
                "{name} depends on {dependency}, which points the wrong way"
            );
        }
    }
}

#[test]
fn plugins_depend_on_the_sdk_alone() {
    let packages = packages();
    let plugins: Vec<&Package> = packages.iter().filter(|p| is_plugin(p)).collect();
    assert_eq!(plugins.len(), mergelab_tests::libraries::ids().len());
    for plugin in plugins {
        let name = &plugin.name;
        assert_eq!(ours(plugin).collect::<Vec<_>>(), ["mergelab-sdk"], "{name}");
    }
}

#[test]
fn no_crate_depends_on_a_plugin() {
    let packages = packages();
    let plugins: BTreeSet<&str> = packages
        .iter()
        .filter(|p| is_plugin(p))
        .map(|p| p.name.as_str())
        .collect();
    for package in packages.iter().filter(|p| p.name != "mergelab-tests") {
        let found: Vec<&str> = dependencies(package)
            .intersection(&plugins)
            .copied()
            .collect();
        assert!(found.is_empty(), "{} depends on {found:?}", package.name);
    }
}

#[test]
fn what_is_reserved_is_named_by_its_owners_alone() {
    for package in packages() {
        for dependency in dependencies(&package) {
            for (reserved, owners) in RESERVED {
                let family = dependency == *reserved
                    || dependency.starts_with(&format!("{reserved}-"))
                    || dependency.starts_with(&format!("{reserved}_"));
                assert!(
                    !family || owners.contains(&package.name.as_str()),
                    "{} depends on {dependency}, which only {owners:?} may",
                    package.name
                );
            }
        }
    }
}

#[test]
fn the_plugins_to_refuse_use_the_versions_of_mergelab_itself() {
    let root = mergelab_tests::workspace_root();
    let entries = |path: &str| -> BTreeSet<String> {
        let text = std::fs::read_to_string(root.join(path)).expect("a lock file");
        let packages = text.split("[[package]]").skip(1);
        packages
            .map(|p| p.lines().take(4).collect::<Vec<_>>().join("\n"))
            .filter(|p| p.contains("source = "))
            .collect()
    };
    let (own, theirs) = (
        entries("Cargo.lock"),
        entries("tests/bad-plugins/Cargo.lock"),
    );
    assert!(theirs.len() > 10, "the lock file was read");
    let others: Vec<&String> = theirs.difference(&own).collect();
    assert!(
        others.is_empty(),
        "copy Cargo.lock to tests/bad-plugins and run `cargo metadata` there: {others:#?}"
    );
}
