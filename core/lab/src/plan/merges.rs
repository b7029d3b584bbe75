//! Stages that merge: every cell of every grid.

use super::{
    Builder, PlanError, PlannedModel,
    data::absolute,
    models::{label, replicate_name},
    spec::{ExpertRef, How, MergeWhat, What},
    tasks::{find, stamp},
};
use crate::{
    cell::{ModelLabel, Role},
    manifest::{MergeCell, MergeGrid, fits},
};
use mergelab_abi::{
    Kind, describe::MethodTraits, method::MethodSetup, registry::Plugin, schema::Schema,
    suggest::hint,
};
use serde_json::{Map, Value};
use std::collections::BTreeMap;

impl Builder<'_> {
    pub(super) fn merges(&mut self) -> Result<(), PlanError> {
        let manifest = self.manifest;
        for grid in &manifest.merges {
            let mut candidates = Vec::new();
            for cell in grid.cells(manifest.seed) {
                let first = self.models.len();
                let name = self.merge_name(grid, &cell, None);
                self.merge(grid, &cell)?;
                candidates.push((name, (first..self.models.len()).collect()));
            }
            if let Some(select) = &grid.select {
                self.selection(grid, select, candidates)?;
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
        let names = self.chosen(grid);
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

        let replicates = self.merge_replicates(grid, &names, traits.random);
        // A method that draws nothing gives one result whatever the seed.
        let seeds: Vec<Option<u64>> = match (traits.random, &grid.seeds[..]) {
            (false, _) | (true, []) => vec![None],
            (true, seeds) => seeds.iter().map(|s| Some(*s)).collect(),
        };
        let several = seeds.len() > 1;
        for seed in seeds {
            let group = self.merge_name(grid, cell, seed.filter(|_| several));
            for &replicate in &replicates {
                // Without seeds of its own, a replicate draws its masks by its seed.
                let drawn = seed.or(replicate).unwrap_or(manifest.seed);
                let mut label = label(&replicate_name(&group, replicate), Role::Merge);
                label.replicate = replicate;
                label.replicate_of = replicate.map(|_| group.clone());
                label.seed = traits.random.then_some(drawn);
                label.experts.clone_from(&names);
                label.parameters.clone_from(&params);
                self.merge_stage(grid, cell, &plugin, label)?;
            }
        }
        Ok(())
    }

    /// Names of the experts that a grid merges, in the manifest's order where a pattern names them.
    fn chosen(&self, grid: &MergeGrid) -> Vec<String> {
        let all = self.manifest.experts.iter().map(|e| &e.name);
        let mut names: Vec<String> = Vec::new();
        match &grid.experts {
            None => names.extend(all.cloned()),
            Some(patterns) => {
                for pattern in patterns {
                    for name in all.clone().filter(|name| fits(&pattern.value, name)) {
                        if !names.contains(name) {
                            names.push(name.clone());
                        }
                    }
                }
            }
        }
        names
    }

    /// The replicates of a merge: those of its experts and of its random draws. One without a seed
    /// where nothing differs between them.
    fn merge_replicates(
        &self,
        grid: &MergeGrid,
        experts: &[String],
        random: bool,
    ) -> Vec<Option<u64>> {
        let replicated = |name: &String| {
            self.models
                .iter()
                .any(|m| m.label.replicate_of.as_ref() == Some(name))
        };
        let differ = experts.iter().any(replicated) || (random && grid.seeds.is_empty());
        match &self.manifest.seeds[..] {
            [] => vec![None],
            _ if !differ => vec![None],
            seeds => seeds.iter().map(|s| Some(*s)).collect(),
        }
    }

    /// The expert of this name, or its replicate.
    pub(super) fn expert(&self, name: &str, replicate: Option<u64>) -> Option<&PlannedModel> {
        self.models.iter().find(|m| {
            let label = &m.label;
            label.role == Role::Expert
                && match &label.replicate_of {
                    None => label.name == name,
                    Some(group) => group == name && label.replicate == replicate,
                }
        })
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

    /// Adds the merge that a label describes.
    fn merge_stage(
        &mut self,
        grid: &MergeGrid,
        cell: &MergeCell,
        plugin: &Plugin,
        mut label: ModelLabel,
    ) -> Result<(), PlanError> {
        let Some(base) = self.base_model().cloned() else {
            return Ok(());
        };
        // Random masks depend on an expert's name, which is the same in every replicate.
        let experts: Vec<(String, PlannedModel)> = label
            .experts
            .iter()
            .filter_map(|name| Some((name.clone(), self.expert(name, label.replicate)?.clone())))
            .collect();
        let mut how = How::default();
        how.places
            .insert(plugin.hash().to_owned(), absolute(plugin.path()));
        let mut needs: Vec<usize> = base.node.into_iter().collect();
        for model in experts.iter().map(|(_, model)| model).chain([&base]) {
            how.places
                .insert(model.label.key.clone(), model.folder.clone());
            needs.extend(model.node.filter(|n| !needs.contains(n)));
        }
        let what = What::Merge(MergeWhat {
            base: base.label.key.clone(),
            experts: experts
                .iter()
                .map(|(name, e)| ExpertRef {
                    name: name.clone(),
                    key: e.label.key.clone(),
                })
                .collect(),
            plugin: stamp(plugin),
            method: cell.method.clone(),
            params: label.parameters.clone(),
            seed: label.seed.unwrap_or(0),
        });
        let name = format!("merge {}", label.name);
        let node = self.node(name, what, how, needs, grid.span.clone());
        label.method = Some(cell.method.clone());
        label.swept = swept(cell);
        label.plugin = Some(stamp(plugin));
        for (_, expert) in experts {
            for language in expert.label.languages {
                if !label.languages.contains(&language) {
                    label.languages.push(language);
                }
            }
        }
        let merged = self.made_by(node, label);
        self.models.push(merged);
        Ok(())
    }

    /// The method, or the entry's name, and what the grid varies; everything that is set where that
    /// names two merges.
    fn merge_name(&self, grid: &MergeGrid, cell: &MergeCell, seed: Option<u64>) -> String {
        let name = |params: &mut dyn Iterator<Item = (&String, &Value)>| {
            let mut name = match &grid.name {
                None => cell.method.clone(),
                Some(own) if grid.methods.len() == 1 => own.value.clone(),
                Some(own) => format!("{} {}", own.value, cell.method),
            };
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
        let short = name(&mut swept(cell).iter());
        let taken = self.models.iter().any(|m| {
            let label = &m.label;
            label.replicate_of.as_ref().unwrap_or(&label.name) == &short
        });
        if taken {
            name(&mut cell.params.iter())
        } else {
            short
        }
    }
}

/// The parameters that the grid varies, with a cell's values.
fn swept(cell: &MergeCell) -> BTreeMap<String, Value> {
    let own = |name: &String| Some((name.clone(), cell.params.get(name)?.clone()));
    cell.swept.iter().filter_map(own).collect()
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
