//! `mergelab plugin`: plugins found, one in detail, checks of a library, a new one.

mod check;
mod list;
mod new;
mod show;

pub(in crate::command) use show::{facts, row as parameter};

use crate::failure::{Exit, Failure};
use mergelab_abi::{
    Kind,
    registry::{Registry, search_places},
};
use std::path::PathBuf;

const EXAMPLES: &str = "\
Examples:
  mergelab plugin list --kind method
  mergelab plugin show ties
  mergelab plugin new my_metric --kind metric
  mergelab plugin check target/release/libmergelab_metric_my_metric.so";

/// Lists, shows, checks and starts plugins.
///
/// Plugins are shared libraries. They are searched in: each --plugin, the folders and files of
/// $MERGELAB_PLUGIN_PATH, the folder of this program, and mergelab/plugins in the user's data
/// directory. A library that cannot be used is listed with its reason and stops nothing.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, clap::Subcommand)]
enum Command {
    List(list::Arguments),
    Show(show::Arguments),
    Check(check::Arguments),
    New(new::Arguments),
}

impl Arguments {
    /// Runs the command. `plugins` are the paths given with `--plugin`.
    pub(crate) fn run(&self, plugins: &[PathBuf]) -> Result<Exit, Failure> {
        let search = || Registry::search(&search_places(plugins, &[]));
        match &self.command {
            Command::List(arguments) => arguments.run(&search()),
            Command::Show(arguments) => arguments.run(&search()),
            Command::Check(arguments) => arguments.run(),
            Command::New(arguments) => arguments.run(),
        }
    }
}

/// A kind of plugin, as it is written on the command line.
#[derive(Debug, Clone, Copy, clap::ValueEnum)]
enum KindArgument {
    /// Merges models.
    Method,
    /// Turns dataset rows into prompts, and outputs into predictions.
    Task,
    /// Turns predictions and references into values.
    Metric,
}

impl From<KindArgument> for Kind {
    fn from(kind: KindArgument) -> Self {
        match kind {
            KindArgument::Method => Kind::Method,
            KindArgument::Task => Kind::Task,
            KindArgument::Metric => Kind::Metric,
        }
    }
}
