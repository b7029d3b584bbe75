//! One file into the cache: checked, and whole or not there.

use std::fs::{self, File};
use std::path::Path;

use mergelab_transfer::{Download, TransferError, blob_sha1, sha256};

use crate::cache::ModelCache;
use crate::error::{HubError, Result};
use crate::fetch::Progress;
use crate::name::HubModel;
use crate::request::{Metadata, Server, reason};

/// A file of a model at a commit.
pub(crate) struct Transfer<'a> {
    pub(crate) server: &'a Server,
    pub(crate) cache: &'a ModelCache,
    pub(crate) model: &'a HubModel,
    pub(crate) commit: &'a str,
    pub(crate) file: &'a str,
}

impl Transfer<'_> {
    /// Brings the file into the cache if it is not there.
    pub(crate) fn run(&self, report: &mut dyn FnMut(Progress<'_>)) -> Result<()> {
        let metadata = self.server.metadata(self.model, self.commit, self.file)?;
        let blob = self.cache.blob(&metadata.etag);
        if !blob.is_file() {
            self.bring(&metadata, &blob, report)?;
        }
        report(Progress {
            file: self.file,
            received: metadata.size,
            size: metadata.size,
        });
        self.cache.link(self.commit, self.file, &metadata.etag)
    }

    fn bring(
        &self,
        metadata: &Metadata,
        blob: &Path,
        report: &mut dyn FnMut(Progress<'_>),
    ) -> Result<()> {
        let beside = |ending: &str| blob.with_file_name(format!("{}{ending}", metadata.etag));
        if let Some(folder) = blob.parent() {
            fs::create_dir_all(folder).map_err(HubError::io(folder))?;
        }
        // Another process may be fetching the same file; the lock ends with this one.
        let path = beside(".lock");
        let lock = File::create(&path).map_err(HubError::io(&path))?;
        lock.lock().map_err(HubError::io(&path))?;
        if blob.is_file() {
            return Ok(());
        }
        let partial = beside(".incomplete");
        let download = Download {
            url: &self.server.address(self.model, self.commit, self.file),
            token: self.server.token(),
            partial: &partial,
            size: Some(metadata.size),
        };
        let mut received = |received, _| {
            report(Progress {
                file: self.file,
                received,
                size: metadata.size,
            });
        };
        let done = self.server.client.download(&download, &mut received);
        done.map_err(|error| match error {
            TransferError::Passing { .. } => HubError::Interrupted {
                model: self.model.to_string(),
                file: self.file.to_owned(),
                received: download.received(),
                size: metadata.size,
                reason: reason(&error),
            },
            other => {
                let what = format!("file {}", self.file);
                self.server.refusal(other, self.model, &what)
            }
        })?;
        let found = hash(&partial, metadata).map_err(HubError::io(&partial))?;
        if let Some(found) = found.filter(|found| *found != metadata.etag) {
            fs::remove_file(&partial).map_err(HubError::io(&partial))?;
            return Err(HubError::Damaged {
                model: self.model.to_string(),
                file: self.file.to_owned(),
                expected: metadata.etag.clone(),
                found,
            });
        }
        fs::rename(&partial, blob).map_err(HubError::io(blob))?;
        let _ = fs::remove_file(&path);
        Ok(())
    }
}

/// The hash of a file in the form that an etag of that length has: SHA-256 of large files, git's
/// name (SHA-1) of small ones, none of others.
fn hash(path: &Path, metadata: &Metadata) -> std::io::Result<Option<String>> {
    let hex = |b: u8| b.is_ascii_hexdigit() && !b.is_ascii_uppercase();
    match (metadata.etag.bytes().all(hex), metadata.etag.len()) {
        (true, 64) => sha256(path).map(Some),
        (true, 40) => blob_sha1(path, metadata.size).map(Some),
        _ => Ok(None),
    }
}
