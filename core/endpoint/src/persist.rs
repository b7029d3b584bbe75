//! Requests that are made again where the network or the server fails for a moment.

use crate::backoff;
use crate::clock::pause;
use crate::endpoint::Endpoint;
use crate::error::{EndpointError, Result};
use crate::transport::{Call, Reply};
use serde_json::Value;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

/// Characters of what a server says that an error shows.
const SHOWN: usize = 300;

/// A failure that may pass.
struct Passing {
    reason: String,
    /// How long the server asks to wait.
    asked: Option<Duration>,
    kind: Kind,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    /// There was no answer at all.
    Network,
    /// The server cannot now: it has too much to do, or is not ready.
    Busy(u16),
    /// The server failed at the request.
    Broken(u16),
    /// It answered, and wrongly.
    Answer,
}

/// A call with what bounds its tries.
pub(crate) struct Attempt<'a> {
    /// What is called.
    pub(crate) call: Call<'a>,
    /// Tells calls apart: their waits differ by it.
    pub(crate) number: u64,
    /// About how many tokens it takes.
    pub(crate) tokens: u64,
    /// Times that it is made again.
    pub(crate) retries: u32,
    /// Times that it is made again while nobody has ever answered.
    pub(crate) unheard: u32,
    /// Times that it is made again after a wrong answer or a broken server.
    pub(crate) after_answer: u32,
    /// Set where to stop.
    pub(crate) stop: &'a AtomicBool,
}

impl Endpoint {
    /// Makes a call until `take` takes the reply, or it was tried as often or as long as the limits
    /// say.
    pub(crate) fn attempt<T>(
        &self,
        attempt: &Attempt<'_>,
        take: impl Fn(Reply) -> Result<T, String>,
    ) -> Result<T> {
        let started = self.clock.now();
        let end = started + self.limits.deadline;
        let mut tries = 0;
        loop {
            let place = self.pace.reserve(self.clock.now(), attempt.tokens);
            pause(&*self.clock, place, attempt.stop)?;
            tries += 1;
            self.requests.fetch_add(1, Ordering::Relaxed);
            let passing = match self.transport.send(&attempt.call) {
                Err(reason) => Passing {
                    reason,
                    asked: None,
                    kind: Kind::Network,
                },
                Ok(reply) => {
                    self.heard.store(true, Ordering::Relaxed);
                    match self.judge(&attempt.call, reply)? {
                        Err(passing) => passing,
                        Ok(reply) => match take(reply) {
                            Ok(taken) => return Ok(taken),
                            Err(reason) => Passing {
                                reason,
                                asked: None,
                                kind: Kind::Answer,
                            },
                        },
                    }
                }
            };
            let now = self.clock.now();
            let mut then = now + backoff::wait(self.limits.wait, tries, attempt.number);
            if let Some(asked) = passing.asked {
                then = then.max(now + asked);
                if then < end {
                    self.pace.hold(now + asked);
                }
            }
            let retries = match passing.kind {
                Kind::Network if !self.heard.load(Ordering::Relaxed) => {
                    attempt.retries.min(attempt.unheard)
                }
                Kind::Network | Kind::Busy(_) => attempt.retries,
                Kind::Broken(_) | Kind::Answer => attempt.retries.min(attempt.after_answer),
            };
            if tries > retries || then >= end {
                return Err(self.given_up(passing, tries, now.saturating_sub(started)));
            }
            pause(&*self.clock, then, attempt.stop)?;
        }
    }

    fn given_up(&self, passing: Passing, tries: u32, taken: Duration) -> EndpointError {
        let server = self.name();
        let reason = match passing.asked {
            None => passing.reason,
            Some(asked) => format!(
                "{}, and asks to wait {} s",
                passing.reason,
                asked.as_secs_f64().ceil()
            ),
        };
        match passing.kind {
            Kind::Answer => EndpointError::Answer {
                server,
                reason,
                tries,
                question: String::new(),
            },
            // Nothing was ever heard of it.
            Kind::Network if !self.heard.load(Ordering::Relaxed) => {
                EndpointError::Unreachable { server, reason }
            }
            kind => EndpointError::Failed {
                server,
                reason,
                status: match kind {
                    Kind::Busy(status) | Kind::Broken(status) => Some(status),
                    Kind::Network | Kind::Answer => None,
                },
                tries,
                seconds: taken.as_secs_f64(),
            },
        }
    }

