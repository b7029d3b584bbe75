//! `savings.csv`, and what it says in words.

use super::field::Field;
use super::layout::Format;
use super::schema::{SAVINGS, VERSION, header};
use super::write::{Row, Table};
use crate::compare::ALL_LANGUAGES;
use crate::savings::{Formula, Includes, Saving, Unit};
use mergelab_stats::Interval;

/// The table of all comparisons, in the order given. `level` is the coverage of their intervals.
pub fn savings(experiment: &str, rows: &[Saving], level: f64) -> Table {
    let rows = rows.iter().map(|found| row(experiment, found, level));
    Table::new(header(SAVINGS, &[]), rows.collect())
}

fn row(experiment: &str, found: &Saving, level: f64) -> Row {
    let float = |number: Option<f64>| Field::maybe(number, Field::Float);
    let low = |interval: Option<Interval>| float(interval.map(|i| i.low));
    let high = |interval: Option<Interval>| float(interval.map(|i| i.high));
    let method = found.saving_interval.map(|interval| interval.method.name());
    let fields = [
        ("schema", Field::Integer(VERSION)),
        ("experiment", Field::text(experiment)),
        ("scenario", Field::plain(found.formula.scenario())),
        ("formula", Field::plain(found.formula.name())),
        ("method", Field::text(&found.method)),
        ("language", Field::text(&found.language)),
        ("workers", Field::count(found.workers)),
        ("includes", Field::plain(found.includes.name())),
        ("unit", Field::plain(found.unit.name())),
        ("merged", float(found.merged)),
        ("combined", float(found.combined)),
        ("saving", float(found.saving)),
        ("saving_low", low(found.saving_interval)),
        ("saving_high", high(found.saving_interval)),
        ("ratio", float(found.ratio)),
        ("ratio_low", low(found.ratio_interval)),
        ("ratio_high", high(found.ratio_interval)),
        ("ci_level", Field::Float(level)),
        ("ci_method", Field::maybe(method, Field::plain)),
        ("replicates", Field::count(found.replicates)),
        ("candidates", Field::count(found.candidates)),
        ("note", Field::plain(&found.note)),
    ];
    fields.map(|(name, field)| (name.to_owned(), field)).into()
}

/// The savings of the first merge method in wall seconds, training and merging. Empty where the
/// experiment has nothing to compare.
pub fn savings_in_words(rows: &[Saving], format: Format) -> String {
    let Some(method) = rows.first().map(|row| row.method.as_str()) else {
        return String::new();
    };
    let wall = |formula: Formula, includes: Includes| {
        rows.iter().filter(move |row| {
            row.method == method
                && row.formula == formula
                && row.includes == includes
                && row.unit == Unit::WallSeconds
        })
    };
    let times = |row: &Saving| {
        let cpu = rows.iter().find(|other| {
            other.unit == Unit::CpuSeconds
                && (&other.method, other.formula, other.includes)
                    == (&row.method, row.formula, row.includes)
                && (&other.language, other.workers) == (&row.language, row.workers)
        });
        match cpu.and_then(|cpu| cpu.ratio) {
            None => times(row),
            Some(ratio) => format!("{}, and {ratio:.2} times the processor time", times(row)),
        }
    };
    let mut sentences = Vec::new();
    if let Some(row) = wall(Formula::InitialSequential, Includes::Merge).next() {
        sentences.push(format!(
            "The first time, experts one after another and the merge take {}, the combined model \
             {}: {}.",
            seconds(row.merged),
            seconds(row.combined),
            times(row)
        ));
    }
    if let Some(row) = wall(Formula::InitialParallel, Includes::Merge).next_back()
        && row.workers > 1
    {
        sentences.push(format!(
            "With the {} experts side by side on as many machines it takes {}: {}.",
            row.workers,
            seconds(row.merged),
            times(row)
        ));
    }
    let updates: Vec<&Saving> = wall(Formula::UpdateLanguage, Includes::Merge).collect();
    if let Some(mean) = updates.last() {
        let most = updates
            .iter()
            .filter(|row| row.language != ALL_LANGUAGES)
            .max_by(|a, b| a.merged.unwrap_or(0.0).total_cmp(&b.merged.unwrap_or(0.0)));
        let worst = match most {
            Some(row) if updates.len() > 1 => {
                format!(" ({} takes most, {})", row.language, seconds(row.merged))
            }
            _ => String::new(),
        };
        sentences.push(format!(
            "To update or add one language, its expert and the merge take {} on average{worst}, \
             training the combined model anew {}: {}.",
            seconds(mean.merged),
            seconds(mean.combined),
            times(mean)
        ));
    }
    let whole = wall(Formula::UpdateLanguage, Includes::Search).next_back();
    if let Some(row) = whole {
        sentences.push(format!(
            "With evaluation, and the search among {} of the merge, an update takes {} against {}.",
            match row.candidates {
                1 => "1 setting".to_owned(),
                n => format!("{n} settings"),
            },
            seconds(row.merged),
            seconds(row.combined)
        ));
    }
    let side_by_side = rows.iter().any(|row| row.note.contains("side by side"));
    if side_by_side {
        sentences.push(
            "Stages ran side by side, so wall times are longer than alone: see cpu_seconds in \
             savings.csv."
                .to_owned(),
        );
    }
    if rows.iter().all(|row| row.replicates == 1) {
        sentences.push("Each was measured once, so there is no interval.".to_owned());
    }
    let (method, heading) = match format {
        Format::Text => (method.to_owned(), "Cost".to_owned()),
        Format::Markdown => (format!("`{method}`"), "**Cost**".to_owned()),
    };
    let lines: Vec<String> = sentences.iter().map(|s| format!("- {s}\n")).collect();
    format!(
        "{heading}, wall time, merging with {method}:\n\n{}",
        lines.concat()
    )
}

