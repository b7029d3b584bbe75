//! `mergelab plugin check`: opens a library as a run would, and runs the conformance checks.

use crate::{
    failure::{Exit, Failure},
    output,
};
use mergelab_abi::{
    Kind, PluginInfo,
    conformance::{Finding, method, metric, task},
    loader::{PluginLibrary, Refusal, is_library_name},
};
use serde::Serialize;
use std::{
    fmt::Write as _,
    path::{Path, PathBuf},
};

mod bench;

const EXAMPLES: &str = "\
Examples:
  mergelab plugin check target/debug/libmergelab_method_mine.so
  mergelab plugin check ~/.local/share/mergelab/plugins --json

Exit codes: 0 all checks hold, 1 a check fails, 2 a library is refused.";

/// Opens a plugin library and runs every conformance check on each plugin in it.
///
/// Merge methods are checked for identity, independence of the models' order, determinism, dtypes,
/// shapes and errors for misfits; tasks for missing fields and reading back their own answers;
/// metrics for additivity, and that nothing beats the references.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct Arguments {
    /// The library, or a folder of libraries.
    path: PathBuf,
    /// Print JSON.
    #[arg(long)]
    json: bool,
}

impl Arguments {
    pub(super) fn run(&self) -> Result<Exit, Failure> {
        let reports = self.reports()?;
        if self.json {
            output::json(&reports)?;
        } else {
            output::text(&lines(&reports))?;
        }
        let failed = reports.iter().any(|r| r.failed() > 0);
        Ok(if reports.iter().any(|r| r.refused.is_some()) {
            Exit::Refused
        } else if failed {
            Exit::Failed
        } else {
            Exit::Done
        })
    }

    fn reports(&self) -> Result<Vec<Report>, Failure> {
        if !self.path.is_dir() {
            return Ok(vec![report(&self.path, PluginLibrary::open(&self.path))]);
        }
        let mut reports = Vec::new();
        for file in libraries(&self.path)? {
            match PluginLibrary::open(&file) {
                // Folders hold other libraries too.
                Err(Refusal::NotAPlugin) => {}
                opened => reports.push(report(&file, opened)),
            }
        }
        if reports.is_empty() {
            return Err(Failure::refused(format!(
                "there is no plugin library in {}",
                self.path.display()
            ))
            .help(format!(
                "`cargo build` writes a crate's library to target/debug/{}NAME{}",
                std::env::consts::DLL_PREFIX,
                std::env::consts::DLL_SUFFIX
            )));
        }
        Ok(reports)
    }
}

fn libraries(folder: &Path) -> Result<Vec<PathBuf>, Failure> {
    let unreadable = |e| Failure::refused(format!("{} cannot be read: {e}", folder.display()));
    let mut files = Vec::new();
    for entry in std::fs::read_dir(folder).map_err(unreadable)? {
        let path = entry.map_err(unreadable)?.path();
        if is_library_name(&path) && path.is_file() {
            files.push(path);
        }
    }
    files.sort();
    Ok(files)
}

/// What came of one library.
#[derive(Serialize)]
struct Report {
    path: PathBuf,
    #[serde(skip_serializing_if = "Option::is_none")]
    refused: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    blake3: Option<String>,
    plugins: Vec<Checked>,
}

#[derive(Serialize)]
struct Checked {
    kind: Kind,
    id: String,
    version: String,
    checks: Vec<Check>,
}

#[derive(Serialize)]
struct Check {
    check: &'static str,
    ok: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<String>,
}

impl Report {
    fn checks(&self) -> impl Iterator<Item = &Check> {
        self.plugins.iter().flat_map(|p| &p.checks)
    }

    fn failed(&self) -> usize {
        self.checks().filter(|c| !c.ok).count()
    }
}

fn report(path: &Path, opened: Result<PluginLibrary, Refusal>) -> Report {
    let path = path.to_owned();
    match opened {
        Err(refusal) => Report {
            path,
            refused: Some(refusal.to_string()),
            blake3: None,
            plugins: Vec::new(),
        },
        Ok(library) => Report {
            path,
            refused: None,
            blake3: Some(library.hash().to_owned()),
            plugins: library
                .plugins()
                .iter()
                .map(|info| checked(&library, info))
                .collect(),
        },
    }
}

fn checked(library: &PluginLibrary, info: &PluginInfo) -> Checked {
    let check = |finding: Finding| Check {
        check: finding.check,
        ok: finding.result.is_ok(),
        reason: finding.result.err(),
    };
    Checked {
        kind: info.kind,
        id: info.id.clone(),
        version: info.version.clone(),
        checks: findings(library, info).into_iter().map(check).collect(),
    }
}

fn findings(library: &PluginLibrary, info: &PluginInfo) -> Vec<Finding> {
    let id = &info.id;
    match info.kind {
        Kind::Method => method::check(&method::Subject {
            info,
            open: &|setup| library.open_method(id, &setup),
            bench: &bench::new,
        }),
        Kind::Task => task::check(&task::Subject {
            info,
            open: &|setup| library.open_task(id, &setup),
        }),
        Kind::Metric => metric::check(&metric::Subject {
            info,
            open: &|setup| library.open_metric(id, &setup),
        }),
    }
}

fn lines(reports: &[Report]) -> String {
    let mut text = String::new();
    for report in reports {
        let path = report.path.display();
        if let Some(reason) = &report.refused {
            let _ = writeln!(text, "refused: {path} {reason}");
            continue;
        }
        let _ = writeln!(text, "{path}");
        for plugin in &report.plugins {
            let _ = writeln!(text, "{} {} {}", plugin.kind, plugin.id, plugin.version);
            for check in &plugin.checks {
                let _ = match &check.reason {
                    None => writeln!(text, "  ok    {}", check.check),
                    Some(reason) => writeln!(text, "  FAIL  {}: {reason}", check.check),
                };
            }
        }
        let (all, failed) = (report.checks().count(), report.failed());
        let _ = writeln!(text, "{} of {all} checks hold", all - failed);
    }
    text
}
