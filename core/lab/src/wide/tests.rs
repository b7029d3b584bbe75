//! Views of a small run.

use super::{
    Format, Options, View,
    baseline::{self, Tests},
    best::{Standing, standings},
    layout::{Place, layout},
    results, view,
};
use crate::{
    cell::{Cell, Role},
    compare::{
        Settings, comparisons,
        fixture::{Source, binary, model, models},
        values,
    },
    past::Past,
    tables,
};
use mergelab_abi::registry::Registry;
use serde_json::json;
use std::{
    collections::{BTreeMap, BTreeSet},
    path::Path,
};

/// What its models answered.
fn run_cells() -> Vec<Cell> {
    let right = |model: &str, language: &str, range: std::ops::Range<usize>| {
        let scores: Vec<u8> = (0..40).map(|i| u8::from(range.contains(&i))).collect();
        binary(model, "topics", language, &scores)
    };
    vec![
        right("base", "de", 0..4),
        right("base", "en", 0..20),
        right("joint", "de", 0..20),
        right("joint", "en", 0..20),
        right("ties_0.5", "de", 0..40),
        right("ties_0.5", "en", 0..19),
        right("a|b & <c>", "de", 0..20),
        right("a|b & <c>", "en", 1..21),
        right("german", "de", 0..38),
    ]
}

/// A run with two languages: `ties_0.5` is far better than all in German and no worse in English.
fn write_run(folder: &Path) {
    let cells = run_cells();
    let mut labels = vec![model("base", Role::Base)];
    labels.extend(models(&["ties_0.5", "a|b & <c>", "german"]));
    for label in &mut labels[2..] {
        label.method = Some("ties".to_owned());
    }
    labels[2].swept.insert("density".to_owned(), json!(0.5));
    labels[3].swept.insert("density".to_owned(), json!(0.2));
    let settings = Settings {
        baselines: vec!["joint".into(), "ties_0.5".into()],
        resamples: 2_000,
        margins: [("accuracy".to_owned(), 0.15)].into(),
        ..Settings::default()
    };
    let found = values(&cells, &[], &Source, &settings).unwrap();
    let tests = comparisons(&cells, &labels, &Source, &settings).unwrap();
    let experiment = tables::Experiment {
        name: "first try",
        models: &labels,
    };
    let write = |name: &str, table: tables::Table| table.write(&folder.join(name)).unwrap();
    write("results.csv", tables::results(&experiment, &found).unwrap());
    write(
        "significance.csv",
        tables::significance(&experiment, &tests).unwrap(),
    );
    write("costs.csv", tables::costs("first try", &[]));
    let record = json!({
        "experiment": "first try",
        "mergelab": "0",
        "statistics": settings,
        "models": labels,
        "plugins": [],
    });
    let text = |name: &str, text: &str| std::fs::write(folder.join(name), text).unwrap();
    text("run.json", &record.to_string());
    text("stages.jsonl", "");
    text("manifest.toml", "");
}

fn options(rows: &[&str], cols: &[&str]) -> Options {
    let owned = |names: &[&str]| names.iter().map(|n| (*n).to_owned()).collect();
    Options {
        rows: owned(rows),
        cols: owned(cols),
        ..Options::default()
    }
}

fn made(options: &Options) -> Result<View, String> {
    let folder = tempfile::tempdir().unwrap();
    write_run(folder.path());
    let run = Past::open(folder.path()).unwrap();
    let registry = Registry::search(&[]);
    view(&run, &registry, options).map_err(|e| e.to_string())
}

fn written(options: &Options, format: Format) -> String {
    made(options).unwrap().write(format).unwrap()
}

