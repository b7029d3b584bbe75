//! The rows of a split, one after another.

use super::{Example, explode::exploded};
use crate::{
    card::Card,
    error::DatasetError,
    field::Place,
    file::{self, FileRows},
    split::{DataFile, Split, Thresholds},
};
use mergelab_abi::task::Row;
use std::{
    collections::{BTreeSet, VecDeque},
    path::Path,
    sync::Arc,
};

/// What `@split` is for rows of splits that are made: the split that the files are.
const WHOLE: &str = "all";

/// An example with its place.
#[derive(Debug, Clone, PartialEq)]
pub struct Placed {
    /// The file.
    pub file: Arc<Path>,
    /// The line, or the row in Parquet, counted from 1.
    pub line: u64,
    /// Our code of its language.
    pub language: String,
    /// What it is.
    pub example: Example,
}

/// The rows of a split in file order, read as they are asked for. An error about one row leaves
/// the rows behind it readable.
pub struct Rows<'a> {
    card: &'a Card,
    split: &'a Split,
    language: Option<&'a str>,
    thresholds: Option<Thresholds>,
    files: VecDeque<DataFile>,
    current: Option<Current>,
    /// Rows of this code's files that were read.
    number: u64,
    /// Examples of a row that stood for several.
    waiting: VecDeque<Placed>,
    /// Rows that the card left out so far.
    skipped: u64,
    /// Languages that were passed over.
    others: BTreeSet<String>,
}

struct Current {
    file: Arc<Path>,
    code: Option<String>,
    rows: FileRows,
}

impl<'a> Rows<'a> {
    /// Opens a split: all its rows, or those of one language.
    ///
    /// # Errors
    /// Files that are not there, and what is wrong with rows where all of them must be seen first
    /// (made splits with `counts`).
    pub fn open(
        card: &'a Card,
        split: &'a Split,
        language: Option<&'a str>,
    ) -> Result<Self, DatasetError> {
        let mut rows = Self::start(card, split, language)?;
        if let Some(part) = &split.part {
            let found = Thresholds::new(&part.made, || numbers(card, split))?;
            let found = found.map_err(|message| DatasetError::File {
                file: card.source.path.clone(),
                message,
            })?;
            rows.thresholds = Some(found);
        }
        Ok(rows)
    }

    fn start(
        card: &'a Card,
        split: &'a Split,
        language: Option<&'a str>,
    ) -> Result<Self, DatasetError> {
        let files = card.files(split, language);
        if files.is_empty() {
            return Err(match language {
                Some(language) if !card.languages.iter().any(|l| l == language) => {
                    DatasetError::Empty {
                        file: card.source.path.clone(),
                        language: language.to_owned(),
                        found: card.languages.join(", "),
                    }
                }
                _ => card.missing(split, language),
            });
        }
        Ok(Self {
            card,
            split,
            language,
            thresholds: None,
            files: files.into(),
            current: None,
            number: 0,
            waiting: VecDeque::new(),
            skipped: 0,
            others: BTreeSet::new(),
        })
    }

    /// Rows that were left out so far, by the card's `skip_empty` and `skip_ids`.
    pub fn skipped(&self) -> u64 {
        self.skipped
    }

    /// Languages of rows that were passed over so far, because another one is asked for.
    pub fn others(&self) -> &BTreeSet<String> {
        &self.others
    }

    /// The next row of the files, in the file that is read then.
    fn raw(&mut self) -> Option<Result<(u64, Row), DatasetError>> {
        loop {
            if let Some(current) = &mut self.current
                && let Some(row) = current.rows.next()
            {
                self.number += 1;
                return Some(row);
            }
            let last = self.current.take();
            let file = self.files.pop_front()?;
            if last.is_some_and(|last| last.code != file.code) {
                self.number = 0;
            }
            let columns = self.card.columns(self.split);
            match file::open(&file.path, &self.card.csv, columns.as_ref()) {
                Ok(rows) => {
                    self.current = Some(Current {
                        file: file.path.into(),
                        code: file.code,
                        rows,
                    });
                }
                Err(error) => return Some(Err(error)),
            }
        }
    }

