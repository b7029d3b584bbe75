//! Cards and rows, each read once per plan.

use super::error::PlanError;
use crate::{
    dataset::{Card, Slice, SplitRows, card::Record},
    manifest::{Located, Manifest, Span},
    plan::spec::SliceRef,
};
use std::{
    cell::RefCell,
    collections::BTreeMap,
    path::{Path, PathBuf},
    rc::Rc,
};

/// Cards and splits that were read.
#[derive(Default)]
pub(crate) struct Data {
    cards: RefCell<BTreeMap<PathBuf, Rc<Card>>>,
    splits: RefCell<BTreeMap<(PathBuf, String), Rc<SplitRows>>>,
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

    /// Rows of one language. An error is placed at `span` of the manifest.
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
        let rows = match cached {
            Some(rows) => rows,
            None => {
                card.split(split)
                    .map_err(|message| manifest.error(span.clone(), message))?;
                let rows = Rc::new(SplitRows::read(card, split)?);
                self.splits.borrow_mut().insert(place, Rc::clone(&rows));
                rows
            }
        };
        let slice = rows
            .slice(language, limit)
            .map_err(|e| manifest.error(span.clone(), e.to_string()))?;
        let reference = SliceRef {
            dataset: card.name.clone(),
            split: split.to_owned(),
            language: language.to_owned(),
            limit,
            hash: slice.hash.clone(),
        };
        Ok((reference, slice))
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

/// A folder or file as an absolute path, for processes with another working directory.
pub(crate) fn absolute(path: &Path) -> PathBuf {
    std::path::absolute(path).unwrap_or_else(|_| path.to_owned())
}
