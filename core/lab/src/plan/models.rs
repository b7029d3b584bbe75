//! Stages that train: the base, the experts, the combined and the sequential model.

use super::{
    Builder, PlanError, PlannedModel,
    data::absolute,
    missing::{Missing, provisional},
    spec::{How, PretrainWhat, TaskRows, TrainWhat, What},
};
use crate::{
    cell::{ModelLabel, Role},
    manifest::{Located, Manifest, Order, Origin, Pretrain, Recipe, Span},
};
use mergelab_checkpoint::Checkpoint;
use mergelab_hub::{Hub, HubError, HubModel, Resolved, Settings};
use serde_json::Map;
use std::path::PathBuf;

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

/// A training to plan.
#[derive(Clone, Copy)]
struct Training<'a> {
    name: &'a str,
    role: Role,
    languages: &'a [String],
    /// Names of the tasks; all where `None`.
    tasks: Option<&'a [String]>,
    recipe: &'a Located<String>,
    span: &'a Span,
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
        label.key = self.nodes[node].key.clone();
        Ok(PlannedModel {
            label,
            node: Some(node),
            folder: self.artifact(node).join("model"),
            languages: None,
            tasks: None,
        })
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

    /// A chain of trainings, each from the model that the one before left. A link whose model was
    /// trained before, as part of a shorter chain or as an expert, is found by its content key.
    pub(super) fn sequential(&mut self) -> Result<(), PlanError> {
        let manifest = self.manifest;
        let Some(sequential) = &manifest.sequential else {
            return Ok(());
        };
        let own = sequential.languages.as_deref();
        let languages = self.all_languages(own, "[sequential]", &sequential.recipe.span)?;
        self.replicated("sequential", &sequential.seeds, |builder, name, seed| {
            let span = &sequential.recipe.span;
            let mut from = builder.base_model().cloned();
            for (link, language) in ordered(&languages, sequential.order, seed)
                .iter()
                .enumerate()
            {
                let training = Training {
                    name: &format!("{name} {} {language}", link + 1),
                    role: Role::Sequential,
                    languages: std::slice::from_ref(language),
                    tasks: None,
                    recipe: &sequential.recipe,
                    span,
                };
                from = Some(builder.trained_from(&training, from, seed)?);
            }
            let mut model = from.ok_or_else(|| manifest.error(span.clone(), NO_BASE))?;
            model.label.name = name.to_owned();
            model.label.languages = ordered(&languages, sequential.order, seed);
            Ok(model)
        })
    }

    /// The languages of a model that learns several: its own, or those of all experts.
    fn all_languages(
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
    fn replicated(
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

    fn trained(&mut self, training: &Training<'_>, seed: u64) -> Result<PlannedModel, PlanError> {
        let base = self.base_model().cloned();
        self.trained_from(training, base, seed)
    }

    fn trained_from(
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
        label.key = self.nodes[node].key.clone();
        Ok(PlannedModel {
            label,
            node: Some(node),
            folder: self.artifact(node).join("model"),
            languages: None,
            tasks: None,
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

const NO_BASE: &str = "there is no base.";

fn values(located: &[Located<String>]) -> Vec<String> {
    located.iter().map(|l| l.value.clone()).collect()
}

/// The name of a replicate, or of the model where there is one alone.
pub(super) fn replicate_name(group: &str, replicate: Option<u64>) -> String {
    match replicate {
        None => group.to_owned(),
        Some(seed) => format!("{group} replicate={seed}"),
    }
}

/// Languages in the order of a sequential training.
fn ordered(languages: &[String], order: Order, seed: u64) -> Vec<String> {
    let mut languages = languages.to_vec();
    match order {
        Order::Given => {}
        Order::Reverse => languages.reverse(),
        // Sorted by a hash of seed and name, so that a further language leaves the others in order.
        Order::Random => languages.sort_by_cached_key(|language| {
            let mut hasher = blake3::Hasher::new();
            hasher.update(&seed.to_le_bytes());
            hasher.update(language.as_bytes());
            *hasher.finalize().as_bytes()
        }),
    }
    languages
}

#[cfg(test)]
mod tests {
    use super::{Order, ordered};

    #[test]
    fn a_random_order_follows_from_the_seed() {
        let languages = ["de", "en", "fr", "ja", "zh"].map(str::to_owned);
        let with = |order, seed| ordered(&languages, order, seed);
        assert_eq!(with(Order::Given, 1), languages);
        assert_eq!(with(Order::Reverse, 1)[0], "zh");
        assert_eq!(with(Order::Random, 1), with(Order::Random, 1));
        let orders: std::collections::BTreeSet<_> =
            (0..8).map(|seed| with(Order::Random, seed)).collect();
        assert!(orders.len() > 4, "{orders:?}");
        let fewer = ordered(&languages[1..], Order::Random, 3);
        let all = with(Order::Random, 3);
        assert_eq!(
            fewer,
            all.into_iter().filter(|l| l != "de").collect::<Vec<_>>()
        );
    }
}
