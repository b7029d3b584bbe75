//! Answers that a killed process had, a chunk in each entry.

use super::{super::StageError, Answer, log::Log};
use crate::ledger::flops::Tokens;
use serde::{Deserialize, Serialize};
use std::path::Path;

/// The answers of this process, to be added.
pub(super) struct Kept {
    log: Log,
}

/// One entry.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Chunk {
    /// Indices of the requests, and their answers.
    answers: Vec<(usize, Answer)>,
    /// Tokens that were read and written for them.
    tokens: Tokens,
}

/// What an earlier process answered.
#[derive(Debug, Default)]
pub(super) struct Earlier {
    /// By the index of the request.
    pub(super) answers: Vec<Option<Answer>>,
    /// Tokens that were read and written for them.
    pub(super) tokens: Tokens,
}

impl Kept {
    /// The answers to `count` requests that are kept in a folder, where there are some.
    pub(super) fn open(folder: &Path, count: usize) -> Result<(Self, Earlier), StageError> {
        let known = |chunk: &Chunk| chunk.answers.iter().all(|(index, _)| *index < count);
        let (log, chunks) = Log::open(folder, known)?;
        let mut earlier = Earlier {
            answers: vec![None; count],
            tokens: Tokens::default(),
        };
        for chunk in chunks {
            // Two processes may have answered at once. Both answered the same.
            let mut new = false;
            for (index, answer) in chunk.answers {
                new |= earlier.answers[index].is_none();
                earlier.answers[index] = Some(answer);
            }
            if new {
                earlier.tokens += chunk.tokens;
            }
        }
        Ok((Self { log }, earlier))
    }

    /// Adds the answers of a chunk, and returns when they are on the disk.
    pub(super) fn add(
        &mut self,
        answers: &[(usize, Answer)],
        tokens: Tokens,
    ) -> Result<(), StageError> {
        let chunk = Chunk {
            answers: answers.to_vec(),
            tokens,
        };
        Ok(self.log.add(&chunk)?)
    }
}

#[cfg(test)]
mod tests {
    use super::{super::log::ANSWERS, *};
    use mergelab_abi::task::Response;
    use std::fs;

    fn answer(text: &str) -> Answer {
        Answer {
            response: Response::Generated { text: text.into() },
            truncated_tokens: 0,
            dropped_shots: 0,
        }
    }

    fn tokens(count: usize) -> Tokens {
        let mut tokens = Tokens::default();
        tokens.add(count);
        tokens
    }

    fn texts(earlier: &Earlier) -> Vec<Option<&str>> {
        earlier
            .answers
            .iter()
            .map(|answer| match &answer.as_ref()?.response {
                Response::Generated { text } => Some(text.as_str()),
                Response::Scored { .. } => None,
            })
            .collect()
    }

    #[test]
    fn what_was_answered_is_found_again() {
        let folder = tempfile::tempdir().expect("a folder");
        let place = folder.path().join("key");
        let (mut kept, earlier) = Kept::open(&place, 3).expect("opens");
        assert_eq!(texts(&earlier), [None, None, None]);
        assert!(!place.exists());
        kept.add(&[(2, answer("c"))], tokens(5)).expect("writes");
        kept.add(&[(0, answer("a"))], tokens(7)).expect("writes");
        let (_, earlier) = Kept::open(&place, 3).expect("opens");
        assert_eq!(texts(&earlier), [Some("a"), None, Some("c")]);
        assert_eq!(earlier.tokens.tokens, 12.0);
    }

    #[test]
    fn what_does_not_fit_its_hash_is_cut_off_with_all_after_it() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join(ANSWERS);
        let (mut kept, _) = Kept::open(folder.path(), 4).expect("opens");
        for (index, text) in ["a", "b", "c"].iter().enumerate() {
            kept.add(&[(index, answer(text))], tokens(1))
                .expect("writes");
        }
        drop(kept);
        let whole = fs::read(&path).expect("reads");
        let lines: Vec<&[u8]> = whole.split_inclusive(|b| *b == b'\n').collect();

        // Killed while it wrote the last line.
        fs::write(&path, &whole[..whole.len() - 5]).expect("writes");
        let (mut kept, earlier) = Kept::open(folder.path(), 4).expect("opens");
        assert_eq!(texts(&earlier), [Some("a"), Some("b"), None, None]);
        assert_eq!(fs::read(&path).expect("reads"), lines[..2].concat());
        // It can be added to.
        kept.add(&[(3, answer("d"))], tokens(1)).expect("writes");
        let (_, earlier) = Kept::open(folder.path(), 4).expect("opens");
        assert_eq!(texts(&earlier), [Some("a"), Some("b"), None, Some("d")]);

        // A damaged answer.
        let damaged = String::from_utf8(whole.clone()).expect("text");
        fs::write(&path, damaged.replacen("\"b\"", "\"x\"", 1)).expect("writes");
        let (_, earlier) = Kept::open(folder.path(), 4).expect("opens");
        assert_eq!(texts(&earlier), [Some("a"), None, None, None]);

        // Answers to requests that there are not.
        fs::write(&path, &whole).expect("writes");
        let (_, earlier) = Kept::open(folder.path(), 2).expect("opens");
        assert_eq!(texts(&earlier), [Some("a"), Some("b")]);
    }

    #[test]
    fn answers_of_two_processes_count_once() {
        let folder = tempfile::tempdir().expect("a folder");
        let (mut one, _) = Kept::open(folder.path(), 2).expect("opens");
        let (mut other, _) = Kept::open(folder.path(), 2).expect("opens");
        one.add(&[(0, answer("a"))], tokens(3)).expect("writes");
        other.add(&[(0, answer("a"))], tokens(3)).expect("writes");
        let (_, earlier) = Kept::open(folder.path(), 2).expect("opens");
        assert_eq!(texts(&earlier), [Some("a"), None]);
        assert_eq!(earlier.tokens.tokens, 3.0);
    }
}
