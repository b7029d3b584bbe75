//! `mergelab model`: what a model is, what differs between two, models from other formats, and what
//! a model writes.

mod diff;
mod generate;
mod import;
mod info;

use crate::failure::{Exit, Failure};

const EXAMPLES: &str = "\
Examples:
  mergelab model info models/base
  mergelab model diff models/base models/german
  mergelab model import SmolLM2-135M-Instruct.Q4_1.gguf models/smollm2
  mergelab model generate models/smollm2 --chat --prompt \"What is the capital of Japan?\"";

/// Looks at models, compares them, imports them, and has them write.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, clap::Subcommand)]
enum Command {
    Info(info::Arguments),
    Diff(diff::Arguments),
    Import(import::Arguments),
    Generate(generate::Arguments),
}

impl Arguments {
    pub(crate) fn run(self) -> Result<Exit, Failure> {
        match self.command {
            Command::Info(arguments) => arguments.run(),
            Command::Diff(arguments) => arguments.run(),
            Command::Import(arguments) => arguments.run(),
            Command::Generate(arguments) => arguments.run(),
        }
    }
}

/// Millions or billions, as models are called.
fn count(parameters: u64) -> String {
    let count = parameters as f64;
    match parameters {
        0..1_000_000 => parameters.to_string(),
        1_000_000..1_000_000_000 => format!("{:.1} M", count / 1e6),
        _ => format!("{:.2} B", count / 1e9),
    }
}

#[cfg(test)]
mod tests {
    #[test]
    fn counts_are_written_as_models_are_called() {
        assert_eq!(super::count(999_999), "999999");
        assert_eq!(super::count(134_515_008), "134.5 M");
        assert_eq!(super::count(7_241_732_096), "7.24 B");
    }
}
