//! A cell that fails: the rest goes on, and the end says so.

use crate::setting::{MANIFEST, Setting, rows};
use mergelab_tests::bad_plugins;
use std::collections::BTreeSet;

#[test]
fn a_failed_merge_fails_alone() {
    let manifest = format!(
        "{MANIFEST}\n[[merges]]\nmethod = \"returns_nan\"\n\n[[merges]]\nmethod = \"panics_in_merge\"\n"
    );
    let setting = Setting::new(&manifest);
    for name in ["returns_nan", "panics_in_merge"] {
        setting.mergelab.add_plugin(&bad_plugins::library(name));
    }
    let run = setting.run(&["run", "experiment.toml"]);
    assert_eq!(run.code, Some(1), "{}", run.stderr);
    assert!(run.stderr.contains("2 stages failed"), "{}", run.stderr);
    assert!(run.stderr.contains("merge returns_nan: "), "{}", run.stderr);
    assert!(run.stderr.contains("panicked"), "{}", run.stderr);

    let results = rows(&setting.path("runs/small/results.csv"));
    let models: BTreeSet<&str> = results.iter().map(|r| r["model"].as_str()).collect();
    assert!(models.contains("linear"));
    assert!(!models.contains("returns_nan") && !models.contains("panics_in_merge"));
    // Nothing of the failed merges is left, and they are tried again.
    assert!(setting.to_run().iter().any(|n| n == "merge returns_nan"));
}

#[test]
fn a_candidate_that_fails_is_not_chosen() {
    let at = MANIFEST.find("[[merges]]").expect("there are merges");
    let manifest = format!(
        "{}[[merges]]\nname = \"either\"\nmethod = [\"returns_nan\", \"linear\"]\nselect = true\n",
        &MANIFEST[..at]
    );
    let setting = Setting::new(&manifest);
    setting
        .mergelab
        .add_plugin(&bad_plugins::library("returns_nan"));
    let run = setting.run(&["run", "experiment.toml"]);
    assert_eq!(run.code, Some(1), "{}", run.stderr);
    assert!(
        run.stdout.contains("either: chose either linear"),
        "{}",
        run.stdout
    );
    let table = rows(&setting.path("runs/small/selection.csv"));
    let kept: Vec<(&str, &str)> = table
        .iter()
        .map(|r| (&*r["candidate"], &*r["kept"]))
        .collect();
    assert_eq!(
        kept,
        [("either linear", "true"), ("either returns_nan", "false")]
    );
    assert!(
        table[1]["note"].contains("merge either returns_nan"),
        "{}",
        table[1]["note"]
    );
    let results = rows(&setting.path("runs/small/results.csv"));
    let tested = results
        .iter()
        .filter(|r| r["model"] == "either linear" && r["split"] == "test");
    assert!(tested.count() > 0);
}
