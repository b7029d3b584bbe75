//! Tasks and metrics: plugins found, parameters checked, every row tried.

use super::{
    data::{Data, absolute},
    error::PlanError,
    spec::{How, MetricRef, Shots, SliceRef, TaskRef, TaskRows},
};
use crate::{
    cell::PluginStamp,
    dataset::{Card, Slice},
    manifest::{Manifest, PromptEntry, Recipe, Span, TaskEntry},
    shots,
};
use mergelab_abi::{
    Kind,
    metric::{Measure, MetricSetup},
    registry::{Plugin, Registry},
    task::{Prepared, Request, TaskSetup},
};
use serde_json::{Map, Value};
use std::{
    cell::RefCell,
    collections::{BTreeMap, BTreeSet},
    rc::Rc,
};

/// A split, a language and a limit of rows.
type Place = (String, String, Option<usize>);

/// A task of the manifest, ready to plan with.
pub(crate) struct PlannedTask<'a> {
    pub(crate) entry: &'a TaskEntry,
    /// The prompt that it is another form of the entry with. Such a form is evaluated: nothing is
    /// trained or chosen on it.
    pub(crate) prompt: Option<&'a PromptEntry>,
    pub(crate) card: Rc<Card>,
    pub(crate) reference: TaskRef,
    pub(crate) metrics: Vec<MetricRef>,
    /// What each metric reports.
    pub(crate) measures: Vec<Vec<Measure>>,
    pub(crate) languages: Vec<String>,
    plugin: Plugin,
    metric_plugins: Vec<Plugin>,
    /// Rows that were tried.
    tried: RefCell<BTreeMap<Place, SliceRef>>,
    /// Examples to show, by the hash of the evaluated rows.
    shown: RefCell<BTreeMap<String, Shots>>,
}

/// A plugin as keys and tables name it.
pub(crate) fn stamp(plugin: &Plugin) -> PluginStamp {
    PluginStamp {
        id: plugin.info.id.clone(),
        version: plugin.info.version.clone(),
        hash: plugin.hash().to_owned(),
    }
}

/// The plugin of this kind and id, or an error at its place in the manifest.
pub(crate) fn find(
    manifest: &Manifest,
    registry: &Registry,
    kind: Kind,
    id: &str,
    span: &Span,
) -> Result<Plugin, PlanError> {
    registry
        .get(kind, id)
        .cloned()
        .map_err(|e| manifest.error(span.clone(), e.to_string()).into())
}

impl<'a> PlannedTask<'a> {
    pub(crate) fn new(
        manifest: &Manifest,
        entry: &'a TaskEntry,
        prompt: Option<&'a PromptEntry>,
        registry: &Registry,
        data: &Data,
    ) -> Result<Self, PlanError> {
        let plugin = find(
            manifest,
            registry,
            Kind::Task,
            &entry.task.value,
            &entry.task.span,
        )?;
        let card = data.card(manifest, &entry.dataset)?;
        // What the set asks of the task holds where the manifest says nothing.
        let mut params = card.params.clone();
        params.extend(entry.params.value.clone());
        let own = prompt.map_or(&entry.params, |prompt| &prompt.params);
        if let Some(prompt) = prompt {
            params.extend(prompt.params.value.clone());
        }
        let params = plugin
            .info
            .parameters
            .complete(&params, 0)
            .map_err(|e| manifest.error(own.span.clone(), e.to_string()))?;
        let languages = match &entry.languages {
            Some(languages) => languages.iter().map(|l| l.value.clone()).collect(),
            None => card.languages.clone(),
        };
        if languages.is_empty() {
            return Err(manifest
                .error(
                    entry.dataset.span.clone(),
                    "the dataset's card lists no languages: set `languages` here or there.",
                )
                .into());
        }
        let mut metrics = Vec::new();
        let mut measures = Vec::new();
        let mut metric_plugins = Vec::new();
        let defaults = plugin.info.task.as_ref().map(|t| t.metrics.clone());
        let wanted: Vec<(String, Map<String, Value>, Span)> = if entry.metrics.is_empty() {
            defaults
                .unwrap_or_default()
                .into_iter()
                .map(|id| (id, Map::new(), entry.task.span.clone()))
                .collect()
        } else {
            entry
                .metrics
                .iter()
                .map(|m| {
                    (
                        m.metric.value.clone(),
                        m.params.value.clone(),
                        m.metric.span.clone(),
                    )
                })
                .collect()
        };
        for (id, params, span) in wanted {
            let metric = find(manifest, registry, Kind::Metric, &id, &span)?;
            let mut reported = Vec::new();
            for language in &languages {
                let setup = MetricSetup {
                    params: params.clone(),
                    language: language.clone(),
                    labels: card.labels.clone(),
                };
                reported = metric
                    .open_metric(&setup)
                    .map_err(|e| manifest.error(span.clone(), format!("{id}: {e}")))?
                    .measures();
            }
            measures.push(reported);
            metrics.push(MetricRef {
                plugin: stamp(&metric),
                params,
            });
            metric_plugins.push(metric);
        }
        let task = Self {
            reference: TaskRef {
                name: prompt.map_or(entry.name.clone(), |prompt| entry.with_prompt(prompt)),
                plugin: stamp(&plugin),
                params,
                labels: card.labels.clone(),
            },
            entry,
            prompt,
            card,
            metrics,
            measures,
            languages,
            plugin,
            metric_plugins,
            tried: RefCell::default(),
            shown: RefCell::default(),
        };
        for language in &task.languages {
            task.setup(manifest, language)?;
        }
        Ok(task)
    }

