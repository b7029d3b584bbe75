//! `mergelab reference`: pages about the commands and the plugins, from what the program knows.

mod commands;
mod plugins;

use crate::{
    failure::{Exit, Failure},
    output,
};
use mergelab_abi::registry::{Registry, search_places};
use std::path::PathBuf;

const EXAMPLES: &str = "\
Example:
  mergelab reference docs/reference";

/// Write reference pages: every command with its options, every plugin with its parameters.
///
/// They are `cli.md` and `plugins.md` in the folder, in Markdown. Plugins are those that the program
/// finds, your own included.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Arguments {
    /// The folder to write to.
    dir: PathBuf,
}

impl Arguments {
    pub(crate) fn run(self, plugins: &[PathBuf]) -> Result<Exit, Failure> {
        let registry = Registry::search(&search_places(plugins, &[]));
        std::fs::create_dir_all(&self.dir)
            .map_err(|e| Failure::refused(format!("{}: {e}", self.dir.display())))?;
        let pages = [
            ("cli.md", commands::page(crate::command_line())),
            ("plugins.md", plugins::page(&registry)),
        ];
        for (name, text) in pages {
            output::file(&self.dir.join(name), &text)?;
            eprintln!("{}", self.dir.join(name).display());
        }
        Ok(Exit::Done)
    }
}
