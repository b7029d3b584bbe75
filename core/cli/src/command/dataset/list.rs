//! `mergelab dataset list`: every card, and whether its files are there.

use super::names;
use crate::{
    failure::{Exit, Failure},
    output,
};
use mergelab_dataset::Card;
use serde::Serialize;
use std::{fmt::Write as _, path::Path};

const EXAMPLES: &str = "\
Examples:
  mergelab dataset list
  mergelab dataset list --task sentiment --language ja
  mergelab dataset list --cards my/datasets --json";

/// Languages that are listed by name; more are counted.
const NAMED: usize = 6;

/// Lists the data sets: task, languages, licence, and whether the files are there.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct Arguments {
    /// Sets of this task only.
    #[arg(long)]
    task: Option<String>,
    /// Sets with this language only.
    #[arg(long, value_name = "CODE")]
    language: Option<String>,
    /// Print JSON.
    #[arg(long)]
    json: bool,
}

#[derive(Serialize)]
struct Set {
    name: String,
    title: Option<String>,
    task: Option<String>,
    languages: Vec<String>,
    splits: Vec<String>,
    licence: Option<String>,
    source: Option<String>,
    /// `here`, `partly` or `absent`.
    files: &'static str,
}

impl Arguments {
    pub(super) fn run(&self, cards: &Path) -> Result<Exit, Failure> {
        let mut sets = Vec::new();
        let mut broken = Vec::new();
        for name in names(cards)? {
            match Card::read(&cards.join(&name)) {
                Ok(card) => sets.push(set(&name, &card)),
                Err(error) => broken.push(error.to_string()),
            }
        }
        let task = |set: &Set| self.task.is_none() || set.task == self.task;
        let language = |set: &Set| {
            let wanted = self.language.as_ref();
            wanted.is_none_or(|wanted| set.languages.contains(wanted))
        };
        sets.retain(|set| task(set) && language(set));
        if self.json {
            output::json(&sets)?;
        } else {
            output::text(&text(&sets))?;
        }
        for message in &broken {
            eprintln!("refused: {message}");
        }
        Ok(match broken.is_empty() {
            true => Exit::Done,
            false => Exit::Failed,
        })
    }
}

fn set(name: &str, card: &Card) -> Set {
    Set {
        name: name.to_owned(),
        title: card.title.clone(),
        task: card.task.clone(),
        languages: card.languages.clone(),
        splits: card.splits.keys().cloned().collect(),
        licence: card.licence.clone(),
        source: card.origin.from.clone(),
        files: state(card),
    }
}

/// Whether the files of all splits and languages are there.
fn state(card: &Card) -> &'static str {
    let (mut here, mut absent) = (0, 0);
    for split in card.splits.values() {
        let languages: Vec<Option<&str>> = match split.is_by_language() {
            true => card.languages.iter().map(|l| Some(l.as_str())).collect(),
            false => vec![None],
        };
        for language in languages {
            match card.files(split, language).is_empty() {
                true => absent += 1,
                false => here += 1,
            }
        }
    }
    match (here, absent) {
        (_, 0) => "here",
        (0, _) => "absent",
        _ => "partly",
    }
}

fn text(sets: &[Set]) -> String {
    let head = ["NAME", "TASK", "FILES", "LANGUAGES", "LICENCE"].map(str::to_owned);
    let rows = sets.iter().map(|set| {
        let mut languages = set.languages.join(" ");
        if set.languages.len() > NAMED {
            languages = set.languages[..NAMED].join(" ");
            let _ = write!(languages, " and {} more", set.languages.len() - NAMED);
        }
        [
            set.name.clone(),
            set.task.clone().unwrap_or_else(|| "-".to_owned()),
            set.files.to_owned(),
            languages,
            set.licence.clone().unwrap_or_else(|| "unknown".to_owned()),
        ]
    });
    let rows: Vec<_> = std::iter::once(head).chain(rows).collect();
    output::table(&rows)
}
