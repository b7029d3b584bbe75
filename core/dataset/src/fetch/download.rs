//! One file: asked for, resumed when the transfer is cut, checked, and put in its place.

use super::{Fetch, FetchError, Request, Response, Source};
use crate::file;
use std::{
    fs::{self, File, OpenOptions},
    io::{Read as _, Write as _},
    path::{Path, PathBuf},
    sync::atomic::Ordering,
};

/// Tries without a new byte, after which a transfer has failed.
const TRIES: u32 = 4;
/// Bytes that are read at a time.
const CHUNK: usize = 128 * 1024;

pub(super) struct Download<'a> {
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
    /// The answer to a request: a success, or the error that its status is.
    pub(super) fn answer(
        &self,
        source: &Source,
        gated: bool,
        request: &Request,
    ) -> Result<Response, FetchError> {
        let mut pause = self.pause;
        let mut tries = 1;
        loop {
            let transfer = |message: String| FetchError::Transfer {
                url: request.url.clone(),
                message,
            };
            let error = match self.transport.get(request) {
                Ok(response) => match response.status {
                    200..=299 => return Ok(response),
                    status @ (408 | 429 | 500..=599) => FetchError::Status {
                        url: request.url.clone(),
                        status,
                    },
                    status => return Err(self.refusal(source, gated, request, status)),
                },
                Err(message) => transfer(message),
            };
            if tries == TRIES {
                return Err(error);
            }
            if self.interrupt.load(Ordering::Relaxed) {
                return Err(FetchError::Interrupted);
            }
            tries += 1;
            std::thread::sleep(pause);
            pause *= 2;
        }
    }

    fn refusal(&self, source: &Source, gated: bool, request: &Request, status: u16) -> FetchError {
        let url = request.url.clone();
        match (status, source) {
            (401 | 403, Source::Hub { .. }) => FetchError::Refused {
                url,
                status,
                page: source.page(&self.endpoint),
                token: request.token.is_some(),
            },
            // A hub may hide what it does not give.
            (404, Source::Hub { .. }) if gated && request.token.is_none() => FetchError::Refused {
                url,
                status,
                page: source.page(&self.endpoint),
                token: false,
            },
            (404, _) => FetchError::Absent { url },
            _ => FetchError::Status { url, status },
        }
    }
}

impl Download<'_> {
    /// Downloads the file.
    pub(super) fn run(&self) -> Result<(), FetchError> {
        if let Some(folder) = self.path.parent() {
            fs::create_dir_all(folder).map_err(|e| self.io(e))?;
        }
        let part = self.part();
        // What an earlier run left may be of another version: without a hash nobody would notice.
        if self.sha256.is_none() && part.exists() {
            fs::remove_file(&part).map_err(|e| self.io(e))?;
        }
        self.transfer(&part)?;
        if let Some(declared) = self.sha256 {
            let found = file::sha256(&part).map_err(|e| self.io(e))?;
            if !found.eq_ignore_ascii_case(declared) {
                fs::remove_file(&part).map_err(|e| self.io(e))?;
                return Err(FetchError::Hash {
                    file: self.path.to_owned(),
                    declared: declared.to_owned(),
                    found,
                });
            }
        }
        File::open(&part)
            .and_then(|file| file.sync_all())
            .and_then(|()| fs::rename(&part, self.path))
            .map_err(|e| self.io(e))
    }

    fn part(&self) -> PathBuf {
        let mut name = self.path.as_os_str().to_owned();
        name.push(".part");
        name.into()
    }

    fn io(&self, error: std::io::Error) -> FetchError {
        FetchError::File {
            file: self.path.to_owned(),
            message: error.to_string(),
        }
    }

    /// Asks for what is lacking until nothing is.
    fn transfer(&self, part: &Path) -> Result<(), FetchError> {
        let url = self.source.file(&self.fetch.endpoint, self.name);
        let mut tries = 0;
        let mut pause = self.fetch.pause;
        loop {
            let have = part.metadata().map_or(0, |m| m.len());
            let request = Request {
                url: url.clone(),
                token: match self.source {
                    Source::Hub { .. } => self.fetch.token.clone(),
                    Source::Web(_) => None,
                },
                from: have,
            };
            if have > 0 && self.bytes == Some(have) {
                return Ok(());
            }
            let answer = self.fetch.answer(self.source, self.gated, &request);
            let response = match answer {
                // What is there is no beginning of the file.
                Err(FetchError::Status { status: 416, .. }) if have > 0 => {
                    fs::remove_file(part).map_err(|e| self.io(e))?;
                    continue;
                }
                other => other?,
            };
            let message = match self.receive(part, have, response)? {
                None => return Ok(()),
                Some(message) => message,
            };
            let now = part.metadata().map_or(0, |m| m.len());
            if now > have {
                (tries, pause) = (0, self.fetch.pause);
            }
            tries += 1;
            if tries == TRIES {
                return Err(FetchError::Transfer { url, message });
            }
            std::thread::sleep(pause);
            pause *= 2;
        }
    }

    /// Appends a response's body. `None` when all of it came; why not otherwise.
    fn receive(
        &self,
        part: &Path,
        have: u64,
        mut response: Response,
    ) -> Result<Option<String>, FetchError> {
        let resumed = response.status == 206;
        let start = if resumed { have } else { 0 };
        let total = response.length.map(|length| start + length).or(self.bytes);
        let mut file = OpenOptions::new()
            .create(true)
            .write(true)
            .truncate(!resumed)
            .append(resumed)
            .open(part)
            .map_err(|e| self.io(e))?;
        let mut done = start;
        let mut buffer = vec![0; CHUNK];
        loop {
            if self.fetch.interrupt.load(Ordering::Relaxed) {
                return Err(FetchError::Interrupted);
            }
            match response.body.read(&mut buffer) {
                Ok(0) => break,
                Ok(n) => {
                    file.write_all(&buffer[..n]).map_err(|e| self.io(e))?;
                    done += n as u64;
                    (self.fetch.progress)(self.name, done, total);
                }
                Err(e) => return Ok(Some(e.to_string())),
            }
        }
        Ok(match total {
            Some(total) if done < total => {
                Some(format!("the transfer ended after {done} of {total} bytes"))
            }
            _ => None,
        })
    }
}
