//! Whose turn it is to ask a server: one stage at a time, over all processes that share a store, and
//! each goes on at the pace of the one before.

use crate::{stage::StageError, store::StoreError};
use mergelab_endpoint::Pace;
use std::{
    fs::{self, File, OpenOptions, TryLockError},
    io,
    path::{Path, PathBuf},
    sync::atomic::{AtomicBool, Ordering},
    time::{Duration, SystemTime, UNIX_EPOCH},
};

/// Time between two looks at whether the server is free.
const LOOK: Duration = Duration::from_millis(50);

/// The turn to ask a server. It ends with this value, or with the process.
pub(super) struct Turn {
    /// Held locked.
    _lock: File,
    pace: PathBuf,
}

impl Turn {
    /// Waits until no other stage asks the server. `place` is where the store keeps what is known of
    /// the server.
    pub(super) fn wait_for(place: &Path, stop: &AtomicBool) -> Result<Self, StageError> {
        let path = place.with_extension("lock");
        let problem = |source: io::Error| StoreError {
            path: path.clone(),
            source,
        };
        if let Some(folder) = path.parent() {
            fs::create_dir_all(folder).map_err(problem)?;
        }
        let lock = OpenOptions::new()
            .create(true)
            .truncate(false)
            .write(true)
            .open(&path)
            .map_err(problem)?;
        loop {
            match lock.try_lock() {
                Ok(()) => break,
                Err(TryLockError::WouldBlock) => {}
                Err(TryLockError::Error(e)) => return Err(problem(e).into()),
            }
            if stop.load(Ordering::Relaxed) {
                return Err(StageError::Interrupted);
            }
            std::thread::sleep(LOOK);
        }
        Ok(Self {
            _lock: lock,
            pace: place.with_extension("pace"),
        })
    }

    /// Goes on at the pace of the stage before.
    pub(super) fn resume(&self, pace: &Pace) {
        let known = fs::read(&self.pace).ok();
        let state = known.and_then(|text| serde_json::from_slice(&text).ok());
        if let (Some(state), Ok(now)) = (state, SystemTime::now().duration_since(UNIX_EPOCH)) {
            pace.resume(state, now);
        }
    }

    /// Notes the pace for the next stage. A note that cannot be written is no reason to stop.
    pub(super) fn keep(&self, pace: &Pace) {
        if let Ok(text) = serde_json::to_vec(&pace.state()) {
            let _ = fs::write(&self.pace, text);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_at_a_time_and_at_one_pace() {
        let folder = tempfile::tempdir().expect("a folder");
        let place = folder.path().join("servers").join("one");
        let (go, stop) = (AtomicBool::new(false), AtomicBool::new(true));
        let now = SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .expect("after 1970");
        {
            let first = Turn::wait_for(&place, &go).expect("free");
            let second = Turn::wait_for(&place, &stop);
            assert!(matches!(second, Err(StageError::Interrupted)));
            let pace = Pace::new(Some(1), None);
            pace.reserve(now, 0);
            first.keep(&pace);
        }
        let second = Turn::wait_for(&place, &go).expect("free again");
        let pace = Pace::new(Some(1), None);
        second.resume(&pace);
        assert!(pace.reserve(now, 0) >= now + Duration::from_secs(59));
    }
}
