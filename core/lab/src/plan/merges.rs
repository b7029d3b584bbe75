//! Stages that merge: every cell of every grid.

use super::{
    Builder, PlanError, PlannedModel,
    data::absolute,
    models::label,
    spec::{ExpertRef, How, MergeWhat, What},
    tasks::{find, stamp},
};
use crate::{
    cell::Role,
    manifest::{MergeCell, MergeGrid},
};
use mergelab_abi::{
    Kind, describe::MethodTraits, method::MethodSetup, registry::Plugin, schema::Schema,
    suggest::hint,
};
use serde_json::{Map, Value};

impl Builder<'_> {
    pub(super) fn merges(&mut self) -> Result<(), PlanError> {
        let manifest = self.manifest;
        for grid in &manifest.merges {
            for cell in grid.cells() {
                self.merge(grid, &cell)?;
            }
        }
        Ok(())
    }

    fn merge(&mut self, grid: &MergeGrid, cell: &MergeCell) -> Result<(), PlanError> {
        let manifest = self.manifest;
        let (id, preset) = match cell.method.split_once('@') {
            Some((id, preset)) => (id, Some(preset)),
            None => (cell.method.as_str(), None),
        };
        let span = grid
            .methods
            .iter()
            .find(|m| m.value == cell.method)
            .map_or_else(|| grid.span.clone(), |m| m.span.clone());
        let refuse = |message: String| PlanError::from(manifest.error(span.clone(), message));
        let plugin = find(manifest, self.registry, Kind::Method, id, &span)?;
        let traits = plugin
            .info
            .method
            .clone()
            .ok_or_else(|| refuse(format!("`{id}` describes itself as no merge method.")))?;
        let experts = self.chosen(grid);
        let names: Vec<String> = experts.iter().map(|e| e.label.name.clone()).collect();
        let most = traits.max_models.unwrap_or(usize::MAX);
        if names.len() < traits.min_models || names.len() > most {
            return Err(refuse(format!(
                "`{id}` merges {} models and this entry has {}: set `experts`.",
                match traits.max_models {
                    Some(most) if most == traits.min_models => most.to_string(),
                    Some(most) => format!("{} to {most}", traits.min_models),
                    None => format!("at least {}", traits.min_models),
                },
                names.len()
            )));
        }
        let start = preset_values(&traits, id, preset).map_err(&refuse)?;
        let params = self.parameters(grid, cell, &plugin, start, &names)?;
        plugin
            .open_method(&MethodSetup {
                params: params.clone(),
                models: names.clone(),
            })
            .map_err(|e| refuse(e.to_string()))?;

        // A method that draws nothing gives one result whatever the seed.
        let seeds = match (traits.random, &grid.seeds[..]) {
            (false, _) => vec![None],
            (true, []) => vec![Some(manifest.seed)],
            (true, seeds) => seeds.iter().map(|s| Some(*s)).collect(),
        };
        let several = seeds.len() > 1;
        for seed in seeds {
            self.merge_stage(grid, cell, &plugin, &params, &experts, seed, several)?;
        }
        Ok(())
    }

    fn chosen(&self, grid: &MergeGrid) -> Vec<PlannedModel> {
        let experts = self.models.iter().filter(|m| m.label.role == Role::Expert);
        match &grid.experts {
            None => experts.cloned().collect(),
            Some(names) => names
                .iter()
                .filter_map(|n| experts.clone().find(|m| m.label.name == n.value))
                .cloned()
                .collect(),
        }
    }

    /// Every parameter: the manifest's over the preset's over the defaults.
    fn parameters(
        &self,
        grid: &MergeGrid,
        cell: &MergeCell,
        plugin: &Plugin,
        mut values: Map<String, Value>,
        names: &[String],
    ) -> Result<Map<String, Value>, PlanError> {
        let schema = &plugin.info.parameters;
        for (key, given) in &grid.params {
            let refuse = |message: String| {
                let span = match schema.get(&key.value) {
                    None => key.span.clone(),
                    Some(_) => given.span.clone(),
                };
                PlanError::from(
                    self.manifest
                        .error(span, format!("{}: {message}", plugin.info.id)),
                )
            };
            schema
                .check_name(&key.value)
                .map_err(|e| refuse(e.to_string()))?;
            let Some(value) = cell.params.get(&key.value) else {
                continue;
            };
            let value = match value {
                Value::Object(by_expert) => {
                    per_expert(schema, &key.value, by_expert, names).map_err(refuse)?
                }
                one => {
                    schema
                        .check_value(&key.value, one)
                        .map_err(|e| refuse(e.to_string()))?;
                    one.clone()
                }
            };
            values.insert(key.value.clone(), value);
        }
        schema.complete(&values, names.len()).map_err(|e| {
            self.manifest
                .error(grid.span.clone(), format!("{}: {e}", plugin.info.id))
                .into()
        })
    }

    #[allow(clippy::too_many_arguments)]
    fn merge_stage(
        &mut self,
        grid: &MergeGrid,
        cell: &MergeCell,
        plugin: &Plugin,
        params: &Map<String, Value>,
        experts: &[PlannedModel],
        seed: Option<u64>,
        several_seeds: bool,
    ) -> Result<(), PlanError> {
        let Some(base) = self.base_model().cloned() else {
            return Ok(());
        };
        let mut how = How::default();
        how.places
            .insert(plugin.hash().to_owned(), absolute(plugin.path()));
        let mut needs: Vec<usize> = base.node.into_iter().collect();
        for model in experts.iter().chain([&base]) {
            how.places
                .insert(model.label.key.clone(), model.folder.clone());
            needs.extend(model.node.filter(|n| !needs.contains(n)));
        }
        let mut label = label("", Role::Merge);
        for name in &cell.swept {
            if let Some(value) = cell.params.get(name) {
                label.swept.insert(name.clone(), value.clone());
            }
        }
        label.name = self.merge_name(cell, &label.swept, seed.filter(|_| several_seeds));
        let what = What::Merge(MergeWhat {
            base: base.label.key.clone(),
            experts: experts
                .iter()
                .map(|e| ExpertRef {
                    name: e.label.name.clone(),
                    key: e.label.key.clone(),
                })
                .collect(),
            plugin: stamp(plugin),
            method: cell.method.clone(),
            params: params.clone(),
            seed: seed.unwrap_or(0),
        });
        let name = format!("merge {}", label.name);
        let node = self.node(name, what, how, needs, grid.span.clone());
        label.method = Some(cell.method.clone());
        label.parameters = params.clone();
        label.seed = seed;
        label.plugin = Some(stamp(plugin));
        for expert in experts {
            label.experts.push(expert.label.name.clone());
            for language in &expert.label.languages {
                if !label.languages.contains(language) {
                    label.languages.push(language.clone());
                }
            }
        }
        label.key = self.nodes[node].key.clone();
        self.models.push(PlannedModel {
            label,
            node: Some(node),
            folder: self.artifact(node).join("model"),
            languages: None,
        });
        Ok(())
    }

    /// The method and what the grid varies; everything that is set where that names two merges.
    fn merge_name(
        &self,
        cell: &MergeCell,
        swept: &std::collections::BTreeMap<String, Value>,
        seed: Option<u64>,
    ) -> String {
        let name = |params: &mut dyn Iterator<Item = (&String, &Value)>| {
            let mut name = cell.method.clone();
            for (key, value) in params {
                let value = match value {
                    Value::String(text) => text.clone(),
                    other => other.to_string(),
                };
                name.push_str(&format!(" {key}={value}"));
            }
            if let Some(seed) = seed {
                name.push_str(&format!(" seed={seed}"));
            }
            name
        };
        let short = name(&mut swept.iter());
        if self.models.iter().any(|m| m.label.name == short) {
            name(&mut cell.params.iter())
        } else {
            short
        }
    }
}