#[test]
fn markdown() {
    let text = written(
        &Options {
            worst: true,
            deltas: Some("joint".to_owned()),
            ..options(&["model"], &["task", "language"])
        },
        Format::Markdown,
    );
    let expected = "\
| model            | topics de | topics en  | topics mean | topics worst | topics Δ |
| ---------------- | --------: | ---------: | ----------: | -----------: | -------: |
| base             |    0.100† | **0.500**≈ |      0.300† |   0.100 (de) |   −0.200 |
| joint (baseline) |     0.500 |  **0.500** |       0.500 |   0.500 (de) |    0.000 |
| ties_0.5         |**1.000**† | **0.475**≈ |  **0.738**† |   0.475 (en) |   +0.238 |
";
    // Column widths are checked by eye; the fields are what counts.
    let fields = |line: &str| -> Vec<String> {
        line.split('|')
            .map(|field| field.trim().to_owned())
            .collect()
    };
    for (own, expected) in text.lines().zip(expected.lines()) {
        if !own.starts_with("| -") {
            assert_eq!(fields(own), fields(expected), "\n{text}");
        }
    }
    assert!(text.contains("| a\\|b & \\<c>"), "{text}");
    for sentence in [
        "topics: accuracy (accuracy/test@1), higher is better, n = 40 per language.",
        "Bold: best of its column, and all that are not shown to be worse than it (holm-adjusted p \\> 0.05",
        "†: differs from joint (holm-adjusted p ≤ 0.05; m = ",
        "≈: shown to differ from joint by less than the declared margin (accuracy 0.15; alpha = 0.05).",
        "Tests: exact McNemar, sign-flip permutation over languages.",
        "worst: the worst language, found after the fact and not tested.",
        "Δ: minus joint, in the measure's own unit.",
    ] {
        let sentence = sentence.replace("\\>", ">");
        assert!(text.contains(&sentence), "no {sentence:?} in\n{text}");
    }
}

#[test]
fn a_model_without_the_language_has_no_number() {
    let view = made(&options(&["model"], &["language"])).unwrap();
    let german = view
        .rows
        .iter()
        .find(|row| row.names[0] == "german")
        .unwrap();
    assert_eq!(german.cells[1].text, "–");
    assert_eq!(german.cells[1].value, None);
    // 38 of 40 are not shown to be worse than 40 of 40.
    assert!(german.cells[0].tied && !german.cells[0].best);
    // 20 are.
    let joint = view
        .rows
        .iter()
        .find(|r| r.names[0].starts_with("joint"))
        .unwrap();
    assert!(!joint.cells[0].bold() && joint.cells[1].best);
}

#[test]
fn latex() {
    let text = written(&options(&["method"], &["task", "language"]), Format::Latex);
    for part in [
        "\\begin{tabular}{lrrr}\n\\toprule\n & \\multicolumn{3}{c}{topics} \\\\\n\\cmidrule(lr){2-4}\n\
         method & de & en & mean \\\\\n\\midrule\n",
        "ties density=0.5 & \\textbf{1.000}$^{\\dagger}$ & \\textbf{0.475}$^{\\approx}$ & ",
        "joint (baseline) & 0.500 & \\textbf{0.500} & 0.500 \\\\\n\\midrule\n",
        "\\label{tab:first-try}",
        "p $\\le$ 0.05",
        "\\bottomrule\n\\end{tabular}\n\\end{table}\n",
    ] {
        assert!(text.contains(part), "no {part:?} in\n{text}");
    }
    let models = written(&options(&["model"], &["language"]), Format::Latex);
    assert!(models.contains("ties\\_0.5 &"), "{models}");
    assert!(models.contains("a$|$b \\& $<$c$>$ &"), "{models}");
}

#[test]
fn html_is_one_page_of_its_own() {
    let text = written(&options(&["model"], &["task", "language"]), Format::Html);
    for part in [
        "<!doctype html>",
        "<title>first try</title>",
        "<th class=\"group\" scope=\"colgroup\" colspan=\"3\">topics</th>",
        "<th class=\"name\" scope=\"row\">a|b &amp; &lt;c&gt;</th>",
        "<td><strong>1.000</strong><sup>†</sup></td>",
    ] {
        assert!(text.contains(part), "no {part:?} in\n{text}");
    }
    assert!(
        !text.contains("<script") && !text.contains("http"),
        "{text}"
    );
}

