use crate::{Card, SplitRows};
use sha2::{Digest as _, Sha256};
use std::path::Path;

fn set(folder: &Path, rows: &str) -> Card {
    std::fs::write(folder.join("test.jsonl"), rows).expect("writes");
    std::fs::write(
        folder.join("card.toml"),
        "schema = 1\nname = \"small\"\nlanguages = [\"de\", \"fr\"]\ncluster = \"pair\"\n\
         [fields]\ntext = \"sentence\"\nlanguage = \"lang\"\nid = \"key\"\n\
         [splits.test]\nfile = \"test.jsonl\"\n",
    )
    .expect("writes");
    Card::read(folder).expect("a valid card")
}

#[test]
fn rows_are_filtered_mapped_and_hashed() {
    let folder = tempfile::tempdir().expect("a folder");
    let de = r#"{"key": 1, "pair": "p", "lang": "de", "sentence": "ja"}"#;
    let fr = r#"{"key": 2, "pair": "p", "lang": "fr", "sentence": "oui"}"#;
    let card = set(folder.path(), &format!("{de}\n{fr}\n"));
    let read = |card: &Card| {
        let rows = SplitRows::read(card, "test").expect("rows");
        rows.slice("de", None).expect("German rows")
    };
    let slice = read(&card);
    assert_eq!(slice.examples.len(), 1);
    assert_eq!(slice.examples[0].id, "1");
    assert_eq!(slice.examples[0].cluster.as_deref(), Some("p"));
    assert_eq!(slice.examples[0].row["text"], "ja");
    // A change in French leaves the German slice's hash alone.
    let card = set(
        folder.path(),
        &format!("{de}\n{}\n", fr.replace("oui", "non")),
    );
    let again = read(&card);
    assert_eq!(slice.hash, again.hash);
}

#[test]
fn errors_name_the_file_and_line() {
    let folder = tempfile::tempdir().expect("a folder");
    let message = |rows: &str, language: &str| {
        let card = set(folder.path(), rows);
        SplitRows::read(&card, "test")
            .and_then(|rows| rows.slice(language, None))
            .expect_err("refused")
            .to_string()
    };
    assert!(message("", "de").ends_with("The file's rows have: no rows at all"));
    assert!(message("{\"lang\": \"fr\"}\n", "de").contains("no row of the language `de`"));
    assert!(message("\n[1]\n", "de").contains("test.jsonl:2: is no JSON object"));
    assert!(message("{\"lang\": 3}\n", "de").contains("test.jsonl:1: the language"));
}

#[test]
fn a_file_that_the_card_does_not_mean_is_refused() {
    let folder = tempfile::tempdir().expect("a folder");
    set(folder.path(), "{\"lang\": \"de\"}\n");
    let card = folder.path().join("card.toml");
    let text = std::fs::read_to_string(&card).expect("a card");
    let read = |hash: &str| {
        std::fs::write(&card, format!("{text}sha256 = \"{hash}\"\n")).expect("writes");
        SplitRows::read(&Card::read(folder.path()).expect("a valid card"), "test")
    };
    // sha256sum of the line above.
    let right = Sha256::digest(b"{\"lang\": \"de\"}\n");
    let right: String = right.iter().map(|b| format!("{b:02X}")).collect();
    assert!(read(&right).is_ok());
    let error = read("00").expect_err("refused").to_string();
    assert!(error.contains("the card declares 00"), "{error}");
}
