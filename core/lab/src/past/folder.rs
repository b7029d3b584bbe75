//! A run's folder.

use super::stages::{STAGES, StageRecord};
use crate::{cell::ModelLabel, compare::Settings};
use serde::Deserialize;
use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
};

/// A run that was made before.
#[derive(Debug, Clone)]
pub struct Past {
    /// Its folder.
    pub folder: PathBuf,
    /// What `run.json` says.
    pub record: RunRecord,
    /// Its manifest, as text.
    pub manifest: String,
    /// What its stages were made from.
    pub stages: Vec<StageRecord>,
    /// What its stages cost, by content key.
    pub costs: BTreeMap<String, PastCost>,
}

/// A model of a run, as its tables name it.
pub type PastModel = ModelLabel;

/// What `run.json` says.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub struct RunRecord {
    /// Name of the experiment.
    pub experiment: String,
    /// Version of mergelab.
    pub mergelab: String,
    /// Settings of the comparisons.
    pub statistics: Settings,
    /// The models.
    pub models: Vec<PastModel>,
    /// The plugins that were found.
    pub plugins: Vec<PastPlugin>,
}

/// A plugin of a run.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub struct PastPlugin {
    /// `method`, `task` or `metric`.
    pub kind: String,
    /// Its id.
    pub id: String,
    /// Its version.
    pub version: String,
    /// BLAKE3 of its library.
    pub hash: String,
}

/// What a stage cost, from `costs.csv`.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub struct PastCost {
    /// Its content key.
    pub key: String,
    /// Kind of the stage.
    pub stage: String,
    /// Seconds on the clock.
    pub wall_seconds: f64,
    /// Seconds of processors.
    #[serde(default)]
    pub cpu_seconds: Option<f64>,
}

/// Why a run cannot be read.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PastError {
    /// There is nothing there.
    #[error("there is no run at {}: give the folder that `mergelab run` wrote, or its run.json", path.display())]
    Missing {
        /// The folder.
        path: PathBuf,
    },
    /// A file of the run is missing.
    #[error("{} is missing: this run was made by another version of mergelab, or not all of it was copied. Run it again to have it", path.display())]
    File {
        /// The file.
        path: PathBuf,
    },
    /// A file of the run cannot be read.
    #[error("{}: {message}", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        message: String,
    },
}

impl Past {
    /// Reads a run from its folder or its `run.json`.
    ///
    /// # Errors
    /// There is no run, or one of its files is missing or damaged.
    pub fn open(path: &Path) -> Result<Self, PastError> {
        let folder = if path.is_file() {
            path.parent().unwrap_or(Path::new(".")).to_owned()
        } else {
            path.to_owned()
        };
        let run = folder.join("run.json");
        if !run.is_file() {
            return Err(PastError::Missing { path: folder });
        }
        let record = serde_json::from_str(&read(&run)?).map_err(unreadable(&run))?;
        let file = folder.join(STAGES);
        let stages = read(&file)?
            .lines()
            .map(|line| serde_json::from_str(line).map_err(unreadable(&file)))
            .collect::<Result<_, _>>()?;
        let file = folder.join("costs.csv");
        let text = read(&file)?;
        let mut costs = BTreeMap::new();
        for cost in csv::Reader::from_reader(text.as_bytes()).deserialize() {
            let cost: PastCost = cost.map_err(unreadable(&file))?;
            costs.insert(cost.key.clone(), cost);
        }
        Ok(Self {
            record,
            manifest: read(&folder.join("manifest.toml"))?,
            stages,
            costs,
            folder,
        })
    }
}

pub(super) fn read(file: &Path) -> Result<String, PastError> {
    std::fs::read_to_string(file).map_err(|error| match error.kind() {
        std::io::ErrorKind::NotFound => PastError::File {
            path: file.to_owned(),
        },
        _ => unreadable(file)(error),
    })
}

pub(super) fn unreadable<E: ToString>(file: &Path) -> impl Fn(E) -> PastError {
    move |error| PastError::Unreadable {
        path: file.to_owned(),
        message: error.to_string(),
    }
}
