//! Asking a stub server on this machine, which also fails, stalls and lies.
#![allow(clippy::unwrap_used)]

mod asking;
mod failing;
mod likelihoods;
mod lying;
mod pacing;
mod setting;
