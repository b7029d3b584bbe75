//! What else a reader must know.

use super::{counted, list};
use crate::{
    plot::number::fixed,
    run::{ALL, Run},
};
use std::collections::BTreeMap;

/// Share of answers without a valid label that is worth a line.
const INVALID: f64 = 0.1;

pub(super) fn lines(run: &Run) -> Vec<String> {
    let mut lines = Vec::new();
    failures(run, &mut lines);
    swept(run, &mut lines);
    selections(run, &mut lines);
    invalid(run, &mut lines);
    truncated(run, &mut lines);
    identical(run, &mut lines);
    if !run.absent.is_empty() {
        lines.push(format!(
            "The run's folder has no {}; what they would tell is left out.",
            list(&run.absent)
        ));
    }
    lines
}

fn failures(run: &Run, lines: &mut Vec<String>) {
    let failures = &run.record.failures;
    if let Some(first) = failures.first() {
        lines.push(format!(
            "{} failed, the first of them {}: the report is about what is left.",
            counted(failures.len(), "stage", "stages"),
            first.stage
        ));
    }
}

/// The best of many settings on the test split is no estimate.
fn swept(run: &Run, lines: &mut Vec<String>) {
    let tested = run
        .shown()
        .filter(|m| m.is("merge") && m.selected.is_none());
    let settings = tested.filter(|m| !m.swept.is_empty()).count();
    if settings > 1 {
        lines.push(format!(
            "{settings} merges are settings of a sweep that were all evaluated on the tested split. The \
             best of them is too good as an estimate of what a fresh choice would reach."
        ));
    }
}

fn selections(run: &Run, lines: &mut Vec<String>) {
    for selection in &run.record.selections {
        let chosen: Vec<&str> = selection.chosen.iter().map(String::as_str).collect();
        let of = run
            .record
            .models
            .iter()
            .filter(|m| m.selected.is_some() && m.replicate_of.is_none());
        if !chosen.is_empty() {
            lines.push(format!(
                "{}: {} was chosen on the {} split (the run had {}); its values here are of the tested \
                 split.",
                selection.name,
                list(&chosen),
                selection.split,
                counted(of.count(), "candidate", "candidates")
            ));
        }
    }
}

/// Models that often give no valid answer: their scores say so in other words.
fn invalid(run: &Run, lines: &mut Vec<String>) {
    let mut of: BTreeMap<&str, Vec<(&str, f64)>> = BTreeMap::new();
    for model in run.shown() {
        for task in run.tasks() {
            let Some(language) = run.overall(task) else {
                continue;
            };
            let share = run.scores.iter().find(|s| {
                s.model == model.name
                    && s.task == task
                    && s.language == language
                    && s.measure.name == "invalid"
            });
            if let Some(share) = share.and_then(|s| s.value).filter(|v| *v >= INVALID) {
                of.entry(task).or_default().push((&model.name, share));
            }
        }
    }
    for (task, mut found) in of {
        found.sort_by(|a, b| b.1.total_cmp(&a.1));
        let names: Vec<String> = found
            .iter()
            .take(4)
            .map(|(name, share)| format!("{name} {}%", fixed(100.0 * share, 0)))
            .collect();
        let more = found.len().saturating_sub(4);
        let more = match more {
            0 => String::new(),
            n => format!(" and {n} more models"),
        };
        lines.push(format!(
            "{task}: many answers are no valid label, which counts as wrong: {}{more}.",
            names.join(", ")
        ));
    }
}

fn truncated(run: &Run, lines: &mut Vec<String>) {
    for task in run.tasks() {
        let Some(measure) = run.measure(task) else {
            continue;
        };
        let own = run.scores.iter().filter(|s| {
            s.task == task && s.measure == *measure && s.language != ALL && s.truncated > 0
        });
        let worst = own.max_by_key(|s| s.truncated * 1_000_000 / s.n.max(1));
        if let Some(s) = worst {
            lines.push(format!(
                "{task}: prompts were cut to fit the context, most in {} ({} of {}): those numbers are \
                 about cut prompts.",
                s.language, s.truncated, s.n
            ));
        }
    }
}

/// Models that are one by their answers.
fn identical(run: &Run, lines: &mut Vec<String>) {
    let mut pairs: BTreeMap<(&str, &str), (usize, usize)> = BTreeMap::new();
    for d in &run.differences {
        let entry = pairs.entry((&d.baseline, &d.model)).or_default();
        entry.0 += 1;
        entry.1 += usize::from(d.identical);
    }
    let mut told: Vec<(&str, &str)> = Vec::new();
    for ((a, b), (all, same)) in pairs {
        if all == same && !told.contains(&(b, a)) {
            told.push((a, b));
            lines.push(format!(
                "{a} and {b} score alike on every example: they may be one model under two names."
            ));
        }
    }
}