    /// The rows that a row of the file stands for, or `None` where its language is not asked for.
    fn prepare(&mut self, raw: Row) -> Result<Option<Prepared>, String> {
        let code = self.current.as_ref().and_then(|c| c.code.as_deref());
        let row = self.number;
        let split = self.split_name();
        let (language, code) = self.card.row_language(&raw, code, split, row)?;
        if self.language.is_some_and(|wanted| wanted != language) {
            if !self.others.contains(&language) {
                self.others.insert(language);
            }
            return Ok(None);
        }
        let rows = match &self.card.explode {
            Some(field) => exploded(&raw, field)?,
            None => vec![raw],
        };
        Ok(Some(Prepared {
            row,
            language,
            code,
            rows,
        }))
    }

    fn split_name(&self) -> &'a str {
        match &self.split.part {
            None => self.split.name.as_str(),
            Some(_) => WHOLE,
        }
    }

    /// Puts the examples of a row in line.
    fn read(&mut self, line: u64, raw: Row) -> Result<(), String> {
        let Some(prepared) = self.prepare(raw)? else {
            return Ok(());
        };
        let Some(file) = self.current.as_ref().map(|c| Arc::clone(&c.file)) else {
            return Ok(());
        };
        let place = prepared.place(self.split_name());
        for (position, row) in prepared.rows.iter().enumerate() {
            if let (Some(thresholds), Some(part)) = (&self.thresholds, &self.split.part) {
                let group = self.card.group(part.made.by.as_ref(), row, &place)?;
                if thresholds.part(part.made.hash(&group)) != part.name {
                    continue;
                }
            }
            let position = self.card.explode.as_ref().map(|_| position);
            match self.card.example(row, &place, position)? {
                None => self.skipped += 1,
                Some(example) => self.waiting.push_back(Placed {
                    file: Arc::clone(&file),
                    line,
                    language: prepared.language.clone(),
                    example,
                }),
            }
        }
        Ok(())
    }

    fn problem(&self, line: u64, message: String) -> DatasetError {
        let file = self.current.as_ref().map(|c| c.file.to_path_buf());
        DatasetError::Line {
            file: file.unwrap_or_default(),
            line,
            message,
        }
    }
}

/// Rows that one row of a file stands for.
struct Prepared {
    row: u64,
    language: String,
    code: String,
    rows: Vec<Row>,
}

impl Prepared {
    fn place<'a>(&'a self, split: &'a str) -> Place<'a> {
        Place {
            split,
            row: self.row,
            language: &self.language,
            code: &self.code,
        }
    }
}

/// Number and language of every row, for made splits with counts.
fn numbers(card: &Card, split: &Split) -> Result<Vec<(u64, String)>, DatasetError> {
    let Some(part) = &split.part else {
        return Ok(Vec::new());
    };
    // The counts speak of every language, so a language that is not there yet would move rows.
    if split.is_by_language() {
        for language in &card.languages {
            if card.files(split, Some(language)).is_empty() {
                return Err(card.missing(split, Some(language)));
            }
        }
    }
    let mut rows = Rows::start(card, split, None)?;
    let mut numbers = Vec::new();
    while let Some(raw) = rows.raw() {
        let (line, raw) = raw?;
        let read = || -> Result<(), String> {
            let Some(prepared) = rows.prepare(raw)? else {
                return Ok(());
            };
            let place = prepared.place(WHOLE);
            for row in &prepared.rows {
                if card.example(row, &place, None)?.is_some() {
                    let group = card.group(part.made.by.as_ref(), row, &place)?;
                    numbers.push((part.made.hash(&group), prepared.language.clone()));
                }
            }
            Ok(())
        };
        if let Err(message) = read() {
            return Err(rows.problem(line, message));
        }
    }
    Ok(numbers)
}

impl Iterator for Rows<'_> {
    type Item = Result<Placed, DatasetError>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            if let Some(placed) = self.waiting.pop_front() {
                return Some(Ok(placed));
            }
            match self.raw()? {
                Ok((line, row)) => {
                    if let Err(message) = self.read(line, row) {
                        self.waiting.clear();
                        return Some(Err(self.problem(line, message)));
                    }
                }
                Err(error) => return Some(Err(error)),
            }
        }
    }
}
