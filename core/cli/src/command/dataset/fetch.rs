//! `mergelab dataset fetch`: the files of a set, downloaded and checked.

use super::card;
use crate::{
    failure::{Exit, Failure},
    interrupt, output,
    progress::Elements,
};
use mergelab_dataset::{
    Card,
    fetch::{Fetch, FetchError, Outcome, Wanted},
};
use mergelab_transfer::Client;
use std::{
    env, fs,
    path::{Path, PathBuf},
    time::Duration,
};

const EXAMPLES: &str = "\
Examples:
  mergelab dataset fetch wikilingua --languages de,fr
  mergelab dataset fetch belebele --into data/belebele
  HF_TOKEN=hf_... mergelab dataset fetch mms

Environment:
  HF_ENDPOINT   address of the hub (https://huggingface.co)
  HF_TOKEN      your token, for sets whose terms must be accepted";

/// The hub where no other is named.
const HUB: &str = "https://huggingface.co";
/// Times that a file is asked for again without a new byte, and the wait before the first.
const RETRIES: u32 = 3;
const PAUSE: Duration = Duration::from_secs(1);

/// Downloads the files of a data set.
///
/// They go to `data` beside the card. A transfer that is cut goes on where it ended. A file whose
/// SHA-256 the card declares is refused when it has another; for the others the hash is printed,
/// to be written into the card.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct Arguments {
    /// Name of a set, or path of a card or of its folder.
    set: String,
    /// Copy the card to this folder, and download there.
    #[arg(long, value_name = "DIR")]
    into: Option<PathBuf>,
    /// Languages that are wanted, where each has files of its own; all by default.
    #[arg(long, value_name = "CODES", value_delimiter = ',')]
    languages: Vec<String>,
    /// Splits that are wanted; all by default.
    #[arg(long, value_name = "NAMES", value_delimiter = ',')]
    splits: Vec<String>,
    /// Print JSON.
    #[arg(long)]
    json: bool,
}

impl Arguments {
    pub(super) fn run(&self, cards: &Path) -> Result<Exit, Failure> {
        let mut card = card(cards, &self.set)?;
        if let Some(into) = &self.into {
            card = copied(&card, into)?;
        }
        let word = |name: &str| env::var(name).ok().filter(|value| !value.is_empty());
        let endpoint = word("HF_ENDPOINT").unwrap_or_else(|| HUB.to_owned());
        let bar = Elements::new();
        let client = Client::new(RETRIES, PAUSE, interrupt::flag()?);
        let fetch = Fetch {
            client: &client,
            endpoint: endpoint.trim_end_matches('/').to_owned(),
            token: word("HF_TOKEN"),
            progress: &|_, done, total| bar.show(done, total.unwrap_or(done)),
        };
        let wanted = Wanted {
            languages: self.languages.clone(),
            splits: self.splits.clone(),
        };
        let result = fetch.run(&card, &wanted);
        bar.finish();
        let outcome = match result {
            Ok(outcome) => outcome,
            Err(FetchError::Interrupted) => {
                eprintln!("Interrupted. Run the command again to go on.");
                return Ok(Exit::Interrupted);
            }
            Err(error) => return Err(Failure::refused(error)),
        };
        if self.json {
            output::json(&outcome)?;
        } else {
            output::text(&text(&card, &outcome))?;
        }
        Ok(Exit::Done)
    }
}

/// The card in another folder.
fn copied(card: &Card, into: &Path) -> Result<Card, Failure> {
    let problem = |e: std::io::Error| Failure::refused(format!("{}: {e}", into.display()));
    fs::create_dir_all(into).map_err(problem)?;
    let place = into.join("card.toml");
    match fs::read_to_string(&place) {
        Ok(there) if there == card.source.text => {}
        Ok(_) => {
            return Err(Failure::refused(format!(
                "{} exists and is another card",
                place.display()
            ))
            .help("name another folder, or remove that card"));
        }
        Err(_) => fs::write(&place, &card.source.text).map_err(problem)?,
    }
    Card::read(into).map_err(Failure::card)
}

fn text(card: &Card, outcome: &Outcome) -> String {
    let head = ["FILE", "MB", "SHA-256", ""].map(str::to_owned);
    let rows = outcome.files.iter().map(|file| {
        let state = match (file.kept, file.pinned) {
            (true, true) => "was here, as declared",
            (true, false) => "was here, unpinned",
            (false, true) => "fetched, as declared",
            (false, false) => "fetched, unpinned",
        };
        [
            file.name.clone(),
            format!("{:.1}", file.bytes as f64 / 1e6),
            file.sha256.chars().take(12).collect(),
            state.to_owned(),
        ]
    });
    let rows: Vec<_> = std::iter::once(head).chain(rows).collect();
    let mut text = output::table(&rows);
    let unpinned: Vec<_> = outcome.files.iter().filter(|file| !file.pinned).collect();
    if !unpinned.is_empty() {
        text.push_str("\nTo pin what was fetched, write into the card");
        if let (Some(commit), Some(from)) = (&outcome.commit, &card.origin.from)
            && !from.ends_with(commit)
        {
            let bare = from.split('@').next().unwrap_or(from);
            text.push_str(&format!(
                " under [source]:\n  from = \"{bare}@{commit}\"\nand"
            ));
        }
        text.push_str(" under [sha256]:\n");
        for file in unpinned {
            text.push_str(&format!("  \"{}\" = \"{}\"\n", file.name, file.sha256));
        }
    }
    text
}
