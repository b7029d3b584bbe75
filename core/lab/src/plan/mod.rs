//! From a manifest to a graph of stages, each with a content key.

mod data;
mod error;
mod merges;
mod models;
mod show;
pub mod spec;
mod tasks;

use crate::{
    cell::{ModelLabel, Role},
    manifest::{Manifest, Precision, Span},
    store::Store,
};
use data::Data;
pub use error::PlanError;
use mergelab_abi::{registry::Registry, suggest::hint};
use spec::{Answerer, GenerateWhat, How, Node, ScoreWhat, StageSpec, What};
use std::path::PathBuf;
use tasks::PlannedTask;

/// A model of the experiment.
#[derive(Debug, Clone)]
pub struct PlannedModel {
    /// How tables name it.
    pub label: ModelLabel,
    /// The stage that makes it. `None` for an imported base and for trivial outputs.
    pub node: Option<usize>,
    /// Its folder.
    pub folder: PathBuf,
    /// Languages that it is evaluated on; all where `None`.
    pub languages: Option<Vec<String>>,
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
    /// The stage that scores it.
    pub score: usize,
}

/// Everything that an experiment will do.
#[derive(Debug)]
pub struct Plan {
    /// Stages, each after those that it needs.
    pub nodes: Vec<Node>,
    /// Models, in the order of tables.
    pub models: Vec<PlannedModel>,
    /// What is evaluated.
    pub cells: Vec<PlannedCell>,
}

impl Plan {
    /// Plans an experiment. Everything that can be known to be wrong is found here, before
    /// anything runs: plugins, parameters, data, every row.
    ///
    /// # Errors
    /// What is wrong, with file and line.
    pub fn new(manifest: &Manifest, registry: &Registry, store: &Store) -> Result<Self, PlanError> {
        let data = Data::default();
        let device = mergelab_model::Device::parse(&manifest.device.value)
            .map_err(|e| manifest.error(manifest.device.span.clone(), e.to_string()))?;
        for (name, recipe) in &manifest.recipes {
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
            .map(|entry| PlannedTask::new(manifest, entry, registry, &data))
            .collect::<Result<Vec<_>, _>>()?;
        let mut builder = Builder {
            manifest,
            registry,
            store,
            data: &data,
            tasks: &tasks,
            nodes: Vec::new(),
            models: Vec::new(),
        };
        builder.trivial()?;
        builder.base()?;
        builder.experts()?;
        builder.combined()?;
        builder.merges()?;
        builder.check_model_names()?;
        let cells = builder.cells()?;
        Ok(Self {
            nodes: builder.nodes,
            models: builder.models,
            cells,
        })
    }

    /// Labels of all models, in the order of tables.
    pub fn labels(&self) -> Vec<ModelLabel> {
        self.models.iter().map(|m| m.label.clone()).collect()
    }
}

struct Builder<'a> {
    manifest: &'a Manifest,
    registry: &'a Registry,
    store: &'a Store,
    data: &'a Data,
    tasks: &'a [PlannedTask<'a>],
    nodes: Vec<Node>,
    models: Vec<PlannedModel>,
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
            });
        }
        Ok(())
    }

    fn check_model_names(&self) -> Result<(), PlanError> {
        for (i, model) in self.models.iter().enumerate() {
            let name = &model.label.name;
            if self.models[..i].iter().any(|m| &m.label.name == name) {
                return Err(self
                    .manifest
                    .error(
                        0..0,
                        format!(
                            "two models are called `{name}`: rename an expert, or write what both \
                             merges differ in."
                        ),
                    )
                    .into());
            }
        }
        let settings = &self.manifest.statistics;
        for (baseline, span) in settings.baselines.iter().zip(&self.manifest.baseline_spans) {
            let names = self.models.iter().map(|m| m.label.name.as_str());
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

    fn cells(&mut self) -> Result<Vec<PlannedCell>, PlanError> {
        let mut cells = Vec::new();
        let tasks = self.tasks;
        for model in 0..self.models.len() {
            let planned = self.models[model].clone();
            for task in tasks {
                if planned.label.role == Role::Trivial
                    && !task.trivial().contains(&planned.label.name)
                {
                    continue;
                }
                for language in &task.languages {
                    if planned
                        .languages
                        .as_ref()
                        .is_some_and(|own| !own.contains(language))
                    {
                        continue;
                    }
                    let score = self.cell(&planned, task, language)?;
                    cells.push(PlannedCell {
                        model,
                        task: task.entry.name.clone(),
                        language: language.clone(),
                        score,
                    });
                }
            }
        }
        Ok(cells)
    }

    fn cell(
        &mut self,
        model: &PlannedModel,
        task: &PlannedTask<'_>,
        language: &str,
    ) -> Result<usize, PlanError> {
        let rows = task.slice(
            self.manifest,
            self.data,
            &task.entry.split.value,
            language,
            task.entry.rows,
        )?;
        let mut how = How {
            batch_size: self.manifest.evaluation.batch_size,
            ..How::default()
        };
        task.place(&mut how, [rows.clone()]);
        let mut score_how = how.clone();
        let answerer = if model.label.role == Role::Trivial {
            Answerer::Trivial {
                name: model.label.name.clone(),
            }
        } else {
            how.places
                .insert(model.label.key.clone(), model.folder.clone());
            Answerer::Model {
                key: model.label.key.clone(),
                device: self.manifest.device.value.clone(),
            }
        };
        let name = format!("{} · {} · {language}", model.label.name, task.entry.name);
        let span = task.entry.task.span.clone();
        let generate = self.node(
            format!("generate {name}"),
            What::Generate(GenerateWhat {
                answerer,
                task: task.reference.clone(),
                rows: rows.clone(),
            }),
            how,
            model.node.into_iter().collect(),
            span.clone(),
        );
        task.place_metrics(&mut score_how);
        let responses = self.nodes[generate].key.clone();
        score_how
            .places
            .insert(responses.clone(), self.artifact(generate));
        Ok(self.node(
            format!("score {name}"),
            What::Score(ScoreWhat {
                responses,
                task: task.reference.clone(),
                rows,
                metrics: task.metrics.clone(),
            }),
            score_how,
            vec![generate],
            span,
        ))
    }
}
