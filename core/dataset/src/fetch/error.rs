//! Why a download failed.

use std::path::PathBuf;

/// Why a download failed.
#[derive(Debug, thiserror::Error)]
pub enum FetchError {
    /// The card says of no place to download from.
    #[error("{}", no_source(dataset, script.as_ref()))]
    NoSource {
        /// The dataset.
        dataset: String,
        /// The script that makes its files.
        script: Option<PathBuf>,
    },
    /// The source is written wrong.
    #[error("{0}")]
    Source(String),
    /// A language or a split that the set does not have.
    #[error("{0}")]
    Wanted(String),
    /// Nothing in the source fits the card's files.
    #[error(
        "nothing in {source_name} fits the files of the card `{dataset}`: look at the source, and \
         put the names that it has under [splits]"
    )]
    Nothing {
        /// The source.
        source_name: String,
        /// The dataset.
        dataset: String,
    },
    /// The source has no such file.
    #[error("{url} does not exist (404): the set may have moved, or have no such revision or file")]
    Absent {
        /// The address.
        url: String,
    },
    /// The source wants to know who asks.
    #[error("{}", refused(url, *status, page, *token))]
    Refused {
        /// The address.
        url: String,
        /// 401 or 403.
        status: u16,
        /// Page where terms are accepted.
        page: String,
        /// Whether a token was sent.
        token: bool,
    },
    /// The server answered something else.
    #[error("{url}: the server answered with status {status}")]
    Status {
        /// The address.
        url: String,
        /// The status.
        status: u16,
    },
    /// The transfer failed as often as was tried.
    #[error("{url}: {message}. Run the command again to go on")]
    Transfer {
        /// The address.
        url: String,
        /// Why.
        message: String,
    },
    /// The list of files cannot be read.
    #[error("{url}: the list of files cannot be read: {message}")]
    List {
        /// The address.
        url: String,
        /// Why.
        message: String,
    },
    /// Another file than the one that is meant.
    #[error(
        "{} has the SHA-256 {found}, and {declared} is declared: it is not the file that is meant. \
         If the source has changed on purpose, change the card",
        file.display()
    )]
    Hash {
        /// The file.
        file: PathBuf,
        /// The hash that is declared.
        declared: String,
        /// The hash that it has.
        found: String,
    },
    /// A file cannot be written or read.
    #[error("{}: {message}", file.display())]
    File {
        /// The file.
        file: PathBuf,
        /// Why.
        message: String,
    },
    /// It was told to stop.
    #[error("interrupted")]
    Interrupted,
}

fn no_source(dataset: &str, script: Option<&PathBuf>) -> String {
    match script {
        Some(script) => format!(
            "the set `{dataset}` is made by a script. Look at it, then run it: {}",
            script.display()
        ),
        None => format!("the card `{dataset}` has no `from` in [source]: its files lie beside it"),
    }
}

fn refused(url: &str, status: u16, page: &str, token: bool) -> String {
    match token {
        false => format!(
            "{url}: refused ({status}). The set is gated, private or not there. Accept its terms \
             at {page} and set HF_TOKEN to a token of your account"
        ),
        true => format!(
            "{url}: refused ({status}) although HF_TOKEN is set. Accept the set's terms at {page} \
             with the account of that token"
        ),
    }
}
