//! The content-addressed store: what a stage made lies under the key of what it was made from.
//!
//! A stage writes into a folder with a temporary name, which is renamed when it is whole. So an
//! artifact that exists is finished, whatever stopped an earlier run.

use crate::ledger::Ledger;
use serde::Serialize;
use std::{
    fs, io,
    path::{Path, PathBuf},
};

/// A folder of artifacts.
#[derive(Debug, Clone)]
pub struct Store {
    root: PathBuf,
}

/// What went wrong in the store.
#[derive(Debug, thiserror::Error)]
#[error("{}: {source}", path.display())]
pub struct StoreError {
    /// The file or folder.
    pub path: PathBuf,
    /// What the system said.
    pub source: io::Error,
}

fn at<T>(path: &Path, result: io::Result<T>) -> Result<T, StoreError> {
    result.map_err(|source| StoreError {
        path: path.to_owned(),
        source,
    })
}

/// Name of the file that says what an artifact cost.
const LEDGER: &str = "ledger.json";

impl Store {
    /// Opens a store, and makes its folder where there is none. Leftovers of killed stages are
    /// removed.
    ///
    /// # Errors
    /// The folder cannot be made or read.
    pub fn open(root: &Path) -> Result<Self, StoreError> {
        at(root, fs::create_dir_all(root))?;
        let store = Self {
            root: at(root, root.canonicalize())?,
        };
        for folder in [store.temporary(), store.partial_root()] {
            at(&folder, fs::create_dir_all(&folder))?;
        }
        store.remove_leftovers();
        Ok(store)
    }

    /// Its folder.
    pub fn root(&self) -> &Path {
        &self.root
    }

    fn temporary(&self) -> PathBuf {
        self.root.join("tmp")
    }

    fn partial_root(&self) -> PathBuf {
        self.root.join("partial")
    }

    /// Where a stage keeps what lets it resume after a kill. Removed when its artifact is whole.
    pub fn partial(&self, key: &str) -> PathBuf {
        self.partial_root().join(key)
    }

    /// Where the processes of a stage that can resume keep what they have spent.
    pub fn accounts(&self, key: &str) -> PathBuf {
        self.partial_root().join(format!("{key}.accounts"))
    }

    /// Where stages that ask a server keep what the next one has to know of it.
    pub fn server(&self, address: &str) -> PathBuf {
        let hash = blake3::hash(address.as_bytes()).to_hex();
        self.root.join("servers").join(&hash[..32])
    }

    /// Where the artifact of a stage lies, whether it exists or not.
    pub fn artifact(&self, kind: &str, key: &str) -> PathBuf {
        self.root.join(kind).join(key)
    }

    /// Whether the artifact exists.
    pub fn has(&self, kind: &str, key: &str) -> bool {
        self.artifact(kind, key).join(LEDGER).is_file()
    }

    /// What the artifact cost when it was made.
    ///
    /// # Errors
    /// There is no artifact, or its ledger cannot be read.
    pub fn ledger(&self, kind: &str, key: &str) -> Result<Ledger, StoreError> {
        let path = self.artifact(kind, key).join(LEDGER);
        let text = at(&path, fs::read(&path))?;
        at(
            &path,
            serde_json::from_slice(&text).map_err(io::Error::other),
        )
    }

    fn work(&self, key: &str, process: u32) -> PathBuf {
        self.temporary().join(format!("{key}.{process}"))
    }

    /// Removes what a process that has ended wrote for a stage and could not finish.
    pub fn clear(&self, key: &str, process: u32) {
        self.abandon(&self.work(key, process));
    }

    /// A new folder for a stage to write in.
    ///
    /// # Errors
    /// It cannot be made.
    pub fn begin(&self, key: &str) -> Result<PathBuf, StoreError> {
        let folder = self.work(key, std::process::id());
        if folder.exists() {
            at(&folder, fs::remove_dir_all(&folder))?;
        }
        at(&folder, fs::create_dir_all(&folder))?;
        Ok(folder)
    }

