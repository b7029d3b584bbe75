//! The whole manifest.

use super::{
    Base, Combined, EndpointEntry, Expert, ManifestError, MergeGrid, Origin, Recipe, Sequential,
    SourceFile, StatisticsSpans, TaskEntry,
    merges::fits,
    reader::Reader,
    source::{Located, read_toml},
    statistics::statistics,
};
use crate::compare::Settings;
use mergelab_abi::suggest::hint;
use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
    sync::Arc,
};

/// How models are asked.
#[derive(Debug, Clone, PartialEq)]
pub struct Evaluation {
    /// Examples in a batch. Results do not depend on it.
    pub batch_size: usize,
    /// Whether every expert is evaluated on every language, or on its own ones only.
    pub cross_lingual: bool,
    /// Whether every expert is evaluated on every task, or on its own ones only.
    pub cross_task: bool,
    /// Whether prompts are turns of a chat, by the base's chat template, in training and evaluation.
    pub chat: bool,
}

/// An experiment as its manifest says it.
#[derive(Debug)]
pub struct Manifest {
    /// The file.
    pub file: Arc<SourceFile>,
    /// Name of the experiment.
    pub name: String,
    /// Seed of everything that names none of its own.
    pub seed: u64,
    /// Seeds of the replicates of every training. Empty where each model is trained once.
    pub seeds: Vec<u64>,
    /// Where models run, such as `flex` or `cuda:0`.
    pub device: Located<String>,
    /// Plugin libraries or folders of them.
    pub plugins: Vec<PathBuf>,
    /// The shared base.
    pub base: Base,
    /// Training recipes by name.
    pub recipes: BTreeMap<String, Recipe>,
    /// Tasks.
    pub tasks: Vec<TaskEntry>,
    /// Experts.
    pub experts: Vec<Expert>,
    /// The model trained on everything.
    pub combined: Option<Combined>,
    /// The model trained language by language.
    pub sequential: Option<Sequential>,
    /// Merges.
    pub merges: Vec<MergeGrid>,
    /// Models that are served elsewhere.
    pub endpoints: Vec<EndpointEntry>,
    /// Trivial outputs that the tasks offer, evaluated beside the models.
    pub trivial: Vec<Located<String>>,
    /// How models are asked.
    pub evaluation: Evaluation,
    /// How models are compared.
    pub statistics: Settings,
    /// Where `[statistics]` names what only a plan knows.
    pub statistics_spans: StatisticsSpans,
}

impl Manifest {
    /// Reads a manifest and checks what can be checked without plugins and data.
    ///
    /// # Errors
    /// What is wrong, with file and line.
    pub fn read(path: &Path) -> Result<Self, ManifestError> {
        read_toml(path, Self::from_reader)
    }

    fn from_reader(root: &Reader<'_>) -> Result<Self, ManifestError> {
        let name = root.required_text("name")?;
        let fits = |c: char| c.is_alphanumeric() || "-_.".contains(c);
        if name.value.is_empty() || !name.value.chars().all(fits) {
            return Err(root.error(
                name.span,
                "`name` is used as a folder's name: letters, digits, `-`, `_` and `.` only.",
            ));
        }
        let mut recipes = BTreeMap::new();
        if let Some(tables) = root.table("recipes")? {
            for key in tables.keys() {
                if let Some(table) = tables.table(&key.value)? {
                    recipes.insert(key.value, Recipe::read(&table)?);
                }
            }
        }
        let seed = root.whole("seed")?.unwrap_or(0);
        let seeds = replicates(root)?;
        let tasks = TaskEntry::read_all(root)?;
        let task_names: Vec<String> = tasks.iter().map(|t| t.name.clone()).collect();
        let (statistics, statistics_spans) = statistics(root, seed, &task_names)?;
        let manifest = Self {
            file: Arc::clone(root.file()),
            name: name.value,
            seed,
            seeds,
            device: root.text("device")?.unwrap_or(Located {
                value: "flex".to_owned(),
                span: root.span(),
            }),
            plugins: root
                .texts("plugins")?
                .unwrap_or_default()
                .into_iter()
                .map(|p| root.file().resolve(&p.value))
                .collect(),
            base: Base::read(root)?,
            recipes,
            experts: Expert::read_all(root, &task_names)?,
            tasks,
            combined: Combined::read(root)?,
            sequential: Sequential::read(root)?,
            merges: MergeGrid::read_all(root)?,
            endpoints: EndpointEntry::read_all(root)?,
            trivial: root.texts("trivial")?.unwrap_or_default(),
            evaluation: evaluation(root)?,
            statistics,
            statistics_spans,
        };
        manifest.check_names()?;
        Ok(manifest)
    }

    /// An error about a place in the manifest.
    pub fn error(&self, span: super::Span, message: impl Into<String>) -> ManifestError {
        ManifestError {
            file: Arc::clone(&self.file),
            span,
            message: message.into(),
            help: None,
        }
    }

