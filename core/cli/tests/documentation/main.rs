//! The commands that the documentation shows are run, with small data and small models where it
//! names large ones.

#[path = "../experiment/setting.rs"]
#[allow(dead_code)]
mod setting;

use setting::{MANIFEST, Setting};
use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

/// Commands that are not run, by what they begin with, and why. Nothing else is left out.
const SKIPPED: &[(&str, &str)] = &[
    (
        "cargo ",
        "builds or tests the workspace, which is what runs this test",
    ),
    (
        "mergelab plugin check target/release/libmergelab_method_my_method.so",
        "needs the new plugin built: core/cli/tests/plugin_new.rs builds and checks one",
    ),
    ("mergelab plugin show my_method", "as before"),
    ("mergelab dataset fetch", "needs the network"),
    ("vllm serve", "starts a server of another project"),
    (
        "mergelab merge RECIPE OUT",
        "names in capitals stand for the reader's own",
    ),
];

/// The pages whose commands are run.
fn pages() -> Vec<PathBuf> {
    let root = mergelab_tests::workspace_root();
    let mut pages = vec![
        root.join("README.md"),
        root.join("experiments/quickstart/README.md"),
    ];
    for folder in ["docs/guide", "docs/concepts", "docs/reference"] {
        let entries = fs::read_dir(root.join(folder)).expect("a folder");
        pages.extend(entries.map(|entry| entry.expect("an entry").path()));
    }
    pages.retain(|page| page.extension().is_some_and(|e| e == "md"));
    pages.sort();
    pages
}

/// The commands in the blocks of `sh` of a page, without comments.
fn commands(page: &Path) -> Vec<String> {
    let text = fs::read_to_string(page).expect("a page");
    let mut commands = Vec::new();
    let mut shell = false;
    let mut open = String::new();
    for line in text.lines() {
        if let Some(language) = line.strip_prefix("```") {
            shell = !shell && matches!(language, "sh" | "console");
            continue;
        }
        if !shell {
            continue;
        }
        let line = line.split(" # ").next().unwrap_or("").trim();
        let line = line.strip_prefix("$ ").unwrap_or(line);
        match line.strip_suffix('\\') {
            Some(part) => open.push_str(part),
            None => {
                open.push_str(line);
                let whole = std::mem::take(&mut open);
                // Built first, then run: the program is built.
                let whole = whole.replace("cargo build --release && ", "");
                if !whole.is_empty() && !whole.starts_with('#') {
                    commands.push(whole.replace("target/release/mergelab", "mergelab"));
                }
            }
        }
    }
    commands
}

/// A folder with everything that the documentation names: the experiment after a run, its models as
/// checkpoints, a model to import, data to check, recipes.
fn stage() -> Setting {
    let manifest = MANIFEST
        .replace("name = \"small\"", "name = \"quickstart\"")
        .replace("\"data/", "\"../../data/");
    let setting = Setting::new(&manifest);
    let path = |relative: &str| setting.path(relative);
    let experiment = path("experiments/quickstart/experiment.toml");
    fs::create_dir_all(experiment.parent().expect("a folder")).expect("writable");
    fs::rename(path("experiment.toml"), &experiment).expect("writable");
    let run = setting.run(&["run", "experiments/quickstart/experiment.toml"]);
    assert_eq!(run.code, Some(0), "{}", run.stderr);
    for again in ["runs/before", "runs/after"] {
        let run = setting.run(&[
            "run",
            "experiments/quickstart/experiment.toml",
            "--out",
            again,
        ]);
        assert_eq!(run.code, Some(0), "{}", run.stderr);
    }

    copy(&path("data/sentiment"), &path("path/to/my-news"));
    let root = mergelab_tests::workspace_root();
    let gguf = root.join("tests/golden/gguf/llama.gguf");
    fs::copy(gguf, path("model.gguf")).expect("writable");
    fs::write(
        path("merge.toml"),
        "method = \"ties\"\nbase = \"models/base\"\n\n[params]\ndensity = 0.5\n\n[[models]]\n\
         path = \"models/german\"\n\n[[models]]\npath = \"models/french\"\n",
    )
    .expect("writable");
    fs::write(
        path("mergekit-config.yml"),
        "merge_method: linear\nmodels:\n  - model: models/german\n    parameters: {weight: 0.5}\n  \
         - model: models/french\n    parameters: {weight: 0.5}\ndtype: float32\n",
    )
    .expect("writable");
    setting
}

