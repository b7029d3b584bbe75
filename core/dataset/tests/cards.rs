//! The page about cards names every key that is read, and no other.

use mergelab_dataset::{Card, card::KEYS};
use std::{collections::BTreeSet, fs, path::Path};

fn page() -> String {
    let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/reference/dataset-card.md");
    fs::read_to_string(page).expect("the page is there")
}

/// Keys in the page's tables: each table stands under a heading with its name in backticks.
fn documented() -> BTreeSet<(String, String)> {
    let mut table = None;
    let mut keys = BTreeSet::new();
    for line in page().lines() {
        if let Some(heading) = line.strip_prefix("## ") {
            table = match heading {
                "Top level" => Some(String::new()),
                other => {
                    let name = other.strip_prefix("`[").and_then(|h| h.strip_suffix("]`"));
                    name.map(str::to_owned)
                }
            };
        } else if let (Some(table), Some(row)) = (&table, line.strip_prefix("| `")) {
            let key = row.split('`').next().expect("a key");
            keys.insert((table.clone(), key.to_owned()));
        }
    }
    keys
}

#[test]
fn the_page_names_every_key_and_no_other() {
    let known: BTreeSet<(String, String)> = KEYS
        .iter()
        .map(|(table, key)| ((*table).to_owned(), (*key).to_owned()))
        .collect();
    assert_eq!(known.len(), KEYS.len());
    assert_eq!(documented(), known);
}

/// Every TOML block of the page that is a whole card is read, and together they use every key.
#[test]
fn the_examples_are_read_and_use_every_key() {
    let mut used = BTreeSet::new();
    let page = page();
    let blocks = page.split("```toml\n").skip(1);
    let blocks = blocks.filter_map(|block| block.split("```").next());
    let cards: Vec<&str> = blocks.filter(|block| block.starts_with("schema")).collect();
    assert!(cards.len() >= 2, "{cards:?}");
    for text in cards {
        let folder = tempfile::tempdir().expect("a folder");
        fs::write(folder.path().join("card.toml"), text).expect("writes");
        for name in ["train.csv", "test.csv"] {
            fs::write(folder.path().join(name), "").expect("writes");
        }
        Card::read(folder.path()).unwrap_or_else(|e| panic!("{e}"));
        for (table, key) in KEYS {
            // A key is used where its name stands before an equals sign or in a heading.
            let named = text.contains(&format!("{key} = ")) || text.contains(&format!("[{table}]"));
            if named {
                used.insert((*table, *key));
            }
        }
    }
    let unused: Vec<_> = KEYS.iter().filter(|key| !used.contains(*key)).collect();
    let unused: Vec<_> = unused.iter().filter(|(_, key)| *key != "NAME").collect();
    assert!(unused.is_empty(), "{unused:?}");
}

#[test]
fn slips_in_a_card_are_refused_with_their_line() {
    let card = |body: &str| {
        let folder = tempfile::tempdir().expect("a folder");
        let file = folder.path().join("card.toml");
        fs::write(&file, format!("schema = 1\nname = \"x\"\n{body}\n")).expect("writes");
        let error = Card::read(&file).expect_err("refused").to_string();
        error.replace(&format!("{}/", folder.path().display()), "")
    };
    let source = "[source]\nfrom = \"hf://datasets/a/b\"\n";
    let split = "[splits.test]\nfile = \"t.csv\"\n";
    for (body, wanted) in [
        ("", "card.toml:1:1: the card has no [splits.NAME]."),
        (
            "langauges = [\"de\"]\n[splits.a]\nfiles = [\"*\"]",
            "Did you mean `languages`?",
        ),
        (split, "card.toml:4:8: there is no file t.csv"),
        (
            "[splits.a]\nfiles = [\"*\"]\nsha256 = \"0\"",
            "hashes of several",
        ),
        ("[splits.a]\nfile = \"*\"\nfiles = [\"*\"]", "not both"),
        ("[splits.a]\nrows = 3", "lacks `file`"),
        ("[splits.made]\nfiles = [\"*\"]", "`shares` or `counts`"),
        (
            "[splits.made]\nfiles = [\"*\"]\nshares = { test = 1.5 }",
            "between 0 and 1",
        ),
        (
            "[splits.made]\nfiles = [\"*\"]\nshares = { test = 0.5, validation = 0.5 }",
            "leave something",
        ),
        (
            "[splits.made]\nfiles = [\"*\"]\nshares = { train = 0.5 }",
            "what the other splits leave",
        ),
        (
            "[splits.made]\nfiles = [\"*\"]\nshares = { test = 0.5 }\n[splits.test]\nfiles = [\"*\"]",
            "makes one of that name too",
        ),
        (
            "languages = [\"de\"]\n[language_codes]\ngerman = \"ed\"\n[splits.a]\nfiles = [\"*\"]",
            "`ed` is not among",
        ),
        (
            "[csv]\ndelimiter = \"ab\"\n[splits.a]\nfiles = [\"*\"]",
            "one ASCII sign",
        ),
        (
            "[source]\nfrom = \"ftp://x/\"\n[splits.a]\nfiles = [\"*\"]",
            "card.toml:4:8: `ftp://x/`",
        ),
    ] {
        let error = card(body);
        assert!(
            error.to_lowercase().contains(&wanted.to_lowercase()),
            "{wanted}: {error}"
        );
    }
    let error = card(&format!(
        "{source}[splits.a]\nfiles = [\"../../etc/x.csv\"]"
    ));
    assert!(error.contains("without `.` and `..`"), "{error}");
}
