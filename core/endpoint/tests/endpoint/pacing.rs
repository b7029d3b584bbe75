//! Rates and waits, by a clock that moves when somebody waits, over a network without wires.

use crate::setting::{MODEL, question};
use mergelab_endpoint::{Call, Clock, Endpoint, EndpointError, Limits, Reply, Server, Transport};
use serde_json::{Map, json};
use std::{
    sync::{Arc, Mutex, atomic::AtomicBool},
    time::Duration,
};

/// Time, and when each call was made.
#[derive(Default)]
struct World {
    now: Duration,
    calls: Vec<Duration>,
    /// Replies to the next calls; then they succeed.
    replies: Vec<Reply>,
}

#[derive(Clone, Default)]
struct Shared(Arc<Mutex<World>>);

impl Clock for Shared {
    fn now(&self) -> Duration {
        self.0.lock().unwrap().now
    }

    fn sleep_until(&self, then: Duration) {
        let mut world = self.0.lock().unwrap();
        world.now = world.now.max(then);
    }
}

impl Transport for Shared {
    fn send(&self, _: &Call<'_>) -> Result<Reply, String> {
        let mut world = self.0.lock().unwrap();
        let now = world.now;
        world.calls.push(now);
        if !world.replies.is_empty() {
            return Ok(world.replies.remove(0));
        }
        let answer = json!({
            "model": MODEL,
            "choices": [{"index": 0, "text": "yes", "finish_reason": "stop"}],
            "usage": {"prompt_tokens": 99, "completion_tokens": 1},
        });
        Ok(Reply {
            status: 200,
            text: answer.to_string(),
            ..Reply::default()
        })
    }
}

fn run(world: &Shared, limits: Limits, questions: usize) -> Result<Vec<f64>, EndpointError> {
    world.0.lock().unwrap().now = Duration::from_secs(1_700_000_000);
    let server = Server {
        address: "http://nowhere/v1".parse().unwrap(),
        model: MODEL.to_owned(),
        reported_model: None,
        chat: false,
        examples: Vec::new(),
        seed: 0,
        max_tokens_key: "max_tokens".to_owned(),
        body: Map::new(),
    };
    let endpoint = Endpoint::with(
        server,
        limits,
        Box::new(world.clone()),
        Box::new(world.clone()),
    );
    let questions: Vec<_> = (0..questions).map(|i| question(&i.to_string())).collect();
    let stop = AtomicBool::new(false);
    let result = endpoint.ask_all(&questions, None, &stop, |_, _| Ok::<(), EndpointError>(()));
    let world = world.0.lock().unwrap();
    let begin = world.calls[0];
    let calls = world.calls.iter().map(|at| (*at - begin).as_secs_f64());
    result.map(|()| calls.collect())
}

fn one_by_one() -> Limits {
    Limits {
        concurrency: 1,
        ..Limits::default()
    }
}

/// The most calls in a minute, wherever it begins.
fn most_in_a_minute(calls: &[f64]) -> usize {
    let within = |&start: &f64| {
        let end = start + 60.0 - 1e-3;
        calls.iter().filter(|&&at| at >= start && at < end).count()
    };
    calls.iter().map(within).max().unwrap_or(0)
}

#[test]
fn no_minute_has_more_requests_than_declared() {
    let limits = Limits {
        requests_per_minute: Some(30),
        ..one_by_one()
    };
    let calls = run(&Shared::default(), limits, 200).unwrap();
    assert_eq!(calls.len(), 200);
    assert_eq!(most_in_a_minute(&calls), 30);
    // And no longer than it has to take: 199 spaces of 2 s.
    assert!((calls[199] - 398.0).abs() < 0.1, "{}", calls[199]);
}

#[test]
fn no_minute_has_more_tokens_than_declared() {
    let limits = Limits {
        tokens_per_minute: Some(2_000),
        ..one_by_one()
    };
    let calls = run(&Shared::default(), limits, 100).unwrap();
    // Each answer has 100 tokens, whatever the questions were taken for.
    assert_eq!(most_in_a_minute(&calls) * 100, 2_000);
}

#[test]
fn tries_keep_the_rate_too() {
    let world = Shared::default();
    world.0.lock().unwrap().replies = vec![
        Reply {
            status: 503,
            ..Reply::default()
        };
        5
    ];
    let limits = Limits {
        requests_per_minute: Some(1),
        deadline: Duration::from_secs(3600),
        ..one_by_one()
    };
    let calls = run(&world, limits, 1).unwrap();
    assert_eq!((calls.len(), most_in_a_minute(&calls)), (6, 1));
}

#[test]
fn waits_grow_and_the_server_may_ask_for_longer_ones() {
    let refused = |after: Option<&str>| Reply {
        status: 429,
        retry_after: after.map(str::to_owned),
        ..Reply::default()
    };
    let world = Shared::default();
    world.0.lock().unwrap().replies = vec![
        refused(None),
        refused(None),
        refused(Some("100")),
        refused(Some("0")),
    ];
    let calls = run(&world, one_by_one(), 1).unwrap();
    let waits: Vec<f64> = calls.windows(2).map(|pair| pair[1] - pair[0]).collect();
    let within = |wait: f64, whole: f64| (whole / 2.0..=whole).contains(&wait);
    assert!(within(waits[0], 1.0) && within(waits[1], 2.0), "{waits:?}");
    assert!(
        (waits[2] - 100.0).abs() < 1e-3 && within(waits[3], 8.0),
        "{waits:?}"
    );
}

#[test]
fn a_question_is_given_up_at_its_deadline() {
    let world = Shared::default();
    world.0.lock().unwrap().replies = vec![
        Reply {
            status: 503,
            ..Reply::default()
        };
        100
    ];
    let limits = Limits {
        retries: 1000,
        deadline: Duration::from_secs(60),
        ..one_by_one()
    };
    let error = run(&world, limits, 1).unwrap_err();
    let EndpointError::Failed { tries, seconds, .. } = &error else {
        panic!("{error:?}");
    };
    assert!(*tries > 4 && *seconds < 60.0, "{error}");
    assert_eq!(world.0.lock().unwrap().calls.len(), *tries as usize);
}
