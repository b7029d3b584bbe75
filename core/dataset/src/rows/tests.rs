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

fn formats(name: &str) -> Card {
    let fixtures =
        Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/golden/datasets/formats");
    let folder = tempfile::tempdir().expect("a folder");
    std::fs::copy(fixtures.join(name), folder.path().join(name)).expect("copies");
    std::fs::write(
        folder.path().join("card.toml"),
        format!(
            "schema = 1\nname = \"formats\"\nlanguages = [\"de\", \"fr\"]\n[fields]\n\
             text = \"sentence\"\nlanguage = \"lang\"\nlabel = \"stars\"\n\
             key = {{ path = \"key\", as = \"number\" }}\n[splits.test]\nfile = \"{name}\"\n"
        ),
    )
    .expect("writes");
    let card = Card::read(folder.path()).expect("a valid card");
    // Kept until the process ends, as the card's files are read later.
    let _ = folder.keep();
    card
}

#[test]
fn the_hash_of_rows_does_not_depend_on_the_format() {
    let hash = |name: &str| {
        let rows = SplitRows::read(&formats(name), "test").expect("rows");
        rows.slice("de", None).expect("German rows").hash
    };
    let expected = hash("rows.jsonl");
    for name in [
        "rows.csv",
        "rows.tsv.gz",
        "rows.parquet",
        "rows.jsonl.zst",
        "zstd.parquet",
    ] {
        assert_eq!(hash(name), expected, "{name}");
    }
}

#[test]
fn rows_behind_the_limit_are_not_read() {
    let folder = tempfile::tempdir().expect("a folder");
    let row = r#"{"lang": "de", "sentence": "ja"}"#;
    let card = set(folder.path(), &format!("{row}\n{row}\nbroken\n"));
    let rows = SplitRows::read(&card, "test").expect("a file");
    assert_eq!(
        rows.slice("de", Some(2)).expect("two rows").examples.len(),
        2
    );
    assert_eq!(
        rows.slice("de", Some(0)).expect("no rows").examples.len(),
        0
    );
    assert!(rows.slice("de", Some(3)).is_err());
    assert!(rows.slice("de", None).is_err());
}

#[test]
fn rows_can_be_left_out_by_id_and_for_what_they_lack() {
    let folder = tempfile::tempdir().expect("a folder");
    let rows = r#"{"key": "a", "lang": "de", "sentence": "ja"}
{"key": "b", "lang": "de", "sentence": " "}
{"key": "c", "lang": "de", "sentence": "nein"}
"#;
    set(folder.path(), rows);
    let path = folder.path().join("card.toml");
    let text = std::fs::read_to_string(&path).expect("a card");
    let text = text.replace(
        "cluster =",
        "skip_empty = [\"text\"]\nskip_ids = [\"c\"]\ncluster =",
    );
    std::fs::write(&path, text).expect("writes");
    let card = Card::read(folder.path()).expect("a valid card");
    let split = card.split("test").expect("a split");
    let mut rows = crate::Rows::open(&card, split, None).expect("rows");
    let ids: Vec<String> = rows
        .by_ref()
        .map(|r| r.expect("a row").example.id)
        .collect();
    assert_eq!((ids, rows.skipped()), (vec!["a".to_owned()], 2));
}

#[test]
fn splits_with_counts_have_rows_of_every_language() {
    let folder = tempfile::tempdir().expect("a folder");
    let rows: String = (0..60)
        .map(|i| {
            let lang = ["de", "fr"][i % 2];
            format!(
                "{{\"key\": {i}, \"pair\": \"p{}\", \"lang\": \"{lang}\", \"sentence\": \"s\"}}\n",
                i / 2
            )
        })
        .collect();
    set(folder.path(), &rows);
    let path = folder.path().join("card.toml");
    let text = std::fs::read_to_string(&path).expect("a card");
    let made = "[splits.made]\nseed = 1\ncounts = { test = 5, validation = 3 }\n";
    std::fs::write(&path, text.replace("[splits.test]\n", made)).expect("writes");
    let card = Card::read(folder.path()).expect("a valid card");
    let size = |split: &str, language: &str| {
        let rows = SplitRows::read(&card, split).expect("rows");
        rows.slice(language, None).expect("rows").examples.len()
    };
    // Each pair has a row of both languages, so the counts are met exactly.
    assert_eq!((size("test", "de"), size("test", "fr")), (5, 5));
    assert_eq!((size("validation", "de"), size("validation", "fr")), (3, 3));
    assert_eq!(size("train", "de"), 22);
}