fn preset_values(
    traits: &MethodTraits,
    id: &str,
    preset: Option<&str>,
) -> Result<Map<String, Value>, String> {
    let Some(name) = preset else {
        return Ok(Map::new());
    };
    traits.presets.get(name).cloned().ok_or_else(|| {
        if traits.presets.is_empty() {
            format!("`{id}` has no presets: write the method without `@{name}`.")
        } else {
            let known = traits.presets.keys().map(String::as_str);
            format!("`{id}` has no preset `{name}`.{}", hint(name, known))
        }
    })
}

/// A table of values by expert as an array in the experts' order.
fn per_expert(
    schema: &Schema,
    name: &str,
    by_expert: &Map<String, Value>,
    names: &[String],
) -> Result<Value, String> {
    if !schema.get(name).is_some_and(|p| p.per_model) {
        return Err(format!("`{name}` takes one value, not one per expert."));
    }
    if let Some(unknown) = by_expert.keys().find(|k| !names.contains(k)) {
        return Err(format!(
            "`{name}` has a value for `{unknown}`, which is not merged here.{}",
            hint(unknown, names.iter().map(String::as_str))
        ));
    }
    let values: Option<Vec<Value>> = names.iter().map(|n| by_expert.get(n).cloned()).collect();
    let values = values.ok_or_else(|| {
        format!(
            "`{name}` has values for some experts only: give one to each of {}.",
            names.join(", ")
        )
    })?;
    for value in &values {
        schema.check_value(name, value).map_err(|e| e.to_string())?;
    }
    Ok(Value::Array(values))
}
