//! Exit codes, and how an error is shown.

use mergelab_lab::{plan::PlanError, run::RunError};
use mergelab_toml::source::ManifestError;
use miette::{Diagnostic, MietteHandlerOpts, NamedSource, SourceSpan};
use std::{
    fmt,
    panic::{AssertUnwindSafe, catch_unwind},
    process::ExitCode,
    sync::Arc,
};

/// How the program ends. `mergelab --help` lists the codes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Exit {
    /// Everything went well.
    Done = 0,
    /// It ran, and something in it failed.
    Failed = 1,
    /// Nothing ran: wrong usage or bad input.
    Refused = 2,
    /// A bug in mergelab, or a system that does not do what it should.
    Internal = 3,
    /// Ctrl-C.
    Interrupted = 130,
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        ExitCode::from(exit as u8)
    }
}

/// An error that ends the program.
#[derive(Debug, thiserror::Error, Diagnostic)]
#[error("{message}")]
pub(crate) struct Failure {
    message: String,
    #[help]
    help: Option<String>,
    #[source_code]
    // Shared, so that a `Result` stays small.
    file: Option<Arc<NamedSource<String>>>,
    #[label]
    place: Option<SourceSpan>,
    exit: Exit,
}

impl Failure {
    /// Input or usage that was refused before anything ran.
    pub(crate) fn refused(message: impl fmt::Display) -> Self {
        Self::new(Exit::Refused, message)
    }

    /// Something that should not happen.
    pub(crate) fn internal(message: impl fmt::Display) -> Self {
        Self::new(Exit::Internal, message)
    }

    fn new(exit: Exit, message: impl fmt::Display) -> Self {
        Self {
            message: message.to_string(),
            help: None,
            file: None,
            place: None,
            exit,
        }
    }

    /// An experiment that was refused, with the place in its manifest or card.
    pub(crate) fn experiment(error: RunError) -> Self {
        match &error {
            RunError::Manifest(place) | RunError::Plan(PlanError::Manifest(place)) => {
                Self::placed(place)
            }
            other => Self::refused(other),
        }
    }

    /// A card that was refused, with the place in it.
    pub(crate) fn card(error: ManifestError) -> Self {
        Self::placed(&error)
    }

    fn placed(place: &ManifestError) -> Self {
        let (line, column) = place.file.position(place.span.start);
        let path = place.file.path.display().to_string();
        Self {
            help: place.help.clone().filter(|h| !h.is_empty()),
            file: Some(Arc::new(NamedSource::new(&path, place.file.text.clone()))),
            place: Some(place.span.clone().into()),
            ..Self::refused(format!("{path}:{line}:{column}: {}", place.message))
        }
    }

    /// Adds what to do about it.
    pub(crate) fn help(self, help: impl fmt::Display) -> Self {
        Self {
            help: Some(help.to_string()),
            ..self
        }
    }
}

/// Runs the program, shows what ended it, and returns the exit code.
///
/// A panic is shown by the standard hook and ends with [`Exit::Internal`] instead of Rust's 101,
/// so that scripts can tell it from a run with failed cells.
pub(crate) fn report(program: impl FnOnce() -> Result<Exit, Failure>) -> ExitCode {
    // Messages hold paths, which stay whole where lines are not wrapped. A hook that is already
    // set shows errors as well as this one does.
    let _ = miette::set_hook(Box::new(|_| {
        Box::new(MietteHandlerOpts::new().wrap_lines(false).build())
    }));
    match catch_unwind(AssertUnwindSafe(program)) {
        Ok(Ok(exit)) => exit.into(),
        Ok(Err(failure)) => {
            let exit = failure.exit;
            eprintln!("{:?}", miette::Report::new(failure));
            exit.into()
        }
        Err(_) => {
            eprintln!("mergelab stopped on an error of its own. Please report it.");
            Exit::Internal.into()
        }
    }
}
