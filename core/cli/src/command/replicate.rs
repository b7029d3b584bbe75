//! `mergelab replicate`: runs what one row of a run's results rests on again.

use crate::{
    failure::{Exit, Failure},
    interrupt, output,
};
use mergelab_abi::registry::{Registry, search_places};
use mergelab_lab::{
    executor::Local,
    past::Past,
    replicate::{Answers, ReplicateError, Replication, Request, replicate},
    store::Store,
};
use std::{ffi::OsString, fmt::Write as _, path::PathBuf};

const EXAMPLES: &str = "\
Examples:
  mergelab replicate runs/quickstart --row r3f0c9a51be72
  mergelab replicate runs/quickstart --row r3f0c9a51be72 --trainings --store runs/again
  mergelab replicate runs/served --row r8c21d07e44b3 --ask-again

Exit codes:
  0    identical
  1    not identical: an input is not the run's, or something else came out
  2    refused: no such run or row, or a store that cannot be used
  130  interrupted";

/// Run what one row of results.csv rests on again, and say whether the same comes out.
///
/// Merging, generating and scoring run again in a store of their own; trainings too with
/// --trainings, else their weights are taken once their hashes are found to be those that the run
/// recorded. Before anything runs, plugins, rows and the base are compared with the run's by hash.
/// What differs is named: the stage, the file, the tensor or example, and both values.
///
/// Of a model that is served elsewhere the kept answers are scored again. With --ask-again its server
/// is asked again, and the answers are counted that are others than the run's.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Arguments {
    /// The run: its folder, or the run.json in it.
    run: PathBuf,
    /// The row, from the column `row` of results.csv.
    #[arg(long, value_name = "ID")]
    row: String,
    /// Train again too.
    #[arg(long)]
    trainings: bool,
    /// Ask servers again, where models are served elsewhere.
    #[arg(long)]
    ask_again: bool,
    /// The store with the run's artifacts [default: where the run left them]
    #[arg(long, value_name = "DIR")]
    artifacts: Option<PathBuf>,
    /// Keep what is made anew in this store [default: a temporary one]
    #[arg(long, value_name = "DIR")]
    store: Option<PathBuf>,
    /// Print a JSON report.
    #[arg(long)]
    json: bool,
}

impl Arguments {
    pub(crate) fn run(self, plugins: &[PathBuf]) -> Result<Exit, Failure> {
        let past = Past::open(&self.run).map_err(Failure::refused)?;
        let registry = Registry::search(&search_places(plugins, &[]));
        let temporary = match &self.store {
            Some(_) => None,
            None => Some(tempfile::tempdir().map_err(|e| {
                Failure::refused(format!("no temporary folder can be made: {e}"))
                    .help("give a folder with --store")
            })?),
        };
        let folder = temporary.as_ref().map(|folder| folder.path().to_owned());
        let folder = self.store.or(folder).unwrap_or_default();
        let store = Store::open(&folder).map_err(Failure::refused)?;
        let interrupt = interrupt::flag()?;
        let program = std::env::current_exe()
            .map_err(|e| Failure::internal(format!("mergelab cannot find itself: {e}")))?;
        let executor = Local {
            command: vec![program.into_os_string(), OsString::from("stage")],
            store: &store,
            jobs: 1,
            interrupt: &interrupt,
        };
        let request = Request {
            run: &past,
            row: &self.row,
            trainings: self.trainings,
            ask: self.ask_again,
            artifacts: self.artifacts,
            registry: &registry,
            store: &store,
        };
        let done = match replicate(&request, &executor, &|stage| eprintln!("{stage}")) {
            Ok(done) => done,
            Err(ReplicateError::Interrupted) => return Ok(Exit::Interrupted),
            Err(error) => return Err(Failure::refused(error)),
        };
        if self.json {
            output::json(&done)?;
        } else {
            output::text(&words(&done))?;
        }
        Ok(match done.identical {
            true => Exit::Done,
            false => Exit::Failed,
        })
    }
}

fn words(done: &Replication) -> String {
    let mut text = format!("row {}: {}\n", done.row, done.about);
    let same = done.checks.iter().filter(|check| check.same).count();
    let _ = writeln!(
        text,
        "{same} of {} inputs are the run's: mergelab, plugins, rows, base, weights, kept answers.",
        done.checks.len()
    );
    for check in done.checks.iter().filter(|check| !check.same) {
        let _ = writeln!(
            text,
            "  {} differs\n    run:  {}\n    here: {}",
            check.what, check.run, check.here
        );
    }
    let list = |names: &[String]| match names {
        [] => "nothing".to_owned(),
        names => names.join(", "),
    };
    let _ = writeln!(text, "Taken as it was: {}.", list(&done.kept));
    let _ = writeln!(text, "Ran again: {}.", list(&done.ran));
    if let Some(answers) = done.served.as_ref().filter(|_| !done.ran.is_empty()) {
        let _ = writeln!(text, "{}", answered(answers));
    }
    if let Some(found) = &done.difference {
        let _ = writeln!(
            text,
            "differs first in {}, {}, {}\n  run:  {}\n  anew: {}",
            found.stage, found.file, found.place, found.run, found.anew
        );
        if !found.note.is_empty() {
            let _ = writeln!(text, "  {}", found.note);
        }
    } else if done.identical {
        text.push_str("identical\n");
    } else if done.ran.is_empty() {
        text.push_str("not run: the inputs are not the run's\n");
    } else {
        text.push_str("the same came out, from other inputs\n");
    }
    text
}

/// What was done about models that are served elsewhere.
fn answered(answers: &Answers) -> String {
    let models = answers.models.join(", ");
    if !answers.asked {
        return format!(
            "The answers that the run kept of {models} were scored again. No server was asked: \
             --ask-again does."
        );
    }
    let mut text = match answers.differing {
        0 => format!(
            "{models}: asked again, and all {} answers are the run's.",
            answers.answers
        ),
        differing => format!(
            "{models}: asked again, and {differing} of {} answers are others than the run's.",
            answers.answers
        ),
    };
    if let Some([run, anew]) = &answers.values {
        let _ = match run == anew {
            true => write!(text, " The row's value is the same, {run}."),
            false => write!(text, " The row's value was {run} and is {anew}."),
        };
    }
    text
}