#[test]
fn csv_has_full_numbers_and_marks_beside_them() {
    let text = written(
        &Options {
            worst: true,
            ..options(&["model"], &["task", "language"])
        },
        Format::Csv,
    );
    let mut reader = ::csv::Reader::from_reader(text.as_bytes());
    let header = reader.headers().unwrap().clone();
    assert_eq!(
        header.iter().collect::<Vec<_>>(),
        [
            "model",
            "topics/de",
            "topics/de/marks",
            "topics/en",
            "topics/en/marks",
            "topics/mean",
            "topics/mean/marks",
            "topics/worst",
            "topics/worst/language"
        ]
    );
    let rows: Vec<::csv::StringRecord> = reader.records().map(Result::unwrap).collect();
    let ties = rows.iter().find(|row| &row[0] == "ties_0.5").unwrap();
    assert_eq!(&ties[1], "1.0");
    assert_eq!(&ties[2], "best;differs_from_baseline");
    assert_eq!(&ties[4], "not_worse_than_best;equivalent_to_baseline");
    assert_eq!([&ties[7], &ties[8]], ["0.475", "en"]);
    let rounded = written(
        &Options {
            decimals: Some(1),
            ..options(&["model"], &["language"])
        },
        Format::Csv,
    );
    assert!(rounded.contains("ties_0.5,1.0,"), "{rounded}");
}

#[test]
fn rows_and_columns_can_be_exchanged() {
    let across = made(&options(&["task", "language"], &["model"])).unwrap();
    let down = made(&options(&["model"], &["task", "language"])).unwrap();
    assert_eq!(across.names, ["task", "language"]);
    assert_eq!(across.rows.len(), 3);
    assert_eq!(across.rows[0].names, ["topics", "de"]);
    assert_eq!(across.columns.len(), 5);
    for (i, row) in across.rows.iter().enumerate() {
        for (j, cell) in row.cells.iter().enumerate() {
            assert_eq!(*cell, down.rows[j].cells[i]);
        }
    }
}

#[test]
fn without_languages_the_mean_counts() {
    let view = made(&Options {
        deltas: Some("joint".to_owned()),
        ..options(&["model"], &["task"])
    })
    .unwrap();
    let heads: Vec<String> = view.columns.iter().map(|c| c.levels.join(" ")).collect();
    assert_eq!(heads, ["topics", "topics Δ"]);
    // German alone has no mean.
    assert!(view.rows.iter().all(|row| row.names[0] != "german"));
}

#[test]
fn wrong_names_are_refused_with_the_nearest() {
    let refused = |options: Options, words: &str| {
        let message = made(&options).unwrap_err();
        assert!(message.contains(words), "{message}");
    };
    let plain = || options(&["model"], &["task", "language"]);
    refused(
        options(&["modle"], &["task"]),
        "--rows: there is no column `modle`. Did you mean `model`?",
    );
    refused(
        options(&["model"], &["model"]),
        "one of --rows and --cols names models",
    );
    refused(
        options(&["model", "task"], &["language"]),
        "`--rows model,task --cols language` mixes them",
    );
    let mut wrong = plain();
    wrong.baseline = Some("join".to_owned());
    refused(
        wrong,
        "--baseline: there is no model `join`. Did you mean `joint`?",
    );
    let mut wrong = plain();
    wrong.deltas = Some("jiont".to_owned());
    refused(
        wrong,
        "--deltas: there is no model `jiont`. Did you mean `joint`?",
    );
    let mut wrong = plain();
    wrong.measure = Some("acuracy".to_owned());
    refused(
        wrong,
        "--measure: there is no value `acuracy`. Did you mean `accuracy`?",
    );
    let mut wrong = plain();
    wrong.filters = vec![("task".to_owned(), vec!["topic".to_owned()])];
    refused(
        wrong,
        "--where: there is no value `topic`. Did you mean `topics`?",
    );
}

