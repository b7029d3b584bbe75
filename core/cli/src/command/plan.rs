//! `mergelab plan`: what an experiment would do.

use crate::{
    failure::{Exit, Failure},
    output,
};
use mergelab_lab::{
    past::{
        Past,
        since::{show, since},
    },
    plan::spec::Node,
    run::Experiment,
};
use serde_json::json;
use std::path::{Path, PathBuf};

const EXAMPLES: &str = "\
Examples:
  mergelab plan experiments/quickstart/experiment.toml
  mergelab plan experiment.toml --all
  mergelab plan experiment.toml --since runs/NAME
  mergelab plan experiment.toml --json";

/// Show the stages of an experiment, which are cached, and which will run.
///
/// Everything that can be known to be wrong is found here: plugins, parameters, data, every row.
/// What follows from choosing among merges is listed once the choice is made. Data, a base or a
/// device that are not here are listed first, each with what brings it; stages that wait for them
/// have no key yet.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Arguments {
    /// The experiment's manifest.
    manifest: PathBuf,
    /// The store that artifacts are looked up in.
    #[arg(long, value_name = "DIR", default_value = "runs/store")]
    store: PathBuf,
    /// List stages that evaluate too.
    #[arg(long)]
    all: bool,
    /// Show the stages that a run does not have: why, and what they may cost. RUN is a run's folder
    /// or the run.json in it.
    #[arg(long, value_name = "RUN")]
    since: Option<PathBuf>,
    /// Print every stage as JSON.
    #[arg(long)]
    json: bool,
}

impl Arguments {
    pub(crate) fn run(self, plugins: &[PathBuf]) -> Result<Exit, Failure> {
        let experiment = open(&self.manifest, &self.store, plugins)?;
        if let Some(run) = &self.since {
            return self.since(&experiment, run);
        }
        if self.json {
            let stages: Vec<_> = experiment
                .plan
                .nodes
                .iter()
                .map(|node| {
                    json!({
                        "name": node.name,
                        "key": key(node),
                        "cached": node.cached,
                        "waits": node.waits(),
                        "needs": node.needs,
                        "what": node.spec.what,
                    })
                })
                .collect();
            let selections: Vec<_> = experiment
                .plan
                .selections
                .iter()
                .map(|selection| {
                    let candidates = selection.candidates.iter().map(|c| c.name.as_str());
                    json!({
                        "name": selection.name,
                        "split": selection.split,
                        "candidates": candidates.collect::<Vec<_>>(),
                        "rounds": selection.rounds,
                        "decided": selection.decided.len(),
                        "chosen": selection.chosen(),
                    })
                })
                .collect();
            output::json(&json!({
                "missing": experiment.plan.missing,
                "stages": stages,
                "selections": selections,
            }))?;
        } else {
            output::text(&experiment.plan.show(self.all))?;
        }
        Ok(Exit::Done)
    }

    fn since(&self, experiment: &Experiment, run: &Path) -> Result<Exit, Failure> {
        let past = Past::open(run).map_err(Failure::refused)?;
        let new = since(&experiment.plan, &past);
        if self.json {
            let stages: Vec<_> = new
                .iter()
                .map(|stage| {
                    let node = &experiment.plan.nodes[stage.node];
                    json!({
                        "name": node.name,
                        "key": key(node),
                        "cached": stage.cached,
                        "reasons": stage.reasons,
                        "estimate": stage.estimate.map(|e| json!({
                            "wall_seconds": e.wall_seconds,
                            "cpu_seconds": e.cpu_seconds,
                            "stages": e.stages,
                        })),
                    })
                })
                .collect();
            output::json(&json!({ "missing": experiment.plan.missing, "stages": stages }))?;
        } else {
            let missing = experiment.plan.show_missing();
            output::text(&format!(
                "{missing}{}",
                show(&experiment.plan, &new, self.all)
            ))?;
        }
        Ok(Exit::Done)
    }
}

/// The content key of a stage; none where it is not known yet.
fn key(node: &Node) -> Option<&str> {
    (!node.waits()).then_some(&*node.key)
}

/// Reads and plans an experiment.
pub(crate) fn open(
    manifest: &Path,
    store: &Path,
    plugins: &[PathBuf],
) -> Result<Experiment, Failure> {
    Experiment::open(manifest, store, plugins).map_err(Failure::experiment)
}