    fn setup(
        &self,
        manifest: &Manifest,
        language: &str,
    ) -> Result<Box<dyn mergelab_abi::task::Task>, PlanError> {
        self.plugin
            .open_task(&TaskSetup {
                params: self.reference.params.clone(),
                language: language.to_owned(),
                labels: self.reference.labels.clone(),
            })
            .map_err(|e| {
                let span = match self.prompt {
                    Some(prompt) => &prompt.params.span,
                    None => &self.entry.task.span,
                };
                manifest.error(span.clone(), e.to_string()).into()
            })
    }

    /// Its name in tables.
    pub(crate) fn name(&self) -> &str {
        &self.reference.name
    }

    /// Rows of one language, all of them tried: a row that the task refuses stops the plan.
    pub(crate) fn slice(
        &self,
        manifest: &Manifest,
        data: &Data,
        split: &str,
        language: &str,
        limit: Option<usize>,
    ) -> Result<SliceRef, PlanError> {
        let place = (split.to_owned(), language.to_owned(), limit);
        if let Some(known) = self.tried.borrow().get(&place) {
            return Ok(known.clone());
        }
        let (reference, slice) = data.slice(
            manifest,
            &self.card,
            split,
            language,
            limit,
            &self.entry.dataset.span,
        )?;
        self.try_rows(manifest, data, split, language, &slice)?;
        self.tried.borrow_mut().insert(place, reference.clone());
        Ok(reference)
    }

    /// The examples that are shown before the prompts of some rows.
    pub(crate) fn shots(
        &self,
        manifest: &Manifest,
        data: &Data,
        rows: &SliceRef,
    ) -> Result<Option<Shots>, PlanError> {
        let Some(entry) = &self.entry.shots else {
            return Ok(None);
        };
        if let Some(known) = self.shown.borrow().get(&rows.hash) {
            return Ok(Some(known.clone()));
        }
        let (split, language) = (&entry.split, &rows.language);
        let refuse = |span: &Span, message: String| {
            Err(PlanError::from(manifest.error(span.clone(), message)))
        };
        if split.value == rows.split {
            return refuse(
                &split.span,
                format!(
                    "the examples that `shots` shows would come from the split `{}`, which is \
                     evaluated: name another one with `shots_split`.",
                    split.value
                ),
            );
        }
        let pool = self.slice(manifest, data, &split.value, language, None)?;
        let seed = entry.seed.unwrap_or(manifest.seed);
        let read = |of: &SliceRef| {
            let span = &self.entry.dataset.span;
            data.slice(manifest, &self.card, &of.split, language, of.limit, span)
                .map(|(_, slice)| slice.examples)
        };
        let (evaluated, shown) = (read(rows)?, read(&pool)?);
        let chosen = shots::choose(&shown, &evaluated, entry.count.value, seed);
        // Rows that are not here yet cannot be counted.
        let known = !super::is_provisional(&pool.hash);
        if known && chosen.len() < entry.count.value {
            return refuse(
                &entry.count.span,
                format!(
                    "`shots` asks for {} examples, and the split `{}` of `{}` has {} in {language} \
                     that share nothing with the evaluated rows.",
                    entry.count.value,
                    split.value,
                    self.card.name,
                    chosen.len()
                ),
            );
        }
        let shots = Shots {
            count: entry.count.value,
            seed,
            rows: pool,
        };
        let mut shown = self.shown.borrow_mut();
        shown.insert(rows.hash.clone(), shots.clone());
        Ok(Some(shots))
    }

