//! What runs again after a change, and after a kill.

use crate::setting::{MANIFEST, Setting, bytes};
use std::{
    fs,
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

#[test]
fn a_change_in_german_runs_what_depends_on_german() {
    let setting = Setting::new(MANIFEST);
    setting.complete(&[]);
    let file = setting.path("data/sentiment/train.jsonl");
    let text = fs::read_to_string(&file).expect("rows");
    let line = text
        .lines()
        .find(|l| l.contains("\"language\": \"de\""))
        .expect("a German row");
    fs::write(&file, text.replace(&format!("{line}\n"), "")).expect("writable");
    let to_run = setting.to_run();
    let starts = |prefix: &str| to_run.iter().any(|n| n.starts_with(prefix));
    assert!(starts("train de") && starts("train combined"));
    assert!(starts("merge linear") && starts("generate linear"));
    assert!(!starts("pretrain") && !starts("train en"));
    assert!(!starts("generate en") && !starts("generate base"));
}

#[test]
fn a_new_metric_asks_no_model_again() {
    let setting = Setting::new(MANIFEST);
    setting.complete(&[]);
    setting.write_manifest(&MANIFEST.replace("[\"f1\", \"accuracy\"]", "[\"f1\"]"));
    let to_run = setting.to_run();
    assert!(!to_run.is_empty());
    assert!(to_run.iter().all(|n| n.starts_with("score")), "{to_run:?}");
}

#[test]
fn a_killed_run_goes_on_where_it_was() {
    let setting = Setting::new(MANIFEST);
    let store = setting.path("runs/store");
    let mut child = setting.start();
    let patience = Instant::now() + Duration::from_secs(300);
    // Killed as soon as the first expert is there, in the middle of the run.
    let trained = || fs::read_dir(store.join("train")).is_ok_and(|mut d| d.next().is_some());
    while !trained() {
        assert!(Instant::now() < patience, "no expert was trained");
        assert!(child.try_wait().expect("a child").is_none(), "it ended");
        std::thread::sleep(Duration::from_millis(2));
    }
    child.kill().expect("a child");
    child.wait().expect("a child");
    assert!(!setting.path("runs/small/results.csv").exists());

    let run = setting.complete(&[]);
    assert!(run.stderr.contains("stages are cached"), "{}", run.stderr);
    assert!(!run.stderr.contains("pretrain base"), "{}", run.stderr);
    let resumed = bytes(&setting.path("runs/small/results.csv"));
    setting.complete(&["--out", "whole", "--store", "other"]);
    assert_eq!(resumed, bytes(&setting.path("whole/results.csv")));
}

/// The one entry of a folder.
fn only(folder: &Path) -> PathBuf {
    let entries: Vec<_> = fs::read_dir(folder).expect("a folder").collect();
    let [Ok(entry)] = &entries[..] else {
        panic!("{} has {} entries", folder.display(), entries.len());
    };
    entry.path()
}

#[cfg(unix)]
#[test]
fn a_killed_training_goes_on_from_its_last_save_to_the_same_weights() {
    // Long enough to be saved before it ends.
    let long = MANIFEST.replace(
        "recipe = \"short\"\n\n[recipes.short]",
        "recipe = \"long\"\n\n\
        [recipes.long]\nepochs = 100000\nmax_steps = 300\nbatch_size = 4\nkeep_best = true\n\
        validate_every = 120\n\n[recipes.short]",
    );
    let setting = Setting::new(&long);
    let store = setting.path("runs/store");
    let child = setting.start();
    let patience = Instant::now() + Duration::from_secs(300);
    let saved = || {
        let entries = fs::read_dir(store.join("partial")).ok()?.flatten();
        // A state that is being written lies in a folder of another name.
        let is_key = |folder: &PathBuf| {
            let name = folder.file_name().and_then(|name| name.to_str());
            name.is_some_and(|name| name.bytes().all(|b| b.is_ascii_hexdigit()))
        };
        let mut folders = entries.map(|entry| entry.path()).filter(is_key);
        folders.find(|folder| folder.join("training_state.json").is_file())
    };
    let key = loop {
        if let Some(folder) = saved() {
            break folder;
        }
        assert!(Instant::now() < patience, "nothing was saved");
        std::thread::sleep(Duration::from_millis(2));
    };
    // Its account, which is called by its start and its process, comes a little later.
    let account = || {
        let accounts = fs::read_dir(key.with_extension("accounts")).ok()?;
        let mut names = accounts.flatten().map(|file| file.path());
        names.find_map(|file| file.file_stem()?.to_str()?.rsplit_once('-')?.1.parse().ok())
    };
    let process: u32 = loop {
        if let Some(process) = account() {
            break process;
        }
        assert!(Instant::now() < patience, "no account was written");
        std::thread::sleep(Duration::from_millis(2));
    };
    let signal = std::process::Command::new("kill")
        .args(["-KILL", &process.to_string()])
        .status();
    assert!(signal.expect("kill is there").success());
    let output = child.wait_with_output().expect("a child");
    let text = String::from_utf8_lossy(&output.stderr);
    assert!(
        !output.status.success() && text.contains("signal: 9"),
        "{text}"
    );
    assert!(!store.join("pretrain").exists(), "it had ended");

    setting.complete(&[]);
    setting.complete(&["--out", "whole", "--store", "other"]);
    let training = |store: &str| {
        let folder = only(&setting.path(store).join("pretrain"));
        let text = fs::read(folder.join("training.json")).expect("a report");
        let report: serde_json::Value = serde_json::from_slice(&text).expect("JSON");
        (report, bytes(&folder.join("model/model.safetensors")))
    };
    let ((resumed, weights), (whole, same)) = (training("runs/store"), training("other"));
    assert!(resumed["resumed_at"].as_u64().is_some_and(|step| step > 0));
    assert!(whole["resumed_at"].is_null());
    assert_eq!(resumed["steps"], whole["steps"]);
    assert_eq!(resumed["final_loss"], whole["final_loss"]);
    assert_eq!(weights, same);
    assert!(
        whole["tokens_per_second"]
            .as_f64()
            .is_some_and(|rate| rate > 0.0)
    );
}

#[cfg(unix)]
#[test]
fn an_interrupted_run_says_how_to_go_on() {
    let setting = Setting::new(MANIFEST);
    let store = setting.path("runs/store");
    let child = setting.start();
    let patience = Instant::now() + Duration::from_secs(300);
    let pretrained = || fs::read_dir(store.join("pretrain")).is_ok_and(|mut d| d.next().is_some());
    while !pretrained() {
        assert!(Instant::now() < patience, "no base was trained");
        std::thread::sleep(Duration::from_millis(2));
    }
    let signal = std::process::Command::new("kill")
        .args(["-INT", &child.id().to_string()])
        .status();
    assert!(signal.expect("kill is there").success());
    let output = child.wait_with_output().expect("a child");
    assert_eq!(output.status.code(), Some(130));
    let text = String::from_utf8_lossy(&output.stderr);
    assert!(text.contains("Run the same command again"), "{text}");
    assert!(!setting.path("runs/small/results.csv").exists());
    let left: Vec<_> = fs::read_dir(store.join("tmp")).expect("a store").collect();
    assert!(left.is_empty(), "{left:?}");
    setting.complete(&[]);
}
