//! Asking models that are served elsewhere, by servers that speak OpenAI's HTTP interface: vLLM,
//! SGLang, the llama.cpp server, Text Generation Inference, OpenAI.
//!
//! [`Endpoint::ask_all`] asks many questions with bounded concurrency, keeps the declared rates,
//! and makes requests again that failed for a moment. Nothing that a server says is taken on trust:
//! what does not fit the question is an error.
//!
//! | module | what it is |
//! |---|---|
//! | [`Address`] | where the server is |
//! | [`Key`] | the secret that it asks for, which is never shown |
//! | [`Question`] | what is asked, and the request that it becomes |
//! | [`Answer`] | what came of it, checked |
//! | [`Likelihoods`] | how a server tells the likelihood of a given text, if it can |
//! | [`Pace`] | requests and tokens in a minute |
//! | [`Clock`], [`Transport`] | time and the network, which tests replace |
#![forbid(unsafe_code)]

mod address;
mod answer;
mod backoff;
mod check;
mod clock;
mod endpoint;
mod error;
mod key;
mod pace;
mod persist;
mod probe;
mod question;
mod transport;

pub use address::Address;
pub use answer::{Answer, Content, Usage};
pub use clock::{Clock, SystemClock};
pub use endpoint::{Endpoint, Limits, Server};
pub use error::{EndpointError, Result};
pub use key::Key;
pub use pace::{Pace, PaceState};
pub use probe::Likelihoods;
pub use question::{Question, RESERVED};
pub use transport::{Call, Http, Reply, Transport};
