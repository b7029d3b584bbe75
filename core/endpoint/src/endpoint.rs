//! A server with what it is asked for, and asking it many questions.

use crate::address::Address;
use crate::answer::{self, Answer};
use crate::clock::{Clock, SystemClock};
use crate::error::{EndpointError, Result};
use crate::key::Key;
use crate::pace::Pace;
use crate::persist::Attempt;
use crate::probe::Likelihoods;
use crate::question::Question;
use crate::transport::{Call, Http, Transport};
use serde_json::{Map, Value};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::mpsc::channel;
use std::time::Duration;

/// Characters of a question that an error shows.
const BEGINNING: usize = 60;

/// A model on a server.
#[derive(Debug, Clone, PartialEq)]
pub struct Server {
    /// Where it is.
    pub address: Address,
    /// The name that it has there.
    pub model: String,
    /// The name that the server writes into answers, where it is another one.
    pub reported_model: Option<String>,
    /// Whether prompts are turns of a chat.
    pub chat: bool,
    /// Prompts with their answers that come before every prompt, as turns of a chat. Where prompts
    /// are texts, they are part of them.
    pub examples: Vec<(String, String)>,
    /// Seed of the decoding, which matters to servers whose greedy decoding is not quite.
    pub seed: u64,
    /// The request's key for the most tokens.
    pub max_tokens_key: String,
    /// Further keys of every request.
    pub body: Map<String, Value>,
}

/// How the server may be asked.
#[derive(Debug, Clone, PartialEq)]
pub struct Limits {
    /// Requests at the same time.
    pub concurrency: usize,
    /// Requests in a minute.
    pub requests_per_minute: Option<u64>,
    /// Tokens in a minute, read and generated.
    pub tokens_per_minute: Option<u64>,
    /// Longest time for one answer.
    pub timeout: Duration,
    /// Longest time for a question with all its tries and waits.
    pub deadline: Duration,
    /// Times that a question is asked again after a failure.
    pub retries: u32,
    /// The first wait after a failure.
    pub wait: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            concurrency: 8,
            requests_per_minute: None,
            tokens_per_minute: None,
            timeout: Duration::from_secs(120),
            deadline: Duration::from_secs(600),
            retries: 5,
            wait: Duration::from_secs(1),
        }
    }
}

/// A server that can be asked.
pub struct Endpoint {
    pub(crate) server: Server,
    pub(crate) limits: Limits,
    pub(crate) transport: Box<dyn Transport>,
    pub(crate) clock: Box<dyn Clock>,
    pub(crate) pace: Pace,
    pub(crate) has_key: bool,
    /// Whether the server ever answered.
    pub(crate) heard: AtomicBool,
    pub(crate) requests: AtomicUsize,
}

impl Endpoint {
    /// A server, over HTTP.
    pub fn new(server: Server, key: Option<Key>, limits: Limits) -> Self {
        let has_key = key.is_some();
        let transport = Http::new(
            server.address.clone(),
            key,
            limits.timeout,
            limits.concurrency,
        );
        Self {
            has_key,
            ..Self::with(server, limits, Box::new(transport), Box::new(SystemClock))
        }
    }

    /// A server over another network, by another clock.
    pub fn with(
        server: Server,
        limits: Limits,
        transport: Box<dyn Transport>,
        clock: Box<dyn Clock>,
    ) -> Self {
        let pace = Pace::new(limits.requests_per_minute, limits.tokens_per_minute);
        Self {
            server,
            limits,
            transport,
            clock,
            pace,
            has_key: false,
            heard: AtomicBool::new(false),
            requests: AtomicUsize::new(0),
        }
    }

    /// The pace that it keeps.
    pub fn pace(&self) -> &Pace {
        &self.pace
    }

    /// Requests that were made so far, failed ones included.
    pub fn requests(&self) -> usize {
        self.requests.load(Ordering::Relaxed)
    }

    /// How errors name it.
    pub(crate) fn name(&self) -> String {
        format!("{} at {}", self.server.model, self.server.address)
    }

    /// Asks one question. `number` tells questions apart. `how` is what [`probe`](Self::probe)
    /// found, for questions about likelihoods.
    ///
    /// # Errors
    /// No answer, or none that fits the question.
    pub fn ask(
        &self,
        number: u64,
        question: &Question,
        how: Option<Likelihoods>,
        stop: &AtomicBool,
    ) -> Result<Answer> {
        self.ask_within(number, question, how, self.limits.retries, stop)
    }

    /// As [`ask`](Self::ask), with other bounds to what is asked again after an answer.
    pub(crate) fn ask_within(
        &self,
        number: u64,
        question: &Question,
        how: Option<Likelihoods>,
        after_answer: u32,
        stop: &AtomicBool,
    ) -> Result<Answer> {
        let (name, body) = question.call(&self.server, how);
        let attempt = Attempt {
            call: Call {
                name,
                body: Some(&body),
            },
            number,
            tokens: question.tokens(),
            retries: self.limits.retries,
            unheard: self.limits.retries,
            after_answer,
            stop,
        };
        let result = self.attempt(&attempt, |reply| {
            let answer = answer::read(&reply.text, question, &self.server, how)?;
            if let Some(usage) = answer.usage {
                self.pace.settle(attempt.tokens, usage.total());
            }
            Ok(answer)
        });
        result.map_err(|mut error| {
            if let EndpointError::Answer {
                question: begins, ..
            } = &mut error
            {
                *begins = question.prompt().chars().take(BEGINNING).collect();
            }
            error
        })
    }

    /// Asks many questions, as many at the same time as the limits say. `done` is given each answer
    /// with the index of its question as it comes, in this thread. After the first failure no
    /// further question is asked; what is under way is waited for and given to `done`.
    ///
    /// # Errors
    /// The first failure, or that of `done`.
    pub fn ask_all<E: From<EndpointError>>(
        &self,
        questions: &[Question],
        how: Option<Likelihoods>,
        stop: &AtomicBool,
        mut done: impl FnMut(usize, Answer) -> Result<(), E>,
    ) -> Result<(), E> {
        let next = AtomicUsize::new(0);
        let halted = AtomicBool::new(false);
        let mut first: Option<E> = None;
        std::thread::scope(|scope| {
            let (answers, received) = channel();
            for _ in 0..self.limits.concurrency.clamp(1, questions.len().max(1)) {
                let answers = answers.clone();
                let (next, halted) = (&next, &halted);
                scope.spawn(move || {
                    while !halted.load(Ordering::Relaxed) {
                        let index = next.fetch_add(1, Ordering::Relaxed);
                        let Some(question) = questions.get(index) else {
                            return;
                        };
                        let answer = self.ask(index as u64, question, how, stop);
                        if answer.is_err() {
                            halted.store(true, Ordering::Relaxed);
                        }
                        if answers.send((index, answer)).is_err() {
                            return;
                        }
                    }
                });
            }
            drop(answers);
            for (index, answer) in received {
                let result = match answer {
                    Ok(answer) => done(index, answer),
                    Err(error) => Err(error.into()),
                };
                if let Err(error) = result {
                    halted.store(true, Ordering::Relaxed);
                    first.get_or_insert(error);
                }
            }
        });
        first.map_or(Ok(()), Err)
    }
}
