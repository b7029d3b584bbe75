//! Downloads: from a hub or from plain addresses, resumed when cut, checked when whole.
//!
//! A file is written under its name with `.part`, checked, synced, and renamed, so a file that exists
//! is whole.

mod download;
mod error;
mod source;
mod tree;

pub use error::FetchError;
pub use source::Source;

use crate::card::Card;
use crate::file;
use download::Wanting;
use mergelab_transfer::Client;
use serde::Serialize;
use std::collections::BTreeMap;

/// What is wanted of a set.
#[derive(Debug, Clone, Default)]
pub struct Wanted {
    /// Languages; all where there is none.
    pub languages: Vec<String>,
    /// Splits; all where there is none.
    pub splits: Vec<String>,
}

/// A file that is there now.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Fetched {
    /// Its name in the source.
    pub name: String,
    /// Its size.
    pub bytes: u64,
    /// Its SHA-256, in hex.
    pub sha256: String,
    /// Whether the card declares the hash.
    pub pinned: bool,
    /// Whether it was there before.
    pub kept: bool,
}

/// What a download did.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Outcome {
    /// The files, in order of their names.
    pub files: Vec<Fetched>,
    /// The commit that the files are from, to pin as the revision.
    pub commit: Option<String>,
}

/// How to download.
pub struct Fetch<'a> {
    /// The network.
    pub client: &'a Client,
    /// Address of the hub, without a slash at its end.
    pub endpoint: String,
    /// Token for the hub.
    pub token: Option<String>,
    /// Told the file, its bytes so far, and how many there will be.
    pub progress: &'a dyn Fn(&str, u64, Option<u64>),
}

impl Fetch<'_> {
    /// Downloads the files of a card into [`Card::root`].
    ///
    /// # Errors
    /// See [`FetchError`]. Files that were whole by then stay.
    pub fn run(&self, card: &Card, wanted: &Wanted) -> Result<Outcome, FetchError> {
        let Some(from) = &card.origin.from else {
            return Err(FetchError::NoSource {
                dataset: card.name.clone(),
                script: card.origin.fetch.as_ref().map(|s| card.folder().join(s)),
            });
        };
        let source = Source::parse(from).map_err(FetchError::Source)?;
        let (source, commit) = self.resolved(source, card.origin.gated)?;
        let mut outcome = Outcome {
            files: Vec::new(),
            commit,
        };
        for (name, listed) in self.names(card, &source, wanted)? {
            if self.client.is_interrupted() {
                return Err(FetchError::Interrupted);
            }
            let path = card.root().join(&name);
            let pin = pin(card, &name);
            let kept = path.is_file();
            if !kept {
                let wanting = Wanting {
                    fetch: self,
                    source: &source,
                    gated: card.origin.gated,
                    name: &name,
                    path: &path,
                    sha256: pin.or(listed.sha256.as_deref()),
                    bytes: listed.bytes,
                };
                wanting.run()?;
            }
            let io = |e: std::io::Error| FetchError::File {
                file: path.clone(),
                message: e.to_string(),
            };
            let sha256 = file::sha256(&path).map_err(io)?;
            if let Some(declared) = pin.filter(|pin| !pin.eq_ignore_ascii_case(&sha256)) {
                return Err(FetchError::Hash {
                    file: path,
                    declared: declared.to_owned(),
                    found: sha256,
                });
            }
            outcome.files.push(Fetched {
                bytes: path.metadata().map_err(io)?.len(),
                name,
                sha256,
                pinned: pin.is_some(),
                kept,
            });
        }
        Ok(outcome)
    }

    /// Names of the files that are wanted, with what the hub says of them.
    fn names(
        &self,
        card: &Card,
        source: &Source,
        wanted: &Wanted,
    ) -> Result<BTreeMap<String, Listed>, FetchError> {
        for language in &wanted.languages {
            if !card.languages.contains(language) {
                return Err(FetchError::Wanted(format!(
                    "the dataset `{}` has no language `{language}`. It has: {}",
                    card.name,
                    card.languages.join(", ")
                )));
            }
        }
        for split in &wanted.splits {
            card.split(split).map_err(FetchError::Wanted)?;
        }
        let taken =
            |split: &&crate::Split| wanted.splits.is_empty() || wanted.splits.contains(&split.name);
        let mut patterns = Vec::new();
        for split in card.splits.values().filter(taken) {
            if wanted.languages.is_empty() {
                patterns.extend(card.patterns(split, None));
            }
            for language in &wanted.languages {
                patterns.extend(card.patterns(split, Some(language)));
            }
        }
        let mut patterns: Vec<String> = patterns.into_iter().map(|(name, _)| name).collect();
        patterns.sort();
        patterns.dedup();
        let starred = |pattern: &String| pattern.contains('*');
        let tree = match patterns.iter().any(starred) {
            true => self.tree(source, card.origin.gated)?,
            false => BTreeMap::new(),
        };
        let mut names = BTreeMap::new();
        for pattern in patterns {
            if !starred(&pattern) {
                names.entry(pattern).or_default();
                continue;
            }
            let fits = |(name, _): &(&String, &Listed)| file::matches(&pattern, name);
            for (name, listed) in tree.iter().filter(fits) {
                names.insert(name.clone(), listed.clone());
            }
        }
        if names.is_empty() {
            return Err(FetchError::Nothing {
                source_name: source.to_string(),
                dataset: card.name.clone(),
            });
        }
        Ok(names)
    }
}

/// What a hub's list says of a file.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Listed {
    bytes: Option<u64>,
    sha256: Option<String>,
}

fn pin<'a>(card: &'a Card, name: &str) -> Option<&'a str> {
    let own = card.sha256.get(name).map(String::as_str);
    own.or_else(|| {
        let only = |split: &&crate::Split| split.files.len() == 1 && split.files[0] == name;
        let split = card.splits.values().filter(only);
        split.filter_map(|s| s.sha256.as_deref()).next()
    })
}
