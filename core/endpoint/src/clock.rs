//! Time, which tests replace.

use crate::error::{EndpointError, Result};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// Longest sleep between two looks at whether to stop.
const SLICE: Duration = Duration::from_millis(50);

/// A clock.
pub trait Clock: Send + Sync {
    /// Time since 1970.
    fn now(&self) -> Duration;

    /// Waits until then.
    fn sleep_until(&self, then: Duration);
}

/// The machine's clock.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    fn now(&self) -> Duration {
        SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .unwrap_or_default()
    }

    fn sleep_until(&self, then: Duration) {
        std::thread::sleep(then.saturating_sub(self.now()));
    }
}

/// Waits until `then`, or until `stop` is set.
pub(crate) fn pause(clock: &dyn Clock, then: Duration, stop: &AtomicBool) -> Result<()> {
    loop {
        if stop.load(Ordering::Relaxed) {
            return Err(EndpointError::Interrupted);
        }
        let now = clock.now();
        if now >= then {
            return Ok(());
        }
        clock.sleep_until(then.min(now + SLICE));
    }
}
