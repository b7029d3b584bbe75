//! Answers that a killed process had: a file that only grows.
//!
//! A line has the answers of one chunk, after a BLAKE3 hash of the rest of the line. When the file
//! is opened again, the lines up to the first one that does not fit its hash count, and what follows
//! them is cut off: a process may have been killed while it wrote.

use super::{super::StageError, Answer};
use crate::{ledger::flops::Tokens, store::StoreError};
use serde::{Deserialize, Serialize};
use std::{
    fs::{self, File, OpenOptions},
    io::{self, Write as _},
    path::{Path, PathBuf},
};

/// Name of the file in the stage's folder of what lets it resume.
const ANSWERS: &str = "answers.jsonl";

/// The file of answers, opened to add to it.
pub(super) struct Kept {
    path: PathBuf,
    /// Opened with the first chunk, so that a stage of one chunk writes none.
    file: Option<File>,
}

/// One line.
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
        let path = folder.join(ANSWERS);
        let mut earlier = Earlier {
            answers: vec![None; count],
            tokens: Tokens::default(),
        };
        let bytes = match fs::read(&path) {
            Ok(bytes) => bytes,
            Err(e) if e.kind() == io::ErrorKind::NotFound => Vec::new(),
            Err(source) => return Err(StoreError { path, source }.into()),
        };
        let mut valid = 0;
        for line in bytes.split_inclusive(|byte| *byte == b'\n') {
            let Some(chunk) = read(line, count) else {
                break;
            };
            valid += line.len();
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
        if valid < bytes.len() {
            let cut = || {
                let file = OpenOptions::new().write(true).open(&path)?;
                file.set_len(valid as u64)?;
                file.sync_all()
            };
            cut().map_err(|source| StoreError {
                path: path.clone(),
                source,
            })?;
        }
        Ok((Self { path, file: None }, earlier))
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
        let json = serde_json::to_string(&chunk)
            .map_err(|e| StageError::Input(format!("answers cannot be written: {e}")))?;
        let line = format!("{} {json}\n", blake3::hash(json.as_bytes()).to_hex());
        self.append(line.as_bytes()).map_err(|source| {
            StageError::Store(StoreError {
                path: self.path.clone(),
                source,
            })
        })
    }

    fn append(&mut self, line: &[u8]) -> io::Result<()> {
        let file = match &mut self.file {
            Some(file) => file,
            None => {
                if let Some(folder) = self.path.parent() {
                    fs::create_dir_all(folder)?;
                }
                let file = OpenOptions::new()
                    .append(true)
                    .create(true)
                    .open(&self.path)?;
                self.file.insert(file)
            }
        };
        file.write_all(line)?;
        file.sync_data()
    }
}

/// A line as a chunk, if it is whole and fits its hash.
fn read(line: &[u8], count: usize) -> Option<Chunk> {
    let line = std::str::from_utf8(line.strip_suffix(b"\n")?).ok()?;
    let (hash, json) = line.split_once(' ')?;
    if blake3::hash(json.as_bytes()).to_hex().as_str() != hash {
        return None;
    }
    let chunk: Chunk = serde_json::from_str(json).ok()?;
    let known = chunk.answers.iter().all(|(index, _)| *index < count);
    known.then_some(chunk)
}

#[cfg(test)]
mod tests {
    use super::*;
    use mergelab_abi::task::Response;

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