    /// The recipe of this name.
    ///
    /// # Errors
    /// There is none; names the nearest.
    pub fn recipe(&self, name: &Located<String>) -> Result<&Recipe, ManifestError> {
        self.recipes.get(&name.value).ok_or_else(|| {
            let known = self.recipes.keys().map(String::as_str);
            self.error(
                name.span.clone(),
                format!(
                    "there is no [recipes.{}].{}",
                    name.value,
                    hint(&name.value, known)
                ),
            )
        })
    }

    /// What one entry trains: for each replicate its seed at the top level, or `None` where the
    /// entry is trained once, and the seed of the training. `own` are the entry's seeds.
    pub fn trainings(&self, own: &[u64]) -> Vec<(Option<u64>, u64)> {
        match (&self.seeds[..], own) {
            ([], []) => vec![(None, self.seed)],
            (_, [one]) => vec![(None, *one)],
            (seeds, []) => seeds.iter().map(|s| (Some(*s), *s)).collect(),
            (seeds, own) => seeds
                .iter()
                .zip(own)
                .map(|(s, own)| (Some(*s), *own))
                .collect(),
        }
    }

    fn check_seeds(&self, own: &[u64], span: &super::Span) -> Result<(), ManifestError> {
        if own.len() < 2 || own.len() == self.seeds.len() {
            return Ok(());
        }
        let message = if self.seeds.is_empty() {
            "a list of seeds gives each replicate its own: say how many with `seeds = [...]` at \
             the top level."
                .to_owned()
        } else {
            format!(
                "there are {} replicates and {} seeds here: give one seed, or one to each.",
                self.seeds.len(),
                own.len()
            )
        };
        Err(self.error(span.clone(), message))
    }

    fn check_names(&self) -> Result<(), ManifestError> {
        if let Origin::Pretrain(pretrain) = &self.base.origin {
            self.recipe(&pretrain.recipe)?;
        }
        if let Some(instruct) = &self.base.instruct {
            self.recipe(&instruct.recipe)?;
        }
        let tasks: Vec<&str> = self.tasks.iter().map(|t| t.name.as_str()).collect();
        for expert in &self.experts {
            self.recipe(&expert.recipe)?;
            self.check_seeds(&expert.seeds, &expert.span)?;
            for task in expert.tasks.iter().flatten() {
                self.known("task", task, &tasks)?;
            }
        }
        if let Some(combined) = &self.combined {
            self.recipe(&combined.recipe)?;
            self.check_seeds(&combined.seeds, &combined.recipe.span)?;
        }
        if let Some(sequential) = &self.sequential {
            self.recipe(&sequential.recipe)?;
            self.check_seeds(&sequential.seeds, &sequential.recipe.span)?;
        }
        for task in self.endpoints.iter().flat_map(|e| &e.tasks).flatten() {
            self.known("task", task, &tasks)?;
        }
        let experts: Vec<&str> = self.experts.iter().map(|e| e.name.as_str()).collect();
        for grid in &self.merges {
            for expert in grid.experts.iter().flatten() {
                if !experts.iter().any(|name| fits(&expert.value, name)) {
                    self.known("expert", expert, &experts)?;
                }
            }
            if experts.is_empty() {
                return Err(self.error(grid.span.clone(), "there are no [[experts]] to merge."));
            }
        }
        Ok(())
    }

    fn known(
        &self,
        what: &str,
        name: &Located<String>,
        known: &[&str],
    ) -> Result<(), ManifestError> {
        if known.contains(&name.value.as_str()) {
            return Ok(());
        }
        Err(self.error(
            name.span.clone(),
            format!(
                "there is no {what} `{}`.{}",
                name.value,
                hint(&name.value, known.iter().copied())
            ),
        ))
    }
}

fn replicates(root: &Reader<'_>) -> Result<Vec<u64>, ManifestError> {
    let seeds = root.wholes("seeds")?;
    let refuse = |message: &str| Err(root.error(root.span_of("seeds"), message));
    if seeds.len() == 1 {
        return refuse("`seeds` makes replicates and needs two or more: one is written `seed`.");
    }
    let distinct: std::collections::BTreeSet<_> = seeds.iter().collect();
    if distinct.len() < seeds.len() {
        return refuse("`seeds` has one seed twice: both replicates would be one model.");
    }
    Ok(seeds)
}

fn evaluation(root: &Reader<'_>) -> Result<Evaluation, ManifestError> {
    let mut evaluation = Evaluation {
        batch_size: 16,
        cross_lingual: true,
        cross_task: true,
        chat: false,
    };
    if let Some(reader) = root.table("evaluation")? {
        if let Some(size) = reader.whole("batch_size")? {
            evaluation.batch_size = (size as usize).max(1);
        }
        if let Some(flag) = reader.flag("cross_lingual")? {
            evaluation.cross_lingual = flag;
        }
        if let Some(flag) = reader.flag("cross_task")? {
            evaluation.cross_task = flag;
        }
        if let Some(flag) = reader.flag("chat")? {
            evaluation.chat = flag;
        }
        reader.finish()?;
    }
    Ok(evaluation)
}
