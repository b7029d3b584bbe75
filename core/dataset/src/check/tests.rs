use super::*;
use std::path::Path;

const CARD: &str = "schema = 1\nname = \"small\"\nlanguages = [\"de\", \"fr\"]\n\
                    cluster = \"pair\"\nlabels = [\"bad\", \"good\"]\n\
                    [splits.train]\nfile = \"train.jsonl\"\n[splits.test]\nfile = \"test.jsonl\"\n";

fn report(card: &str, train: &[&str], test: &[&str], try_row: &TryRow<'_>) -> Report {
    let folder = tempfile::tempdir().expect("a folder");
    let write = |name: &str, text: &str| {
        std::fs::write(folder.path().join(name), text).expect("writes");
    };
    write("train.jsonl", &train.join("\n"));
    write("test.jsonl", &test.join("\n"));
    write("card.toml", card);
    let card = Card::read(folder.path()).expect("a valid card");
    let mut report = check(&card, try_row, &|_| {});
    let shorten = |f: &mut Finding| {
        f.place = f.place.as_ref().map(|p| {
            let name = Path::new(p).file_name().expect("a file");
            name.to_string_lossy().into_owned()
        });
    };
    report.findings.faults.iter_mut().for_each(shorten);
    report
}

fn shown(findings: &[Finding]) -> Vec<String> {
    let line = |f: &Finding| {
        let place = f.place.clone().unwrap_or_default();
        format!("{} {place} {}", f.kind, f.message)
    };
    findings.iter().map(line).collect()
}

fn row(id: u32, pair: &str, language: &str, label: &str) -> String {
    format!(
        r#"{{"id": {id}, "pair": "{pair}", "language": "{language}", "text": "t{id}{language}", "label": "{label}"}}"#
    )
}

#[test]
fn a_clean_set_has_no_fault() {
    let train = [row(1, "a", "de", "bad"), row(1, "a", "fr", "good")];
    let test = [row(2, "b", "de", "good"), row(2, "b", "fr", "bad")];
    let report = report(
        CARD,
        &train.each_ref().map(String::as_str),
        &test.each_ref().map(String::as_str),
        &|_, _| Ok(()),
    );
    assert_eq!(shown(&report.findings.faults), Vec::<String>::new());
    assert_eq!(report.rows["train"]["de"], 1);
    // Nothing is pinned, and each group has one label only.
    assert_eq!(report.findings.note_counts["unpinned"], 2);
    assert_eq!(report.findings.note_counts["labels"], 4);
}

#[test]
fn a_cluster_in_two_splits_is_a_leak_in_any_language() {
    let train = [row(1, "a", "de", "bad")];
    let test = [row(2, "a", "fr", "good"), row(3, "a", "fr", "good")];
    let report = report(
        CARD,
        &train.each_ref().map(String::as_str),
        &test.each_ref().map(String::as_str),
        &|_, _| Ok(()),
    );
    assert_eq!(report.findings.fault_counts["leak"], 2);
    let faults = shown(&report.findings.faults);
    assert!(
        faults[0].starts_with("leak test.jsonl:1 the cluster `a` is in `test` and in `train`"),
        "{faults:?}"
    );
}

#[test]
fn rows_are_judged_with_their_line() {
    let train = [
        row(1, "a", "de", "bad"),
        "[]".to_owned(),
        row(1, "b", "de", "good"),
        row(2, "c", "it", "good"),
        row(3, "d", "fr", "great"),
        row(4, "e", "fr", "good"),
    ];
    let refuse = |_: &str, row: &Row| match row["id"] == 4 {
        true => Err("no".to_owned()),
        false => Ok(()),
    };
    let report = report(CARD, &train.each_ref().map(String::as_str), &[], &refuse);
    let faults = shown(&report.findings.faults);
    let starts = [
        "row train.jsonl:2 is no JSON object",
        "id train.jsonl:3 the id `1` occurs twice in `train`",
        "language train.jsonl:4 the card does not list the language `it`",
        "label train.jsonl:5 the label `great` is none of: bad, good",
        "task train.jsonl:6 no",
    ];
    assert_eq!(faults.len(), starts.len(), "{faults:?}");
    for (fault, start) in faults.iter().zip(starts) {
        assert!(fault.starts_with(start), "{fault}");
    }
}

#[test]
fn equal_rows_are_noted_within_and_between_splits() {
    let same = |id: u32, pair: &str| {
        format!(
            r#"{{"id": {id}, "pair": "{pair}", "language": "de", "text": "same", "label": "bad"}}"#
        )
    };
    let card = CARD.replace(
        "cluster = \"pair\"\n",
        "[fields]\nid = \"id\"\nlanguage = \"language\"\ntext = \"text\"\nlabel = \"label\"\n",
    );
    let (first, second, third) = (same(1, "a"), same(2, "b"), same(3, "c"));
    let card = card.replace("labels = [\"bad\", \"good\"]\n", "");
    let report = report(&card, &[&first, &second], &[&third], &|_, _| Ok(()));
    assert_eq!(report.findings.note_counts["duplicate"], 1);
    assert_eq!(report.findings.note_counts["overlap"], 1);
    assert!(report.findings.faults.is_empty());
}

#[test]
fn declared_numbers_and_hashes_are_compared() {
    let card = CARD.replace(
        "file = \"train.jsonl\"\n",
        "file = \"train.jsonl\"\nsha256 = \"00\"\nrows = 2\nrows_per_language = { de = 1, fr = 1 }\n",
    );
    let train = row(1, "a", "de", "bad");
    let report = report(&card, &[&train], &[], &|_, _| Ok(()));
    let counts = &report.findings.fault_counts;
    assert_eq!((counts["hash"], counts["count"]), (1, 2));
}

#[test]
fn labels_that_crowd_out_others_or_shift_are_noted() {
    let train: Vec<String> = (0..40)
        .map(|i| row(i, &format!("t{i}"), "de", "good"))
        .collect();
    let test: Vec<String> = (0..40)
        .map(|i| row(i, &format!("e{i}"), "de", ["good", "bad"][i as usize % 2]))
        .collect();
    let lines = |rows: &[String]| rows.join("\n");
    let report = report(CARD, &[&lines(&train)], &[&lines(&test)], &|_, _| Ok(()));
    let notes = shown(&report.findings.notes).join("\n");
    assert!(
        notes.contains("`good` is 100 % of the rows of `de` in `train`"),
        "{notes}"
    );
    assert!(
        notes.contains("`train` has no row of `de` with the label `bad`"),
        "{notes}"
    );
    assert!(
        notes.contains("`bad` is 50 % of the rows of `de` in `test`, and 0 % in `train`"),
        "{notes}"
    );
}
