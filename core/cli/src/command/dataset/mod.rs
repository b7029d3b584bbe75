//! `mergelab dataset`: the sets that there are, one in detail, downloads, checks, numbers.

mod check;
mod fetch;
mod list;
mod show;
mod stats;

use crate::failure::{Exit, Failure};
use mergelab_abi::suggest::hint;
use mergelab_dataset::Card;
use std::path::{Path, PathBuf};

const EXAMPLES: &str = "\
Examples:
  mergelab dataset list
  mergelab dataset show wikilingua
  mergelab dataset fetch wikilingua --languages de,fr
  mergelab dataset check datasets/generated-sentiment
  mergelab dataset stats datasets/generated-sentiment";

/// The folder of cards, where none is named.
const CARDS: &str = "datasets";

/// Lists, shows, fetches, checks and counts data sets.
///
/// A set is a card, card.toml, that says where its files are, what their fields and labels mean,
/// and how it is split. Sets are named by the folder of their card or by its path.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Arguments {
    /// Folder with one folder per set, for names.
    #[arg(
        long,
        value_name = "DIR",
        global = true,
        env = "MERGELAB_DATASETS",
        hide_env_values = true,
        default_value = CARDS
    )]
    cards: PathBuf,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, clap::Subcommand)]
enum Command {
    List(list::Arguments),
    Show(show::Arguments),
    Fetch(fetch::Arguments),
    Check(check::Arguments),
    Stats(stats::Arguments),
}

impl Arguments {
    /// Runs the command. `plugins` are the paths given with `--plugin`.
    pub(crate) fn run(&self, plugins: &[PathBuf]) -> Result<Exit, Failure> {
        let cards = self.cards.as_path();
        match &self.command {
            Command::List(arguments) => arguments.run(cards),
            Command::Show(arguments) => arguments.run(cards),
            Command::Fetch(arguments) => arguments.run(cards),
            Command::Check(arguments) => arguments.run(cards, plugins),
            Command::Stats(arguments) => arguments.run(cards),
        }
    }
}

/// Names of the folders with a card, in order.
fn names(cards: &Path) -> Result<Vec<String>, Failure> {
    let problem = |e: std::io::Error| {
        Failure::refused(format!("{}: {e}", cards.display()))
            .help("--cards or $MERGELAB_DATASETS names the folder with one folder per set")
    };
    let mut names = Vec::new();
    for entry in std::fs::read_dir(cards).map_err(problem)? {
        let entry = entry.map_err(problem)?;
        if entry.path().join("card.toml").is_file() {
            names.push(entry.file_name().to_string_lossy().into_owned());
        }
    }
    names.sort();
    Ok(names)
}

/// The card of a set: by path, or by its name among `cards`.
fn card(cards: &Path, set: &str) -> Result<Card, Failure> {
    let path = Path::new(set);
    let named = cards.join(set);
    let found = if path.join("card.toml").is_file() || path.is_file() {
        path
    } else if named.join("card.toml").is_file() {
        &named
    } else {
        let known = names(cards).unwrap_or_default();
        return Err(Failure::refused(format!(
            "there is no card at {set} and no set of that name in {}.{}",
            cards.display(),
            hint(set, known.iter().map(String::as_str))
        )));
    };
    Card::read(found).map_err(Failure::card)
}
