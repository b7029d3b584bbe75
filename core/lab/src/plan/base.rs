//! The base: a folder, a model of a hub, or one that is trained from scratch; instructed or not.

use super::{
    Builder, PlanError, PlannedModel,
    data::absolute,
    missing::{Missing, provisional},
    models::{Training, check_patience, label},
    spec::{How, PretrainWhat, What},
};
use crate::{
    cell::Role,
    manifest::{Located, Origin, Pretrain},
};
use mergelab_checkpoint::Checkpoint;
use mergelab_hub::{Hub, HubError, HubModel, Resolved, Settings};
use std::path::PathBuf;

/// Content key of a model of a hub: a commit never changes.
fn hub_key(resolved: &Resolved) -> String {
    blake3::hash(resolved.name.as_bytes()).to_hex()[..32].to_owned()
}

/// Content key of a model that is there already: its weights, its config, and its tokenizer with
/// the tokens that begin and end texts and the chat template.
pub(crate) fn imported_key(checkpoint: &Checkpoint) -> String {
    let mut hasher = blake3::Hasher::new();
    hasher.update(checkpoint.content_hash().as_bytes());
    for name in [
        "config.json",
        "tokenizer.json",
        "tokenizer_config.json",
        "chat_template.jinja",
        "generation_config.json",
    ] {
        // A file that is not there is empty here, and an error where it is needed.
        let content = std::fs::read(checkpoint.dir().join(name)).unwrap_or_default();
        hasher.update(&(content.len() as u64).to_le_bytes());
        hasher.update(&content);
    }
    hasher.finalize().to_hex()[..32].to_owned()
}

impl Builder<'_> {
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
                    tasks: None,
                }
            }
            Origin::Hub(model) => {
                let mut label = label("base", Role::Base);
                let (key, folder) = self.hub_base(model)?;
                label.key = key;
                PlannedModel {
                    label,
                    node: None,
                    folder,
                    languages: None,
                    tasks: None,
                }
            }
            Origin::Pretrain(pretrain) => self.pretrained(pretrain)?,
        };
        self.models.push(model);
        self.instructed()
    }

    /// Content key and folder of a base that is a model of a hub. The hub is asked once, without
    /// waiting for it: a plan can be made where there is no network.
    fn hub_base(&mut self, model: &Located<HubModel>) -> Result<(String, PathBuf), PlanError> {
        let refuse = |e: HubError| self.manifest.error(model.span.clone(), e.to_string());
        let settings = Settings {
            retries: 0,
            ..Settings::from_env().map_err(refuse)?
        };
        let hub = Hub::new(settings);
        let resolved = match hub.resolve(&model.value) {
            Ok(resolved) => resolved,
            Err(HubError::Unreachable { .. }) => {
                let name = model.value.to_string();
                let key = provisional(&name);
                self.missing.push(Missing::Base {
                    model: name,
                    commit: None,
                });
                return Ok((key, PathBuf::new()));
            }
            Err(e) => return Err(refuse(e).into()),
        };
        let at_commit = HubModel {
            repository: model.value.repository.clone(),
            revision: resolved.commit.clone(),
        };
        if !hub.is_here(&at_commit) {
            self.missing.push(Missing::Base {
                model: model.value.to_string(),
                commit: Some(resolved.commit.clone()),
            });
        }
        self.hub = Some(at_commit);
        Ok((hub_key(&resolved), resolved.folder))
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
            &Training {
                name: "base",
                role: Role::Base,
                languages: &languages,
                tasks: None,
                recipe: &instruct.recipe,
                span: &instruct.recipe.span,
            },
            instruct.seed.unwrap_or(manifest.seed),
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
        Ok(self.made_by(node, label))
    }
}
