//! Plans of experiments whose data, base or device are not here.

use mergelab_tests::{Mergelab, Run, workspace_root};
use serde_json::Value;
use std::{fs, path::Path};

const MANIFEST: &str = "experiments/language-merging/llama-8b.toml";
const SETS: [&str; 3] = ["clapai-sentiment", "mcsqa", "wikilingua"];

/// The shipped manifest and its cards, without data that somebody may have fetched.
fn shipped() -> Mergelab {
    let mergelab = Mergelab::install(env!("CARGO_BIN_EXE_mergelab"));
    let cards = SETS.map(|set| format!("datasets/{set}/card.toml"));
    for name in cards.iter().map(String::as_str).chain([MANIFEST]) {
        let to = mergelab.work().join(name);
        fs::create_dir_all(to.parent().unwrap_or(Path::new(""))).expect("the stage is writable");
        fs::copy(workspace_root().join(name), to).expect("it is shipped");
    }
    mergelab
}

/// Runs with a hub that nobody answers for.
fn offline(mergelab: &Mergelab, arguments: &[&str]) -> Run {
    let mut command = mergelab.command();
    command
        .args(arguments)
        .env("HF_ENDPOINT", "http://127.0.0.1:1");
    for name in [
        "HF_HOME",
        "HF_HUB_CACHE",
        "HF_HUB_OFFLINE",
        "XDG_CACHE_HOME",
    ] {
        command.env_remove(name);
    }
    mergelab.finish(&mut command)
}

#[test]
fn an_experiment_is_planned_before_anything_is_downloaded() {
    let mergelab = shipped();
    let run = offline(&mergelab, &["plan", MANIFEST]);
    assert_eq!(run.code, Some(0), "{}", run.stderr);
    assert!(run.stdout.starts_with("Missing:\n"), "{}", run.stdout);
    for set in SETS {
        let command = format!("mergelab dataset fetch {set}");
        assert!(run.stdout.contains(&command), "{}", run.stdout);
    }
    assert!(
        run.stdout.contains("its commit is unknown"),
        "{}",
        run.stdout
    );

    let run = offline(&mergelab, &["plan", MANIFEST, "--json"]);
    assert_eq!(run.code, Some(0), "{}", run.stderr);
    let plan: Value = serde_json::from_str(&run.stdout).expect("JSON");
    let stages = plan["stages"].as_array().expect("a list");
    let count = |kind: &str| stages.iter().filter(|s| s["what"]["stage"] == kind).count();
    // 5 experts, combined, and 4 further links of the sequential training, for each of 3 seeds.
    assert_eq!(count("train"), 3 * (5 + 1 + 4));
    // Linear, and both methods at 5 densities, for each seed.
    assert_eq!(count("merge"), 3 * (1 + 2 * 5));
    assert!(
        stages
            .iter()
            .all(|s| s["waits"] == true && s["key"].is_null())
    );
    let missing = plan["missing"].as_array().expect("a list");
    let of = |kind: &str| missing.iter().filter(|m| m["missing"] == kind).count();
    assert_eq!((of("dataset"), of("base")), (3, 1));
    let base = missing.iter().find(|m| m["missing"] == "base");
    assert!(base.is_some_and(|base| base["commit"].is_null()));
}

#[test]
fn a_run_is_refused_with_what_is_missing() {
    let mergelab = shipped();
    let run = offline(&mergelab, &["run", MANIFEST]);
    assert_eq!(run.code, Some(2), "{}{}", run.stdout, run.stderr);
    for set in SETS {
        let command = format!("mergelab dataset fetch {set}");
        assert!(run.stderr.contains(&command), "{}", run.stderr);
    }
    for kind in ["train", "merge", "generate", "score"] {
        assert!(!mergelab.work().join("runs/store").join(kind).exists());
    }
}
