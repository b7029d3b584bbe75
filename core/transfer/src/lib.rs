//! Files over HTTP: asked for again where the network fails for a moment, resumed where a transfer
//! broke off, and their hashes.
//!
//! What a refusal means and what to do about it differs from one source to the next, so that is
//! left to those who ask: see `mergelab-hub` and `mergelab-dataset`.
#![forbid(unsafe_code)]

mod client;
mod digest;
mod download;
mod error;

pub use client::{Client, Request};
pub use digest::{blob_sha1, sha256};
pub use download::Download;
pub use error::{Result, TransferError};
