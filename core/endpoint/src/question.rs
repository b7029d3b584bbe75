//! What is asked, and the request that it becomes.

use crate::endpoint::Server;
use crate::probe::Likelihoods;
use serde_json::{Map, Value, json};

/// What is asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Question {
    /// Continue a prompt, greedily.
    Generate {
        /// The prompt.
        prompt: String,
        /// Most tokens to generate.
        max_tokens: usize,
        /// Generation ends before any of these.
        stop: Vec<String>,
    },
    /// Tell the log-likelihood of each choice as a continuation of the prompt.
    Choose {
        /// The prompt.
        prompt: String,
        /// The continuations.
        choices: Vec<String>,
    },
}

/// Keys of a request that a question decides, which settings of a server may not.
pub const RESERVED: &[&str] = &[
    "model",
    "prompt",
    "messages",
    "max_tokens",
    "max_completion_tokens",
    "temperature",
    "seed",
    "stop",
    "echo",
    "logprobs",
    "prompt_logprobs",
    "n",
    "best_of",
    "stream",
];

/// OpenAI takes no more texts to stop at. The rest is looked for in the answer.
const STOPS: usize = 4;

impl Question {
    /// The prompt as models read it: spaces at its end go to what follows, as for local models.
    pub(crate) fn prompt(&self) -> &str {
        let (Self::Generate { prompt, .. } | Self::Choose { prompt, .. }) = self;
        prompt.trim_end_matches(' ')
    }

    /// The texts whose likelihood is asked for: the prompt alone, then with each choice.
    pub(crate) fn texts(&self) -> Vec<String> {
        let Self::Choose { prompt, choices } = self else {
            return Vec::new();
        };
        let whole = choices.iter().map(|choice| format!("{prompt}{choice}"));
        std::iter::once(self.prompt().to_owned())
            .chain(whole)
            .collect()
    }

    /// About how many tokens it takes, until the server tells.
    pub(crate) fn tokens(&self) -> u64 {
        // Four bytes a token is what English has.
        let bytes = |text: &str| text.len().div_ceil(4);
        let tokens = match self {
            Self::Generate { max_tokens, .. } => bytes(self.prompt()) + max_tokens,
            Self::Choose { .. } => self.texts().iter().map(|text| bytes(text)).sum(),
        };
        tokens as u64
    }

    /// Name and body of the call.
    pub(crate) fn call(&self, server: &Server, how: Option<Likelihoods>) -> (&'static str, String) {
        let mut body = Map::new();
        body.insert("model".to_owned(), json!(server.model));
        let mut set = |key: &str, value: Value| {
            body.insert(key.to_owned(), value);
        };
        set("temperature", json!(0));
        let name = match self {
            Self::Generate {
                max_tokens, stop, ..
            } => {
                set(&server.max_tokens_key, json!(max_tokens));
                set("seed", json!(server.seed));
                if !stop.is_empty() {
                    set("stop", json!(&stop[..stop.len().min(STOPS)]));
                }
                if server.chat {
                    let turn = |role: &str, text: &str| json!({"role": role, "content": text});
                    let mut turns = Vec::with_capacity(2 * server.examples.len() + 1);
                    for (prompt, answer) in &server.examples {
                        turns.push(turn("user", prompt.trim_end_matches(' ')));
                        turns.push(turn("assistant", answer.trim_matches(' ')));
                    }
                    turns.push(turn("user", self.prompt()));
                    set("messages", Value::Array(turns));
                    "chat/completions"
                } else {
                    set("prompt", json!(self.prompt()));
                    "completions"
                }
            }
            Self::Choose { .. } => {
                set("prompt", json!(self.texts()));
                for (key, value) in how.unwrap_or(Likelihoods::Echo).settings() {
                    set(key, value);
                }
                "completions"
            }
        };
        body.extend(server.body.clone());
        (name, Value::Object(body).to_string())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn server(chat: bool) -> Server {
        Server {
            address: "http://nowhere/v1".parse().expect("an address"),
            model: "m".to_owned(),
            reported_model: None,
            chat,
            examples: vec![("1 + 1 = ".to_owned(), " 2".to_owned())],
            seed: 0,
            max_tokens_key: "max_tokens".to_owned(),
            body: Map::new(),
        }
    }

    #[test]
    fn examples_are_turns_of_a_chat_and_nothing_else() {
        let question = Question::Generate {
            prompt: "2 + 2 = ".to_owned(),
            max_tokens: 4,
            stop: Vec::new(),
        };
        let body = |chat| -> Value {
            let (_, body) = question.call(&server(chat), None);
            serde_json::from_str(&body).expect("JSON")
        };
        assert_eq!(
            body(true)["messages"],
            json!([
                {"role": "user", "content": "1 + 1 ="},
                {"role": "assistant", "content": "2"},
                {"role": "user", "content": "2 + 2 ="},
            ])
        );
        // Where prompts are texts, whoever asks has put the examples into them.
        assert_eq!(body(false)["prompt"], json!("2 + 2 ="));
    }
}
