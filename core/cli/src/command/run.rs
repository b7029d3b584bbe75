//! `mergelab run`: an experiment from its manifest to its tables.

use super::plan::open;
use crate::{
    failure::{Exit, Failure},
    interrupt, output,
    progress::{Elements, Progress},
};
use mergelab_lab::{
    executor::{Local, Outcome},
    run::{self, Experiment},
    tables::outcome as outcome_of,
};
use serde_json::json;
use std::{ffi::OsString, path::PathBuf};

const EXAMPLES: &str = "\
Examples:
  mergelab run experiments/quickstart/experiment.toml
  mergelab run experiment.toml --out results/today --jobs 4
  mergelab run experiment.toml --json > report.json

A run that was stopped goes on where it was: stages that are done are not run again.";

/// Run an experiment: train, merge, evaluate, test, write tables.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Arguments {
    /// The experiment's manifest.
    manifest: PathBuf,
    /// Folder for tables and predictions [default: runs/NAME]
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
    /// The store for artifacts. Experiments may share one.
    #[arg(long, value_name = "DIR", default_value = "runs/store")]
    store: PathBuf,
    /// Stages that run at the same time; the processors are shared out among them. With 1, wall
    /// times in costs.csv are those of a stage alone on the machine.
    #[arg(long, value_name = "N", default_value_t = 1)]
    jobs: usize,
    /// Print a JSON report instead of the summary.
    #[arg(long)]
    json: bool,
}

impl Arguments {
    pub(crate) fn run(self, plugins: &[PathBuf]) -> Result<Exit, Failure> {
        let mut experiment = open(&self.manifest, &self.store, plugins)?;
        experiment.check_complete().map_err(Failure::experiment)?;
        let out = self
            .out
            .clone()
            .unwrap_or_else(|| PathBuf::from("runs").join(&experiment.manifest.name));
        let interrupt = interrupt::flag()?;
        let program = std::env::current_exe()
            .map_err(|e| Failure::internal(format!("mergelab cannot find itself: {e}")))?;
        let store = experiment.store.clone();
        let executor = Local {
            command: vec![program.into_os_string(), OsString::from("stage")],
            store: &store,
            jobs: self.jobs.max(1),
            interrupt: &interrupt,
        };
        let bar = Elements::new();
        let fetched = experiment.fetch_base(|file| bar.show(file.received, file.size));
        bar.finish();
        fetched.map_err(Failure::experiment)?;
        let mut outcome = Outcome::default();
        // What follows from a selection is planned when it is decided.
        loop {
            outcome = {
                let progress = Progress::new(&experiment.plan.nodes, &outcome);
                let show = |event| progress.show(event);
                let outcome = experiment.run(outcome, &executor, &interrupt, &show);
                progress.finish();
                outcome
            };
            if outcome.interrupted {
                break;
            }
            let decided = experiment.grow(&outcome).map_err(Failure::experiment)?;
            if decided.is_empty() {
                break;
            }
            for growth in decided {
                let selection = &experiment.plan.selections[growth.selection];
                if growth.round + 1 == selection.decided.len() && selection.finished() {
                    eprintln!("{}", outcome_of(selection));
                }
            }
        }
        if outcome.interrupted {
            eprintln!("Interrupted. Run the same command again to go on.");
            return Ok(Exit::Interrupted);
        }
        let report = run::write(&experiment, &outcome, &out).map_err(Failure::experiment)?;
        let page = mergelab_report::write_beside(&out).map_err(Failure::refused)?;
        if self.json {
            output::json(&json!({
                "experiment": experiment.manifest.name,
                "out": out,
                "stages": experiment.plan.nodes.len(),
                "ran": outcome.ran.len(),
                "failures": failures(&experiment, &outcome),
                "tables": report.tables,
                "report": page,
            }))?;
        } else {
            output::text(&report.summary)?;
            output::text(&format!(
                "\nTables: {}\nReport: {}\n",
                out.display(),
                page.display()
            ))?;
        }
        if outcome.failures.is_empty() {
            return Ok(Exit::Done);
        }
        let own: Vec<_> = outcome
            .failures
            .iter()
            .filter(|f| f.because_of.is_none())
            .collect();
        let skipped = outcome.failures.len() - own.len();
        eprintln!(
            "\n{} failed, and {skipped} that need them:",
            stages(own.len())
        );
        for failure in own {
            let name = &experiment.plan.nodes[failure.node].name;
            eprintln!("  {name}: {}", failure.message.replace('\n', "\n    "));
        }
        Ok(Exit::Failed)
    }
}

fn stages(n: usize) -> String {
    if n == 1 {
        "1 stage".to_owned()
    } else {
        format!("{n} stages")
    }
}

fn failures(experiment: &Experiment, outcome: &Outcome) -> Vec<serde_json::Value> {
    let name = |node: usize| experiment.plan.nodes[node].name.clone();
    outcome
        .failures
        .iter()
        .map(|f| {
            json!({
                "stage": name(f.node),
                "message": f.message,
                "because_of": f.because_of.map(name),
            })
        })
        .collect()
}
