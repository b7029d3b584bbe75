//! What can go wrong with a server.

/// The result of this crate's operations.
pub type Result<T, E = EndpointError> = std::result::Result<T, E>;

/// Why a question has no answer. `server` is the model and the address; no message has the key.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum EndpointError {
    /// The address cannot be used.
    #[error(
        "`{address}` is not the address of a server: {reason} (such as http://127.0.0.1:8000/v1)"
    )]
    Address {
        /// The address.
        address: String,
        /// What is wrong with it.
        reason: String,
    },
    /// The variable with the key cannot be used.
    #[error("the environment variable `{variable}` {reason}")]
    Key {
        /// The variable.
        variable: String,
        /// What is wrong, and what to do.
        reason: &'static str,
    },
    /// Nobody answers.
    #[error(
        "{server}: {reason}. Start the server, or correct `url`; vLLM's, for one, is \
         http://HOST:8000/v1"
    )]
    Unreachable {
        /// The server.
        server: String,
        /// What the network says.
        reason: String,
    },
    /// The address has no such interface.
    #[error(
        "{server}: there is no {name} at that address (status {status}{}). {advice}",
        said(message)
    )]
    NoInterface {
        /// The server.
        server: String,
        /// What was called.
        name: String,
        /// The status.
        status: u16,
        /// What the server said.
        message: String,
        /// What to do.
        advice: String,
    },
    /// The server has no such model.
    #[error(
        "{server}: the server has no such model. It serves {known}: set `model` to one of them"
    )]
    NoModel {
        /// The server.
        server: String,
        /// What it serves.
        known: String,
    },
    /// The server does not let this user in.
    #[error(
        "{server}: the server refuses access (status {status}{}); {}",
        said(message),
        if *with_key { "the key has no right to it" } else {
            "set `api_key_env` to the name of an environment variable that holds a key"
        }
    )]
    Refused {
        /// The server.
        server: String,
        /// The status.
        status: u16,
        /// What the server said.
        message: String,
        /// Whether a key was sent.
        with_key: bool,
    },
    /// The server does not take the request.
    #[error(
        "{server}: the server does not take the request (status {status}{}){advice}",
        said(message)
    )]
    Rejected {
        /// The server.
        server: String,
        /// The status.
        status: u16,
        /// What the server said.
        message: String,
        /// What to do, with a full stop before it; may be empty.
        advice: String,
    },
    /// The network or the server failed as often as was tried.
    #[error(
        "{server}: {reason}, after {tries} tries in {} s. What was answered is kept: run again to go on",
        seconds.round()
    )]
    Failed {
        /// The server.
        server: String,
        /// The last failure.
        reason: String,
        /// The status, where the server said that it failed.
        status: Option<u16>,
        /// Times that it was tried.
        tries: u32,
        /// Seconds that this took.
        seconds: f64,
    },
    /// What the server says does not fit the question.
    #[error(
        "{server}: the answer cannot be used: {reason} ({tries} tries). The question begins \
         {question:?}"
    )]
    Answer {
        /// The server.
        server: String,
        /// What is wrong with it.
        reason: String,
        /// Times that it was tried.
        tries: u32,
        /// The beginning of the question.
        question: String,
    },
    /// The server does not tell likelihoods.
    #[error(
        "{server}: the server does not tell the likelihood of a given text, which this task asks \
         for ({reasons}). Serve the model with vLLM or SGLang, which do, or set mode = \"generate\" in the \
         task's `params`"
    )]
    NoLikelihoods {
        /// The server.
        server: String,
        /// What it said to each way of asking.
        reasons: String,
    },
    /// It was told to stop.
    #[error("interrupted")]
    Interrupted,
}

fn said(message: &str) -> String {
    match message {
        "" => String::new(),
        message => format!(": {message}"),
    }
}
