//! Answers that came, an entry each: what a stage that was stopped need not ask again.

use super::super::log::Log;
use crate::store::StoreError;
use mergelab_abi::task::Response;
use mergelab_endpoint::Usage;
use serde::{Deserialize, Serialize};
use std::{collections::BTreeMap, path::Path};

/// An answer that came.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Kept {
    /// Id of the example.
    pub(super) id: String,
    /// What was answered.
    pub(super) response: Response,
    /// Tokens, where the server told.
    pub(super) usage: Option<Usage>,
    /// The model that the answer names.
    pub(super) model: Option<String>,
    /// What the server called its settings.
    pub(super) fingerprint: Option<String>,
    /// How likelihoods were asked for.
    pub(super) likelihoods: Option<String>,
    /// When it came, in seconds since 1970.
    pub(super) at: u64,
}

/// An entry.
#[derive(Serialize, Deserialize)]
struct Line {
    /// Place of the example among the rows.
    example: usize,
    #[serde(flatten)]
    kept: Kept,
}

/// The answers that a stage has.
pub(super) struct Journal {
    /// By the place of the example.
    pub(super) kept: BTreeMap<usize, Kept>,
    log: Log,
}

impl Journal {
    /// Reads what an earlier process kept.
    pub(super) fn open(folder: &Path, ids: &[&str]) -> Result<Self, StoreError> {
        let asked = |line: &Line| ids.get(line.example) == Some(&line.kept.id.as_str());
        let (log, lines) = Log::open(folder, asked)?;
        let kept = lines.into_iter().map(|line| (line.example, line.kept));
        Ok(Self {
            kept: kept.collect(),
            log,
        })
    }

    /// Keeps an answer. It is on the disk before this returns, so that a kill does not lose it.
    pub(super) fn keep(&mut self, example: usize, kept: Kept) -> Result<(), StoreError> {
        let line = Line { example, kept };
        self.log.add(&line)?;
        self.kept.insert(example, line.kept);
        Ok(())
    }

    /// Throws all answers away.
    pub(super) fn forget(&self) -> Result<(), StoreError> {
        self.log.forget()
    }
}

#[cfg(test)]
mod tests {
    use super::{super::super::log::ANSWERS, *};
    use std::fs;

    fn kept(id: &str) -> Kept {
        Kept {
            id: id.to_owned(),
            response: Response::Generated {
                text: format!("{id}\nö"),
            },
            usage: Some(Usage {
                prompt: 3,
                completion: 1,
            }),
            model: Some("m".to_owned()),
            fingerprint: None,
            likelihoods: None,
            at: 7,
        }
    }

    #[test]
    fn what_was_kept_is_there_and_a_cut_line_is_not() {
        let folder = tempfile::tempdir().expect("a folder");
        let ids = ["a", "b", "c"];
        let open = || Journal::open(folder.path(), &ids).expect("opens");
        let mut journal = open();
        journal.keep(2, kept("c")).expect("keeps");
        journal.keep(0, kept("a")).expect("keeps");
        drop(journal);
        let path = folder.path().join(ANSWERS);
        let whole = fs::read(&path).expect("there");
        for cut in 1..30 {
            fs::write(&path, &whole[..whole.len() - cut]).expect("writable");
            let mut journal = open();
            assert_eq!(journal.kept.keys().copied().collect::<Vec<_>>(), [2]);
            // What follows a cut line begins a new one.
            journal.keep(1, kept("b")).expect("keeps");
            drop(journal);
            let journal = open();
            assert_eq!(journal.kept.keys().copied().collect::<Vec<_>>(), [1, 2]);
            assert_eq!(journal.kept[&1], kept("b"));
        }
        open().forget().expect("forgets");
        assert!(open().kept.is_empty());
    }

    #[test]
    fn answers_of_other_examples_are_not_taken() {
        let folder = tempfile::tempdir().expect("a folder");
        let mut journal = Journal::open(folder.path(), &["a"]).expect("opens");
        journal.keep(0, kept("a")).expect("keeps");
        assert!(
            Journal::open(folder.path(), &["x"])
                .expect("opens")
                .kept
                .is_empty()
        );
    }
}
