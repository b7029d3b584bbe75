//! The rows of one language, with the hash that keys what is computed from them.

use super::{Example, Rows};
use crate::{card::Card, error::DatasetError, file, split::DataFile, split::Split};
use std::{
    collections::BTreeSet,
    path::{Path, PathBuf},
    sync::{Mutex, PoisonError},
};

/// Rows of one language of one split, in file order.
#[derive(Debug, Clone, PartialEq)]
pub struct Slice {
    /// The examples.
    pub examples: Vec<Example>,
    /// BLAKE3 over the examples, in hex: the slice's content key.
    pub hash: String,
}

/// The rows of one split, by language. Rows are read when a language is asked for, no further than
/// its limit, so that a set of millions costs what is used of it.
#[derive(Debug)]
pub struct SplitRows {
    card: Card,
    split: Split,
    file: PathBuf,
    /// Files whose hash was found right.
    right: Mutex<BTreeSet<PathBuf>>,
}

impl SplitRows {
    /// Opens a split.
    ///
    /// # Errors
    /// No such split, files that are not there, or a file that is not the one that the card means.
    pub fn read(card: &Card, split: &str) -> Result<Self, DatasetError> {
        let split = card.split(split).map_err(DatasetError::Split)?;
        let files = card.files(split, None);
        let Some(first) = files.first() else {
            return Err(card.missing(split, None));
        };
        let rows = Self {
            card: card.clone(),
            split: split.clone(),
            file: first.path.clone(),
            right: Mutex::default(),
        };
        // The hashes of many files are looked at when a language needs them.
        if split.sha256.is_some() {
            rows.check(&files)?;
        }
        Ok(rows)
    }

    /// The rows of one language: the first `limit` ones, or all.
    ///
    /// # Errors
    /// There is no row of the language, or what is wrong with a row before the limit.
    pub fn slice(&self, language: &str, limit: Option<usize>) -> Result<Slice, DatasetError> {
        self.check(&self.card.files(&self.split, Some(language)))?;
        let mut rows = Rows::open(&self.card, &self.split, Some(language))?;
        let wanted = limit.unwrap_or(usize::MAX);
        let mut examples = Vec::new();
        let mut found = false;
        for placed in rows.by_ref() {
            let placed = placed?;
            found = true;
            if examples.len() < wanted {
                examples.push(placed.example);
            }
            if examples.len() >= wanted {
                break;
            }
        }
        if !found {
            return Err(DatasetError::Empty {
                file: self.file.clone(),
                language: language.to_owned(),
                found: match rows.others().is_empty() {
                    true => "no rows at all".to_owned(),
                    false => rows.others().iter().cloned().collect::<Vec<_>>().join(", "),
                },
            });
        }
        let hash = hash(&examples);
        Ok(Slice { examples, hash })
    }

    /// The file, or the first one.
    pub fn file(&self) -> &Path {
        &self.file
    }

    /// A card that declares a hash speaks of one file, and no other is taken for it.
    fn check(&self, files: &[DataFile]) -> Result<(), DatasetError> {
        let mut right = self.right.lock().unwrap_or_else(PoisonError::into_inner);
        for file in files {
            let Some(declared) = self.card.pinned(&self.split, file) else {
                continue;
            };
            if !right.contains(&file.path) {
                check_hash(file, declared)?;
                right.insert(file.path.clone());
            }
        }
        Ok(())
    }
}

/// Whether a file is the one that the card declares.
pub(crate) fn check_hash(file: &DataFile, declared: &str) -> Result<(), DatasetError> {
    let problem = |message: String| DatasetError::File {
        file: file.path.clone(),
        message,
    };
    let found = file::sha256(&file.path).map_err(|e| problem(e.to_string()))?;
    if found.eq_ignore_ascii_case(declared) {
        return Ok(());
    }
    Err(problem(format!(
        "has the SHA-256 {found}, and the card declares {declared}. If the change is meant, \
         write the new one into the card or take `sha256` out of it"
    )))
}

fn hash(examples: &[Example]) -> String {
    let mut hasher = blake3::Hasher::new();
    for example in examples {
        // Values that came from JSON go back to JSON.
        let line = serde_json::to_vec(example).unwrap_or_default();
        hasher.update(&(line.len() as u64).to_le_bytes());
        hasher.update(&line);
    }
    hasher.finalize().to_hex().to_string()
}
