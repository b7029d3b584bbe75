//! Requests and tokens in a minute.
//!
//! Requests are spaced evenly: after each one, the next has to wait for as long as its share of a
//! minute lasts. So no minute, wherever it begins, has more than what is declared. This is the
//! generic cell rate algorithm (ITU-T I.371) without a burst.

use serde::{Deserialize, Serialize};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

const MINUTE: f64 = 60.0;

/// From when on the next request may be sent, in seconds since 1970. It outlives a process, so that
/// one that follows keeps the pace.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
pub struct PaceState {
    /// By the requests.
    pub requests: f64,
    /// By the tokens.
    pub tokens: f64,
}

/// Keeps requests and tokens within what is declared.
#[derive(Debug)]
pub struct Pace {
    /// Seconds of a request.
    request: f64,
    /// Seconds of a token.
    token: f64,
    state: Mutex<PaceState>,
}

impl Pace {
    /// A pace. `None` is no limit.
    pub fn new(requests_per_minute: Option<u64>, tokens_per_minute: Option<u64>) -> Self {
        let share = |per_minute: Option<u64>| per_minute.map_or(0.0, |n| MINUTE / n.max(1) as f64);
        Self {
            request: share(requests_per_minute),
            token: share(tokens_per_minute),
            state: Mutex::default(),
        }
    }

    fn with<T>(&self, change: impl FnOnce(&mut PaceState) -> T) -> T {
        change(&mut self.state.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// What the next process needs to know.
    pub fn state(&self) -> PaceState {
        self.with(|state| *state)
    }

    /// Goes on where an earlier process was. A state that lies more than a day ahead is of a clock
    /// that was wrong, and is left.
    pub fn resume(&self, earlier: PaceState, now: Duration) {
        let sane = |then: f64| then.is_finite() && then < now.as_secs_f64() + 86_400.0;
        if sane(earlier.requests) && sane(earlier.tokens) {
            self.with(|state| *state = earlier);
        }
    }

    /// Takes the next place for a request that may cost so many tokens, and tells when it is.
    pub fn reserve(&self, now: Duration, tokens: u64) -> Duration {
        let at = self.with(|state| {
            let at = now.as_secs_f64().max(state.requests).max(state.tokens);
            state.requests = at + self.request;
            if self.token > 0.0 {
                state.tokens = at + self.token * tokens as f64;
            }
            at
        });
        Duration::from_secs_f64(at).max(now)
    }

    /// Puts what a request did cost in place of what it was taken for.
    pub fn settle(&self, reserved: u64, used: u64) {
        self.with(|state| state.tokens += self.token * (used as f64 - reserved as f64));
    }

    /// Lets no request go before then: the server said so.
    pub fn hold(&self, until: Duration) {
        self.with(|state| state.requests = state.requests.max(until.as_secs_f64()));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        /// No window of a minute has more than is declared, however requests come.
        #[test]
        fn no_minute_has_more_than_is_declared(
            per_minute in 1u64..200,
            arrivals in proptest::collection::vec(0u64..5_000, 1..300),
        ) {
            let pace = Pace::new(Some(per_minute), None);
            let mut now = Duration::from_secs(1_700_000_000);
            let mut sent = Vec::new();
            for wait in arrivals {
                now += Duration::from_millis(wait);
                sent.push(pace.reserve(now, 1).as_secs_f64());
            }
            for (first, &start) in sent.iter().enumerate() {
                // Places are rounded to nanoseconds.
                let within = sent[first..].iter().filter(|&&at| at < start + MINUTE - 1e-5).count();
                prop_assert!(within as u64 <= per_minute, "{within} of {per_minute}");
            }
        }
    }

    #[test]
    fn tokens_are_paced_by_what_was_used() {
        let pace = Pace::new(None, Some(60));
        let at = |now: u64, tokens: u64| pace.reserve(Duration::from_secs(now), tokens).as_secs();
        assert_eq!(at(100, 10), 100);
        // Ten tokens are ten seconds.
        assert_eq!(at(100, 10), 110);
        pace.settle(10, 4);
        assert_eq!(at(100, 10), 114);
    }

    #[test]
    fn a_following_process_keeps_the_pace() {
        let now = Duration::from_secs(1000);
        let first = Pace::new(Some(1), None);
        assert_eq!(first.reserve(now, 0), now);
        let second = Pace::new(Some(1), None);
        second.resume(first.state(), now);
        assert_eq!(second.reserve(now, 0), now + Duration::from_secs(60));
        let third = Pace::new(Some(1), None);
        let ahead = PaceState {
            requests: 1e9,
            tokens: f64::NAN,
        };
        third.resume(ahead, now);
        assert_eq!(third.reserve(now, 0), now);
        third.hold(now + Duration::from_secs(90));
        assert_eq!(third.reserve(now, 0), now + Duration::from_secs(90));
    }
}