/// The models of the stages in a folder of the store.
fn model_folders(kind: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(kind).expect("artifacts");
    let mut folders: Vec<PathBuf> = entries
        .map(|entry| entry.expect("an entry").path().join("model"))
        .collect();
    folders.sort();
    folders
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).expect("writable");
    for entry in fs::read_dir(from).expect("a folder") {
        let entry = entry.expect("an entry");
        fs::copy(entry.path(), to.join(entry.file_name())).expect("writable");
    }
}

#[test]
fn the_commands_of_the_documentation_run() {
    let setting = stage();
    let mut failed = Vec::new();
    let (mut ran, mut used) = (0, vec![false; SKIPPED.len()]);
    for page in pages() {
        for command in commands(&page) {
            let skipped = SKIPPED
                .iter()
                .position(|(begins, _)| command.starts_with(begins));
            if let Some(skipped) = skipped {
                used[skipped] = true;
                continue;
            }
            // The documentation's own row is one of the run that it was written from.
            let line = command.replace("r3f0c9a51be72", &a_row(&setting));
            let expected = prepare(&setting, &line);
            let mut shell = Command::new("sh");
            let bin = setting.mergelab.path("bin");
            let path = std::env::var("PATH").unwrap_or_default();
            shell
                .args(["-euc", &line])
                .current_dir(setting.mergelab.work())
                .env("HOME", setting.mergelab.path("home"))
                .env("PATH", format!("{}:{path}", bin.display()))
                .env_remove("MERGELAB_PLUGIN_PATH");
            let output = shell.output().expect("a shell");
            ran += 1;
            if output.status.code() != Some(expected) {
                failed.push(format!(
                    "{}: {line}\n{}",
                    page.display(),
                    String::from_utf8_lossy(&output.stderr)
                ));
            }
        }
    }
    assert!(failed.is_empty(), "{}", failed.join("\n"));
    assert!(ran >= 12, "only {ran} commands were found");
    let idle: Vec<_> = SKIPPED.iter().zip(used).filter(|(_, used)| !used).collect();
    assert!(idle.is_empty(), "skips nothing any more: {idle:?}");
}

/// Takes away what an earlier command made, and puts there what the next one needs. Returns the exit
/// code that it should end with.
fn prepare(setting: &Setting, line: &str) -> i32 {
    for made in ["merged", "plugins", "models"] {
        let _ = fs::remove_dir_all(setting.path(made));
    }
    copy_models(setting);
    if line.starts_with("mergelab model import") {
        fs::remove_dir_all(setting.path("models/base")).expect("it is there");
    }
    if line.starts_with("mergelab model diff") {
        copy(&setting.path("models/german"), &setting.path("merged"));
        // They differ.
        return 1;
    }
    0
}

/// The base and two experts as checkpoints.
fn copy_models(setting: &Setting) {
    let base = model_folders(&setting.path("runs/store/pretrain"));
    copy(&base[0], &setting.path("models/base"));
    let experts = model_folders(&setting.path("runs/store/train"));
    copy(&experts[0], &setting.path("models/german"));
    copy(&experts[1], &setting.path("models/french"));
}

/// A row of the staged run.
fn a_row(setting: &Setting) -> String {
    let results = setting::rows(&setting.path("runs/quickstart/results.csv"));
    results[0]["row"].clone()
}

#[test]
fn commands_are_found() {
    let folder = tempfile::tempdir().expect("a folder");
    let page = folder.path().join("page.md");
    fs::write(
        &page,
        "```sh\ncargo build --release && target/release/mergelab run x # why\nmergelab plan \\\n  y\n```\n\
         ```toml\nmergelab = 1\n```\n",
    )
    .expect("writable");
    assert_eq!(commands(&page), ["mergelab run x", "mergelab plan y"]);
}
