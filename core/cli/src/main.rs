//! The `mergelab` program: reads the command line and hands over to one file per command.
//!
//! | file | what it is |
//! |---|---|
//! | `command/` | one file per command, one folder per group of commands |
//! | `failure` | exit codes, and how an error is shown |
//! | `hub` | models of a hub where a folder may stand |
//! | `interrupt` | Ctrl-C |
//! | `output` | writing results to standard output |
//! | `progress` | bars and lines while a run goes on |
#![forbid(unsafe_code)]

mod command;
mod failure;
mod hub;
mod interrupt;
mod output;
mod progress;

use clap::Parser;
use std::{path::PathBuf, process::ExitCode};

const EXAMPLES: &str = "\
Examples:
  mergelab run experiments/quickstart/experiment.toml
  mergelab plan experiments/quickstart/experiment.toml
  mergelab compare runs/before runs/after
  mergelab table runs/quickstart --rows method --cols task,language
  mergelab replicate runs/quickstart --row r3f0c9a51be72
  mergelab report runs/quickstart --plots figures
  mergelab merge merge.toml merged/
  mergelab model import model.gguf models/base
  mergelab vectors models/base models/german models/french
  mergelab dataset check datasets/generated-sentiment
  mergelab plugin list
  mergelab plugin show method/ties
  mergelab plugin new my_method --kind method

Exit codes:
  0    done
  1    done, and something failed: a cell of a run, a check of a plugin or a data set; models differ
  2    refused before anything ran: wrong usage or bad input
  3    an error inside mergelab itself
  130  interrupted";

/// Experiments in merging language models.
///
/// Which way of merging language experts is best, by how much, is that real, and what did it cost?
/// One manifest goes in; tables with significance tests come out. Merge methods, tasks and metrics
/// are plugins.
#[derive(Debug, Parser)]
#[command(name = "mergelab", bin_name = "mergelab", version, after_help = EXAMPLES)]
struct Arguments {
    /// A plugin library, or a folder of them, that is searched before all others. May be repeated.
    #[arg(long = "plugin", value_name = "PATH", global = true)]
    plugins: Vec<PathBuf>,
    #[command(subcommand)]
    command: command::Command,
}

/// The whole command line, as a description.
pub(crate) fn command_line() -> clap::Command {
    <Arguments as clap::CommandFactory>::command()
}

fn main() -> ExitCode {
    failure::report(|| {
        let arguments = Arguments::parse();
        arguments.command.run(&arguments.plugins)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    #[test]
    fn the_command_line_is_consistent() {
        Arguments::command().debug_assert();
    }

    #[test]
    fn every_command_shows_an_example() {
        fn look(command: &clap::Command) {
            let help = command.get_after_help().map(ToString::to_string);
            assert!(
                help.is_some_and(|h| h.contains("Example")),
                "`{}` shows no example",
                command.get_name()
            );
            // What is hidden is called by mergelab itself.
            let shown = command.get_subcommands().filter(|c| !c.is_hide_set());
            shown.for_each(look);
        }
        look(&Arguments::command());
    }
}
