//! Models of a hub: `hf://org/name@revision` where a folder may stand.

use crate::{failure::Failure, progress::Elements};
use mergelab_hub::{Hub, HubModel, Resolved, is_hub};
use std::path::{Path, PathBuf};

/// Brings a model into the local cache, with a bar on a terminal.
pub(crate) fn fetch(name: &str) -> Result<Resolved, Failure> {
    let model: HubModel = name.parse().map_err(Failure::refused)?;
    let hub = Hub::from_env().map_err(Failure::refused)?;
    let bar = Elements::new();
    let resolved = hub.fetch(&model, |progress| {
        bar.show(progress.received, progress.size)
    });
    bar.finish();
    resolved.map_err(Failure::refused)
}

/// The folder of a model that is given as a path or as a name of a hub.
pub(crate) fn folder(model: &Path) -> Result<PathBuf, Failure> {
    match model.to_str() {
        Some(name) if is_hub(name) => Ok(fetch(name)?.folder),
        _ => Ok(model.to_owned()),
    }
}