    fn try_rows(
        &self,
        manifest: &Manifest,
        data: &Data,
        split: &str,
        language: &str,
        slice: &Slice,
    ) -> Result<(), PlanError> {
        let task = self.setup(manifest, language)?;
        for example in &slice.examples {
            if let Err(error) = task.prepare(std::slice::from_ref(&example.row)) {
                let message = error.to_string();
                let message = message.strip_prefix("row 1: ").unwrap_or(&message);
                let place = format!(
                    "{}: the row with id `{}`: {message}.",
                    data.file(&self.card, split).display(),
                    example.id,
                );
                return Err(manifest
                    .error(self.entry.dataset.span.clone(), place)
                    .into());
            }
        }
        Ok(())
    }

    /// Training and validation rows for some languages. Languages that the dataset lacks are left
    /// out; `None` where it lacks all of them.
    pub(crate) fn training(
        &self,
        manifest: &Manifest,
        data: &Data,
        languages: &[String],
        recipe: &Recipe,
    ) -> Result<Option<TaskRows>, PlanError> {
        let own: Vec<&String> = languages
            .iter()
            .filter(|l| self.card.languages.contains(l))
            .collect();
        if own.is_empty() {
            return Ok(None);
        }
        let mut rows = TaskRows {
            task: self.reference.clone(),
            train: Vec::new(),
            validation: Vec::new(),
        };
        for language in own {
            // Both bound the rows, so the smaller one holds.
            let limits = [recipe.rows, self.entry.train_rows];
            let limit = limits.into_iter().flatten().min();
            rows.train
                .push(self.slice(manifest, data, "train", language, limit)?);
            if self.card.splits.contains_key("validation") {
                let limit = self.entry.validation_rows;
                rows.validation
                    .push(self.slice(manifest, data, "validation", language, limit)?);
            }
        }
        Ok(Some(rows))
    }

    /// Adds where the task's plugin and card lie.
    pub(crate) fn place(&self, how: &mut How, slices: impl IntoIterator<Item = SliceRef>) {
        how.places.insert(
            self.reference.plugin.hash.clone(),
            absolute(self.plugin.path()),
        );
        for slice in slices {
            how.places
                .insert(slice.hash, absolute(&self.card.source.path));
        }
    }

    /// Adds where the metrics' plugins lie.
    pub(crate) fn place_metrics(&self, how: &mut How) {
        for plugin in &self.metric_plugins {
            how.places
                .insert(plugin.hash().to_owned(), absolute(plugin.path()));
        }
    }

    /// Names of the trivial outputs that the task offers.
    pub(crate) fn trivial(&self) -> BTreeSet<String> {
        self.example()
            .map(|p| p.trivial.into_keys().collect())
            .unwrap_or_default()
    }

    /// Whether the task asks for the likelihood of choices.
    pub(crate) fn chooses(&self) -> bool {
        self.example()
            .is_some_and(|p| matches!(p.request, Request::Choose { .. }))
    }

    /// Whether the task asks for the likelihood of whole texts.
    pub(crate) fn scores_texts(&self) -> bool {
        self.example()
            .is_some_and(|p| matches!(p.request, Request::Likelihood { .. }))
    }

    /// The plugin's example, made ready.
    fn example(&self) -> Option<Prepared> {
        let traits = self.plugin.info.task.as_ref()?;
        let setup = TaskSetup {
            params: self.reference.params.clone(),
            language: self.languages.first().cloned().unwrap_or_default(),
            labels: traits.example_labels.clone(),
        };
        let prepared = self
            .plugin
            .open_task(&setup)
            .and_then(|task| task.prepare(std::slice::from_ref(&traits.example)));
        prepared.ok()?.into_iter().next()
    }
}
