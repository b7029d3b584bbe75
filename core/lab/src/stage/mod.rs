//! Stages: what each kind does, in a process of its own.

mod generate;
mod inputs;
mod merge;
mod pretrain;
mod score;
pub(crate) use generate::RESPONSES;
pub(crate) use score::{CELL, PREDICTIONS};
mod train;
mod training;
mod vectors;
pub(crate) use vectors::VECTORS;

use crate::{
    content::{CONTENT, Content},
    dataset::DatasetError,
    ledger::{
        Ledger, Meter,
        processes::{self, Accounts},
    },
    manifest::ManifestError,
    plan::spec::{StageSpec, What},
    store::{Store, StoreError},
};
use mergelab_abi::PluginError;
use mergelab_endpoint::EndpointError;
use serde::{Deserialize, Serialize};
use std::{
    path::{Path, PathBuf},
    sync::{Arc, atomic::AtomicBool},
};

/// Why a stage failed.
#[derive(Debug, thiserror::Error)]
pub enum StageError {
    /// An input that the plan named is not there or not the same any more.
    #[error("{0}")]
    Input(String),
    /// A plugin refused or failed.
    #[error("the {what}: {error}")]
    Plugin {
        /// Which plugin.
        what: String,
        /// What it said.
        error: PluginError,
    },
    /// A model could not be read, trained or asked.
    #[error(transparent)]
    Model(#[from] mergelab_model::ModelError),
    /// A merge failed.
    #[error(transparent)]
    Merge(Box<mergelab_merge::MergeError>),
    /// Task vectors could not be compared.
    #[error(transparent)]
    Vectors(Box<mergelab_vectors::VectorError>),
    /// A card changed and is wrong now.
    #[error(transparent)]
    Card(Box<ManifestError>),
    /// A server could not be asked.
    #[error(transparent)]
    Endpoint(Box<EndpointError>),
    /// Rows could not be read.
    #[error(transparent)]
    Dataset(#[from] DatasetError),
    /// The store could not be written.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// Ctrl-C.
    #[error("interrupted")]
    Interrupted,
}

impl From<EndpointError> for StageError {
    fn from(error: EndpointError) -> Self {
        match error {
            EndpointError::Interrupted => Self::Interrupted,
            other => Self::Endpoint(Box::new(other)),
        }
    }
}

/// How far a stage is.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct StageProgress {
    /// Steps done.
    pub done: u64,
    /// Steps in all.
    pub total: u64,
    /// What to show beside them, such as the loss.
    pub note: String,
}

/// What a stage works with.
pub(crate) struct Context<'a> {
    /// Where its inputs lie.
    pub(crate) spec: &'a StageSpec,
    /// The store.
    pub(crate) store: &'a Store,
    /// The folder that becomes its artifact.
    pub(crate) folder: &'a Path,
    /// Where it keeps what lets it resume.
    pub(crate) partial: PathBuf,
    /// What it cost.
    pub(crate) ledger: Ledger,
    /// Set by Ctrl-C.
    pub(crate) interrupt: &'a Arc<AtomicBool>,
    /// Told how far it is.
    pub(crate) progress: &'a (dyn Fn(StageProgress) + Sync),
}

/// Runs a stage and puts its artifact in the store. Does nothing where the artifact exists.
///
/// # Errors
/// Why it failed. Nothing is left at the artifact's place then.
pub fn run(
    spec: &StageSpec,
    store: &Store,
    interrupt: &Arc<AtomicBool>,
    progress: &(dyn Fn(StageProgress) + Sync),
) -> Result<PathBuf, StageError> {
    let meter = Meter::start(spec.what.device());
    let (kind, key) = (spec.what.kind(), spec.what.key());
    if store.has(kind, &key) {
        return Ok(store.artifact(kind, &key));
    }
    let folder = store.begin(&key)?;
    let mut context = Context {
        spec,
        store,
        folder: &folder,
        partial: store.partial(&key),
        ledger: Ledger {
            jobs: std::env::var("MERGELAB_JOBS")
                .ok()
                .and_then(|n| n.parse().ok())
                .unwrap_or(1),
            device: "cpu".to_owned(),
            ..Ledger::default()
        },
        interrupt,
        progress,
    };
    // These go on where a killed process left them, and their accounts with them.
    let resumes = matches!(
        spec.what,
        What::Pretrain(_) | What::Train(_) | What::Generate(_)
    );
    let accounts = resumes.then(|| Accounts::open(&store.accounts(&key), &meter));
    let result = std::thread::scope(|scope| {
        let (end, watcher) = processes::watch(scope, &meter, accounts.as_ref());
        let result = work(&spec.what, &mut context);
        drop(end);
        // It wrote what it could.
        let _ = watcher.join();
        result
    });
    let mut ledger = context.ledger;
    let finish = |ledger: &mut Ledger| -> Result<PathBuf, StageError> {
        crate::store::write_json(&folder.join("stage.json"), &spec.what)?;
        meter.fill(ledger);
        if let Some(accounts) = &accounts {
            let mut spent = accounts.earlier();
            spent.push(meter.spent());
            processes::total(&spent, ledger);
        }
        if spec.what.server().is_some() {
            // What this machine spent on waiting is not what the answers cost.
            ledger.energy_joules = None;
            ledger.energy_of.clear();
        }
        if ledger.device.starts_with("cuda") || ledger.device.starts_with("vulkan") {
            ledger.device_seconds = ledger.wall_seconds;
        }
        let content = Content::of(&folder).map_err(|source| StoreError {
            path: folder.clone(),
            source,
        })?;
        crate::store::write_json(&folder.join(CONTENT), &content)?;
        Ok(store.finish(&folder, kind, &key, ledger)?)
    };
    match result.and_then(|()| finish(&mut ledger)) {
        Ok(path) => {
            if let Some(accounts) = &accounts {
                accounts.close();
            }
            Ok(path)
        }
        Err(error) => {
            if let Some(accounts) = &accounts {
                accounts.write(&meter.spent());
            }
            store.abandon(&folder);
            Err(error)
        }
    }
}

fn work(what: &What, context: &mut Context<'_>) -> Result<(), StageError> {
    match what {
        What::Pretrain(what) => pretrain::run(what, context),
        What::Train(what) => train::run(what, context),
        What::Merge(what) => merge::run(what, context),
        What::Vectors(what) => vectors::run(what, context),
        What::Generate(what) => generate::run(what, context),
        What::Score(what) => score::run(what, context),
    }
}
