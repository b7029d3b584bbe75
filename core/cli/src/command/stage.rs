//! `mergelab stage`: one stage of an experiment, as executors start it.

use crate::{
    failure::{Exit, Failure},
    interrupt,
};
use mergelab_lab::{
    plan::spec::StageSpec,
    stage::{self, StageError, StageProgress},
    store::Store,
};
use std::{
    io::Write as _,
    path::PathBuf,
    sync::Mutex,
    time::{Duration, Instant},
};

const EXAMPLES: &str = "\
Example:
  mergelab stage SPEC.json --store runs/store";

/// Run one stage of an experiment.
///
/// `mergelab run` starts its stages with this command, one process each. It reports progress as
/// JSON lines on standard output and errors on standard error.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Arguments {
    /// The stage's specification.
    spec: PathBuf,
    /// The store that the artifact goes to.
    #[arg(long, value_name = "DIR")]
    store: PathBuf,
}

/// Time between two progress lines.
const PACE: Duration = Duration::from_millis(200);

impl Arguments {
    pub(crate) fn run(self) -> Result<Exit, Failure> {
        let path = self.spec.display();
        let text = std::fs::read(&self.spec)
            .map_err(|e| Failure::refused(format!("{path} cannot be read: {e}")))?;
        let spec: StageSpec = serde_json::from_slice(&text)
            .map_err(|e| Failure::refused(format!("{path} is no stage: {e}")))?;
        // Given to this process alone.
        let _ = std::fs::remove_file(&self.spec);
        let store = Store::open(&self.store).map_err(Failure::refused)?;
        let interrupt = interrupt::flag()?;
        let last = Mutex::new(None::<Instant>);
        let progress = |step: StageProgress| {
            let Ok(mut last) = last.lock() else { return };
            if last.is_none_or(|at| at.elapsed() >= PACE)
                && let Ok(line) = serde_json::to_string(&step)
            {
                *last = Some(Instant::now());
                // A parent that went away wants no progress.
                let _ = writeln!(std::io::stdout(), "{line}");
            }
        };
        match stage::run(&spec, &store, &interrupt, &progress) {
            Ok(_) => Ok(Exit::Done),
            Err(StageError::Interrupted) => Ok(Exit::Interrupted),
            Err(error) => {
                // The parent shows it; a frame around it would be shown twice.
                eprintln!("{error}");
                Ok(Exit::Failed)
            }
        }
    }
}
