//! One file into the cache: resumed, checked, and whole or not there.

use std::fs::{self, File, OpenOptions};
use std::io::{Read, Write};
use std::path::{Path, PathBuf};

use sha1::Sha1;
use sha2::{Digest, Sha256};

use crate::cache::ModelCache;
use crate::error::{HubError, Result};
use crate::fetch::Progress;
use crate::name::HubModel;
use crate::request::{Client, Metadata, Trouble};

/// Bytes between two progress reports.
const CHUNK: usize = 1 << 16;

/// A file of a model at a commit.
pub(crate) struct Transfer<'a> {
    pub(crate) client: &'a Client,
    pub(crate) cache: &'a ModelCache,
    pub(crate) model: &'a HubModel,
    pub(crate) commit: &'a str,
    pub(crate) file: &'a str,
}

impl Transfer<'_> {
    /// Brings the file into the cache if it is not there.
    pub(crate) fn run(&self, report: &mut dyn FnMut(Progress<'_>)) -> Result<()> {
        let client = self.client;
        let metadata = client.persist(
            || client.metadata(self.model, self.commit, self.file),
            || false,
            |reason| HubError::Unreachable {
                model: self.model.to_string(),
                reason,
                cache: client.settings.cache.clone(),
            },
        )?;
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
        let size_of = |path: &PathBuf| fs::metadata(path).map_or(0, |metadata| metadata.len());
        let mut best = size_of(&partial);
        let client = self.client;
        client.persist(
            || self.receive(metadata, &partial, report),
            || {
                let now = size_of(&partial);
                std::mem::replace(&mut best, now) < now
            },
            |reason| HubError::Interrupted {
                model: self.model.to_string(),
                file: self.file.to_owned(),
                received: size_of(&partial),
                size: metadata.size,
                reason,
            },
        )?;
        if let Some(found) = hash(&partial, &metadata.etag, metadata.size)?
            && found != metadata.etag
        {
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

    /// One request for what is missing of the file.
    fn receive(
        &self,
        metadata: &Metadata,
        partial: &Path,
        report: &mut dyn FnMut(Progress<'_>),
    ) -> Result<(), Trouble> {
        let lasting = |source| Trouble::Lasting(HubError::io(partial)(source));
        let mut out = OpenOptions::new()
            .create(true)
            .append(true)
            .open(partial)
            .map_err(lasting)?;
        let mut received = out.metadata().map_err(lasting)?.len();
        if received > metadata.size {
            out.set_len(0).map_err(lasting)?;
            received = 0;
        }
        if received == metadata.size {
            return out.sync_all().map_err(lasting);
        }
        let url = self.client.address(self.model, self.commit, self.file);
        let from = (received > 0).then_some(received);
        let what = format!("file {}", self.file);
        let response = self.client.get(self.model, &url, from, &what)?;
        if from.is_some() && response.status().as_u16() != 206 {
            // The hub does not resume: from the start.
            out.set_len(0).map_err(lasting)?;
            received = 0;
            if response.status().as_u16() == 416 {
                return Err(Trouble::Passing("the hub does not resume there".into()));
            }
        }
        // One byte more than there should be shows that there are more.
        let mut body = response
            .into_body()
            .into_reader()
            .take(metadata.size - received + 1);
        let mut buffer = vec![0u8; CHUNK];
        while received < metadata.size {
            let read = body
                .read(&mut buffer)
                .map_err(|error| Trouble::Passing(error.to_string()))?;
            if read == 0 {
                return Err(Trouble::Passing("the connection was closed".into()));
            }
            out.write_all(&buffer[..read]).map_err(lasting)?;
            received += read as u64;
            report(Progress {
                file: self.file,
                received: received.min(metadata.size),
                size: metadata.size,
            });
        }
        if received > metadata.size {
            out.set_len(0).map_err(lasting)?;
            return Err(Trouble::Passing(format!(
                "the hub sent more than the {} bytes that it said",
                metadata.size
            )));
        }
        out.sync_all().map_err(lasting)
    }
}

/// The hash of a file in the form that an etag of that length has: SHA-256 of large files, git's
/// name (SHA-1) of small ones, none of others.
fn hash(path: &Path, etag: &str, size: u64) -> Result<Option<String>> {
    let is_hex = etag
        .bytes()
        .all(|b| b.is_ascii_hexdigit() && !b.is_ascii_uppercase());
    match (is_hex, etag.len()) {
        (true, 64) => digest(path, Sha256::new()).map(Some),
        (true, 40) => digest(path, Sha1::new_with_prefix(format!("blob {size}\0"))).map(Some),
        _ => Ok(None),
    }
}

fn digest(path: &Path, mut hasher: impl Digest) -> Result<String> {
    let mut file = File::open(path).map_err(HubError::io(path))?;
    let mut buffer = vec![0u8; 1 << 20];
    loop {
        let read = file.read(&mut buffer).map_err(HubError::io(path))?;
        if read == 0 {
            break;
        }
        hasher.update(&buffer[..read]);
    }
    Ok(hasher
        .finalize()
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect())
}
