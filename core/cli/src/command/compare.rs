//! `mergelab compare`: what moved from one run to another.

use crate::{
    failure::{Exit, Failure},
    output,
};
use mergelab_abi::registry::{Registry, search_places};
use mergelab_lab::{
    past::{
        Past,
        between::{Between, between},
    },
    tables,
};
use serde_json::json;
use std::{fmt::Write as _, path::PathBuf};

const EXAMPLES: &str = "\
Examples:
  mergelab compare runs/before runs/after
  mergelab compare runs/before runs/after --all
  mergelab compare runs/before/run.json runs/after --csv moved.csv
  mergelab compare runs/before runs/after --json

Marks: ▲ better, ▼ worse in the second run (adjusted p at most alpha), ≈ shown to differ by less than
the declared margin. No mark: inconclusive, which is no sign of equality.";

/// Compare two runs: what differs in their settings, and which scores moved.
///
/// Models, tasks, languages and measures are matched by name. Each is tested on the examples that
/// both runs have, by the rules of significance.csv and the second run's settings.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Arguments {
    /// The first run: its folder, or the run.json in it.
    run_a: PathBuf,
    /// The second run.
    run_b: PathBuf,
    /// Show also what is the same on every example.
    #[arg(long)]
    all: bool,
    /// Write all tests to a table.
    #[arg(long, value_name = "FILE")]
    csv: Option<PathBuf>,
    /// Print everything as JSON.
    #[arg(long)]
    json: bool,
}

impl Arguments {
    pub(crate) fn run(self, plugins: &[PathBuf]) -> Result<Exit, Failure> {
        let open = |path: &PathBuf| Past::open(path).map_err(Failure::refused);
        let (a, b) = (open(&self.run_a)?, open(&self.run_b)?);
        let registry = Registry::search(&search_places(plugins, &[]));
        let found = between(&a, &b, &registry).map_err(Failure::refused)?;
        let [name_a, name_b] = [&self.run_a, &self.run_b].map(|path| path.display().to_string());
        if let Some(path) = &self.csv {
            let table = tables::comparison(&name_a, &name_b, &found.rows);
            table.write(path).map_err(Failure::refused)?;
            eprintln!("{}: {} rows", path.display(), table.rows.len());
        }
        if self.json {
            output::json(&json!({"run_a": name_a, "run_b": name_b, "found": found}))?;
        } else {
            output::text(&words(&found, [&name_a, &name_b], self.all))?;
        }
        Ok(Exit::Done)
    }
}

fn words(found: &Between, [a, b]: [&str; 2], all: bool) -> String {
    let mut text = format!("A: {a}\nB: {b}\n");
    let mut list = |title: &str, lines: &[String]| {
        if !lines.is_empty() {
            let _ = writeln!(text, "\n{title}:");
            for line in lines {
                let _ = writeln!(text, "  {line}");
            }
        }
    };
    list("Differences, A → B", &found.settings);
    list("Models of A alone", &found.only_a);
    list("Models of B alone", &found.only_b);
    list("Notes", &found.notes);
    let table = tables::comparison_in_columns(&found.rows, all);
    if !table.is_empty() {
        let _ = write!(text, "\n{table}");
    }
    let identical = found.rows.iter().filter(|row| row.identical).count();
    let _ = writeln!(
        text,
        "\n{} tests; {identical} are alike on every example. {} cells of model, task and language \
         have the same predictions by content.",
        found.rows.len(),
        found.unchanged
    );
    text
}
