//! From a manifest to a graph of stages, each with a content key.

mod base;
pub(crate) use base::imported_key;
mod candidates;
mod cells;
mod data;
mod endpoints;
pub(crate) use endpoints::{asking, served};
mod error;
mod grow;
mod merges;
mod missing;
mod models;
mod own_expert;
mod selection;
mod sequential;
mod show;
pub mod spec;
mod statistics;
mod tasks;
mod vectors;

use crate::{
    cell::{ModelLabel, Role},
    compare::RegistryMetrics,
    manifest::{Manifest, Precision, Span},
    store::Store,
};
use data::Data;
pub use error::PlanError;
pub use grow::Growth;
use mergelab_abi::{registry::Registry, suggest::hint};
use mergelab_hub::HubModel;
use mergelab_model::{Device, ModelError};
pub use missing::{Missing, is_provisional};
use own_expert::OWN_EXPERT;
pub use selection::{Candidate, Criterion, Selection, Standing};
use spec::{How, Node, StageSpec, What};
use std::path::PathBuf;
use tasks::PlannedTask;

/// A model of the experiment.
#[derive(Debug, Clone)]
pub struct PlannedModel {
    /// How tables name it.
    pub label: ModelLabel,
    /// The stage that makes it. `None` for an imported base and for what has no weights.
    pub node: Option<usize>,
    /// Its folder.
    pub folder: PathBuf,
    /// Languages that it is evaluated on; all where `None`.
    pub languages: Option<Vec<String>>,
    /// Tasks that it is evaluated on; all where `None`.
    pub tasks: Option<Vec<String>>,
}

/// What an evaluation is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Purpose {
    /// The result.
    Test,
    /// Choosing among candidates, in a round of a selection.
    Selection {
        /// Index of the selection.
        selection: usize,
        /// The round, from 0.
        round: usize,
        /// Index of the candidate.
        candidate: usize,
    },
}

/// One model on one task in one language.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PlannedCell {
    /// Index of the model.
    pub model: usize,
    /// Name of the task.
    pub task: String,
    /// The language.
    pub language: String,
    /// The split of the examples.
    pub split: String,
    /// What it is for.
    pub purpose: Purpose,
    /// The stage that scores it.
    pub score: usize,
}

/// Everything that an experiment will do, as far as it is known: what follows a selection is added
/// by [`Plan::grow`] when the selection is decided.
#[derive(Debug)]
pub struct Plan {
    /// Stages, each after those that it needs.
    pub nodes: Vec<Node>,
    /// Models, in the order of tables.
    pub models: Vec<PlannedModel>,
    /// What is evaluated.
    pub cells: Vec<PlannedCell>,
    /// The data sets, and how their splits are made.
    pub datasets: Vec<crate::dataset::card::Record>,
    /// Choices among merges.
    pub selections: Vec<Selection>,
    /// The base, at its commit, where it is a model of a hub.
    pub hub: Option<HubModel>,
    /// What is not on this machine. Stages that depend on it have no key yet.
    pub missing: Vec<Missing>,
}

impl Plan {
    /// Plans an experiment. Everything that can be known to be wrong is found here, before
    /// anything runs: plugins, parameters, data, every row. Data, a base or a device that are not
    /// here make no error: they are listed as missing.
    ///
    /// # Errors
    /// What is wrong, with file and line.
    pub fn new(manifest: &Manifest, registry: &Registry, store: &Store) -> Result<Self, PlanError> {
        let data = Data::default();
        let mut missing = Vec::new();
        let device = match Device::parse(&manifest.device.value) {
            Ok(device) => Some(device),
            Err(ModelError::NotBuilt { name, feature }) => {
                missing.push(Missing::Device { name, feature });
                None
            }
            Err(e) => {
                return Err(manifest
                    .error(manifest.device.span.clone(), e.to_string())
                    .into());
            }
        };
        for (name, recipe) in &manifest.recipes {
            let Some(device) = device else {
                break;
            };
            if recipe.precision == Precision::Bf16 && !device.computes_in_bf16() {
                let message = format!(
                    "the device `{device}` does not compute in bf16, which [recipes.{name}] asks \
                     for: set its `precision` to \"f32\", or take a GPU that does, such as `cuda:0`."
                );
                return Err(manifest.error(manifest.device.span.clone(), message).into());
            }
        }
        let tasks = manifest
            .tasks
            .iter()
            .flat_map(|entry| {
                let prompts = entry.prompts.iter().map(Some);
                std::iter::once(None)
                    .chain(prompts)
                    .map(move |prompt| (entry, prompt))
            })
            .map(|(entry, prompt)| PlannedTask::new(manifest, entry, prompt, registry, &data))
            .collect::<Result<Vec<_>, _>>()?;
        let mut builder = Builder {
            manifest,
            registry,
            store,
            data: &data,
            tasks: &tasks,
            nodes: Vec::new(),
            models: Vec::new(),
            selections: Vec::new(),
            hub: None,
            missing,
        };
        builder.trivial()?;
        builder.base()?;
        builder.experts()?;
        builder.own_expert()?;
        builder.combined()?;
        builder.sequential()?;
        builder.merges()?;
        builder.endpoints();
        builder.vectors();
        builder.check_model_names()?;
        builder.check_statistics()?;
        let pending = builder.cells()?;
        let mut missing = builder.missing;
        missing.extend(data.missing());
        let mut plan = Self {
            nodes: builder.nodes,
            models: builder.models,
            cells: Vec::new(),
            datasets: data.records(),
            selections: builder.selections,
            hub: builder.hub,
            missing,
        };
        for cell in &pending {
            plan.add(cell, store);
        }
        plan.begin(store);
        plan.grow(store, &RegistryMetrics(registry), &|_| None)?;
        plan.missing
            .extend(endpoints::missing_keys(&plan.nodes, manifest));
        Ok(plan)
    }