fn seconds(value: Option<f64>) -> String {
    match value {
        None => "an unknown time".to_owned(),
        Some(value) if value >= 100.0 => format!("{value:.0} s"),
        Some(value) if value >= 1.0 => format!("{value:.1} s"),
        Some(value) => format!("{value:.2} s"),
    }
}

/// The ratio, with its interval where there is one.
fn times(row: &Saving) -> String {
    match (row.ratio, row.ratio_interval) {
        (None, _) => "no ratio".to_owned(),
        (Some(ratio), None) => format!("{ratio:.2} times as long"),
        (Some(ratio), Some(interval)) => format!(
            "{ratio:.2} times as long (interval {:.2} to {:.2} over {} replicates)",
            interval.low, interval.high, row.replicates
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::savings::{Amounts, Expert, Merge, Replicate, savings as compute};

    fn rows() -> Vec<Saving> {
        let amounts = |wall: f64| {
            Amounts::ZERO
                .with(Unit::WallSeconds, Some(wall))
                .with(Unit::CpuSeconds, Some(wall + 10.0))
        };
        let expert = |name: &str, wall| Expert {
            name: name.into(),
            languages: vec![name.into()],
            training: amounts(wall),
        };
        let replicate = Replicate {
            combined: amounts(200.0),
            combined_evaluation: Some(amounts(10.0)),
            merges: vec![Merge {
                method: "ties".into(),
                experts: vec![expert("de", 120.0), expert("en", 90.0)],
                merge: amounts(0.5),
                evaluation: Some(amounts(10.0)),
                search: amounts(21.0),
                candidates: 3,
            }],
        };
        compute(&[replicate], 0.95)
    }

    #[test]
    fn rows_have_the_header() {
        let rows = rows();
        let names: Vec<_> = row("x", &rows[0], 0.95)
            .into_iter()
            .map(|(n, _)| n)
            .collect();
        let table = savings("x", &rows, 0.95);
        assert_eq!(names, table.header);
        assert_eq!(table.rows.len(), rows.len());
    }

    #[test]
    fn words_for_a_summary() {
        let expected = "**Cost**, wall time, merging with `ties`:\n\n\
            - The first time, experts one after another and the merge take 210 s, the combined model \
            200 s: 1.05 times as long, and 1.15 times the processor time.\n\
            - With the 2 experts side by side on as many machines it takes 120 s: 0.60 times as \
            long.\n\
            - To update or add one language, its expert and the merge take 106 s on average (de \
            takes most, 120 s), training the combined model anew 200 s: 0.53 times as long, and 0.60 \
            times the processor time.\n\
            - With evaluation, and the search among 3 settings of the merge, an update takes 136 s \
            against 210 s.\n\
            - Each was measured once, so there is no interval.\n";
        // 0.5 s of the merge are lost in rounding: 210.5 s rounds to even.
        assert_eq!(savings_in_words(&rows(), Format::Markdown), expected);
        assert_eq!(savings_in_words(&[], Format::Text), "");
    }
}
