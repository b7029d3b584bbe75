//! `run.json`.

use super::ReportError;
use serde::Deserialize;
use serde_json::{Map, Value};
use std::{collections::BTreeMap, path::Path};

/// Role of the model that was trained on everything at once.
pub(crate) const COMBINED: &str = "combined";

/// Role of the expert of each language.
pub(crate) const OWN_EXPERT: &str = "own_expert";

/// What `run.json` says. Everything but the name may be missing.
#[derive(Debug, Clone, Deserialize)]
pub(crate) struct Record {
    pub(crate) experiment: String,
    #[serde(default)]
    pub(crate) mergelab: String,
    #[serde(default)]
    pub(crate) manifest_blake3: String,
    #[serde(default)]
    pub(crate) statistics: Map<String, Value>,
    #[serde(default)]
    pub(crate) datasets: Vec<Map<String, Value>>,
    #[serde(default)]
    pub(crate) models: Vec<Model>,
    #[serde(default)]
    pub(crate) plugins: Vec<Plugin>,
    #[serde(default)]
    pub(crate) failures: Vec<Failure>,
    #[serde(default)]
    pub(crate) selections: Vec<Selection>,
}

/// A model.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Model {
    pub(crate) name: String,
    pub(crate) role: String,
    pub(crate) method: Option<String>,
    pub(crate) parameters: Map<String, Value>,
    pub(crate) swept: BTreeMap<String, Value>,
    pub(crate) seed: Option<u64>,
    pub(crate) languages: Vec<String>,
    pub(crate) experts: Vec<String>,
    pub(crate) plugin: Option<Plugin>,
    pub(crate) replicate: Option<u64>,
    pub(crate) replicate_of: Option<String>,
    pub(crate) replicates: Vec<String>,
    pub(crate) selected: Option<bool>,
    pub(crate) key: String,
}

impl Model {
    pub(crate) fn is(&self, role: &str) -> bool {
        self.role == role
    }
}

/// A plugin.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Plugin {
    pub(crate) kind: String,
    pub(crate) id: String,
    pub(crate) version: String,
    pub(crate) hash: String,
}

/// A stage that failed.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Failure {
    pub(crate) stage: String,
    pub(crate) message: String,
}

/// A selection among candidates.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Selection {
    pub(crate) name: String,
    pub(crate) split: String,
    pub(crate) chosen: Vec<String>,
}

impl Record {
    pub(super) fn read(folder: &Path) -> Result<Self, ReportError> {
        let path = folder.join("run.json");
        let text = std::fs::read_to_string(&path).map_err(|error| match error.kind() {
            std::io::ErrorKind::NotFound | std::io::ErrorKind::NotADirectory => {
                ReportError::Missing {
                    path: folder.to_owned(),
                }
            }
            _ => ReportError::Unreadable {
                path: path.clone(),
                message: error.to_string(),
            },
        })?;
        serde_json::from_str(&text).map_err(|error| ReportError::Unreadable {
            path,
            message: error.to_string(),
        })
    }
}
