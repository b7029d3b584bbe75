//! Hashes of an artifact's files, so that it can be told later whether they are still the same.

use serde::{Deserialize, Serialize};
use std::{
    collections::BTreeMap,
    fs, io,
    path::{Path, PathBuf},
};

/// Name of the file that holds them, beside the files.
pub const CONTENT: &str = "content.json";

/// BLAKE3 of each file, in hex, by its path in the artifact's folder.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Content(pub BTreeMap<String, String>);

/// Files that do not follow from what an artifact is made from: they hold times and places.
const OTHER: [&str; 6] = [
    CONTENT,
    "ledger.json",
    "stage.json",
    "training.json",
    "mergelab-merge.json",
    "README.md",
];

impl Content {
    /// Hashes the files in a folder that follow from what the artifact is made from.
    ///
    /// # Errors
    /// A file cannot be read.
    pub fn of(folder: &Path) -> io::Result<Self> {
        let mut files = BTreeMap::new();
        let mut folders = vec![PathBuf::new()];
        while let Some(inner) = folders.pop() {
            for entry in fs::read_dir(folder.join(&inner))? {
                let entry = entry?;
                let path = inner.join(entry.file_name());
                if entry.file_type()?.is_dir() {
                    folders.push(path);
                    continue;
                }
                let name = entry.file_name();
                if OTHER.iter().any(|other| name.to_str() == Some(other)) {
                    continue;
                }
                files.insert(
                    path.to_string_lossy().into_owned(),
                    hash(&folder.join(&path))?,
                );
            }
        }
        Ok(Self(files))
    }

    /// What an artifact's folder says of its files; `None` where it says nothing.
    pub fn read(folder: &Path) -> Option<Self> {
        let text = fs::read(folder.join(CONTENT)).ok()?;
        serde_json::from_slice(&text).ok()
    }
}

/// BLAKE3 of a file, in hex.
fn hash(path: &Path) -> io::Result<String> {
    let mut hasher = blake3::Hasher::new();
    hasher.update_mmap_rayon(path)?;
    Ok(hasher.finalize().to_hex().to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_and_places_do_not_count() {
        let folder = tempfile::tempdir().unwrap();
        let write = |name: &str, text: &str| fs::write(folder.path().join(name), text).unwrap();
        fs::create_dir(folder.path().join("model")).unwrap();
        write("model/weights", "1");
        write("responses.jsonl", "{}");
        let before = Content::of(folder.path()).unwrap();
        let names: Vec<&str> = before.0.keys().map(String::as_str).collect();
        assert_eq!(names, ["model/weights", "responses.jsonl"]);
        assert_eq!(
            before.0["model/weights"],
            blake3::hash(b"1").to_hex().as_str()
        );
        write("ledger.json", "{}");
        write("model/README.md", "made today");
        assert_eq!(Content::of(folder.path()).unwrap(), before);
        write("model/weights", "2");
        assert_ne!(Content::of(folder.path()).unwrap(), before);
        assert_eq!(Content::read(folder.path()), None);
    }
}
