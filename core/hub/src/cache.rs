//! The cache: `models--ORG--NAME/{refs,blobs,snapshots}`, as `huggingface_hub` has it.
//!
//! `refs/REVISION` holds the commit that a revision was last; `blobs` the content of files under
//! the names that the hub gives contents; `snapshots/COMMIT` links to them under the files' names.
//! `complete/COMMIT`, which is mergelab's, lists the files of a snapshot that is whole.

use std::fs;
use std::path::{Path, PathBuf};

use crate::error::{HubError, Result};
use crate::name::HubModel;

/// A model's part of the cache.
pub(crate) struct ModelCache {
    root: PathBuf,
}

impl ModelCache {
    pub(crate) fn new(cache: &Path, model: &HubModel) -> Self {
        let name = format!("models--{}", model.repository.replace('/', "--"));
        Self {
            root: cache.join(name),
        }
    }

    /// The folder with a commit's files.
    pub(crate) fn snapshot(&self, commit: &str) -> PathBuf {
        self.root.join("snapshots").join(commit)
    }

    /// The content that the hub calls `etag`.
    pub(crate) fn blob(&self, etag: &str) -> PathBuf {
        self.root.join("blobs").join(etag)
    }

    /// The commit that a revision was when the hub was last asked.
    pub(crate) fn commit(&self, revision: &str) -> Option<String> {
        let text = fs::read_to_string(self.root.join("refs").join(revision)).ok()?;
        Some(text.trim().to_owned()).filter(|commit| !commit.is_empty())
    }

    pub(crate) fn set_commit(&self, revision: &str, commit: &str) -> Result<()> {
        write(&self.root.join("refs").join(revision), commit)
    }

    /// Whether all files of a commit are there.
    pub(crate) fn is_complete(&self, commit: &str) -> bool {
        let list = fs::read_to_string(self.root.join("complete").join(commit));
        let snapshot = self.snapshot(commit);
        list.is_ok_and(|list| list.lines().all(|name| snapshot.join(name).is_file()))
    }

    pub(crate) fn set_complete(&self, commit: &str, files: &[String]) -> Result<()> {
        write(&self.root.join("complete").join(commit), &files.join("\n"))
    }

    /// Gives a content its name in a snapshot.
    pub(crate) fn link(&self, commit: &str, file: &str, etag: &str) -> Result<()> {
        let path = self.snapshot(commit).join(file);
        let folder = self.snapshot(commit);
        fs::create_dir_all(&folder).map_err(HubError::io(&folder))?;
        // Made under another name first, so that another process never sees it missing.
        let temporary = folder.join(format!(".{file}.{}", std::process::id()));
        let _ = fs::remove_file(&temporary);
        link(&self.blob(etag), etag, &temporary).map_err(HubError::io(&temporary))?;
        fs::rename(&temporary, &path).map_err(HubError::io(&path))
    }
}

#[cfg(unix)]
fn link(_blob: &Path, etag: &str, path: &Path) -> std::io::Result<()> {
    // Relative, so that the cache can be moved.
    std::os::unix::fs::symlink(Path::new("../../blobs").join(etag), path)
}

#[cfg(not(unix))]
fn link(blob: &Path, _etag: &str, path: &Path) -> std::io::Result<()> {
    fs::hard_link(blob, path).or_else(|_| fs::copy(blob, path).map(|_| ()))
}

fn write(path: &Path, text: &str) -> Result<()> {
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder).map_err(HubError::io(folder))?;
    }
    let temporary = path.with_extension(format!("{}.tmp", std::process::id()));
    fs::write(&temporary, text).map_err(HubError::io(&temporary))?;
    fs::rename(&temporary, path).map_err(HubError::io(path))
}
