//! Whether a server tells the likelihood of a given text, and how.

use crate::endpoint::Endpoint;
use crate::error::{EndpointError, Result};
use crate::question::Question;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use std::sync::atomic::AtomicBool;

/// How a server tells the likelihood of a given text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Likelihoods {
    /// `echo` with `logprobs`, and nothing generated: OpenAI's old models, vLLM.
    Echo,
    /// `echo` with `logprobs` and one token generated, which is left out: servers that generate
    /// always.
    EchoAndOne,
    /// vLLM's `prompt_logprobs`, which names tokens by number.
    PromptLogprobs,
}

/// What is tried, in this order.
const WAYS: [Likelihoods; 3] = [
    Likelihoods::Echo,
    Likelihoods::EchoAndOne,
    Likelihoods::PromptLogprobs,
];

impl Likelihoods {
    /// Settings of a request.
    pub(crate) fn settings(self) -> Vec<(&'static str, Value)> {
        match self {
            Self::Echo => vec![
                ("max_tokens", json!(0)),
                ("echo", json!(true)),
                ("logprobs", json!(1)),
            ],
            Self::EchoAndOne => {
                vec![
                    ("max_tokens", json!(1)),
                    ("echo", json!(true)),
                    ("logprobs", json!(1)),
                ]
            }
            Self::PromptLogprobs => vec![("max_tokens", json!(1)), ("prompt_logprobs", json!(0))],
        }
    }

    /// Its name in records.
    pub fn name(self) -> &'static str {
        match self {
            Self::Echo => "echo",
            Self::EchoAndOne => "echo_and_one",
            Self::PromptLogprobs => "prompt_logprobs",
        }
    }

    /// What an error calls it.
    fn words(self) -> &'static str {
        match self {
            Self::Echo => "`echo` with `logprobs`",
            Self::EchoAndOne => "the same with one token generated",
            Self::PromptLogprobs => "`prompt_logprobs`",
        }
    }
}

impl Endpoint {
    /// Finds out how the server tells likelihoods, with a question whose answer does not matter.
    ///
    /// # Errors
    /// It does not, or cannot be asked.
    pub fn probe(&self, stop: &AtomicBool) -> Result<Likelihoods> {
        let question = Question::Choose {
            prompt: "One, two, three, four,".to_owned(),
            choices: vec![" five".to_owned(), " a house".to_owned()],
        };
        let mut reasons = Vec::new();
        for way in WAYS {
            // What a server cannot, it will not on another try.
            match self.ask_within(0, &question, Some(way), 0, stop) {
                Ok(_) => return Ok(way),
                Err(EndpointError::Rejected {
                    status, message, ..
                }) => {
                    reasons.push(format!("{}: status {status}: {message}", way.words()));
                }
                Err(EndpointError::Answer { reason, .. }) => {
                    reasons.push(format!("{}: {reason}", way.words()));
                }
                // A server that breaks on a request that it does not know.
                Err(EndpointError::Failed {
                    reason,
                    status: Some(500),
                    ..
                }) => {
                    reasons.push(format!("{}: {reason}", way.words()));
                }
                Err(other) => return Err(other),
            }
        }
        Err(EndpointError::NoLikelihoods {
            server: self.name(),
            reasons: reasons.join("; "),
        })
    }
}
