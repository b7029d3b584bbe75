//! Stages that train: experts, the combined model, and what all trainings have in common.

use super::{
    Builder, PlanError, PlannedModel,
    spec::{How, TaskRows, TrainWhat, What},
};
use crate::{
    cell::{ModelLabel, Role},
    manifest::{Located, Manifest, Recipe, Span},
};
use serde_json::Map;

/// A label with nothing but a name and a role.
pub(super) fn label(name: &str, role: Role) -> ModelLabel {
    ModelLabel {
        name: name.to_owned(),
        role,
        method: None,
        parameters: Map::new(),
        swept: std::collections::BTreeMap::new(),
        seed: None,
        languages: Vec::new(),
        experts: Vec::new(),
        plugin: None,
        replicate: None,
        replicate_of: None,
        replicates: Vec::new(),
        candidate: false,
        selected: None,
        key: String::new(),
    }
}

/// A training to plan.
#[derive(Clone, Copy)]
pub(super) struct Training<'a> {
    pub(super) name: &'a str,
    pub(super) role: Role,
    pub(super) languages: &'a [String],
    /// Names of the tasks; all where `None`.
    pub(super) tasks: Option<&'a [String]>,
    pub(super) recipe: &'a Located<String>,
    pub(super) span: &'a Span,
}

impl Builder<'_> {
    /// The base, which comes after trivial outputs in `models`.
    pub(super) fn base_model(&self) -> Option<&PlannedModel> {
        self.models.iter().find(|m| m.label.role == Role::Base)
    }

    pub(super) fn experts(&mut self) -> Result<(), PlanError> {
        let manifest = self.manifest;
        for expert in &manifest.experts {
            let languages = values(&expert.languages);
            let tasks = expert.tasks.as_deref().map(values);
            let training = Training {
                name: &expert.name,
                role: Role::Expert,
                languages: &languages,
                tasks: tasks.as_deref(),
                recipe: &expert.recipe,
                span: &expert.languages[0].span,
            };
            self.replicated(&expert.name, &expert.seeds, |builder, name, seed| {
                let mut model = builder.trained(&Training { name, ..training }, seed)?;
                if !manifest.evaluation.cross_lingual {
                    model.languages = Some(languages.clone());
                }
                if !manifest.evaluation.cross_task {
                    model.tasks.clone_from(&tasks);
                }
                Ok(model)
            })?;
        }
        Ok(())
    }

    pub(super) fn combined(&mut self) -> Result<(), PlanError> {
        let manifest = self.manifest;
        let Some(combined) = &manifest.combined else {
            return Ok(());
        };
        let own = combined.languages.as_deref();
        let languages = self.all_languages(own, "[combined]", &combined.recipe.span)?;
        let training = Training {
            name: "combined",
            role: Role::Combined,
            languages: &languages,
            tasks: None,
            recipe: &combined.recipe,
            span: &combined.recipe.span,
        };
        self.replicated("combined", &combined.seeds, |builder, name, seed| {
            builder.trained(&Training { name, ..training }, seed)
        })
    }

    /// The languages of a model that learns several: its own, or those of all experts.
    pub(super) fn all_languages(
        &self,
        own: Option<&[Located<String>]>,
        what: &str,
        span: &Span,
    ) -> Result<Vec<String>, PlanError> {
        let mut languages: Vec<String> = Vec::new();
        match own {
            Some(own) => languages.extend(values(own)),
            None => {
                for language in self.manifest.experts.iter().flat_map(|e| &e.languages) {
                    if !languages.contains(&language.value) {
                        languages.push(language.value.clone());
                    }
                }
            }
        }
        if languages.is_empty() {
            let message = format!("{what} has no languages: set `languages`, or add [[experts]].");
            return Err(self.manifest.error(span.clone(), message).into());
        }
        Ok(languages)
    }

    /// Plans a model, or a replicate of it for each seed of the manifest.
    pub(super) fn replicated(
        &mut self,
        group: &str,
        own_seeds: &[u64],
        mut plan: impl FnMut(&mut Self, &str, u64) -> Result<PlannedModel, PlanError>,
    ) -> Result<(), PlanError> {
        for (replicate, seed) in self.manifest.trainings(own_seeds) {
            let name = replicate_name(group, replicate);
            let mut model = plan(self, &name, seed)?;
            model.label.replicate = replicate;
            model.label.replicate_of = replicate.map(|_| group.to_owned());
            self.models.push(model);
        }
        Ok(())
    }

    pub(super) fn trained(
        &mut self,
        training: &Training<'_>,
        seed: u64,
    ) -> Result<PlannedModel, PlanError> {
        let base = self.base_model().cloned();
        self.trained_from(training, base, seed)
    }

    pub(super) fn trained_from(
        &mut self,
        training: &Training<'_>,
        from: Option<PlannedModel>,
        seed: u64,
    ) -> Result<PlannedModel, PlanError> {
        let manifest = self.manifest;
        let Training {
            name,
            languages,
            span,
            ..
        } = *training;
        let recipe: &Recipe = manifest.recipe(training.recipe)?;
        let mut how = How::default();
        let mut rows: Vec<TaskRows> = Vec::new();
        for task in self.tasks.iter().filter(|task| task.prompt.is_none()) {
            if training
                .tasks
                .is_some_and(|own| !own.contains(&task.entry.name))
            {
                continue;
            }
            if let Some(own) = task.training(manifest, self.data, languages, recipe)? {
                task.place(&mut how, own.train.iter().chain(&own.validation).cloned());
                rows.push(own);
            }
        }
        if rows.is_empty() {
            return Err(manifest
                .error(
                    span.clone(),
                    format!("no task has training rows in {}.", languages.join(", ")),
                )
                .into());
        }
        let validated = rows.iter().any(|own| !own.validation.is_empty());
        check_patience(manifest, recipe, span, validated)?;
        let from = from.ok_or_else(|| manifest.error(span.clone(), NO_BASE))?;
        how.places.insert(from.label.key.clone(), from.folder);
        let what = What::Train(TrainWhat {
            base: from.label.key,
            chat: manifest.evaluation.chat,
            rows,
            recipe: recipe.clone(),
            seed,
            device: manifest.device.value.clone(),
        });
        let needs = from.node.into_iter().collect();
        let node = self.node(format!("train {name}"), what, how, needs, span.clone());
        let mut label = label(name, training.role);
        label.seed = Some(seed);
        label.languages = languages.to_vec();
        Ok(self.made_by(node, label))
    }
}

/// Refuses `patience` where no validation loss would be there to wait for.
pub(super) fn check_patience(
    manifest: &Manifest,
    recipe: &Recipe,
    span: &Span,
    validated: bool,
) -> Result<(), PlanError> {
    if recipe.patience.is_none() || validated {
        return Ok(());
    }
    let message = "this recipe's `patience` needs a validation split, and none of the datasets has \
                   one: take the key out, or add a split `validation` to a card.";
    Err(manifest.error(span.clone(), message).into())
}

/// Said where a training has nothing to begin with.
pub(super) const NO_BASE: &str = "there is no base.";

/// The values without their places.
pub(super) fn values(located: &[Located<String>]) -> Vec<String> {
    located.iter().map(|l| l.value.clone()).collect()
}

/// The name of a replicate, or of the model where there is one alone.
pub(super) fn replicate_name(group: &str, replicate: Option<u64>) -> String {
    match replicate {
        None => group.to_owned(),
        Some(seed) => format!("{group} replicate={seed}"),
    }
}
