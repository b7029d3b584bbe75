//! Cards and rows, each read once per plan.

use super::{
    error::PlanError,
    missing::{Missing, provisional},
};
use crate::{
    dataset::{Card, DatasetError, Slice, SplitRows, card::Record},
    manifest::{Located, Manifest, Span},
    plan::spec::SliceRef,
};
use mergelab_abi::suggest::hint;
use std::{
    cell::RefCell,
    collections::{BTreeMap, BTreeSet},
    path::{Path, PathBuf},
    rc::Rc,
};

/// Cards and splits that were read.
#[derive(Default)]
pub(crate) struct Data {
    cards: RefCell<BTreeMap<PathBuf, Rc<Card>>>,
    splits: RefCell<BTreeMap<(PathBuf, String), Rc<SplitRows>>>,
    /// By card, the sets whose files are not there.
    missing: RefCell<BTreeMap<PathBuf, Missing>>,
}

impl Data {
    pub(crate) fn card(
        &self,
        manifest: &Manifest,
        path: &Located<PathBuf>,
    ) -> Result<Rc<Card>, PlanError> {
        if let Some(card) = self.cards.borrow().get(&path.value) {
            return Ok(Rc::clone(card));
        }
        if !path.value.exists() {
            return Err(manifest
                .error(
                    path.span.clone(),
                    format!("there is no dataset at {}.", path.value.display()),
                )
                .into());
        }
        let card = Rc::new(Card::read(&path.value)?);
        self.cards
            .borrow_mut()
            .insert(path.value.clone(), Rc::clone(&card));
        Ok(card)
    }

    /// Rows of one language. An error is placed at `span` of the manifest. Of a set that can be
    /// fetched and was not, there are no rows and a provisional hash: what the card declares is all
    /// that is known.
    pub(crate) fn slice(
        &self,
        manifest: &Manifest,
        card: &Card,
        split: &str,
        language: &str,
        limit: Option<usize>,
        span: &Span,
    ) -> Result<(SliceRef, Slice), PlanError> {
        let place = (card.source.path.clone(), split.to_owned());
        let cached = self.splits.borrow().get(&place).cloned();
        let opened = match cached {
            Some(rows) => Ok(rows),
            None => {
                card.split(split)
                    .map_err(|message| manifest.error(span.clone(), message))?;
                SplitRows::read(card, split).map(|rows| {
                    let rows = Rc::new(rows);
                    self.splits.borrow_mut().insert(place, Rc::clone(&rows));
                    rows
                })
            }
        };
        let opened = opened.map_err(|error| (error, false));
        let read = opened.and_then(|rows| {
            let slice = rows.slice(language, limit);
            slice.map_err(|error| (error, true))
        });
        let slice = match read {
            Ok(slice) => slice,
            Err((DatasetError::Missing { file, .. }, _)) if command(card).is_some() => {
                self.miss(manifest, card, split, language, file, span)?;
                let card = card.record().card_blake3;
                Slice {
                    examples: Vec::new(),
                    hash: provisional(&format!("{card} {split} {language} {limit:?}")),
                }
            }
            Err((error, false)) => return Err(error.into()),
            Err((error, true)) => {
                return Err(manifest.error(span.clone(), error.to_string()).into());
            }
        };
        let reference = SliceRef {
            dataset: card.name.clone(),
            split: split.to_owned(),
            language: language.to_owned(),
            limit,
            hash: slice.hash.clone(),
        };
        Ok((reference, slice))
    }

    /// Notes that the rows of a language are not there. What the card declares must hold them.
    fn miss(
        &self,
        manifest: &Manifest,
        card: &Card,
        split: &str,
        language: &str,
        file: PathBuf,
        span: &Span,
    ) -> Result<(), PlanError> {
        if !card.languages.is_empty() && !card.languages.iter().any(|l| l == language) {
            let message = format!(
                "the dataset `{}` lists no language `{language}`.{}",
                card.name,
                hint(language, card.languages.iter().map(String::as_str))
            );
            return Err(manifest.error(span.clone(), message).into());
        }
        let mut missing = self.missing.borrow_mut();
        let entry = missing
            .entry(card.source.path.clone())
            .or_insert_with(|| Missing::Dataset {
                name: card.name.clone(),
                file,
                splits: BTreeSet::new(),
                languages: BTreeSet::new(),
                command: command(card).unwrap_or_default(),
            });
        if let Missing::Dataset {
            splits, languages, ..
        } = entry
        {
            splits.insert(split.to_owned());
            languages.insert(language.to_owned());
        }
        Ok(())
    }

    /// The sets whose files are not there.
    pub(crate) fn missing(&self) -> Vec<Missing> {
        self.missing.borrow().values().cloned().collect()
    }

    /// The cards that were read, in order of their files.
    pub(crate) fn records(&self) -> Vec<Record> {
        self.cards.borrow().values().map(|c| c.record()).collect()
    }

    /// The file of a split that was read.
    pub(crate) fn file(&self, card: &Card, split: &str) -> PathBuf {
        let place = (card.source.path.clone(), split.to_owned());
        self.splits
            .borrow()
            .get(&place)
            .map_or_else(|| card.source.path.clone(), |r| r.file().to_owned())
    }
}

/// What brings the files of a set here, where they are not simply beside its card.
fn command(card: &Card) -> Option<String> {
    match (&card.origin.from, &card.origin.fetch) {
        (Some(_), _) => Some(format!("mergelab dataset fetch {}", card.name)),
        (None, Some(script)) => Some(card.folder().join(script).display().to_string()),
        (None, None) => None,
    }
}

/// A folder or file as an absolute path, for processes with another working directory.
pub(crate) fn absolute(path: &Path) -> PathBuf {
    std::path::absolute(path).unwrap_or_else(|_| path.to_owned())
}
