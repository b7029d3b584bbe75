//! The commands.

mod compare;
mod dataset;
mod merge;
mod model;
mod plan;
mod plugin;
mod reference;
mod replicate;
mod report;
mod run;
mod stage;
mod table;
mod vectors;

use crate::failure::{Exit, Failure};
use std::path::PathBuf;

/// A command.
#[derive(Debug, clap::Subcommand)]
pub(crate) enum Command {
    Run(run::Arguments),
    Plan(plan::Arguments),
    Compare(compare::Arguments),
    Table(table::Arguments),
    Replicate(replicate::Arguments),
    Report(report::Arguments),
    Merge(merge::Arguments),
    Model(model::Arguments),
    Vectors(vectors::Arguments),
    Dataset(dataset::Arguments),
    Plugin(plugin::Arguments),
    Reference(reference::Arguments),
    #[command(hide = true)]
    Stage(stage::Arguments),
}

impl Command {
    /// Runs it. `plugins` are the paths given with `--plugin`.
    pub(crate) fn run(self, plugins: &[PathBuf]) -> Result<Exit, Failure> {
        match self {
            Command::Run(arguments) => arguments.run(plugins),
            Command::Plan(arguments) => arguments.run(plugins),
            Command::Compare(arguments) => arguments.run(plugins),
            Command::Table(arguments) => arguments.run(plugins),
            Command::Replicate(arguments) => arguments.run(plugins),
            Command::Report(arguments) => arguments.run(),
            Command::Merge(arguments) => arguments.run(plugins),
            Command::Model(arguments) => arguments.run(),
            Command::Vectors(arguments) => arguments.run(),
            Command::Dataset(arguments) => arguments.run(plugins),
            Command::Plugin(arguments) => arguments.run(plugins),
            Command::Reference(arguments) => arguments.run(plugins),
            Command::Stage(arguments) => arguments.run(),
        }
    }
}