#[test]
fn tests_that_the_table_lacks_are_made_from_cells() {
    let folder = tempfile::tempdir().unwrap();
    write_run(folder.path());
    let run = Past::open(folder.path()).unwrap();
    let registry = Registry::search(&[]);
    let tested = results::read(&run, "significance.csv").unwrap().rows;
    let shown = layout(
        results::read(&run, "results.csv").unwrap(),
        &tested,
        &options(&["model"], &["task", "language"]),
    )
    .unwrap();
    let models = ["base", "joint", "ties_0.5", "a|b & <c>", "german"].map(str::to_owned);
    let printed = |model: &str, place: &Place| {
        let value = *shown.values.get(&(model.to_owned(), place.clone()))?;
        Some((value, format!("{value:.3}")))
    };
    let standings = |table: &BTreeMap<String, Tests>| {
        let mut read = 0;
        let mut cells = |tasks: &BTreeSet<String>| {
            assert!(tasks.contains("topics"));
            read += 1;
            Ok(run_cells())
        };
        let found = standings(
            &run,
            &shown.places,
            &models,
            &printed,
            table,
            &mut cells,
            &registry,
        );
        (found.unwrap(), read)
    };
    // Against ties_0.5 and joint the table has all tests, and they are the best ones but for
    // English, where base is the first of three.
    let (known, _) = standings(&baseline::of_table(&tested));
    let (anew, read) = standings(&BTreeMap::new());
    assert_eq!(read, 1);
    assert_eq!(known.of, anew.of);
    assert_eq!(known.families, anew.families);
    let german = |model: &str| {
        let of = anew
            .of
            .iter()
            .find(|((m, p), _)| m == model && p.language == "de");
        *of.unwrap().1
    };
    assert_eq!(german("ties_0.5"), Standing::Best);
    assert_eq!(german("german"), Standing::Tied);
    assert_eq!(german("joint"), Standing::Worse);
    // Five models in German, and in English those that are not as good as the best as printed.
    assert!(anew.families.contains(&5), "{:?}", anew.families);
}

#[test]
fn a_table_is_of_one_split() {
    let folder = tempfile::tempdir().unwrap();
    write_run(folder.path());
    let file = folder.path().join("results.csv");
    let text = std::fs::read_to_string(&file).unwrap();
    let shown = |more: &str, options: &Options| {
        std::fs::write(&file, format!("{text}{more}")).unwrap();
        let run = Past::open(folder.path()).unwrap();
        view(&run, &Registry::search(&[]), options).map_err(|e| e.to_string())
    };
    let plain = options(&["model"], &["task", "language"]);
    let before = shown("", &plain).unwrap();
    // A chosen model has values on the split that it was chosen on too.
    let line = text
        .lines()
        .find(|line| line.contains(",ties_0.5,"))
        .unwrap();
    let chosen = format!("{}\n", line.replace(",test,", ",validation,"));
    assert_eq!(shown(&chosen, &plain).unwrap(), before);
    let candidate = chosen.replace(",ties_0.5,", ",ties_0.9,");
    let message = shown(&candidate, &plain).unwrap_err();
    assert!(
        message.contains("several splits (test, validation)"),
        "{message}"
    );
    let mut one = plain.clone();
    one.filters = vec![("split".to_owned(), vec!["validation".to_owned()])];
    assert_eq!(shown(&candidate, &one).unwrap().rows.len(), 1);
    let message = shown("", &options(&["model"], &["split"])).unwrap_err();
    assert!(message.contains("--where split=NAME"), "{message}");
}

#[test]
fn what_has_no_predictions_is_said() {
    // `base` is no baseline of the run, and there is nothing to test anew.
    let view = made(&Options {
        baseline: Some("base".to_owned()),
        ..options(&["model"], &["task", "language"])
    })
    .unwrap();
    assert!(
        view.rows
            .iter()
            .flat_map(|r| &r.cells)
            .all(|c| !c.significant)
    );
    let caption = view.caption.join(" ");
    assert!(
        caption.contains("Nothing was tested against base."),
        "{caption}"
    );
    assert!(!view.notes.is_empty());
}
