//! What a server says, checked against what it was asked.
//!
//! | module | what it is |
//! |---|---|
//! | [`envelope`] | what every answer has: the model, the choices in order, the tokens |
//! | [`generated`] | a generated text |
//! | [`likelihood`] | log-likelihoods of given texts |
//! | [`cover`] | whether tokens make up a text |

mod cover;
mod envelope;
mod generated;
mod likelihood;

use crate::endpoint::Server;
use crate::probe::Likelihoods;
use crate::question::Question;
use serde::{Deserialize, Serialize};

/// An answer that fits its question.
#[derive(Debug, Clone, PartialEq)]
pub struct Answer {
    /// What it says.
    pub content: Content,
    /// Tokens, where the server tells.
    pub usage: Option<Usage>,
    /// The model that the server says has answered.
    pub model: Option<String>,
    /// What the server calls its present setting (`system_fingerprint`).
    pub fingerprint: Option<String>,
}

/// What an answer says.
#[derive(Debug, Clone, PartialEq)]
pub enum Content {
    /// Generated text, without the text that it stopped at.
    Generated(String),
    /// Log-likelihoods in nats and tokens of each choice, in the order of the question.
    Scored {
        /// Log-likelihoods.
        log_likelihoods: Vec<f64>,
        /// Tokens.
        tokens: Vec<usize>,
    },
}

/// Tokens of an answer, as the server counts them.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Usage {
    /// Read.
    pub prompt: u64,
    /// Generated.
    pub completion: u64,
}

impl Usage {
    /// All of them.
    pub fn total(self) -> u64 {
        self.prompt.saturating_add(self.completion)
    }
}

/// Reads an answer, or says what is wrong with it.
pub(crate) fn read(
    text: &str,
    question: &Question,
    server: &Server,
    how: Option<Likelihoods>,
) -> Result<Answer, String> {
    let wanted = match question {
        Question::Generate { .. } => 1,
        Question::Choose { choices, .. } => choices.len() + 1,
    };
    let envelope = envelope::read(text, server, wanted)?;
    let content = match question {
        Question::Generate {
            max_tokens, stop, ..
        } => Content::Generated(generated::read(&envelope, server.chat, *max_tokens, stop)?),
        Question::Choose { .. } => {
            let how = how.unwrap_or(Likelihoods::Echo);
            likelihood::read(&envelope, &question.texts(), how)?
        }
    };
    Ok(Answer {
        content,
        usage: envelope.usage,
        model: envelope.model,
        fingerprint: envelope.fingerprint,
    })
}
