//! What is wrong with a set: every row of every split is read.
//!
//! A *fault* makes results wrong or stops a run: rows that cannot be read or that the task refuses,
//! labels outside the set, the same id twice, a cluster in two splits, files that are not the
//! declared ones. A *note* is something to know: files without a hash, equal rows, labels that are
//! missing or crowd out the others.

mod finding;
mod labels;
mod seen;

pub use finding::{Finding, Findings};

use crate::{
    card::Card,
    error::DatasetError,
    field::text,
    file,
    rows::{Placed, Rows, slice::check_hash},
    split::Split,
};
use labels::Labels;
use mergelab_abi::task::Row;
use seen::Seen;
use serde::Serialize;
use std::collections::{BTreeMap, BTreeSet};

/// What a check found.
#[derive(Debug, Serialize)]
pub struct Report {
    /// Name of the dataset.
    pub dataset: String,
    /// Rows by split and language.
    pub rows: BTreeMap<String, BTreeMap<String, u64>>,
    /// Rows that the card leaves out with `skip_empty` and `skip_ids`.
    pub skipped: u64,
    /// What was found.
    #[serde(flatten)]
    pub findings: Findings,
}

/// Whether the task takes a row of this language; says why not.
pub type TryRow<'a> = dyn Fn(&str, &Row) -> Result<(), String> + 'a;

/// Checks a set. `progress` is told after every thousand rows how many there were.
pub fn check(card: &Card, try_row: &TryRow<'_>, progress: &dyn Fn(u64)) -> Report {
    let mut check = Check {
        card,
        try_row,
        progress,
        findings: Findings::default(),
        rows: BTreeMap::new(),
        skipped: 0,
        read: 0,
        seen: Seen::default(),
        labels: Labels::default(),
    };
    check.files();
    let mut splits: Vec<&Split> = card.splits.values().collect();
    splits.sort_by_key(|split| order(&split.name));
    for split in splits {
        check.split(split);
    }
    check.labels.judge(&card.labels, &mut check.findings);
    Report {
        dataset: card.name.clone(),
        rows: check.rows,
        skipped: check.skipped,
        findings: check.findings,
    }
}

/// Training first: what is in another split too is then a row of that one.
pub(crate) fn order(split: &str) -> (usize, String) {
    let known = ["train", "validation", "test"];
    let place = known.iter().position(|k| *k == split);
    (place.unwrap_or(known.len()), split.to_owned())
}

struct Check<'a> {
    card: &'a Card,
    try_row: &'a TryRow<'a>,
    progress: &'a dyn Fn(u64),
    findings: Findings,
    rows: BTreeMap<String, BTreeMap<String, u64>>,
    skipped: u64,
    read: u64,
    seen: Seen,
    labels: Labels,
}

