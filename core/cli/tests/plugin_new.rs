//! `mergelab plugin new`: what it writes builds, passes its own tests, and conforms.

use mergelab_tests::{Mergelab, build, libraries, workspace_root};
use std::{fs, path::Path};

fn program() -> Mergelab {
    Mergelab::stage(env!("CARGO_BIN_EXE_mergelab"))
}

/// Makes a plugin in the stage's `work` folder, to be built against this workspace's SDK.
fn make(program: &Mergelab, name: &str, kind: &str) {
    let sdk = workspace_root();
    let mut command = program.command();
    command.args(["plugin", "new", name, "--kind", kind, "--sdk-path"]);
    let run = program.finish(command.arg(sdk));
    assert_eq!((run.code, run.stderr.as_str()), (Some(0), ""), "{run:?}");
    let library = libraries::file_name(&format!("mergelab-{kind}-{name}"));
    for step in ["cd ./", "cargo test\n", "cargo build --release\n", &library] {
        assert!(run.stdout.contains(step), "{step} in {}", run.stdout);
    }
}

/// Cargo in a new crate, with the versions that this workspace's lock file has.
fn cargo(folder: &Path, command: &str) -> std::process::Command {
    let lock = workspace_root().join("Cargo.lock");
    fs::copy(lock, folder.join("Cargo.lock")).expect("the lock file");
    let mut cargo = build::cargo(command);
    cargo.current_dir(folder);
    cargo
}

fn works_untouched(kind: &str) {
    let program = program();
    // A name with a dash, a digit and a type name of its own.
    let name = format!("new-{kind}-1");
    make(&program, &name, kind);
    let folder = program.work().join(&name);
    for file in ["Cargo.toml", "README.md", ".gitignore", "src/lib.rs"] {
        assert!(folder.join(file).exists(), "{file}");
    }
    let messages = build::succeed(&mut cargo(&folder, "test"));
    assert!(messages.contains("test result: ok."), "{messages}");
    assert!(!messages.contains("warning"), "{messages}");
    build::succeed(&mut cargo(&folder, "build"));
    build::succeed(
        build::plain_cargo("fmt")
            .arg("--check")
            .current_dir(&folder),
    );
    let file = libraries::file_name(&format!("mergelab-{kind}-{name}"));
    let library = build::target_folder().join("debug").join(file);
    let run = program.run(["plugin".as_ref(), "check".as_ref(), library.as_os_str()]);
    assert_eq!(run.code, Some(0), "{run:?}");
    let id = name.replace('-', "_");
    assert!(
        run.stdout.contains(&format!("\n{kind} {id} 0.1.0\n")),
        "{}",
        run.stdout
    );
}

#[test]
fn a_new_method_works() {
    works_untouched("method");
}

#[test]
fn a_new_task_works() {
    works_untouched("task");
}

#[test]
fn a_new_metric_works() {
    works_untouched("metric");
}

#[test]
fn an_existing_folder_is_refused_and_left_alone() {
    let program = program();
    fs::create_dir(program.path("work/mine")).expect("a folder");
    let run = program.run(["plugin", "new", "mine", "--kind", "task"]);
    assert_eq!((run.code, run.stdout.as_str()), (Some(2), ""), "{run:?}");
    assert!(
        run.stderr.contains("./mine exists already"),
        "{}",
        run.stderr
    );
    let left = fs::read_dir(program.path("work/mine")).expect("the folder");
    assert_eq!(left.count(), 0);
}

#[test]
fn a_bad_name_and_a_wrong_sdk_write_nothing() {
    let program = program();
    let run = program.run(["plugin", "new", "MyTask", "--kind", "task"]);
    assert_eq!(run.code, Some(2), "{run:?}");
    assert!(
        run.stderr.contains("Did you mean `my_task`?"),
        "{}",
        run.stderr
    );
    let run = program.run(["plugin", "new", "mine", "--kind", "task", "--sdk-path", "."]);
    assert_eq!(run.code, Some(2), "{run:?}");
    assert!(
        run.stderr.contains(". is not mergelab-sdk"),
        "{}",
        run.stderr
    );
    assert_eq!(fs::read_dir(program.work()).expect("the folder").count(), 0);
}

/// A folder that looks like mergelab's source: the SDK is found by itself there.
fn source(program: &Mergelab) {
    let sdk = program.path("work/core/sdk");
    fs::create_dir_all(&sdk).expect("a folder");
    fs::write(
        sdk.join("Cargo.toml"),
        "[package]\nname = \"mergelab-sdk\"\n",
    )
    .expect("a file");
    fs::create_dir_all(program.path("work/plugins/metrics")).expect("a folder");
}

fn manifest(program: &Mergelab, folder: &str) -> String {
    fs::read_to_string(program.work().join(folder).join("Cargo.toml")).expect("a manifest")
}

#[test]
fn in_the_source_the_sdk_is_found_and_a_plugins_folder_joins_the_workspace() {
    let program = program();
    let new = ["plugin", "new", "mine", "--kind", "metric"];
    source(&program);
    let inside = program.run(new.into_iter().chain(["--path", "deep/folder"]));
    assert_eq!(inside.code, Some(0), "{inside:?}");
    let inside = manifest(&program, "deep/folder/mine");
    assert!(
        inside.contains("{ path = \"../../../core/sdk\" }"),
        "{inside}"
    );
    assert!(inside.contains("\n[workspace]\n"), "{inside}");

    let member = program.run(new.into_iter().chain(["--path", "plugins/metrics"]));
    assert_eq!(member.code, Some(0), "{member:?}");
    assert!(
        member
            .stdout
            .contains("cargo test -p mergelab-metric-mine\n"),
        "{}",
        member.stdout
    );
    let member = manifest(&program, "plugins/metrics/mine");
    assert!(
        member.contains("mergelab-sdk = { workspace = true }"),
        "{member}"
    );
    assert!(
        !member.contains("[workspace]") && !member.contains("[profile"),
        "{member}"
    );
}

#[test]
fn outside_the_source_the_published_sdk_is_named() {
    let program = program();
    let elsewhere = tempfile::tempdir().expect("a folder");
    let mut command = program.command();
    command.args(["plugin", "new", "mine", "--kind", "task"]);
    let run = program.finish(command.current_dir(elsewhere.path()));
    assert_eq!(run.code, Some(0), "{run:?}");
    let manifest = fs::read_to_string(elsewhere.path().join("mine/Cargo.toml"));
    let wanted = format!("\nmergelab-sdk = \"{}\"\n", env!("CARGO_PKG_VERSION"));
    assert!(manifest.expect("a manifest").contains(&wanted));
}
