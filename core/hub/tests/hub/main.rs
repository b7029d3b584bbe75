//! Fetching from a stub hub on this machine.
#![allow(clippy::unwrap_used)]

mod fetching;
mod server;