    /// Labels of all models, in the order of tables: replicates after the mean over them.
    pub fn labels(&self) -> Vec<ModelLabel> {
        labels(&self.models)
    }
}

fn labels(models: &[PlannedModel]) -> Vec<ModelLabel> {
    let mut labels: Vec<ModelLabel> = Vec::new();
    for model in models {
        let Some(group) = &model.label.replicate_of else {
            labels.push(model.label.clone());
            continue;
        };
        if labels.iter().any(|l| l.name == *group) {
            continue;
        }
        let replicates: Vec<&ModelLabel> = models
            .iter()
            .map(|m| &m.label)
            .filter(|l| l.replicate_of.as_ref() == Some(group))
            .collect();
        labels.push(ModelLabel {
            name: group.clone(),
            seed: None,
            replicate: None,
            replicate_of: None,
            replicates: replicates.iter().map(|l| l.name.clone()).collect(),
            key: String::new(),
            ..model.label.clone()
        });
        labels.extend(replicates.into_iter().cloned());
    }
    labels
}

struct Builder<'a> {
    manifest: &'a Manifest,
    registry: &'a Registry,
    store: &'a Store,
    data: &'a Data,
    tasks: &'a [PlannedTask<'a>],
    nodes: Vec<Node>,
    models: Vec<PlannedModel>,
    selections: Vec<Selection>,
    hub: Option<HubModel>,
    missing: Vec<Missing>,
}

impl Builder<'_> {
    /// Adds a stage, or finds the one with the same key.
    fn node(&mut self, name: String, what: What, how: How, needs: Vec<usize>, span: Span) -> usize {
        let key = what.key();
        if let Some(same) = self.nodes.iter().position(|n| n.key == key) {
            return same;
        }
        let cached = self.store.has(what.kind(), &key);
        self.nodes.push(Node {
            name,
            spec: StageSpec { what, how },
            key,
            needs,
            cached,
            span,
        });
        self.nodes.len() - 1
    }

    fn artifact(&self, node: usize) -> PathBuf {
        let node = &self.nodes[node];
        self.store.artifact(node.spec.what.kind(), &node.key)
    }

    /// The model that a stage makes.
    fn made_by(&self, node: usize, mut label: ModelLabel) -> PlannedModel {
        label.key.clone_from(&self.nodes[node].key);
        PlannedModel {
            label,
            node: Some(node),
            folder: self.artifact(node).join("model"),
            languages: None,
            tasks: None,
        }
    }

    fn trivial(&mut self) -> Result<(), PlanError> {
        let offered: std::collections::BTreeSet<String> =
            self.tasks.iter().flat_map(PlannedTask::trivial).collect();
        for name in &self.manifest.trivial {
            if !offered.contains(&name.value) {
                return Err(self
                    .manifest
                    .error(
                        name.span.clone(),
                        format!(
                            "no task offers the trivial output `{}`.{}",
                            name.value,
                            hint(&name.value, offered.iter().map(String::as_str))
                        ),
                    )
                    .into());
            }
            let mut label = models::label(&name.value, Role::Trivial);
            label.key.clone_from(&name.value);
            self.models.push(PlannedModel {
                label,
                node: None,
                folder: PathBuf::new(),
                languages: None,
                tasks: None,
            });
        }
        Ok(())
    }

    fn check_model_names(&self) -> Result<(), PlanError> {
        let labels = labels(&self.models);
        for (i, label) in labels.iter().enumerate() {
            let name = &label.name;
            if labels[..i].iter().any(|l| &l.name == name) {
                return Err(self
                    .manifest
                    .error(
                        0..0,
                        format!(
                            "two models are called `{name}`: rename an expert, give a merge a \
                             `name`, or write what both merges differ in."
                        ),
                    )
                    .into());
            }
        }
        for selection in &self.selections {
            let name = &selection.name;
            if labels.iter().any(|l| l.name == *name && !l.candidate) {
                return Err(self
                    .manifest
                    .error(
                        0..0,
                        format!(
                            "a selection and a model that it does not choose from are both called \
                             `{name}`: give the [[merges]] entry a `name`."
                        ),
                    )
                    .into());
            }
        }
        let settings = &self.manifest.statistics;
        for (baseline, span) in settings
            .baselines
            .iter()
            .zip(&self.manifest.statistics_spans.baselines)
        {
            // A replicate is no baseline: its mean over replicates is. Nor is a candidate, which may
            // not be tested: what a selection chooses is, under the selection's name.
            let candidates: Vec<&str> = self
                .selections
                .iter()
                .flat_map(|s| s.candidates.iter().map(|c| c.name.as_str()))
                .collect();
            let models = labels
                .iter()
                .filter(|l| l.replicate_of.is_none() && !l.candidate)
                .map(|l| l.name.as_str());
            let names = models
                .chain(self.selections.iter().map(|s| s.name.as_str()))
                .chain([OWN_EXPERT]);
            if !names.clone().any(|n| n == baseline) && candidates.contains(&baseline.as_str()) {
                return Err(self
                    .manifest
                    .error(
                        span.clone(),
                        format!(
                            "`{baseline}` is tested only if its selection chooses it: name the \
                             selection instead, which stands for what it chooses."
                        ),
                    )
                    .into());
            }
            if !names.clone().any(|n| n == baseline) {
                return Err(self
                    .manifest
                    .error(
                        span.clone(),
                        format!(
                            "the baseline `{baseline}` is no model of this experiment.{}",
                            hint(baseline, names)
                        ),
                    )
                    .into());
            }
        }
        Ok(())
    }
}
