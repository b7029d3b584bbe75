//! What can go wrong with a hub.

use std::path::{Path, PathBuf};

/// An error of finding or fetching a model.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum HubError {
    /// The text does not name a model of a hub.
    #[error("\"{text}\" does not name a model of a hub: {reason}; write hf://org/name@revision")]
    Name {
        /// The text.
        text: String,
        /// What is wrong with it.
        reason: &'static str,
    },
    /// The hub does not let this user read the model.
    #[error(
        "{model}: the hub refuses access (status {status}); {}",
        if *with_token {
            "HF_TOKEN has no right to it: accept the model's terms on its page, or use another token"
        } else {
            "set HF_TOKEN to a token that may read it, and accept the model's terms on its page"
        }
    )]
    Refused {
        /// The model.
        model: String,
        /// 401 or 403.
        status: u16,
        /// Whether a token was sent.
        with_token: bool,
    },
    /// The hub has no such model, revision or file.
    #[error(
        "{model}: the hub at {endpoint} has no {what}; check the spelling, or set HF_TOKEN if the \
         model is private"
    )]
    Missing {
        /// The model.
        model: String,
        /// The hub.
        endpoint: String,
        /// What is missing.
        what: String,
    },
    /// The model has no file that mergelab reads weights from.
    #[error(
        "{model} at {commit} holds no safetensors; mergelab reads no other weights from a hub (a \
         GGUF file can be fetched by hand and imported with `mergelab model import`)"
    )]
    NoWeights {
        /// The model.
        model: String,
        /// Its commit.
        commit: String,
    },
    /// The network fails, and the cache does not help.
    #[error("{model}: {reason}, and the cache at {} does not hold it", cache.display())]
    Unreachable {
        /// The model.
        model: String,
        /// What the network says.
        reason: String,
        /// The cache.
        cache: PathBuf,
    },
    /// A transfer broke off too often.
    #[error(
        "{model}: {file} broke off after {received} of {size} bytes ({reason}); run again to go on \
         from there"
    )]
    Interrupted {
        /// The model.
        model: String,
        /// The file.
        file: String,
        /// Bytes that are in the cache.
        received: u64,
        /// Bytes that it has.
        size: u64,
        /// What the network says.
        reason: String,
    },
    /// A file is not what the hub says it is.
    #[error(
        "{model}: {file} arrived damaged: its hash is {found}, not {expected}; it was removed, run \
         again"
    )]
    Damaged {
        /// The model.
        model: String,
        /// The file.
        file: String,
        /// The hash that the hub gives.
        expected: String,
        /// That of what arrived.
        found: String,
    },
    /// The hub answers in a way that makes no sense.
    #[error("{model}: {url}: {reason}")]
    Answer {
        /// The model.
        model: String,
        /// What was asked for.
        url: String,
        /// What is wrong with the answer.
        reason: String,
    },
    /// An environment variable has a value that cannot be used.
    #[error("{variable}: {reason}")]
    Setting {
        /// The variable.
        variable: &'static str,
        /// What is wrong and what to do.
        reason: String,
    },
    /// The cache cannot be read or written.
    #[error("{}: {source}", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// The system's reason.
        source: std::io::Error,
    },
}

impl HubError {
    pub(crate) fn io(path: &Path) -> impl FnOnce(std::io::Error) -> Self + '_ {
        move |source| Self::Io {
            path: path.to_path_buf(),
            source,
        }
    }
}

/// The result of this crate's operations.
pub type Result<T, E = HubError> = std::result::Result<T, E>;
