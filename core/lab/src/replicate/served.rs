//! Models that are served elsewhere: their kept answers, or answers asked for again.

use super::{ReplicateError, difference::first, lineage};
use crate::{
    manifest::{EndpointEntry, Manifest},
    past::{Past, StageRecord},
    plan::{asking, served as of_entry, spec::Asking},
    stage::RESPONSES,
};
use serde::Serialize;
use std::{fs, path::Path};

/// What was done about models that are served elsewhere.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Answers {
    /// The models, each with the address of its server.
    pub models: Vec<String>,
    /// Whether the servers were asked again. If not, the answers that the run kept were scored again.
    pub asked: bool,
    /// Of `answers` that came, how many are not the run's.
    pub differing: usize,
    /// Answers that came.
    pub answers: usize,
    /// The row's value in the run, and from the answers that came.
    pub values: Option<[String; 2]>,
}

impl Answers {
    /// Of the stages behind a row; `None` where no server answered.
    pub(super) fn of(stages: &[&StageRecord], asked: bool) -> Option<Self> {
        let mut models = Vec::new();
        for served in stages
            .iter()
            .filter_map(|stage| lineage::served(&stage.what))
        {
            let name = format!("{} at {}", served.model, served.url);
            if !models.contains(&name) {
                models.push(name);
            }
        }
        (!models.is_empty()).then_some(Self {
            models,
            asked,
            differing: 0,
            answers: 0,
            values: None,
        })
    }
}

/// How the server of a stage is asked, as the run's manifest says it.
///
/// # Errors
/// The manifest cannot be read, or has no such endpoint.
pub(super) fn how(run: &Past, stage: &StageRecord) -> Result<Option<Asking>, ReplicateError> {
    let Some(served) = lineage::served(&stage.what) else {
        return Ok(None);
    };
    let file = run.folder.join("manifest.toml");
    let manifest = Manifest::read(&file)
        .map_err(|e| ReplicateError::Row(format!("{}: {e}", file.display())))?;
    let same = |entry: &&EndpointEntry| of_entry(entry, &manifest) == *served;
    let Some(entry) = manifest.endpoints.iter().find(same) else {
        return Err(ReplicateError::Row(format!(
            "{} has no [[endpoints]] entry that asks {} at {} as `{}` did: the files are of \
             different runs",
            file.display(),
            served.model,
            served.url,
            stage.name
        )));
    };
    Ok(Some(asking(entry)))
}

/// Compares the answers of two folders: how many there are, how many differ, and the first
/// difference.
pub(super) fn compare(run: &Path, anew: &Path) -> (usize, usize, Option<[String; 3]>) {
    let [run, anew] = [run, anew].map(|folder| folder.join(RESPONSES));
    let read = |file: &Path| fs::read_to_string(file).unwrap_or_default();
    let (old, new) = (read(&run), read(&anew));
    let (old, new): (Vec<&str>, Vec<&str>) = (old.lines().collect(), new.lines().collect());
    let same = old.iter().zip(&new).filter(|(old, new)| old == new).count();
    let differing = new.len() - same;
    let found = (differing > 0 || old.len() != new.len()).then(|| {
        let whole = || ["the whole file", "other bytes", "other bytes"].map(str::to_owned);
        first(&run, &anew).unwrap_or_else(whole)
    });
    (new.len(), differing, found)
}
