use super::*;
use serde_json::json;
use std::path::PathBuf;

fn formats() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/golden/datasets/formats")
}

fn read(path: &Path) -> Vec<Row> {
    let rows = open(path, &Csv::default(), None).expect("the file opens");
    rows.map(|row| row.expect("a row").1).collect()
}

#[test]
fn every_format_has_the_same_rows() {
    let expected = read(&formats().join("rows.jsonl"));
    assert_eq!(expected.len(), 3);
    assert_eq!(expected[1]["sentence"], "Oui,\nbien sûr.");
    let mut names = Vec::new();
    for name in under(&formats()) {
        assert_eq!(read(&formats().join(&name)), expected, "{name}");
        names.push(name);
    }
    assert_eq!(names.len(), 15, "{names:?}");
}

#[test]
fn columns_that_are_not_wanted_are_not_read_from_parquet() {
    let wanted = BTreeSet::from(["stars".to_owned(), "none".to_owned()]);
    let path = formats().join("rows.parquet");
    let rows = open(&path, &Csv::default(), Some(&wanted)).expect("the file opens");
    let rows: Vec<Row> = rows.map(|row| row.expect("a row").1).collect();
    assert_eq!(
        json!(rows),
        json!([{"stars": "good"}, {"stars": "good"}, {"stars": "bad"}])
    );
}

fn written(name: &str, content: &[u8], csv: &Csv) -> Vec<String> {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join(name);
    std::fs::write(&path, content).expect("writes");
    let shown = |e: DatasetError| {
        let folder = format!("{}/", folder.path().display());
        e.to_string().replace(&folder, "")
    };
    match open(&path, csv, None) {
        Err(e) => vec![shown(e)],
        Ok(rows) => rows
            .map(|row| match row {
                Ok((line, row)) => format!("{line} {}", json!(row)),
                Err(e) => shown(e),
            })
            .collect(),
    }
}

#[test]
fn a_broken_line_has_its_number_and_the_next_one_is_read() {
    let content = b"\xef\xbb\xbf{\"a\": 1}\n\n[1]\n{\"a\": \"\xff\"}\n{\"a\": 2}";
    let rows = written("rows.jsonl", content, &Csv::default());
    assert_eq!(rows.len(), 4, "{rows:?}");
    assert_eq!(rows[0], r#"1 {"a":1}"#);
    assert!(
        rows[1].starts_with("rows.jsonl:3: is no JSON object"),
        "{rows:?}"
    );
    assert!(rows[2].starts_with("rows.jsonl:4: "), "{rows:?}");
    assert_eq!(rows[3], r#"5 {"a":2}"#);
    let rows = written("rows.csv", b"a,b\n1,2\n3\n4,5\n", &Csv::default());
    assert_eq!(rows[0], r#"2 {"a":"1","b":"2"}"#);
    assert_eq!(rows[1], "rows.csv:3: has 1 values, and there are 2 columns");
    assert_eq!(rows[2], r#"4 {"a":"4","b":"5"}"#);
}

#[test]
fn files_without_a_heading_or_quotes_are_read_as_the_card_says() {
    let csv = Csv {
        delimiter: Some(b';'),
        quote: false,
        columns: Some(vec!["a".to_owned(), "b".to_owned()]),
    };
    let rows = written("rows.csv", b"\"x;y\n", &csv);
    assert_eq!(rows, [r#"1 {"a":"\"x","b":"y"}"#]);
}

#[test]
fn what_cannot_be_read_is_named() {
    let rows = written("rows.xlsx", b"", &Csv::default());
    assert!(
        rows[0].starts_with("rows.xlsx: the format of a file is told"),
        "{rows:?}"
    );
    let rows = written("rows.parqet", b"", &Csv::default());
    assert!(rows[0].contains("Did you mean `parquet`?"), "{rows:?}");
    let rows = written("rows.parquet", b"PAR1 and no more", &Csv::default());
    assert!(rows[0].starts_with("rows.parquet: "), "{rows:?}");
    let rows = written("rows.jsonl.gz", b"{}", &Csv::default());
    assert!(rows[0].starts_with("rows.jsonl.gz:1: "), "{rows:?}");
    let whole = std::fs::read(formats().join("rows.jsonl.zst")).expect("a fixture");
    let rows = written("rows.jsonl.zst", &whole[..whole.len() / 2], &Csv::default());
    let last = rows.last().expect("something");
    assert!(last.starts_with("rows.jsonl.zst:"), "{rows:?}");
}
