//! `mergelab dataset check`: what is wrong with a set.

use super::card;
use crate::{
    failure::{Exit, Failure},
    output,
    progress::Elements,
};
use mergelab_abi::{
    Kind,
    registry::{Registry, search_places},
    task::{Row, Task, TaskSetup},
};
use mergelab_dataset::{
    Card,
    check::{Finding, Report, check},
};
use serde::Serialize;
use std::{
    collections::BTreeMap,
    fmt::Write as _,
    path::{Path, PathBuf},
};

const EXAMPLES: &str = "\
Examples:
  mergelab dataset check generated-sentiment
  mergelab dataset check my/data/card.toml --json
  mergelab dataset check datasets/wikilingua --without-task

Exit codes:
  0    no fault (there may be notes)
  1    faults
  2    the card cannot be read";

/// Reads every row of a data set and says what is wrong, with file and line.
///
/// Faults: rows that cannot be read or that the task refuses, labels outside the set, ids that
/// occur twice, a cluster in two splits (in any language), files that are not the declared ones.
/// Notes: files without a hash, equal rows, labels that are missing or crowd out the others,
/// languages without rows.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct Arguments {
    /// Name of a set, or path of a card or of its folder.
    #[arg(value_name = "CARD")]
    set: String,
    /// Do not ask the task's plugin whether it takes the rows.
    #[arg(long)]
    without_task: bool,
    /// Print JSON.
    #[arg(long)]
    json: bool,
}

#[derive(Serialize)]
struct Output<'a> {
    /// The task that tried the rows.
    task: Option<&'a str>,
    #[serde(flatten)]
    report: &'a Report,
}

impl Arguments {
    pub(super) fn run(&self, cards: &Path, plugins: &[PathBuf]) -> Result<Exit, Failure> {
        let card = card(cards, &self.set)?;
        let tasks = match (&card.task, self.without_task) {
            (Some(task), false) => tasks(&card, task, plugins)?,
            _ => BTreeMap::new(),
        };
        let try_row = |language: &str, row: &Row| match tasks.get(language) {
            None => Ok(()),
            Some(task) => match task.prepare(std::slice::from_ref(row)) {
                Ok(_) => Ok(()),
                Err(error) => {
                    let message = error.to_string();
                    Err(message
                        .strip_prefix("row 1: ")
                        .unwrap_or(&message)
                        .to_owned())
                }
            },
        };
        let bar = Elements::new();
        let declared: u64 = card.splits.values().filter_map(|s| s.rows).sum();
        let report = check(&card, &try_row, &|rows| bar.show(rows, declared.max(rows)));
        bar.finish();
        let task = card.task.as_deref().filter(|_| !tasks.is_empty());
        if self.json {
            output::json(&Output {
                task,
                report: &report,
            })?;
        } else {
            output::text(&text(&report, task))?;
        }
        Ok(match report.findings.faults.is_empty() {
            true => Exit::Done,
            false => Exit::Failed,
        })
    }
}

/// The task of each language, with the card's parameters.
fn tasks(
    card: &Card,
    id: &str,
    plugins: &[PathBuf],
) -> Result<BTreeMap<String, Box<dyn Task>>, Failure> {
    let registry = Registry::search(&search_places(plugins, &[]));
    let plugin = match registry.get(Kind::Task, id) {
        Ok(plugin) => plugin,
        Err(error) => {
            eprintln!("note: rows are not tried by a task: {error}");
            return Ok(BTreeMap::new());
        }
    };
    let refused = |e: &dyn std::fmt::Display| Failure::refused(format!("task `{id}`: {e}"));
    let params = plugin.info.parameters.complete(&card.params, 0);
    let params = params.map_err(|e| refused(&e))?;
    let open = |language: &String| {
        let setup = TaskSetup {
            params: params.clone(),
            language: language.clone(),
            labels: card.labels.clone(),
        };
        let task = plugin.open_task(&setup).map_err(|e| refused(&e))?;
        Ok((language.clone(), task))
    };
    card.languages.iter().map(open).collect()
}

fn text(report: &Report, task: Option<&str>) -> String {
    let mut text = String::new();
    for (split, languages) in &report.rows {
        let total: u64 = languages.values().sum();
        let counts: Vec<String> = languages.iter().map(|(l, n)| format!("{l} {n}")).collect();
        let _ = writeln!(text, "{split}: {total} rows ({})", counts.join(", "));
    }
    if report.skipped > 0 {
        let _ = writeln!(text, "{} rows are left out by the card", report.skipped);
    }
    let findings = &report.findings;
    for (what, list, counts) in [
        ("fault", &findings.faults, &findings.fault_counts),
        ("note", &findings.notes, &findings.note_counts),
    ] {
        for finding in list {
            let _ = writeln!(text, "{what} [{}] {}", finding.kind, line(finding));
        }
        for (kind, count) in counts {
            let shown = list.iter().filter(|f| f.kind == *kind).count() as u64;
            if *count > shown {
                let _ = writeln!(text, "{what} [{kind}] and {} more", count - shown);
            }
        }
    }
    let (faults, notes): (u64, u64) = (
        findings.fault_counts.values().sum(),
        findings.note_counts.values().sum(),
    );
    let tried = match task {
        Some(task) => format!("every row tried by the task `{task}`"),
        None => "no task has tried the rows".to_owned(),
    };
    let _ = writeln!(
        text,
        "{}: {faults} faults, {notes} notes; {tried}",
        report.dataset
    );
    text
}

fn line(finding: &Finding) -> String {
    match &finding.place {
        Some(place) => format!("{place}: {}", finding.message),
        None => finding.message.clone(),
    }
}
