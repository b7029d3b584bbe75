//! A file of answers that only grows: what a stage that was stopped need not ask again.
//!
//! A line has an entry as JSON, after the BLAKE3 hash of it. When the file is opened again, the
//! lines up to the first one that does not fit count, and what follows them is cut off: a process
//! may have been killed while it wrote.

use crate::store::StoreError;
use serde::{Serialize, de::DeserializeOwned};
use std::{
    fs::{self, File, OpenOptions},
    io::{self, Write as _},
    path::{Path, PathBuf},
};

/// Name of the file in the stage's folder of what lets it resume.
pub(super) const ANSWERS: &str = "answers.jsonl";

/// The file, opened to add to it.
pub(super) struct Log {
    path: PathBuf,
    /// Opened with the first entry, so that a stage which keeps none writes none.
    file: Option<File>,
}

impl Log {
    /// The entries that are kept in a folder, up to the first that is damaged or does not fit.
    pub(super) fn open<T: DeserializeOwned>(
        folder: &Path,
        fits: impl Fn(&T) -> bool,
    ) -> Result<(Self, Vec<T>), StoreError> {
        let path = folder.join(ANSWERS);
        let log = Self { path, file: None };
        let bytes = match fs::read(&log.path) {
            Ok(bytes) => bytes,
            Err(e) if e.kind() == io::ErrorKind::NotFound => Vec::new(),
            Err(source) => return Err(log.failed(source)),
        };
        let mut entries = Vec::new();
        let mut valid = 0;
        for line in bytes.split_inclusive(|byte| *byte == b'\n') {
            let Some(entry) = read(line).filter(&fits) else {
                break;
            };
            valid += line.len();
            entries.push(entry);
        }
        if valid < bytes.len() {
            let cut = || {
                let file = OpenOptions::new().write(true).open(&log.path)?;
                file.set_len(valid as u64)?;
                file.sync_all()
            };
            cut().map_err(|source| log.failed(source))?;
        }
        Ok((log, entries))
    }

    /// Adds an entry, and returns when it is on the disk.
    pub(super) fn add<T: Serialize>(&mut self, entry: &T) -> Result<(), StoreError> {
        let added = serde_json::to_string(entry)
            .map_err(io::Error::other)
            .and_then(|json| {
                let line = format!("{} {json}\n", blake3::hash(json.as_bytes()).to_hex());
                self.append(line.as_bytes())
            });
        added.map_err(|source| self.failed(source))
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

    /// Throws all entries away.
    pub(super) fn forget(&self) -> Result<(), StoreError> {
        fs::remove_file(&self.path).map_err(|source| self.failed(source))
    }

    fn failed(&self, source: io::Error) -> StoreError {
        StoreError {
            path: self.path.clone(),
            source,
        }
    }
}

/// A line as an entry, if it is whole and fits its hash.
fn read<T: DeserializeOwned>(line: &[u8]) -> Option<T> {
    let line = std::str::from_utf8(line.strip_suffix(b"\n")?).ok()?;
    let (hash, json) = line.split_once(' ')?;
    if blake3::hash(json.as_bytes()).to_hex().as_str() != hash {
        return None;
    }
    serde_json::from_str(json).ok()
}
