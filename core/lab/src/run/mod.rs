//! An experiment from its manifest to its tables.

mod collect;
mod geometry;
mod report;

pub(crate) use collect::file_name;
pub use report::{Report, write};

use crate::{
    compare::{CompareError, RegistryMetrics},
    executor::{Event, Executor, Outcome, execute},
    manifest::{Manifest, ManifestError},
    plan::{Growth, Missing, Plan, PlanError},
    store::{Store, StoreError},
};
use mergelab_abi::registry::{Registry, search_places};
use std::{
    path::{Path, PathBuf},
    sync::atomic::AtomicBool,
};

/// An experiment that was planned.
#[derive(Debug)]
pub struct Experiment {
    /// Its manifest.
    pub manifest: Manifest,
    /// The plugins that were found.
    pub registry: Registry,
    /// Where artifacts lie.
    pub store: Store,
    /// What it does.
    pub plan: Plan,
}

/// Why an experiment cannot be planned, or its tables cannot be written.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    /// The manifest is wrong.
    #[error(transparent)]
    Manifest(Box<ManifestError>),
    /// The plan found something wrong.
    #[error(transparent)]
    Plan(#[from] PlanError),
    /// The store cannot be used.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// Models cannot be compared.
    #[error(transparent)]
    Compare(#[from] CompareError),
    /// Data, the base or the device are not here.
    #[error("the experiment cannot run yet. Missing:{}", list(.0))]
    Missing(Vec<Missing>),
    /// The base cannot be fetched.
    #[error("[base]: {0}")]
    Hub(#[from] mergelab_hub::HubError),
    /// A table cannot be written, or an artifact cannot be read.
    #[error("{}: {message}", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// What went wrong.
        message: String,
    },
}

fn list(missing: &[Missing]) -> String {
    missing.iter().map(|m| format!("\n  {m}")).collect()
}

impl From<ManifestError> for RunError {
    fn from(error: ManifestError) -> Self {
        Self::Manifest(Box::new(error))
    }
}

impl Experiment {
    /// Reads and plans an experiment. Nothing runs, and nothing is written but an empty store.
    ///
    /// # Errors
    /// Whatever is wrong with the manifest, the plugins, the parameters or the data.
    pub fn open(manifest: &Path, store: &Path, plugins: &[PathBuf]) -> Result<Self, RunError> {
        let manifest = Manifest::read(manifest)?;
        let registry = Registry::search(&search_places(plugins, &manifest.plugins));
        let store = Store::open(store)?;
        let plan = Plan::new(&manifest, &registry, &store)?;
        Ok(Self {
            manifest,
            registry,
            store,
            plan,
        })
    }

    /// Refuses to run where something is missing that the run does not fetch itself.
    ///
    /// # Errors
    /// All that is missing.
    pub fn check_complete(&self) -> Result<(), RunError> {
        if self.plan.missing.iter().all(Missing::is_fetched_by_run) {
            return Ok(());
        }
        Err(RunError::Missing(self.plan.missing.clone()))
    }

    /// Brings the base into the local cache where it is a model of a hub and a stage may read it.
    ///
    /// # Errors
    /// If the hub cannot be reached or refuses, or the disk does.
    pub fn fetch_base(
        &self,
        report: impl FnMut(mergelab_hub::Progress<'_>),
    ) -> Result<(), RunError> {
        let Some(model) = &self.plan.hub else {
            return Ok(());
        };
        if self.plan.nodes.iter().any(|node| !node.cached) {
            mergelab_hub::Hub::from_env()?.fetch(model, report)?;
        }
        Ok(())
    }

    /// Runs every stage of the plan that has no artifact yet. `before` is what came of running it
    /// before it grew.
    pub fn run(
        &self,
        before: Outcome,
        executor: &dyn Executor,
        interrupt: &AtomicBool,
        events: &(dyn Fn(Event) + Sync),
    ) -> Outcome {
        execute(&self.plan.nodes, before, executor, interrupt, events)
    }

    /// Decides the selections whose evaluations are done, and adds the stages that follow. Nothing
    /// is left to run when this decides nothing.
    ///
    /// # Errors
    /// Scores that cannot be read, or a metric that fails.
    pub fn grow(&mut self, outcome: &Outcome) -> Result<Vec<Growth>, RunError> {
        let failure = |node: usize| {
            let failed = outcome.failures.iter().find(|f| f.node == node)?;
            Some(failed.message.clone())
        };
        let source = RegistryMetrics(&self.registry);
        Ok(self.plan.grow(&self.store, &source, &failure)?)
    }
}
