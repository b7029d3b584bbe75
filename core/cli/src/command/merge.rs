//! `mergelab merge`: models to one model, without an experiment around it.

use crate::{
    failure::{Exit, Failure},
    interrupt, output,
};
use mergelab_abi::registry::{Registry, search_places};
use mergelab_merge::{MergeError, Options, Progress, Recipe};
use std::{io::IsTerminal as _, path::PathBuf, sync::Mutex};

const EXAMPLES: &str = "\
Examples:
  mergelab merge merge.toml merged/
  mergelab merge mergekit-config.yml merged/ --overwrite
  mergelab merge merge.toml merged/ --json";

/// Merge models into a Hugging Face folder.
///
/// The configuration is mergelab's TOML, or a mergekit YAML, which runs unchanged with mergekit's
/// numbers.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Arguments {
    /// The recipe: TOML, or mergekit's YAML where it ends in .yml or .yaml.
    config: PathBuf,
    /// The folder to write.
    out: PathBuf,
    /// Replace a model that is there.
    #[arg(long)]
    overwrite: bool,
    /// Print the report as JSON.
    #[arg(long)]
    json: bool,
}

impl Arguments {
    pub(crate) fn run(self, plugins: &[PathBuf]) -> Result<Exit, Failure> {
        let recipe = Recipe::read(&self.config).map_err(Failure::refused)?;
        for note in &recipe.notes {
            eprintln!("note: {note}");
        }
        let registry = Registry::search(&search_places(plugins, &[]));
        let interrupt = interrupt::flag()?;
        let bar = std::io::stderr()
            .is_terminal()
            .then(|| indicatif::ProgressBar::new(0));
        let bar = Mutex::new(bar);
        let progress = |step: Progress<'_>| {
            if let Ok(bar) = bar.lock()
                && let Some(bar) = bar.as_ref()
            {
                bar.set_length(step.elements);
                bar.set_position(step.elements_done);
            }
        };
        let options = Options {
            overwrite: self.overwrite,
            interrupt: Some(interrupt),
            progress: Some(&progress),
            ..Options::default()
        };
        let result = mergelab_merge::run(&recipe, &registry, &self.out, &options);
        if let Ok(bar) = bar.lock()
            && let Some(bar) = bar.as_ref()
        {
            bar.finish_and_clear();
        }
        let report = match result {
            Ok(report) => report,
            Err(MergeError::Interrupted) => {
                eprintln!("Interrupted. Nothing was written.");
                return Ok(Exit::Interrupted);
            }
            Err(error) => return Err(Failure::refused(error)),
        };
        for note in &report.notes {
            eprintln!("note: {note}");
        }
        if self.json {
            output::json(&report)?;
        } else {
            output::text(&format!(
                "{}: {} tensors merged, {} copied, {:.1} M parameters, {:.2} s\n",
                report.dir.display(),
                report.merged,
                report.copied,
                report.elements as f64 / 1e6,
                report.seconds
            ))?;
        }
        Ok(Exit::Done)
    }
}
