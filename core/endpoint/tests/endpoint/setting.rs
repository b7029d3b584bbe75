//! A client of the stub server.

use mergelab_endpoint::{Answer, Content, Endpoint, EndpointError, Key, Limits, Question, Server};
use mergelab_tests::served::Served;
use serde_json::{Map, Value};
use std::{sync::atomic::AtomicBool, time::Duration};

pub(crate) const MODEL: &str = "stub-7b";

/// Says the last word of the prompt again.
pub(crate) fn served() -> Served {
    Served::start(MODEL, |prompt| {
        let last = prompt.split_whitespace().last().unwrap_or_default();
        format!(" {last} and more\nthan that")
    })
}

pub(crate) fn server(served: &Served) -> Server {
    Server {
        address: served.url.parse().unwrap(),
        model: MODEL.to_owned(),
        reported_model: None,
        chat: false,
        seed: 0,
        max_tokens_key: "max_tokens".to_owned(),
        body: Map::new(),
    }
}

/// Limits that let a test fail soon.
pub(crate) fn limits() -> Limits {
    Limits {
        concurrency: 3,
        timeout: Duration::from_millis(1500),
        deadline: Duration::from_secs(60),
        retries: 2,
        wait: Duration::from_millis(2),
        ..Limits::default()
    }
}

pub(crate) fn endpoint(served: &Served) -> Endpoint {
    Endpoint::new(server(served), None, limits())
}

pub(crate) fn with_key(served: &Served, variable: &str) -> Endpoint {
    Endpoint::new(
        server(served),
        Some(Key::from_variable(variable).unwrap()),
        limits(),
    )
}

pub(crate) fn question(prompt: &str) -> Question {
    Question::Generate {
        prompt: prompt.to_owned(),
        max_tokens: 8,
        stop: vec!["\n".to_owned()],
    }
}

pub(crate) fn ask(endpoint: &Endpoint, question: &Question) -> Result<Answer, EndpointError> {
    endpoint.ask(0, question, None, &AtomicBool::new(false))
}

pub(crate) fn text(answer: &Answer) -> &str {
    match &answer.content {
        Content::Generated(text) => text,
        other => panic!("{other:?}"),
    }
}

/// A change to an honest answer, and what the error says of it.
pub(crate) type Lie = (fn(&mut Value), &'static str);
