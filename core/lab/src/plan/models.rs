//! Stages that train: the base, the experts, the combined model.

use super::{
    Builder, PlanError, PlannedModel,
    data::absolute,
    spec::{How, PretrainWhat, TaskRows, TrainWhat, What},
};
use crate::{
    cell::{ModelLabel, Role},
    manifest::{Located, Manifest, Origin, Pretrain, Recipe, Span},
};
use mergelab_checkpoint::Checkpoint;
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
        key: String::new(),
    }
}

/// Content key of a model that is there already: its weights, its config and its tokenizer.
fn imported_key(checkpoint: &Checkpoint) -> String {
    let mut hasher = blake3::Hasher::new();
    hasher.update(checkpoint.content_hash().as_bytes());
    for name in ["config.json", "tokenizer.json"] {
        // A file that is not there is empty here, and an error where it is needed.
        let content = std::fs::read(checkpoint.dir().join(name)).unwrap_or_default();
        hasher.update(&(content.len() as u64).to_le_bytes());
        hasher.update(&content);
    }
    hasher.finalize().to_hex()[..32].to_owned()
}

impl Builder<'_> {
    /// The base, which comes after trivial outputs in `models`.
    pub(super) fn base_model(&self) -> Option<&PlannedModel> {
        self.models.iter().find(|m| m.label.role == Role::Base)
    }

    pub(super) fn base(&mut self) -> Result<(), PlanError> {
        let model = match &self.manifest.base.origin {
            Origin::Path(path) => {
                let checkpoint = Checkpoint::open(&path.value)
                    .map_err(|e| self.manifest.error(path.span.clone(), e.to_string()))?;
                let mut label = label("base", Role::Base);
                label.key = imported_key(&checkpoint);
                PlannedModel {
                    label,
                    node: None,
                    folder: absolute(&path.value),
                    languages: None,
                }
            }
            Origin::Pretrain(pretrain) => self.pretrained(pretrain)?,
        };
        self.models.push(model);
        self.instructed()
    }

    /// Fine-tunes the base on every task and language, where the manifest asks for it. The result
    /// takes the base's place.
    fn instructed(&mut self) -> Result<(), PlanError> {
        let manifest = self.manifest;
        let Some(instruct) = &manifest.base.instruct else {
            return Ok(());
        };
        let mut languages: Vec<String> = Vec::new();
        for language in self.tasks.iter().flat_map(|t| &t.languages) {
            if !languages.contains(language) {
                languages.push(language.clone());
            }
        }
        let model = self.trained(
            "base",
            Role::Base,
            &languages,
            None,
            &instruct.recipe,
            instruct.seed.unwrap_or(manifest.seed),
            &instruct.recipe.span,
        )?;
        self.models.retain(|m| m.label.role != Role::Base);
        self.models.push(model);
        Ok(())
    }

    fn pretrained(&mut self, pretrain: &Pretrain) -> Result<PlannedModel, PlanError> {
        let manifest = self.manifest;
        let recipe = manifest.recipe(&pretrain.recipe)?;
        let card = self.data.card(manifest, &pretrain.dataset)?;
        let mut how = How::default();
        let mut read = |split: &str, limit: Option<usize>| -> Result<_, PlanError> {
            let mut slices = Vec::new();
            for language in &pretrain.languages {
                let (reference, slice) = self.data.slice(
                    manifest,
                    &card,
                    split,
                    &language.value,
                    limit,
                    &language.span,
                )?;
                for example in &slice.examples {
                    if !example
                        .row
                        .get(&pretrain.field)
                        .is_some_and(|v| v.is_string())
                    {
                        return Err(manifest
                            .error(
                                pretrain.dataset.span.clone(),
                                format!(
                                    "the row with id `{}` of {} has no text under `{}`: set \
                                     `field`.",
                                    example.id, card.name, pretrain.field
                                ),
                            )
                            .into());
                    }
                }
                how.places
                    .insert(reference.hash.clone(), absolute(&card.source.path));
                slices.push(reference);
            }
            Ok(slices)
        };
        let train = read("train", recipe.rows)?;
        let validation = match card.splits.contains_key("validation") {
            true => read("validation", None)?,
            false => Vec::new(),
        };
        let span = &pretrain.recipe.span;
        check_patience(manifest, recipe, span, !validation.is_empty())?;
        let seed = pretrain.seed.unwrap_or(manifest.seed);
        let what = What::Pretrain(PretrainWhat {
            field: pretrain.field.clone(),
            train,
            validation,
            vocabulary: pretrain.vocabulary,
            hidden_size: pretrain.hidden_size,
            intermediate_size: pretrain.intermediate_size,
            layers: pretrain.layers,
            heads: pretrain.heads,
            key_value_heads: pretrain.key_value_heads,
            context: pretrain.context,
            recipe: recipe.clone(),
            seed,
            device: manifest.device.value.clone(),
        });
        let span = pretrain.recipe.span.clone();
        let node = self.node("pretrain base".to_owned(), what, how, Vec::new(), span);
        let mut label = label("base", Role::Base);
        label.seed = Some(seed);
        label.languages = pretrain.languages.iter().map(|l| l.value.clone()).collect();
        label.key = self.nodes[node].key.clone();
        Ok(PlannedModel {
            label,
            node: Some(node),
            folder: self.artifact(node).join("model"),
            languages: None,
        })
    }

    pub(super) fn experts(&mut self) -> Result<(), PlanError> {
        let manifest = self.manifest;
        for expert in &manifest.experts {
            let languages: Vec<String> = expert.languages.iter().map(|l| l.value.clone()).collect();
            let tasks: Option<Vec<&str>> = expert
                .tasks
                .as_ref()
                .map(|tasks| tasks.iter().map(|t| t.value.as_str()).collect());
            let mut model = self.trained(
                &expert.name,
                Role::Expert,
                &languages,
                tasks.as_deref(),
                &expert.recipe,
                expert.seed.unwrap_or(manifest.seed),
                &expert.languages[0].span,
            )?;
            if !manifest.evaluation.cross_lingual {
                model.languages = Some(languages);
            }
            self.models.push(model);
        }
        Ok(())
    }

    pub(super) fn combined(&mut self) -> Result<(), PlanError> {
        let manifest = self.manifest;
        let Some(combined) = &manifest.combined else {
            return Ok(());
        };
        let mut languages: Vec<String> = Vec::new();
        match &combined.languages {
            Some(own) => languages.extend(own.iter().map(|l| l.value.clone())),
            None => {
                for language in manifest.experts.iter().flat_map(|e| &e.languages) {
                    if !languages.contains(&language.value) {
                        languages.push(language.value.clone());
                    }
                }
            }
        }
        if languages.is_empty() {
            return Err(manifest
                .error(
                    combined.recipe.span.clone(),
                    "[combined] has no languages: set `languages`, or add [[experts]].",
                )
                .into());
        }
        let model = self.trained(
            "combined",
            Role::Combined,
            &languages,
            None,
            &combined.recipe,
            combined.seed.unwrap_or(manifest.seed),
            &combined.recipe.span,
        )?;
        self.models.push(model);
        Ok(())
    }

    #[allow(clippy::too_many_arguments)]
    fn trained(
        &mut self,
        name: &str,
        role: Role,
        languages: &[String],
        tasks: Option<&[&str]>,
        recipe: &Located<String>,
        seed: u64,
        span: &Span,
    ) -> Result<PlannedModel, PlanError> {
        let manifest = self.manifest;
        let recipe: &Recipe = manifest.recipe(recipe)?;
        let mut how = How::default();
        let mut rows: Vec<TaskRows> = Vec::new();
        for task in self.tasks {
            if tasks.is_some_and(|own| !own.contains(&task.entry.name.as_str())) {
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
        let Some(base) = self.base_model().cloned() else {
            return Err(manifest.error(span.clone(), "there is no base.").into());
        };
        how.places.insert(base.label.key.clone(), base.folder);
        let what = What::Train(TrainWhat {
            base: base.label.key,
            rows,
            recipe: recipe.clone(),
            seed,
            device: manifest.device.value.clone(),
        });
        let needs = base.node.into_iter().collect();
        let node = self.node(format!("train {name}"), what, how, needs, span.clone());
        let mut label = label(name, role);
        label.seed = Some(seed);
        label.languages = languages.to_vec();
        label.key = self.nodes[node].key.clone();
        Ok(PlannedModel {
            label,
            node: Some(node),
            folder: self.artifact(node).join("model"),
            languages: None,
        })
    }
}

/// Refuses `patience` where no validation loss would be there to wait for.
fn check_patience(
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
