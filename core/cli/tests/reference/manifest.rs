//! `docs/reference/manifest.md`, read as what it is: tables of keys under headings.

use mergelab_tests::Mergelab;
use std::{collections::BTreeSet, fs};

/// A key of the manifest, as the page has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Key {
    /// The table: `base.pretrain`, `[merges]`; empty at the top level.
    pub(crate) table: String,
    pub(crate) name: String,
    pub(crate) kind: String,
    pub(crate) default: String,
    pub(crate) meaning: String,
}

/// The keys of the page, in its order. Other tables than those of keys are passed over.
pub(crate) fn keys() -> Vec<Key> {
    let text = fs::read_to_string(crate::committed("manifest.md")).expect("a page");
    let mut table = None;
    let mut columns: Vec<String> = Vec::new();
    let mut keys = Vec::new();
    for line in text.lines() {
        if let Some(heading) = line
            .strip_prefix("## ")
            .or_else(|| line.strip_prefix("### "))
        {
            table = match heading {
                "Top level" => Some(String::new()),
                "Selection" => Some("selection".to_owned()),
                heading => {
                    let inner = heading.strip_prefix('[').and_then(|h| h.strip_suffix(']'));
                    inner.map(str::to_owned)
                }
            };
            continue;
        }
        let Some(row) = line.strip_prefix("| ").and_then(|l| l.strip_suffix('|')) else {
            continue;
        };
        let fields: Vec<&str> = row.split('|').map(str::trim).collect();
        if fields[0] == "key" {
            columns = fields.iter().map(|f| (*f).to_owned()).collect();
            continue;
        }
        let (Some(table), Some(name)) = (&table, fields[0].strip_prefix('`')) else {
            // Tables of something else have other heads.
            columns.clear();
            continue;
        };
        if columns.first().is_none_or(|first| first != "key") {
            continue;
        }
        let column = |wanted: &str| {
            let at = columns.iter().position(|column| column == wanted);
            at.and_then(|at| fields.get(at))
                .map_or("", |f| f.trim())
                .to_owned()
        };
        keys.push(Key {
            table: table.clone(),
            name: name.trim_end_matches('`').to_owned(),
            kind: column("type"),
            default: column("default"),
            meaning: column("meaning"),
        });
    }
    keys
}

/// Names of the keys of a table, without the tables in it.
fn documented(table: &str) -> BTreeSet<String> {
    let keys = keys().into_iter();
    keys.filter(|key| key.table == table && !key.name.starts_with('['))
        .map(|key| key.name)
        .collect()
}

/// The keys that the reader knows in a table: it lists them when it meets one that is like none.
fn known(mergelab: &Mergelab, manifest: &str) -> BTreeSet<String> {
    fs::write(mergelab.work().join("experiment.toml"), manifest).expect("writable");
    let run = mergelab.run(["plan", "experiment.toml"]);
    let all = run.stderr.replace('\n', " ");
    let (_, rest) = all
        .split_once("Known names: ")
        .unwrap_or_else(|| panic!("no list of names for\n{manifest}\nin\n{}", run.stderr));
    let (list, _) = rest
        .split_once('.')
        .expect("the list ends with a full stop");
    list.split(", ")
        .map(|name| name.trim().to_owned())
        .collect()
}

/// What every manifest needs.
const HEAD: &str = "name = \"x\"\n";
const TASKS: &str = "[[tasks]]\ntask = \"sentiment\"\ndataset = \"d\"\n";
const BASE: &str = "[base]\npath = \"b\"\n";
const EXPERTS: &str = "[[experts]]\nlanguage = \"de\"\nrecipe = \"r\"\n";
/// A key that is like no other.
const WRONG: &str = "qqqqqqqq = 1\n";

#[test]
fn the_page_has_every_key_that_the_reader_knows() {
    let mergelab = Mergelab::stage(env!("CARGO_BIN_EXE_mergelab"));
    let own = |name: &str, more: &str| {
        let before = if name == "base" { "" } else { BASE };
        let tasks = if name == "[tasks]" { "" } else { TASKS };
        format!("{HEAD}{tasks}{before}[{name}]\n{more}{WRONG}")
    };
    let recipe = |more: &str| own("recipes.r", more);
    let cases = [
        ("", format!("{HEAD}{WRONG}{TASKS}{BASE}")),
        ("base", own("base", "path = \"b\"\n")),
        ("base.instruct", own("base.instruct", "recipe = \"r\"\n")),
        (
            "base.pretrain",
            format!(
                "{HEAD}{TASKS}[base.pretrain]\ndataset = \"d\"\nlanguages = \"de\"\nrecipe = \"r\"\n{WRONG}"
            ),
        ),
        ("recipes.NAME", recipe("tuning = \"lora\"\n")),
        (
            "[tasks]",
            own("[tasks]", "task = \"sentiment\"\ndataset = \"d\"\n"),
        ),
        (
            "[experts]",
            own("[experts]", "language = \"de\"\nrecipe = \"r\"\n"),
        ),
        ("combined", own("combined", "recipe = \"r\"\n")),
        ("sequential", own("sequential", "recipe = \"r\"\n")),
        (
            "selection",
            format!(
                "{HEAD}{TASKS}{BASE}{EXPERTS}[selection]\n{WRONG}[[merges]]\nmethod = \"ties\"\nselect = true\n"
            ),
        ),
        ("evaluation", own("evaluation", "")),
        ("statistics", own("statistics", "")),
    ];
    for (table, manifest) in cases {
        // Tables are keys too: the page has them with their brackets, or as a section alone.
        let tables: BTreeSet<String> = keys()
            .iter()
            .filter(|key| key.table == table)
            .filter_map(|key| key.name.strip_prefix('[').map(str::to_owned))
            .map(|name| {
                let name = name.trim_matches(['[', ']']).trim_end_matches(".NAME");
                name.rsplit('.').next().unwrap_or(name).to_owned()
            })
            .collect();
        let sections: &[&str] = if table == "base" {
            &["pretrain", "instruct"]
        } else {
            &[]
        };
        let known: BTreeSet<String> = known(&mergelab, &manifest)
            .into_iter()
            .filter(|name| !tables.contains(name) && !sections.contains(&name.as_str()))
            .collect();
        assert_eq!(known, documented(table), "keys of [{table}]");
    }
}

#[test]
fn every_key_is_explained() {
    let keys = keys();
    assert!(keys.len() > 80, "only {} keys were found", keys.len());
    for key in keys {
        assert!(!key.meaning.is_empty(), "{key:?}");
        // A table of a level has its own section.
        assert!(!key.kind.is_empty() || key.name == "any other", "{key:?}");
    }
}
