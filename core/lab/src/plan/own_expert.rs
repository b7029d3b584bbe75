//! Every language answered by its own expert: what merges of the experts are measured by.
//!
//! It is a model in tables and has no weights and no stages: its evaluations are those of the expert
//! that learned the language. The manifest asks for it by naming it among the baselines.

use super::{
    Builder, PlanError, PlannedModel,
    models::{label, replicate_name},
};
use crate::{
    cell::Role,
    manifest::{Expert, Located},
};
use std::path::PathBuf;

/// Its name.
pub(crate) const OWN_EXPERT: &str = "own-expert";

/// The languages of experts that learned a single one, each once.
fn languages(experts: &[Expert]) -> Vec<String> {
    let mut languages: Vec<String> = Vec::new();
    for expert in experts {
        if let [Located { value, .. }] = &expert.languages[..]
            && !languages.contains(value)
        {
            languages.push(value.clone());
        }
    }
    languages
}

impl Builder<'_> {
    /// Adds it, or a replicate of it for each seed of the experts, where a baseline is called so and
    /// no expert is.
    pub(super) fn own_expert(&mut self) -> Result<(), PlanError> {
        let manifest = self.manifest;
        let baselines = &manifest.statistics.baselines;
        let named = baselines.iter().position(|name| name == OWN_EXPERT);
        let Some(at) = named.filter(|_| manifest.experts.iter().all(|e| e.name != OWN_EXPERT))
        else {
            return Ok(());
        };
        let span = manifest.statistics_spans.baselines[at].clone();
        let languages = languages(&manifest.experts);
        if languages.is_empty() {
            let message = "the baseline `own-expert` is the expert of each language, and no expert \
                           learns a single language: add [[experts]] with `language`, or take it out.";
            return Err(manifest.error(span, message).into());
        }
        for task in &manifest.tasks {
            for language in &languages {
                let both = self.own(&task.name, language);
                if let [first, second, ..] = &both[..] {
                    let message = format!(
                        "the baseline `own-expert` is the expert of each language, and both `{first}` \
                         and `{second}` learn the task `{}` in `{language}`: take it out, and name the \
                         experts to compare with.",
                        task.name
                    );
                    return Err(manifest.error(span, message).into());
                }
            }
        }
        let own: Vec<&PlannedModel> = self
            .models
            .iter()
            .filter(|m| m.label.role == Role::Expert && m.label.languages.len() == 1)
            .collect();
        let replicates: Vec<Option<u64>> = match own.iter().any(|m| m.label.replicate.is_some()) {
            true => manifest.seeds.iter().map(|seed| Some(*seed)).collect(),
            false => vec![None],
        };
        let mut added = Vec::new();
        for replicate in replicates {
            let mut label = label(&replicate_name(OWN_EXPERT, replicate), Role::OwnExpert);
            label.replicate = replicate;
            label.replicate_of = replicate.map(|_| OWN_EXPERT.to_owned());
            label.languages.clone_from(&languages);
            let mut hasher = blake3::Hasher::new();
            for expert in &own {
                let of = expert.label.replicate;
                if of.is_none() || of == replicate {
                    label.experts.push(expert.label.name.clone());
                    hasher.update(expert.label.key.as_bytes());
                }
            }
            label.key = hasher.finalize().to_hex()[..32].to_owned();
            added.push(PlannedModel {
                label,
                node: None,
                folder: PathBuf::new(),
                languages: Some(languages.clone()),
                tasks: None,
            });
        }
        self.models.extend(added);
        Ok(())
    }

    /// Names of the experts that learned a task in one language alone.
    fn own(&self, task: &str, language: &str) -> Vec<&str> {
        let learned = |expert: &&Expert| {
            let alone = matches!(&expert.languages[..], [own] if own.value == language);
            let tasks = expert.tasks.as_ref();
            alone && tasks.is_none_or(|tasks| tasks.iter().any(|own| own.value == task))
        };
        let experts = self.manifest.experts.iter().filter(learned);
        experts.map(|expert| expert.name.as_str()).collect()
    }

    /// Who answers for a model: itself, or the expert of the language; none where there is no such
    /// expert.
    pub(super) fn answering<'a>(
        &'a self,
        model: &'a PlannedModel,
        task: &str,
        language: &str,
    ) -> Option<&'a PlannedModel> {
        if model.label.role != Role::OwnExpert {
            return Some(model);
        }
        let name = self.own(task, language).first().copied()?;
        self.expert(name, model.label.replicate)
    }
}
