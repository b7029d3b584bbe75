//! What `mergelab compare` gives: a table of all tests, and columns for a terminal.

use super::field::Field;
use super::layout::{Format, set};
use super::schema::{COMPARISON, header};
use super::significance;
use super::write::{Row, Table};
use crate::compare::{ALL_LANGUAGES, Comparison};
use mergelab_stats::Verdict;

/// The table of all tests between two runs, which are called by these names.
pub fn comparison(run_a: &str, run_b: &str, rows: &[Comparison]) -> Table {
    let rows = rows.iter().map(|found| row(run_a, run_b, found));
    Table::new(header(COMPARISON, &[]), rows.collect())
}

/// A row of `significance.csv` with the runs in the place of model and baseline.
fn row(run_a: &str, run_b: &str, found: &Comparison) -> Row {
    let mut row = Row::new();
    for (name, field) in significance::row("", found) {
        let name = match name.as_str() {
            "experiment" => {
                row.push(("run_a".to_owned(), Field::text(run_a)));
                row.push(("run_b".to_owned(), Field::text(run_b)));
                continue;
            }
            // Replicates of two runs are compared one by one, so there is no order over trainings.
            "baseline" | "aso_model" | "aso_baseline" => continue,
            "model_value" => "b_value",
            "baseline_value" => "a_value",
            "only_model" => "only_b",
            "only_baseline" => "only_a",
            other => other,
        };
        row.push((name.to_owned(), field));
    }
    row
}

/// One line per test, those that are alike on every example left out unless `all`.
pub fn comparison_in_columns(rows: &[Comparison], all: bool) -> String {
    let shown = rows.iter().filter(|row| all || !row.identical);
    let lines: Vec<Vec<String>> = shown.map(line).collect();
    if lines.is_empty() {
        return String::new();
    }
    let names = [
        "model", "task", "language", "measure", "n", "A", "B", "B − A", "interval", "p adj.", "",
    ];
    set(&names.map(str::to_owned), &lines, Format::Text)
}

fn line(row: &Comparison) -> Vec<String> {
    let number = |value: Option<f64>| value.map_or("–".to_owned(), |value| format!("{value:.4}"));
    let signed =
        |value: Option<f64>| value.map_or("–".to_owned(), |value| format!("{value:+.4}"));
    let interval = match (row.ci_low, row.ci_high) {
        (Some(low), Some(high)) => format!("{low:+.4} to {high:+.4}"),
        _ => "–".to_owned(),
    };
    let verdict = match row.verdict {
        Verdict::Better => "▲",
        Verdict::Worse => "▼",
        Verdict::Equivalent => "≈",
        Verdict::Inconclusive => "",
    };
    let language = match row.language.as_str() {
        ALL_LANGUAGES => "mean",
        language => language,
    };
    vec![
        row.model.clone(),
        row.task.clone(),
        language.to_owned(),
        row.measure.name.clone(),
        row.n.to_string(),
        number(row.baseline_value),
        number(row.model_value),
        signed(row.difference),
        interval,
        row.p_adjusted.map_or("–".to_owned(), |p| format!("{p:.3}")),
        verdict.to_owned(),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cell::Role;
    use crate::compare::fixture::{Source, binary, model};
    use crate::compare::{Settings, pairs};

    fn rows() -> Vec<Comparison> {
        let right = |model: &str, n: usize| {
            let scores: Vec<u8> = (0..30).map(|i| u8::from(i < n)).collect();
            binary(model, "topics", "de", &scores)
        };
        let cells = [
            right("x (A)", 5),
            right("x (B)", 25),
            right("y (A)", 9),
            right("y (B)", 9),
        ];
        let labels = ["x (B)", "x (A)", "y (B)", "y (A)"].map(|name| model(name, Role::Expert));
        let names = [[&labels[0], &labels[1]], [&labels[2], &labels[3]]];
        let settings = Settings {
            resamples: 200,
            ..Settings::default()
        };
        pairs(&cells, &names, &Source, &settings).unwrap()
    }

    #[test]
    fn rows_have_the_header_and_one_family() {
        let rows = rows();
        assert_eq!(rows.len(), 2);
        assert!(rows.iter().all(|r| r.family == "topics/accuracy"));
        assert!(rows.iter().all(|r| r.family_size == 2));
        // 20 that only the second gets right, of two p-values: 2 · 2 / 2^20.
        let expected = 4.0 / 1_048_576.0;
        assert!((rows[0].p_adjusted.unwrap() - expected).abs() < 1e-15);
        assert_eq!(rows[1].p_adjusted, Some(1.0));
        let names: Vec<_> = row("a", "b", &rows[0])
            .into_iter()
            .map(|(n, _)| n)
            .collect();
        assert_eq!(names, comparison("a", "b", &rows).header);
    }

    #[test]
    fn columns_leave_out_what_did_not_move() {
        let text = comparison_in_columns(&rows(), false);
        assert!(text.contains("x (B)") && !text.contains("y (B)"), "{text}");
        assert!(text.contains("+0.6667") && text.contains('▲'), "{text}");
        assert!(comparison_in_columns(&rows(), true).contains("y (B)"));
        assert_eq!(comparison_in_columns(&[], true), "");
    }
}
