//! Reading little-endian numbers and strings, each checked against the end of the file.

use std::path::Path;

use super::GgufError;

/// A place in a file.
#[derive(Clone, Copy)]
pub(super) struct Cursor<'a> {
    path: &'a Path,
    bytes: &'a [u8],
    at: usize,
}

impl<'a> Cursor<'a> {
    pub(super) fn new(path: &'a Path, bytes: &'a [u8]) -> Self {
        Self { path, bytes, at: 0 }
    }

    /// Bytes before the place.
    pub(super) fn position(&self) -> usize {
        self.at
    }

    /// Bytes after the place.
    pub(super) fn remaining(&self) -> usize {
        self.bytes.len() - self.at
    }

    /// The next `count` bytes; `what` they are goes into the message.
    pub(super) fn take(&mut self, count: u64, what: &str) -> Result<&'a [u8], GgufError> {
        let wanted = usize::try_from(count).ok();
        let end = wanted.and_then(|count| self.at.checked_add(count));
        match end.and_then(|end| self.bytes.get(self.at..end)) {
            Some(bytes) => {
                self.at += bytes.len();
                Ok(bytes)
            }
            None => Err(GgufError::Truncated {
                path: self.path.to_owned(),
                what: what.to_owned(),
                at: self.at as u64,
                needed: count,
                left: self.remaining() as u64,
            }),
        }
    }

    pub(super) fn array<const N: usize>(&mut self, what: &str) -> Result<[u8; N], GgufError> {
        let bytes = self.take(N as u64, what)?;
        let mut array = [0; N];
        array.copy_from_slice(bytes);
        Ok(array)
    }

    pub(super) fn u32(&mut self, what: &str) -> Result<u32, GgufError> {
        self.array(what).map(u32::from_le_bytes)
    }

    pub(super) fn u64(&mut self, what: &str) -> Result<u64, GgufError> {
        self.array(what).map(u64::from_le_bytes)
    }

    /// A string: its length in eight bytes, then UTF-8.
    pub(super) fn string(&mut self, what: &str) -> Result<&'a str, GgufError> {
        let length = self.u64(what)?;
        let start = self.at;
        let bytes = self.take(length, what)?;
        std::str::from_utf8(bytes).map_err(|error| GgufError::Malformed {
            path: self.path.to_owned(),
            place: format!("byte {}", start + error.valid_up_to()),
            reason: format!("{what} is not UTF-8"),
        })
    }
}
