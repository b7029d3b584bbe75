//! Models that are served elsewhere. Nobody is asked while planning.

use super::{
    Builder, Missing, PlanError, PlannedModel,
    models::label,
    spec::{Asking, Node, Served},
    tasks::PlannedTask,
};
use crate::{
    cell::Role,
    manifest::{EndpointEntry, Manifest},
};
use mergelab_endpoint::Key;
use serde_json::{Map, Value};
use std::{collections::BTreeMap, path::PathBuf};

/// What decides what an endpoint answers.
pub(crate) fn served(entry: &EndpointEntry, manifest: &Manifest) -> Served {
    Served {
        url: entry.address.to_string(),
        model: entry.model.clone(),
        revision: entry.revision.clone(),
        chat: entry.chat.unwrap_or(manifest.evaluation.chat),
        seed: entry.seed,
        max_tokens_key: entry.max_tokens_key.clone(),
        body: entry.body.clone(),
    }
}

/// How an endpoint is asked.
pub(crate) fn asking(entry: &EndpointEntry) -> Asking {
    let limits = &entry.limits;
    Asking {
        reported_model: entry.reported_model.clone(),
        api_key_env: entry.api_key_env.as_ref().map(|v| v.value.clone()),
        concurrency: limits.concurrency,
        requests_per_minute: limits.requests_per_minute,
        tokens_per_minute: limits.tokens_per_minute,
        timeout: limits.timeout.as_secs_f64(),
        deadline: limits.deadline.as_secs_f64(),
        retries: limits.retries,
    }
}

/// Keys that stages which are to run will send, and that are not there.
pub(super) fn missing_keys(nodes: &[Node], manifest: &Manifest) -> Vec<Missing> {
    let mut variables: BTreeMap<&str, String> = BTreeMap::new();
    for node in nodes.iter().filter(|node| !node.cached) {
        let asking = node.spec.how.asking.as_ref();
        let Some(variable) = asking.and_then(|a| a.api_key_env.as_deref()) else {
            continue;
        };
        if let Err(error) = Key::from_variable(variable) {
            variables.insert(variable, error.to_string());
        }
    }
    let missing = variables.into_iter().map(|(variable, reason)| {
        let entries = manifest.endpoints.iter().filter(|entry| {
            let own = entry.api_key_env.as_ref();
            own.is_some_and(|own| own.value == variable)
        });
        let names: Vec<&str> = entries.map(|entry| entry.name.as_str()).collect();
        Missing::Key {
            endpoint: names.join(", "),
            variable: variable.to_owned(),
            reason,
        }
    });
    missing.collect()
}

impl Builder<'_> {
    pub(super) fn endpoints(&mut self) {
        for entry in &self.manifest.endpoints {
            let served = served(entry, self.manifest);
            let mut label = label(&entry.name, Role::Served);
            label.key = served.key();
            // What the row's numbers are of, as there is no content hash that says so.
            label.parameters = match serde_json::to_value(&served) {
                Ok(Value::Object(parameters)) => parameters,
                _ => Map::new(),
            };
            let names = |list: &Option<Vec<_>>| {
                let list: Option<&Vec<crate::manifest::Located<String>>> = list.as_ref();
                list.map(|names| names.iter().map(|name| name.value.clone()).collect())
            };
            self.models.push(PlannedModel {
                label,
                node: None,
                folder: PathBuf::new(),
                languages: names(&entry.languages),
                tasks: names(&entry.tasks),
            });
        }
    }

    /// The endpoint that a model is.
    pub(super) fn endpoint(&self, model: &PlannedModel) -> Option<&EndpointEntry> {
        if model.label.role != Role::Served {
            return None;
        }
        let mut entries = self.manifest.endpoints.iter();
        entries.find(|entry| entry.name == model.label.name)
    }

    /// Refuses to ask by chat for likelihoods, which chats do not tell.
    pub(super) fn check_endpoint(
        &self,
        model: &PlannedModel,
        task: &PlannedTask<'_>,
    ) -> Result<(), PlanError> {
        let Some(entry) = self.endpoint(model) else {
            return Ok(());
        };
        if task.scores_texts() {
            let (name, task) = (&entry.name, &task.entry.name);
            let message = format!(
                "the task `{task}` asks for the likelihood of whole texts, and servers do not tell \
                 that of a text's first token: give the endpoint `{name}` `tasks` without `{task}`."
            );
            return Err(self.manifest.error(entry.span.clone(), message).into());
        }
        if !(entry.chat.unwrap_or(self.manifest.evaluation.chat) && task.chooses()) {
            return Ok(());
        }
        let (name, task) = (&entry.name, &task.entry.name);
        let message = format!(
            "the task `{task}` asks for the likelihood of choices, which no server tells of a chat: \
             set `chat = false` for the endpoint `{name}`, set mode = \"generate\" in the task's \
             `params`, or give the endpoint `tasks` without `{task}`."
        );
        Err(self.manifest.error(entry.span.clone(), message).into())
    }
}
