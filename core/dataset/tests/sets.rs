//! Every card of `datasets/` maps files of the public set's layout to the rows that tasks see.
//!
//! The files and what should come out are made by `tests/golden/make_datasets.py`.

use mergelab_dataset::{Card, Rows};
use serde_json::{Value, json};
use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::{Path, PathBuf},
};
use tempfile::TempDir;

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

fn fixtures() -> PathBuf {
    root().join("tests/golden/datasets")
}

/// What tasks should see, by set and split.
fn expected() -> BTreeMap<String, BTreeMap<String, Vec<Value>>> {
    let text = fs::read_to_string(fixtures().join("expected.jsonl")).expect("the fixture");
    let mut sets: BTreeMap<String, BTreeMap<String, Vec<Value>>> = BTreeMap::new();
    for line in text.lines() {
        let mut row: Value = serde_json::from_str(line).expect("JSON");
        let fields = row.as_object_mut().expect("an object");
        let mut take = |key: &str| {
            let value = fields.remove(key).expect("it is there");
            value.as_str().expect("a text").to_owned()
        };
        let (set, split) = (take("set"), take("split"));
        sets.entry(set)
            .or_default()
            .entry(split)
            .or_default()
            .push(row);
    }
    sets
}

/// The committed card beside a copy of the fixture's files.
fn staged(set: &str) -> (TempDir, Card) {
    let folder = tempfile::tempdir().expect("a folder");
    let card = root().join("datasets").join(set).join("card.toml");
    fs::copy(card, folder.path().join("card.toml")).expect("the card is there");
    copy(
        &fixtures().join(set).join("data"),
        &folder.path().join("data"),
    );
    let card = Card::read(folder.path()).unwrap_or_else(|e| panic!("{set}: {e}"));
    (folder, card)
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).expect("a folder");
    for entry in fs::read_dir(from).expect("a folder") {
        let entry = entry.expect("an entry");
        let target = to.join(entry.file_name());
        match entry.path().is_dir() {
            true => copy(&entry.path(), &target),
            false => fs::copy(entry.path(), target).map(drop).expect("copies"),
        }
    }
}

fn rows(card: &Card, split: &str) -> Vec<Value> {
    let split = card.split(split).unwrap_or_else(|e| panic!("{e}"));
    let rows = Rows::open(card, split, None).unwrap_or_else(|e| panic!("{e}"));
    rows.map(|placed| {
        let placed = placed.unwrap_or_else(|e| panic!("{e}"));
        let mut row = json!({
            "language": placed.language, "id": placed.example.id, "row": placed.example.row,
        });
        if let Some(cluster) = placed.example.cluster {
            row["cluster"] = json!(cluster);
        }
        row
    })
    .collect()
}

/// Rows as texts, so that their order does not matter.
fn sorted(rows: &[Value]) -> Vec<String> {
    let mut rows: Vec<String> = rows
        .iter()
        .map(|row| sorted_keys(row).to_string())
        .collect();
    rows.sort();
    rows
}

fn sorted_keys(value: &Value) -> Value {
    match value {
        Value::Object(table) => {
            let sorted: BTreeMap<&String, Value> =
                table.iter().map(|(k, v)| (k, sorted_keys(v))).collect();
            json!(sorted)
        }
        other => other.clone(),
    }
}

#[test]
fn cards_map_the_layout_of_each_set() {
    let expected = expected();
    assert_eq!(expected.len(), 18);
    for (set, splits) in &expected {
        let (_folder, card) = staged(set);
        for (split, wanted) in splits {
            let found: Vec<Value> = match split.as_str() {
                // Made splits: which one a row is in follows from a hash.
                "*" => card
                    .splits
                    .keys()
                    .flat_map(|name| rows(&card, name))
                    .collect(),
                split => rows(&card, split),
            };
            assert_eq!(sorted(&found), sorted(wanted), "{set} {split}");
        }
    }
}

#[test]
fn every_card_that_is_fetched_has_a_fixture() {
    let expected = expected();
    for entry in fs::read_dir(root().join("datasets")).expect("the folder") {
        let path = entry.expect("an entry").path();
        if !path.join("card.toml").is_file() {
            continue;
        }
        let card = Card::read(&path).unwrap_or_else(|e| panic!("{e}"));
        let name = path.file_name().expect("a name").to_string_lossy();
        assert_eq!(card.name, name, "a set is named as its folder");
        assert!(
            card.licence.is_some() && !card.description.is_empty(),
            "{name}"
        );
        assert!(!card.languages.is_empty() && card.task.is_some(), "{name}");
        let unique: BTreeSet<&String> = card.languages.iter().collect();
        assert_eq!(
            unique.len(),
            card.languages.len(),
            "{name} lists a language twice"
        );
        if card.origin.from.is_some() {
            assert!(card.citation.is_some(), "{name} says nothing to cite");
            assert!(
                expected.contains_key(name.as_ref()),
                "{name} has no fixture"
            );
        }
    }
}

#[test]
fn made_splits_keep_translations_together() {
    let (_folder, card) = staged("wikilingua");
    let mut split_of: BTreeMap<String, String> = BTreeMap::new();
    let mut sizes: BTreeMap<&str, usize> = BTreeMap::new();
    for name in card.splits.keys() {
        for row in rows(&card, name) {
            *sizes.entry(name).or_default() += 1;
            let cluster = row["cluster"].as_str().expect("a cluster").to_owned();
            let first = split_of.entry(cluster).or_insert_with(|| name.clone());
            assert_eq!(first, name);
        }
    }
    assert_eq!(split_of.len(), 12);
    assert_eq!(sizes.values().sum::<usize>(), 47);
    // With these groups and the card's seed; another split would be another experiment.
    let made = sizes.into_iter().collect::<Vec<_>>();
    assert_eq!(made, [("test", 4), ("train", 43)]);
}

#[test]
fn files_of_one_language_are_enough_for_it() {
    let (folder, card) = staged("belebele");
    fs::remove_file(folder.path().join("data/data/zho_Hans.jsonl")).expect("it was there");
    let test = mergelab_dataset::SplitRows::read(&card, "test").expect("files");
    assert_eq!(test.slice("de", None).expect("German").examples.len(), 2);
    let error = test.slice("zh", None).expect_err("not there").to_string();
    assert!(
        error.ends_with("Run `mergelab dataset fetch belebele` first."),
        "{error}"
    );
    let error = test
        .slice("xx", None)
        .expect_err("no such language")
        .to_string();
    assert!(error.contains("no row of the language `xx`"), "{error}");
}
