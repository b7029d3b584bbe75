//! JSON Lines: one object a line.

use super::Numbered;
use crate::error::DatasetError;
use mergelab_abi::task::Row;
use std::{
    io::BufRead,
    path::{Path, PathBuf},
};

/// Rows of JSON Lines. A line that is no object is an error, and the next line follows.
pub(super) struct Lines<R> {
    path: PathBuf,
    content: R,
    line: Vec<u8>,
    number: u64,
    ended: bool,
}

impl<R: BufRead> Lines<R> {
    pub(super) fn new(path: &Path, content: R) -> Self {
        Self {
            path: path.to_owned(),
            content,
            line: Vec::new(),
            number: 0,
            ended: false,
        }
    }

    fn problem(&self, message: String) -> DatasetError {
        DatasetError::Line {
            file: self.path.clone(),
            line: self.number,
            message,
        }
    }
}

impl<R: BufRead> Iterator for Lines<R> {
    type Item = Numbered;

    fn next(&mut self) -> Option<Numbered> {
        while !self.ended {
            self.line.clear();
            self.number += 1;
            match self.content.read_until(b'\n', &mut self.line) {
                Ok(0) => self.ended = true,
                Ok(_) => {
                    let line = match self.number {
                        1 => self
                            .line
                            .strip_prefix(b"\xef\xbb\xbf")
                            .unwrap_or(&self.line),
                        _ => &self.line,
                    };
                    let line = line.trim_ascii();
                    if line.is_empty() {
                        continue;
                    }
                    let row: Result<Row, _> = serde_json::from_slice(line);
                    return Some(match row {
                        Ok(row) => Ok((self.number, row)),
                        Err(e) => Err(self.problem(format!("is no JSON object: {e}"))),
                    });
                }
                Err(e) => {
                    self.ended = true;
                    return Some(Err(self.problem(e.to_string())));
                }
            }
        }
        None
    }
}
