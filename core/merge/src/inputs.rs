//! The opened inputs of a merge.

use crate::error::MergeError;
use crate::provenance::InputRecord;
use crate::recipe::{InputPath, Recipe};
use mergelab_checkpoint::{Checkpoint, LoraAdapter, TensorSource, WithAdapter};
use std::collections::HashMap;
use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;

/// One model, with its adapter if it has one.
#[derive(Clone)]
pub(crate) struct Input {
    /// Its name in masks and records.
    pub(crate) id: String,
    /// What messages call it.
    pub(crate) role: String,
    pub(crate) written: InputPath,
    pub(crate) checkpoint: Arc<Checkpoint>,
    pub(crate) source: Arc<dyn TensorSource>,
    adapter: Option<AdapterHashes>,
}

#[derive(Clone)]
struct AdapterHashes {
    weights: String,
    config: String,
}

impl fmt::Debug for Input {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Input")
            .field("id", &self.id)
            .field("written", &self.written)
            .finish_non_exhaustive()
    }
}

/// Opens inputs, each checkpoint once however many adapters share it.
pub(crate) struct Opener<'a> {
    recipe: &'a Recipe,
    open: HashMap<PathBuf, Arc<Checkpoint>>,
}

impl<'a> Opener<'a> {
    pub(crate) fn new(recipe: &'a Recipe) -> Self {
        Self {
            recipe,
            open: HashMap::new(),
        }
    }

    pub(crate) fn base(&mut self, input: &InputPath) -> Result<Input, MergeError> {
        self.input("base".to_owned(), "the base".to_owned(), input)
    }

    pub(crate) fn model(&mut self, id: &str, input: &InputPath) -> Result<Input, MergeError> {
        self.input(id.to_owned(), format!("model `{id}`"), input)
    }

    fn input(
        &mut self,
        id: String,
        role: String,
        written: &InputPath,
    ) -> Result<Input, MergeError> {
        let path = match self.recipe.places.get(&written.path) {
            Some(place) => place.clone(),
            None => self.recipe.root.join(&written.path),
        };
        let checkpoint = match self.open.get(&path) {
            Some(open) => Arc::clone(open),
            None => {
                let opened = Checkpoint::open(&path).map_err(|source| MergeError::Checkpoint {
                    role: role.clone(),
                    source: Box::new(source),
                })?;
                let opened = Arc::new(opened);
                self.open.insert(path, Arc::clone(&opened));
                opened
            }
        };
        let (source, adapter): (Arc<dyn TensorSource>, _) = match &written.adapter {
            None => (Arc::clone(&checkpoint) as Arc<dyn TensorSource>, None),
            Some(adapter) => {
                let folder = self.recipe.root.join(adapter);
                let failed = |source| MergeError::Adapter {
                    role: role.clone(),
                    source: Box::new(source),
                };
                let adapter = LoraAdapter::open(&folder).map_err(failed)?;
                let config = folder.join("adapter_config.json");
                let config = std::fs::read(&config).map_err(|source| MergeError::SideFile {
                    path: config,
                    source,
                })?;
                let hashes = AdapterHashes {
                    weights: adapter.weights().content_hash().to_string(),
                    config: blake3::hash(&config).to_string(),
                };
                let merged = WithAdapter::new(Arc::clone(&checkpoint), adapter).map_err(failed)?;
                (Arc::new(merged), Some(hashes))
            }
        };
        Ok(Input {
            id,
            role: format!("{role} ({written})"),
            written: written.clone(),
            checkpoint,
            source,
            adapter,
        })
    }
}

impl Input {
    /// What the records say of it. `hashes` keeps the content hash of each checkpoint, which takes
    /// a pass over all of its bytes.
    pub(crate) fn record(&self, hashes: &mut ContentHashes) -> InputRecord {
        InputRecord {
            id: self.id.clone(),
            path: self.written.path.to_string_lossy().into_owned(),
            content_hash: hashes.of(&self.checkpoint),
            adapter: self
                .written
                .adapter
                .as_ref()
                .map(|path| path.to_string_lossy().into_owned()),
            adapter_hash: self.adapter.as_ref().map(|a| a.weights.clone()),
            adapter_config_hash: self.adapter.as_ref().map(|a| a.config.clone()),
        }
    }
}

/// Content hashes of checkpoints, each computed once.
pub(crate) struct ContentHashes {
    wanted: bool,
    known: HashMap<PathBuf, String>,
}

impl ContentHashes {
    pub(crate) fn new(wanted: bool) -> Self {
        Self {
            wanted,
            known: HashMap::new(),
        }
    }

    fn of(&mut self, checkpoint: &Checkpoint) -> Option<String> {
        if !self.wanted {
            return None;
        }
        let hash = self
            .known
            .entry(checkpoint.path().to_owned())
            .or_insert_with(|| checkpoint.content_hash().to_string());
        Some(hash.clone())
    }
}
