//! Stages as processes on this machine.

use super::{Executor, StageEnd};
use crate::{
    plan::spec::StageSpec,
    stage::StageProgress,
    store::{Store, write_json},
};
use std::{
    ffi::OsString,
    io::{BufRead, BufReader, Read as _},
    process::{Child, Command, Stdio},
    sync::atomic::{AtomicBool, Ordering},
    time::Duration,
};

/// Starts each stage as a process: a crash of one is a failed stage, not a failed run.
pub struct Local<'a> {
    /// The program and the arguments before the specification's file, such as `mergelab stage`.
    pub command: Vec<OsString>,
    /// The store.
    pub store: &'a Store,
    /// Most stages at the same time. They share the machine's threads evenly.
    pub jobs: usize,
    /// Set by Ctrl-C.
    pub interrupt: &'a AtomicBool,
}

/// Exit code of a stage that was interrupted: 128 + SIGINT, as shells have it.
const INTERRUPTED: i32 = 130;

impl Local<'_> {
    fn start(&self, spec: &StageSpec, beside: usize) -> Result<Child, String> {
        let [program, arguments @ ..] = &self.command[..] else {
            return Err("no command to start stages with".to_owned());
        };
        let file = self.store.root().join("tmp").join(format!(
            "{}.json.{}",
            spec.what.key(),
            std::process::id()
        ));
        write_json(&file, spec).map_err(|e| e.to_string())?;
        let threads = std::thread::available_parallelism().map_or(1, usize::from);
        Command::new(program)
            .args(arguments)
            .arg(&file)
            .arg("--store")
            .arg(self.store.root())
            .env("RAYON_NUM_THREADS", (threads / beside).max(1).to_string())
            .env("MERGELAB_JOBS", beside.to_string())
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .map_err(|e| format!("cannot start {}: {e}", program.to_string_lossy()))
    }
}

impl Executor for Local<'_> {
    fn run(
        &self,
        spec: &StageSpec,
        beside: usize,
        progress: &(dyn Fn(StageProgress) + Sync),
    ) -> StageEnd {
        let mut child = match self.start(spec, beside.max(1)) {
            Ok(child) => child,
            Err(message) => return StageEnd::Failed(message),
        };
        let process = child.id();
        let (stdout, stderr) = (child.stdout.take(), child.stderr.take());
        let (status, message) = std::thread::scope(|scope| {
            let errors = scope.spawn(move || {
                let mut text = String::new();
                if let Some(mut stderr) = stderr {
                    let mut bytes = Vec::new();
                    let _ = stderr.read_to_end(&mut bytes);
                    text = String::from_utf8_lossy(&bytes).into_owned();
                }
                text
            });
            scope.spawn(move || {
                for line in BufReader::new(stdout?).lines() {
                    if let Ok(step) = serde_json::from_str(&line.ok()?) {
                        progress(step);
                    }
                }
                Some(())
            });
            // A terminal sends Ctrl-C to the stage too, which ends at its next step. One that has
            // not ended after a quarter of a second is ended: all it leaves is a folder with a
            // temporary name.
            let mut patience = 50;
            let status = loop {
                match child.try_wait() {
                    Ok(Some(status)) => break Some(status),
                    Ok(None) => {}
                    Err(_) => break None,
                }
                if self.interrupt.load(Ordering::Relaxed) {
                    patience -= 1;
                    if patience == 0 {
                        let _ = child.kill();
                    }
                }
                std::thread::sleep(Duration::from_millis(5));
            };
            (status, errors.join().unwrap_or_default())
        });
        if !status.is_some_and(|s| s.success()) {
            self.store.clear(&spec.what.key(), process);
        }
        if self.interrupt.load(Ordering::Relaxed) {
            return StageEnd::Interrupted;
        }
        match status {
            Some(status) if status.success() => StageEnd::Done,
            Some(status) if status.code() == Some(INTERRUPTED) => StageEnd::Interrupted,
            Some(status) => {
                let message = message.trim();
                StageEnd::Failed(if message.is_empty() {
                    format!("the stage's process ended with {status} and no message")
                } else {
                    message.to_owned()
                })
            }
            None => StageEnd::Failed("the stage's process was lost".to_owned()),
        }
    }

    fn jobs(&self) -> usize {
        self.jobs
    }
}