    /// A reply that can be read, a failure that may pass, or an error that will not.
    fn judge(&self, call: &Call<'_>, reply: Reply) -> Result<Result<Reply, Passing>> {
        let name = call.name;
        let server = || self.name();
        let status = reply.status;
        let said = message(&reply.text);
        let passes = |reason: String| {
            Ok(Err(Passing {
                reason,
                asked: backoff::asked(&reply, self.clock.now()),
                kind: match status {
                    500 => Kind::Broken(status),
                    _ => Kind::Busy(status),
                },
            }))
        };
        match status {
            200..=299 => Ok(Ok(reply)),
            // No waiting brings money back.
            429 if reply.text.contains("insufficient_quota") => Err(EndpointError::Rejected {
                server: server(),
                status,
                message: said,
                advice: ". The account has nothing left to spend".to_owned(),
            }),
            // Not every server has a list of models.
            404 | 405 | 501 if call.body.is_none() => Ok(Ok(reply)),
            408 | 425 | 429 | 500..=599 => passes(match said.as_str() {
                "" => format!("the server answers with status {status}"),
                said => format!("the server answers with status {status}: {said}"),
            }),
            401 | 403 => Err(EndpointError::Refused {
                server: server(),
                status,
                message: said,
                with_key: self.has_key,
            }),
            404 | 405 => Err(EndpointError::NoInterface {
                server: server(),
                name: format!("/{name}"),
                status,
                message: said,
                advice: "Look at `url`, which mostly ends with /v1, and at `model`".to_owned(),
            }),
            300..=399 => Err(EndpointError::NoInterface {
                server: server(),
                name: format!("/{name}"),
                status,
                message: said,
                advice: "The server sends on to another address: set `url` to that one".to_owned(),
            }),
            _ => Err(EndpointError::Rejected {
                server: server(),
                status,
                advice: advice(&said).to_owned(),
                message: said,
            }),
        }
    }
}

/// What to do about a refused request, by what the server says about it.
fn advice(said: &str) -> &'static str {
    let said = said.to_lowercase();
    if said.contains("context") || said.contains("maximum input") || said.contains("too long") {
        return ". Prompts are not cut for a server: give it a longer context, such as with vLLM's \
                --max-model-len, or let it cut them, such as with body = { truncate_prompt_tokens = N } \
                (vLLM)";
    }
    if said.contains("max_completion_tokens") {
        return ". Set `max_tokens_key` to \"max_completion_tokens\"";
    }
    if said.contains("chat template") || said.contains("chat_template") {
        return ". The model has no chat template: set `chat` to false";
    }
    ""
}

/// What a server says in the body of a refusal, in a line.
pub(crate) fn message(text: &str) -> String {
    let json: Value = serde_json::from_str(text).unwrap_or_default();
    let places = [
        &json["error"]["message"],
        &json["error"],
        &json["message"],
        &json["detail"],
    ];
    let found = places.into_iter().find_map(Value::as_str).unwrap_or(text);
    let line = found.split_whitespace().collect::<Vec<_>>().join(" ");
    match line.char_indices().nth(SHOWN) {
        None => line.trim_end_matches('.').to_owned(),
        Some((end, _)) => format!("{}…", &line[..end]),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_are_found_where_servers_put_them() {
        for text in [
            r#"{"error": {"message": "no such\n model.", "code": 404}}"#,
            r#"{"object": "error", "message": "no such model"}"#,
            r#"{"detail": "no such model"}"#,
            r#"{"error": "no such model", "error_type": "x"}"#,
            "no such model",
        ] {
            assert_eq!(message(text), "no such model");
        }
        assert_eq!(message(&"ä".repeat(400)).chars().count(), SHOWN + 1);
    }
}