    /// Puts a finished folder in place, with its ledger. Where another process was faster, its
    /// artifact stays: both were made from the same content.
    ///
    /// # Errors
    /// The folder cannot be synced or renamed.
    pub fn finish(
        &self,
        folder: &Path,
        kind: &str,
        key: &str,
        ledger: &mut Ledger,
    ) -> Result<PathBuf, StoreError> {
        ledger.bytes = folder_bytes(folder);
        write_json(&folder.join(LEDGER), ledger)?;
        let target = self.artifact(kind, key);
        if self.has(kind, key) {
            at(folder, fs::remove_dir_all(folder))?;
        } else {
            let parent = self.root.join(kind);
            at(&parent, fs::create_dir_all(&parent))?;
            at(&target, fs::rename(folder, &target))?;
            at(&parent, fs::File::open(&parent).and_then(|d| d.sync_all()))?;
        }
        let partial = self.partial(key);
        if partial.exists() {
            at(&partial, fs::remove_dir_all(&partial))?;
        }
        Ok(target)
    }

    /// Removes a folder that a stage could not finish.
    pub fn abandon(&self, folder: &Path) {
        // What stays is removed by the next `open`.
        let _ = fs::remove_dir_all(folder);
    }

    fn remove_leftovers(&self) {
        let Ok(entries) = fs::read_dir(self.temporary()) else {
            return;
        };
        for entry in entries.flatten() {
            let path = entry.path();
            let process = path
                .extension()
                .and_then(|e| e.to_str())
                .and_then(|e| e.parse::<u32>().ok());
            let alive = process.is_some_and(|p| Path::new(&format!("/proc/{p}")).exists());
            if !alive {
                let _ = fs::remove_dir_all(&path).or_else(|_| fs::remove_file(&path));
            }
        }
    }
}

/// Writes JSON and syncs it.
///
/// # Errors
/// The file cannot be written.
pub fn write_json<T: Serialize>(path: &Path, value: &T) -> Result<(), StoreError> {
    let text = at(
        path,
        serde_json::to_vec_pretty(value).map_err(io::Error::other),
    )?;
    write_file(path, &text)
}

/// Writes a file and syncs it.
///
/// # Errors
/// The file cannot be written.
pub fn write_file(path: &Path, content: &[u8]) -> Result<(), StoreError> {
    use io::Write as _;
    let write = || {
        let mut file = fs::File::create(path)?;
        file.write_all(content)?;
        file.sync_all()
    };
    at(path, write())
}

fn folder_bytes(folder: &Path) -> u64 {
    fs::read_dir(folder)
        .into_iter()
        .flatten()
        .flatten()
        .map(|entry| match entry.metadata() {
            Ok(meta) if meta.is_dir() => folder_bytes(&entry.path()),
            Ok(meta) => meta.len(),
            Err(_) => 0,
        })
        .sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_artifact_exists_when_it_is_whole() {
        let folder = tempfile::tempdir().expect("a folder");
        let store = Store::open(folder.path()).expect("opens");
        let work = store.begin("k").expect("begins");
        fs::write(work.join("out"), "x").expect("writes");
        assert!(!store.has("train", "k"));
        store
            .finish(&work, "train", "k", &mut Ledger::default())
            .expect("finishes");
        assert!(store.has("train", "k"));
        assert!(store.ledger("train", "k").expect("a ledger").bytes >= 1);
    }

    #[test]
    fn leftovers_of_dead_processes_go() {
        let folder = tempfile::tempdir().expect("a folder");
        let store = Store::open(folder.path()).expect("opens");
        // No process has this number: it is above the kernel's largest.
        let dead = store.temporary().join("k.4294967294");
        let alive = store.begin("k").expect("begins");
        fs::create_dir(&dead).expect("makes");
        Store::open(folder.path()).expect("opens");
        assert!(!dead.exists());
        assert!(alive.exists());
    }
}