impl Check<'_> {
    /// Files that are not there, that have no hash, or another one.
    fn files(&mut self) {
        let mut looked_at = BTreeSet::new();
        for split in self.card.splits.values() {
            for file in self.card.files(split, None) {
                if !looked_at.insert(file.path.clone()) {
                    continue;
                }
                match self.card.pinned(split, &file) {
                    Some(declared) => {
                        if let Err(error) = check_hash(&file, declared) {
                            self.fault("hash", &error);
                        }
                    }
                    None => match file::sha256(&file.path) {
                        Ok(hash) => self.findings.note(
                            "unpinned",
                            None,
                            format!(
                                "{} has no hash in the card. To pin it: \"{}\" = \"{hash}\" in \
                                 [sha256]",
                                file.name, file.name
                            ),
                        ),
                        Err(error) => {
                            let place = file.path.display().to_string();
                            self.findings.fault("file", Some(place), error.to_string());
                        }
                    },
                }
            }
        }
    }

    fn fault(&mut self, kind: &'static str, error: &DatasetError) {
        let (place, message) = match error {
            DatasetError::File { file, message } => (Some(file.display().to_string()), message),
            DatasetError::Line {
                file,
                line,
                message,
            } => (Some(format!("{}:{line}", file.display())), message),
            other => {
                self.findings.fault(kind, None, other.to_string());
                return;
            }
        };
        self.findings.fault(kind, place, message.clone());
    }

    fn split(&mut self, split: &Split) {
        let mut rows = match Rows::open(self.card, split, None) {
            Ok(rows) => rows,
            Err(error) => return self.fault("file", &error),
        };
        self.seen.enter(&split.name);
        let mut counts: BTreeMap<String, u64> = BTreeMap::new();
        for placed in rows.by_ref() {
            match placed {
                Ok(placed) => {
                    *counts.entry(placed.language.clone()).or_default() += 1;
                    self.row(split, &placed);
                }
                Err(error) => self.fault("row", &error),
            }
            self.read += 1;
            if self.read.is_multiple_of(1000) {
                (self.progress)(self.read);
            }
        }
        self.skipped += rows.skipped();
        self.declared(split, &counts);
        for language in &self.card.languages {
            if !counts.contains_key(language) {
                let message = format!("`{}` has no row of the language `{language}`", split.name);
                self.findings.note("language", None, message);
            }
        }
        self.rows.insert(split.name.clone(), counts);
    }

    fn declared(&mut self, split: &Split, counts: &BTreeMap<String, u64>) {
        let total: u64 = counts.values().sum();
        if let Some(declared) = split.rows.filter(|declared| *declared != total) {
            let message = format!(
                "`{}` has {total} rows, and the card declares {declared}",
                split.name
            );
            self.findings.fault("count", None, message);
        }
        for (language, declared) in &split.rows_per_language {
            let found = counts.get(language).copied().unwrap_or(0);
            if found != *declared {
                let message = format!(
                    "`{}` has {found} rows of `{language}`, and the card declares {declared}",
                    split.name
                );
                self.findings.fault("count", None, message);
            }
        }
    }

    fn row(&mut self, split: &Split, placed: &Placed) {
        let example = &placed.example;
        let place = || Some(format!("{}:{}", placed.file.display(), placed.line));
        let language = placed.language.as_str();
        if !self.card.languages.iter().any(|l| l == language) {
            let message = format!("the card does not list the language `{language}`");
            self.findings.fault("language", place(), message);
        }
        if self.seen.id(language, &example.id) {
            let message = format!("the id `{}` occurs twice in `{}`", example.id, split.name);
            self.findings.fault("id", place(), message);
        }
        if let Some(cluster) = &example.cluster
            && let Some(other) = self.seen.cluster(cluster)
        {
            let message = format!(
                "the cluster `{cluster}` is in `{}` and in `{other}`: what is learnt there \
                     is asked for here",
                split.name
            );
            self.findings.fault("leak", place(), message);
        }
        match self.seen.content(language, &example.row) {
            None => {}
            Some(same) if same == split.name => {
                let message = format!("the row is in `{same}` before, word for word");
                self.findings.note("duplicate", place(), message);
            }
            Some(other) => {
                let message = format!("the row is in `{other}` too, word for word");
                self.findings.note("overlap", place(), message);
            }
        }
        if let Some(label) = example.row.get("label").filter(|l| !l.is_null()) {
            let label = text(label);
            if !self.card.labels.is_empty() && !self.card.labels.iter().any(|l| *l == label) {
                let message = format!(
                    "the label `{label}` is none of: {}",
                    self.card.labels.join(", ")
                );
                self.findings.fault("label", place(), message);
                return;
            }
            self.labels.count(&split.name, language, &label);
        }
        if let Err(message) = (self.try_row)(language, &example.row) {
            self.findings.fault("task", place(), message);
            return;
        }
        let empty = |v: &serde_json::Value| v.as_str().is_some_and(|t| t.trim().is_empty());
        if let Some((name, _)) = example.row.iter().find(|(_, value)| empty(value)) {
            let message = format!("the field `{name}` is empty");
            self.findings.note("empty", place(), message);
        }
    }
}

#[cfg(test)]
mod tests;
