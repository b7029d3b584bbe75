//! The pages about commands and plugins.

use crate::check;
use mergelab_tests::Mergelab;
use std::fs;

#[test]
fn the_pages_are_up_to_date() {
    let mergelab = Mergelab::install(env!("CARGO_BIN_EXE_mergelab"));
    let run = mergelab.run(["reference", "pages"]);
    assert_eq!(run.code, Some(0), "{}", run.stderr);
    for name in ["cli.md", "plugins.md"] {
        let path = mergelab.work().join("pages").join(name);
        check(name, &fs::read_to_string(path).expect("a page"));
    }
}

#[test]
fn every_shipped_plugin_has_its_parameters_there() {
    let page = fs::read_to_string(crate::committed("plugins.md")).expect("a page");
    for (_, id) in mergelab_tests::libraries::ids() {
        assert!(page.contains(&format!("\n### {id}\n")), "no {id}");
    }
    assert!(page.contains("| `density` | float per model |"));
}
