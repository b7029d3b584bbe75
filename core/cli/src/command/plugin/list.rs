//! `mergelab plugin list`: every plugin that was found, and every library that was refused.

use super::KindArgument;
use crate::{
    failure::{Exit, Failure},
    output,
};
use mergelab_abi::{
    Kind, PluginInfo,
    registry::{Attempt, AttemptOutcome, Plugin, Registry},
};
use serde::Serialize;
use std::{fmt::Write as _, path::Path};

const EXAMPLES: &str = "\
Examples:
  mergelab plugin list --kind metric
  mergelab plugin list --plugin target/debug/libmergelab_method_mine.so
  mergelab plugin list --json";

/// Lists the plugins that were found, and the libraries that were refused.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct Arguments {
    /// Show plugins of this kind only.
    #[arg(long)]
    kind: Option<KindArgument>,
    /// Print JSON: each plugin whole, with its file and the file's BLAKE3, and every place that
    /// was searched.
    #[arg(long)]
    json: bool,
}

impl Arguments {
    pub(super) fn run(&self, registry: &Registry) -> Result<Exit, Failure> {
        let kind = self.kind.map(Kind::from);
        let wanted = |plugin: &&Plugin| kind.is_none_or(|kind| plugin.info.kind == kind);
        let plugins: Vec<&Plugin> = registry.plugins().filter(wanted).collect();
        if self.json {
            output::json(&List::new(registry, &plugins))?;
        } else {
            output::text(&lines(registry, &plugins))?;
        }
        Ok(Exit::Done)
    }
}

/// Whether its name can be used: no other library claims it.
fn is_usable(registry: &Registry, plugin: &Plugin) -> bool {
    registry.get(plugin.info.kind, &plugin.info.id).is_ok()
}

fn lines(registry: &Registry, plugins: &[&Plugin]) -> String {
    let head = ["KIND", "ID", "VERSION", "SUMMARY", "FILE"].map(str::to_owned);
    let mut rows = vec![head];
    for plugin in plugins.iter().filter(|p| is_usable(registry, p)) {
        let info = &plugin.info;
        rows.push([
            info.kind.to_string(),
            info.id.clone(),
            info.version.clone(),
            info.summary.clone(),
            plugin.path().display().to_string(),
        ]);
    }
    let mut text = if rows.len() > 1 {
        output::table(&rows)
    } else {
        let mut text = String::from("No plugin was found. Searched:\n");
        for attempt in registry.attempts() {
            let (path, origin) = (attempt.path.display(), attempt.origin.words());
            let _ = writeln!(text, "  {path} ({origin})");
        }
        text
    };
    let refused: Vec<String> = registry.attempts().iter().filter_map(refusal).collect();
    if !refused.is_empty() {
        let _ = write!(text, "\nRefused:\n{}", refused.concat());
    }
    text
}

fn refusal(attempt: &Attempt) -> Option<String> {
    match &attempt.outcome {
        AttemptOutcome::Refused(reason) => Some(format!("  {} {reason}\n", attempt.path.display())),
        AttemptOutcome::Loaded(_) | AttemptOutcome::Nothing => None,
    }
}

#[derive(Serialize)]
struct List<'a> {
    plugins: Vec<Entry<'a>>,
    attempts: Vec<Searched<'a>>,
}

#[derive(Serialize)]
struct Entry<'a> {
    #[serde(flatten)]
    info: &'a PluginInfo,
    path: &'a Path,
    blake3: &'a str,
    sdk_version: &'a str,
    /// False where another library claims the same kind and id.
    usable: bool,
}

#[derive(Serialize)]
struct Searched<'a> {
    path: &'a Path,
    origin: &'static str,
    outcome: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    plugins: Option<usize>,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<String>,
}

impl<'a> List<'a> {
    fn new(registry: &'a Registry, plugins: &[&'a Plugin]) -> Self {
        Self {
            plugins: plugins
                .iter()
                .map(|plugin| Entry {
                    info: &plugin.info,
                    path: plugin.path(),
                    blake3: plugin.hash(),
                    sdk_version: plugin.sdk_version(),
                    usable: is_usable(registry, plugin),
                })
                .collect(),
            attempts: registry.attempts().iter().map(Searched::new).collect(),
        }
    }
}

impl<'a> Searched<'a> {
    fn new(attempt: &'a Attempt) -> Self {
        let (outcome, plugins, reason) = match &attempt.outcome {
            AttemptOutcome::Loaded(count) => ("loaded", Some(*count), None),
            AttemptOutcome::Refused(reason) => ("refused", None, Some(reason.to_string())),
            AttemptOutcome::Nothing => ("nothing", None, None),
        };
        Self {
            path: &attempt.path,
            origin: attempt.origin.words(),
            outcome,
            plugins,
            reason,
        }
    }
}
