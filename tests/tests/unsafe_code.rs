//! Where `unsafe` is: at the plugin boundary, and where checkpoints are mapped into memory.

use std::{
    fs,
    path::{Path, PathBuf},
};

/// Folders and files that may have it.
const ALLOWED: &[&str] = &["core/abi/src", "core/checkpoint/src/checkpoint.rs"];

/// Crates that cannot forbid it. The second denies it, and allows it in one function.
const EXEMPT: &[&str] = &["core/abi", "core/checkpoint"];

fn rust_files(folder: &Path, files: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).expect("a readable folder") {
        let path = entry.expect("a readable folder").path();
        // Crates to refuse export symbols by hand; templates are no modules of a crate.
        let skipped = ["bad-plugins", "golden", "target"];
        if path.is_dir() {
            if !skipped.iter().any(|name| path.ends_with(name)) {
                rust_files(&path, files);
            }
        } else if path.extension().is_some_and(|e| e == "rs") {
            files.push(path);
        }
    }
}

/// Every Rust file of the workspace, by its path from the root.
fn sources() -> Vec<(String, String)> {
    let root = mergelab_tests::workspace_root();
    let mut files = Vec::new();
    for folder in ["core", "plugins", "tests"] {
        rust_files(&root.join(folder), &mut files);
    }
    files.sort();
    assert!(files.len() > 50, "the workspace has its files");
    files
        .into_iter()
        .map(|path| {
            let text = fs::read_to_string(&path).expect("a readable file");
            let path = path.strip_prefix(&root).expect("below the root");
            (path.to_string_lossy().replace('\\', "/"), text)
        })
        .collect()
}

/// Lines that use the keyword, from 0. Comments and what stands in quotes do not count.
fn uses(text: &str) -> Vec<usize> {
    let keyword = |line: &str| {
        let code = line.split("//").next().unwrap_or_default();
        let unquoted: String = code.split('"').step_by(2).collect();
        let words = |c: char| !(c.is_alphanumeric() || c == '_');
        unquoted.split(words).any(|word| word == "unsafe")
    };
    let lines = text.lines().enumerate();
    lines.filter(|(_, l)| keyword(l)).map(|(i, _)| i).collect()
}

#[test]
fn the_scan_finds_the_keyword_and_nothing_else() {
    let text =
        "fn a() {\n  unsafe { b() }\n  // unsafe\n  \"unsafe\";\n  #![forbid(unsafe_code)]\n}";
    assert_eq!(uses(text), [1]);
}

#[test]
fn unsafe_code_is_at_the_boundary_and_in_memory_mapping_alone() {
    let mut seen = 0;
    for (path, text) in sources() {
        let found = uses(&text);
        let allowed = ALLOWED.iter().any(|a| path.starts_with(a));
        assert!(
            found.is_empty() || allowed,
            "{path}:{} has unsafe code",
            found[0] + 1
        );
        seen += found.len();
    }
    assert!(seen > 0, "the plugin boundary cannot do without");
}

#[test]
fn each_use_says_why_it_is_sound() {
    for (path, text) in sources() {
        let lines: Vec<&str> = text.lines().collect();
        for line in uses(&text) {
            let above = &lines[line.saturating_sub(6)..line];
            assert!(
                above
                    .iter()
                    .any(|l| l.trim_start().starts_with("// SAFETY:")),
                "{path}:{} has no `// SAFETY:` above it",
                line + 1
            );
        }
    }
}

#[test]
fn every_other_crate_forbids_it() {
    let mut roots = 0;
    for (path, text) in sources() {
        let root = path.strip_suffix("/src/lib.rs");
        let Some(folder) = root.or(path.strip_suffix("/src/main.rs")) else {
            continue;
        };
        roots += 1;
        assert!(
            EXEMPT.contains(&folder) || text.contains("#![forbid(unsafe_code)]"),
            "{path} lacks #![forbid(unsafe_code)]"
        );
    }
    assert!(roots > 10, "the workspace has its crates");
}
