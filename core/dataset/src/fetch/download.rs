//! One file: brought, checked, and put in its place.

use super::{Fetch, FetchError, Source};
use crate::file::sha256;
use mergelab_transfer::{Download, TransferError};
use std::{fs, path::Path};

/// A file of a set that is not there yet.
pub(super) struct Wanting<'a> {
    pub(super) fetch: &'a Fetch<'a>,
    pub(super) source: &'a Source,
    pub(super) gated: bool,
    pub(super) name: &'a str,
    pub(super) path: &'a Path,
    /// Hash of the right file, where it is known.
    pub(super) sha256: Option<&'a str>,
    /// Size of the right file, where it is known.
    pub(super) bytes: Option<u64>,
}

impl Fetch<'_> {
    /// What it means that a source did not give what is at an address.
    pub(super) fn refusal(
        &self,
        error: TransferError,
        source: &Source,
        gated: bool,
        url: &str,
    ) -> FetchError {
        let url = url.to_owned();
        let token = self.token.is_some();
        let hub = matches!(source, Source::Hub { .. });
        match error {
            // A hub may hide what it does not give.
            TransferError::Status(status)
                if hub && (matches!(status, 401 | 403) || status == 404 && gated && !token) =>
            {
                FetchError::Refused {
                    url,
                    status,
                    page: source.page(&self.endpoint),
                    token,
                }
            }
            TransferError::Status(404) => FetchError::Absent { url },
            TransferError::Status(status)
            | TransferError::Passing {
                status: Some(status),
                ..
            } => FetchError::Status { url, status },
            TransferError::Interrupted => FetchError::Interrupted,
            TransferError::Io { path, source } => FetchError::File {
                file: path,
                message: source.to_string(),
            },
            other => FetchError::Transfer {
                url,
                message: other.to_string(),
            },
        }
    }
}

impl Wanting<'_> {
    /// Brings the file.
    pub(super) fn run(&self) -> Result<(), FetchError> {
        if let Some(folder) = self.path.parent() {
            fs::create_dir_all(folder).map_err(|e| self.io(e))?;
        }
        let mut part = self.path.as_os_str().to_owned();
        part.push(".part");
        let part = Path::new(&part);
        // What an earlier run left may be of another version: without a hash nobody would notice.
        if self.sha256.is_none() && part.exists() {
            fs::remove_file(part).map_err(|e| self.io(e))?;
        }
        let url = self.source.file(&self.fetch.endpoint, self.name);
        let token = match self.source {
            Source::Hub { .. } => self.fetch.token.as_deref(),
            Source::Web(_) => None,
        };
        let download = Download {
            url: &url,
            token,
            partial: part,
            size: self.bytes,
        };
        let mut report = |done, total| (self.fetch.progress)(self.name, done, total);
        let done = self.fetch.client.download(&download, &mut report);
        done.map_err(|e| self.fetch.refusal(e, self.source, self.gated, &url))?;
        if let Some(declared) = self.sha256 {
            let found = sha256(part).map_err(|e| self.io(e))?;
            if !found.eq_ignore_ascii_case(declared) {
                fs::remove_file(part).map_err(|e| self.io(e))?;
                return Err(FetchError::Hash {
                    file: self.path.to_owned(),
                    declared: declared.to_owned(),
                    found,
                });
            }
        }
        fs::rename(part, self.path).map_err(|e| self.io(e))
    }

    fn io(&self, error: std::io::Error) -> FetchError {
        FetchError::File {
            file: self.path.to_owned(),
            message: error.to_string(),
        }
    }
}
