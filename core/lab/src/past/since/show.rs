//! New stages as text.

use super::NewStage;
use crate::plan::Plan;
use std::fmt::Write as _;

/// One line per stage that trains, merges or compares vectors; those that evaluate are counted by
/// their reasons, unless `all`. The end adds up what the run lets expect.
pub fn show(plan: &Plan, new: &[NewStage], all: bool) -> String {
    let mut text = String::new();
    if new.is_empty() {
        text.push_str("Nothing is new since the run.\n");
        return text;
    }
    let mut lines: Vec<[String; 4]> = Vec::new();
    let mut groups: Vec<Group<'_>> = Vec::new();
    for stage in new {
        let node = &plan.nodes[stage.node];
        let kind = node.spec.what.kind();
        let reasons = stage.reasons.join("; ");
        if all || !matches!(kind, "generate" | "score") {
            let state = state(stage.cached).to_owned();
            lines.push([state, node.name.clone(), expected(stage), reasons]);
            continue;
        }
        let same = |group: &Group<'_>| {
            group.kind == kind && group.reasons == reasons && group.cached == stage.cached
        };
        let at = groups.iter().position(same).unwrap_or_else(|| {
            groups.push(Group {
                kind,
                reasons: reasons.clone(),
                cached: stage.cached,
                stages: 0,
                seconds: 0.0,
                unknown: 0,
            });
            groups.len() - 1
        });
        groups[at].stages += 1;
        match stage.estimate {
            Some(estimate) => groups[at].seconds += estimate.wall_seconds,
            None => groups[at].unknown += 1,
        }
    }
    lines.extend(groups.into_iter().map(Group::line));
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

/// Stages that evaluate, of one kind and with the same reasons.
struct Group<'a> {
    kind: &'a str,
    reasons: String,
    cached: bool,
    stages: usize,
    seconds: f64,
    /// Stages that the run has nothing like.
    unknown: usize,
}

impl Group<'_> {
    fn line(self) -> [String; 4] {
        let expected = match (self.cached, self.unknown) {
            (true, _) => String::new(),
            (false, 0) => format!("{:.1} s", self.seconds),
            (false, _) => format!("{:.1} s and more", self.seconds),
        };
        let stages = match self.stages {
            1 => "1 stage".to_owned(),
            n => format!("{n} stages"),
        };
        [
            state(self.cached).to_owned(),
            format!("{stages}: {}", self.kind),
            expected,
            self.reasons,
        ]
    }
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
