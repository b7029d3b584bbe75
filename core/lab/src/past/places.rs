//! `places.json`: where the inputs of a run lay. The only file of a run that speaks of the machine.

use super::{Past, PastError, folder::read};
use crate::{
    run::{Experiment, RunError},
    store::write_json,
};
use serde::{Deserialize, Serialize};
use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
};

/// Name of the file.
const PLACES: &str = "places.json";

/// Where the inputs of a run lay.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Places {
    /// The store with its artifacts.
    pub store: PathBuf,
    /// Cards, plugin libraries and an imported base, by content key or hash.
    pub inputs: BTreeMap<String, PathBuf>,
    /// Whether the base is a model of a hub, at a commit, which never changes.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub hub: bool,
}

/// Writes where the inputs of the run's stages lie.
///
/// # Errors
/// The file cannot be written.
pub fn write_places(experiment: &Experiment, out: &Path) -> Result<(), RunError> {
    let store = experiment.store.root().to_owned();
    let nodes = &experiment.plan.nodes;
    let inputs = nodes
        .iter()
        .flat_map(|node| &node.spec.how.places)
        .filter(|(_, place)| !place.starts_with(&store))
        .map(|(key, place)| (key.clone(), place.clone()))
        .collect();
    let places = Places {
        inputs,
        hub: experiment.plan.hub.is_some(),
        store,
    };
    write_json(&out.join(PLACES), &places)?;
    Ok(())
}

impl Past {
    /// Where the inputs lay; `None` where the run does not say, as when it was copied without.
    ///
    /// # Errors
    /// The file is damaged.
    pub fn places(&self) -> Result<Option<Places>, PastError> {
        let file = self.folder.join(PLACES);
        if !file.is_file() {
            return Ok(None);
        }
        let text = read(&file)?;
        let places = serde_json::from_str(&text).map_err(super::folder::unreadable(&file))?;
        Ok(Some(places))
    }
}
