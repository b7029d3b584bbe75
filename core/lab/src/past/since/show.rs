//! New stages as text.

use super::NewStage;
use crate::plan::Plan;
use std::{collections::BTreeMap, fmt::Write as _};

/// One line per stage that trains, merges or compares vectors; those that evaluate are counted by
/// their reasons, unless `all`. The end adds up what the run lets expect.
pub fn show(plan: &Plan, new: &[NewStage], all: bool) -> String {
    let mut text = String::new();
    if new.is_empty() {
        text.push_str("Nothing is new since the run.\n");
        return text;
    }
    let mut lines: Vec<[String; 4]> = Vec::new();
    let mut counted: BTreeMap<(usize, &str, String, bool), (usize, f64, bool)> = BTreeMap::new();
    for (place, stage) in new.iter().enumerate() {
        let node = &plan.nodes[stage.node];
        let kind = node.spec.what.kind();
        let seconds = stage.estimate.map(|e| e.wall_seconds);
        let reasons = stage.reasons.join("; ");
        if all || !matches!(kind, "generate" | "score") {
            let state = state(stage.cached).to_owned();
            lines.push([state, node.name.clone(), expected(stage), reasons]);
        } else {
            let known = counted
                .keys()
                .find(|(_, k, r, c)| *k == kind && *r == reasons && *c == stage.cached)
                .cloned();
            let key = known.unwrap_or((place, kind, reasons, stage.cached));
            let entry = counted.entry(key).or_insert((0, 0.0, true));
            entry.0 += 1;
            entry.1 += seconds.unwrap_or(0.0);
            entry.2 &= seconds.is_some();
        }
    }
    for ((_, kind, reasons, cached), (count, seconds, known)) in counted {
        let expected = match (cached, known) {
            (true, _) => String::new(),
            (false, true) => format!("{seconds:.1} s"),
            (false, false) => format!("{seconds:.1} s and more"),
        };
        let name = match count {
            1 => format!("1 stage: {kind}"),
            n => format!("{n} stages: {kind}"),
        };
        lines.push([state(cached).to_owned(), name, expected, reasons]);
    }
    let width = |column: usize| {
        let widths = lines.iter().map(|line| line[column].chars().count());
        widths.max().unwrap_or(0)
    };
    let [first, second, third] = [0, 1, 2].map(width);
    for [state, name, expected, reasons] in &lines {
        let _ = writeln!(
            text,
            "{state:first$}  {name:second$}  {expected:>third$}  {reasons}"
        );
    }
    text.push_str(&total(new));
    text
}

fn state(cached: bool) -> &'static str {
    if cached { "cached" } else { "run" }
}

fn expected(stage: &NewStage) -> String {
    match (stage.cached, stage.estimate) {
        (true, _) => String::new(),
        (false, None) => "unknown".to_owned(),
        (false, Some(estimate)) => format!("{:.1} s", estimate.wall_seconds),
    }
}

fn total(new: &[NewStage]) -> String {
    let run: Vec<&NewStage> = new.iter().filter(|stage| !stage.cached).collect();
    let known: Vec<_> = run.iter().filter_map(|stage| stage.estimate).collect();
    let wall: f64 = known.iter().map(|e| e.wall_seconds).sum();
    let cpu: Option<f64> = known.iter().map(|e| e.cpu_seconds).sum();
    let mut text = format!(
        "{} new, {} of them cached. Judged by the run, the others take {wall:.1} s one after \
         another",
        match new.len() {
            1 => "1 stage is".to_owned(),
            n => format!("{n} stages are"),
        },
        new.len() - run.len()
    );
    if let Some(cpu) = cpu {
        text.push_str(&format!(", {cpu:.1} s of processor time"));
    }
    let unknown = run.len() - known.len();
    if unknown > 0 {
        text.push_str(&format!("; the run has nothing like {unknown} of them"));
    }
    text.push_str(".\n");
    text
}
