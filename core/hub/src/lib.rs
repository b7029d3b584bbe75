//! Models from a Hugging Face hub: `hf://org/name@revision`.
//!
//! [`Hub::fetch`] brings the files of a model that mergelab reads into a local cache and returns
//! the folder. Files are resumed where a transfer broke off, and checked by size and hash. The cache has
//! the layout of `huggingface_hub`, so that models fetched by either are found by both.
//!
//! A revision such as `main` moves. [`Hub::resolve`] says which commit it is now, which is what
//! names a result; a cached commit is used without the network.
#![forbid(unsafe_code)]

mod cache;
mod error;
mod fetch;
mod name;
mod request;
mod settings;
mod transfer;

pub use error::{HubError, Result};
pub use fetch::{Hub, Progress, Resolved};
pub use name::{HubModel, is_hub};
pub use settings::Settings;
