//! One file, resumed where the transfer broke off.

use std::fs::{self, OpenOptions};
use std::io::{Read, Write};
use std::path::Path;

use ureq::http::header::CONTENT_LENGTH;

use crate::client::{Client, Request};
use crate::error::{Result, TransferError};

/// Bytes that are read at a time.
const CHUNK: usize = 128 * 1024;

/// A file that is to be brought.
#[derive(Clone, Copy, Debug)]
pub struct Download<'a> {
    /// Its address.
    pub url: &'a str,
    /// Sent to the address's host alone.
    pub token: Option<&'a str>,
    /// Where it is written, and where its beginning may be already.
    pub partial: &'a Path,
    /// Its bytes, where that is known beforehand.
    pub size: Option<u64>,
}

impl Download<'_> {
    /// Bytes that are here.
    pub fn received(&self) -> u64 {
        fs::metadata(self.partial).map_or(0, |metadata| metadata.len())
    }
}

impl Client {
    /// Brings what is lacking of a file, as often as it takes while it gets anywhere, and syncs it.
    /// `report` is told the bytes that are here and, where that is known, how many there will be.
    ///
    /// # Errors
    /// The server refuses, the transfer broke off too often, or the disk refuses. What has arrived
    /// stays.
    pub fn download(
        &self,
        download: &Download<'_>,
        report: &mut dyn FnMut(u64, Option<u64>),
    ) -> Result<()> {
        let mut most = download.received();
        self.persist(
            || self.receive(download, report),
            || {
                let now = download.received();
                std::mem::replace(&mut most, now) < now
            },
        )
    }

    /// One request for what is lacking.
    fn receive(
        &self,
        download: &Download<'_>,
        report: &mut dyn FnMut(u64, Option<u64>),
    ) -> Result<()> {
        let io = TransferError::io(download.partial);
        let mut out = OpenOptions::new()
            .create(true)
            .append(true)
            .open(download.partial)
            .map_err(&io)?;
        let mut received = download.received();
        if download.size.is_some_and(|size| received > size) {
            out.set_len(0).map_err(&io)?;
            received = 0;
        }
        if download.size == Some(received) {
            return out.sync_all().map_err(&io);
        }
        let response = self.get(Request {
            url: download.url,
            token: download.token,
            from: received,
        });
        if let Err(TransferError::Status(416)) = &response
            && received > 0
        {
            // What is here is no beginning of the file.
            out.set_len(0).map_err(&io)?;
            return Err(TransferError::passing("the server does not resume there"));
        }
        let response = response?;
        if response.status().as_u16() != 206 && received > 0 {
            // The server does not resume: from the start.
            out.set_len(0).map_err(&io)?;
            received = 0;
        }
        let length = response.headers().get(CONTENT_LENGTH);
        let length: Option<u64> = length.and_then(|length| length.to_str().ok()?.parse().ok());
        let total = download.size.or(length.map(|length| received + length));
        // One byte more than there should be shows that there are more.
        let most = total.map_or(u64::MAX, |total| total - received + 1);
        let mut body = response.into_body().into_reader().take(most);
        let mut buffer = vec![0u8; CHUNK];
        loop {
            self.check_interrupt()?;
            let read = body.read(&mut buffer).map_err(TransferError::passing)?;
            if read == 0 {
                break;
            }
            out.write_all(&buffer[..read]).map_err(&io)?;
            received += read as u64;
            report(received.min(total.unwrap_or(received)), total);
        }
        match total {
            Some(total) if received < total => Err(TransferError::passing(format!(
                "the transfer ended after {received} of {total} bytes"
            ))),
            Some(total) if received > total => {
                out.set_len(0).map_err(&io)?;
                Err(TransferError::passing(format!(
                    "the server sends more than the {total} bytes that it said"
                )))
            }
            _ => out.sync_all().map_err(&io),
        }
    }
}
