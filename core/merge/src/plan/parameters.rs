//! Parameters of the method, tensor by tensor, and which rule set each.

use super::check;
use crate::error::MergeError;
use crate::methods::MethodPlugin;
use crate::recipe::{
    Model, Module, Recipe, Rules, Setting, SettingValue, Settings, Slice, SliceSource,
};
use mergelab_abi::PluginError;
use mergelab_abi::method::{Method, MethodSetup};
use mergelab_abi::schema::{Parameter, ValueType};
use serde::Serialize;
use serde_json::{Map, Value};
use std::collections::HashMap;
use std::panic::{AssertUnwindSafe, catch_unwind};

/// A method with one set of parameter values.
pub(crate) struct Instance {
    pub(crate) method: Box<dyn Method>,
    /// Every parameter, per-model ones as arrays.
    pub(crate) params: Map<String, Value>,
}

/// A tensor, and whose values count for it.
pub(crate) struct Where<'a> {
    pub(crate) tensor: &'a str,
    /// The module that it is in.
    pub(crate) module: Option<&'a Module>,
    /// Where gradients are read, from 0 to 1.
    pub(crate) depth: f64,
    pub(crate) slice: Option<(usize, &'a Slice)>,
    pub(crate) voters: Vec<Voter<'a>>,
}

/// A model that takes part.
#[derive(Clone, Copy)]
pub(crate) struct Voter<'a> {
    pub(crate) model: &'a Model,
    pub(crate) source: Option<&'a SliceSource>,
    /// Its own name for the tensor, which may be another one than the result's in a slice. Filters of
    /// values that each model has are compared with it where mergekit's rules hold.
    pub(crate) tensor: Option<&'a str>,
}

/// A parameter's value, and what set it.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Effective {
    /// The value.
    pub value: Value,
    /// Where it was given.
    pub from: Level,
    /// The filter that fitted the tensor's name, where there are alternatives.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub filter: Option<String>,
    /// The gradient that it was read from.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub gradient: Option<Gradient>,
}

/// Where a value was given, from the innermost place to the outermost one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Level {
    /// A source of a slice.
    SliceSource {
        /// Number of the slice, from 0.
        slice: usize,
        /// Id of the model.
        model: String,
    },
    /// A model.
    Model {
        /// Its id.
        model: String,
    },
    /// A slice.
    Slice {
        /// Its number, from 0.
        slice: usize,
    },
    /// A module.
    Module {
        /// Its name.
        module: String,
    },
    /// The parameters for all.
    Params,
    /// A preset of the method.
    Preset,
    /// The method's default.
    Default,
}

/// A gradient and where it was read.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Gradient {
    /// Its points.
    pub points: Vec<f64>,
    /// From 0, the first point, to 1, the last one.
    pub t: f64,
}

/// Resolves parameters and makes one instance of the method for each set of values that differs.
pub(crate) struct Resolver<'a> {
    pub(crate) values: Values<'a>,
    /// From the models' ids and the values as JSON text.
    known: HashMap<String, usize>,
    pub(crate) instances: Vec<Instance>,
}

/// Resolves parameters.
#[derive(Clone)]
pub(crate) struct Values<'a> {
    recipe: &'a Recipe,
    preset: Map<String, Value>,
}

impl<'a> Resolver<'a> {
    /// Checks every given name and value.
    pub(crate) fn new(recipe: &'a Recipe, plugin: &MethodPlugin<'_>) -> Result<Self, MergeError> {
        let preset = check::preset(recipe, plugin)?;
        check::all(recipe, plugin)?;
        Ok(Self {
            values: Values { recipe, preset },
            known: HashMap::new(),
            instances: Vec::new(),
        })
    }

    /// The instance for a tensor.
    pub(crate) fn instance(
        &mut self,
        plugin: &MethodPlugin<'_>,
        place: &Where<'_>,
    ) -> Result<usize, MergeError> {
        let params = self.values.complete(plugin, place)?;
        let models: Vec<String> = place.voters.iter().map(|v| v.model.id.clone()).collect();
        let key = format!("{models:?} {}", Value::Object(params.clone()));
        if let Some(&instance) = self.known.get(&key) {
            return Ok(instance);
        }
        let setup = MethodSetup {
            params: params.clone(),
            models,
        };
        let method = catch_unwind(AssertUnwindSafe(|| plugin.open(&setup)))
            .unwrap_or_else(|panic| Err(PluginError::from_panic(&*panic)))
            .map_err(|error| self.values.refusal(plugin, place, error))?;
        self.instances.push(Instance { method, params });
        self.known.insert(key, self.instances.len() - 1);
        Ok(self.instances.len() - 1)
    }
}

impl Values<'_> {
    fn complete(
        &self,
        plugin: &MethodPlugin<'_>,
        place: &Where<'_>,
    ) -> Result<Map<String, Value>, MergeError> {
        let mut given = Map::new();
        for (name, per_model, found) in self.explain(plugin, place)? {
            let mut values = found.into_iter().map(|effective| effective.value);
            if per_model {
                given.insert(name, values.collect());
            } else if let Some(value) = values.next() {
                given.insert(name, value);
            }
        }
        let schema = &plugin.info.parameters;
        schema
            .complete(&given, place.voters.len())
            .map_err(|error| self.refusal(plugin, place, error))
    }

    /// Every parameter that has a value: its name, whether each model has its own, and the values,
    /// one for each model then.
    pub(crate) fn explain(
        &self,
        plugin: &MethodPlugin<'_>,
        place: &Where<'_>,
    ) -> Result<Vec<(String, bool, Vec<Effective>)>, MergeError> {
        let mut explained = Vec::new();
        for parameter in &plugin.info.parameters.parameters {
            let name = parameter.name.as_str();
            let common = self.common(name, place).or_else(|| {
                let default = parameter.default.clone()?;
                Some(Effective::plain(default, Level::Default))
            });
            if !parameter.per_model {
                if let Some(mut value) = common {
                    value.choose(parameter, place.depth);
                    explained.push((name.to_owned(), false, vec![value]));
                }
                continue;
            }
            let found: Vec<Option<Effective>> = place
                .voters
                .iter()
                .map(|voter| self.of_voter(name, place, voter).or_else(|| common.clone()))
                .collect();
            if found.iter().all(Option::is_none) {
                continue;
            }
            let mut values = Vec::with_capacity(found.len());
            for (found, voter) in found.into_iter().zip(&place.voters) {
                match found {
                    Some(mut value) => {
                        value.choose(parameter, place.depth);
                        values.push(value);
                    }
                    None => {
                        let message = format!(
                            "model `{}` has no `{name}` for tensor `{}`, other models have: give \
                             it one, or one for all in [params]",
                            voter.model.id, place.tensor
                        );
                        return Err(self.recipe.error(voter.model.at, message).into());
                    }
                }
            }
            explained.push((name.to_owned(), true, values));
        }
        Ok(explained)
    }

    /// The value of one model, if the recipe or the preset says one.
    fn of_voter(&self, name: &str, place: &Where<'_>, voter: &Voter<'_>) -> Option<Effective> {
        let theirs = voter
            .tensor
            .filter(|_| self.recipe.rules == Rules::Mergekit);
        let Some(tensor) = theirs.filter(|tensor| *tensor != place.tensor) else {
            return own(name, place, voter);
        };
        let place = Where {
            tensor,
            voters: Vec::new(),
            ..*place
        };
        own(name, &place, voter).or_else(|| self.common(name, &place))
    }

    /// The value for all models, from the slice outwards.
    fn common(&self, name: &str, place: &Where<'_>) -> Option<Effective> {
        let of_slice = place.slice.and_then(|(number, slice)| {
            Effective::find(&slice.params, name, place, || Level::Slice {
                slice: number,
            })
        });
        let of_module = || {
            let module = place.module?;
            Effective::find(&module.params, name, place, || Level::Module {
                module: module.name.clone(),
            })
        };
        of_slice
            .or_else(of_module)
            .or_else(|| Effective::find(&self.recipe.params, name, place, || Level::Params))
            .or_else(|| {
                let value = self.preset.get(name)?;
                Some(Effective::plain(value.clone(), Level::Preset))
            })
    }

    /// An error about parameters with the place of the parameter, where the recipe has it.
    fn refusal(
        &self,
        plugin: &MethodPlugin<'_>,
        place: &Where<'_>,
        error: PluginError,
    ) -> MergeError {
        let PluginError::Parameter { parameter, message } = &error else {
            return MergeError::Plugin {
                method: plugin.info.id.clone(),
                tensor: None,
                source: error,
            };
        };
        let sources = place.voters.iter().filter_map(|v| v.source);
        let models = place.voters.iter().map(|v| &v.model.params);
        let at = sources
            .map(|source| &source.params)
            .chain(models)
            .chain(place.slice.map(|(_, slice)| &slice.params))
            .chain(place.module.map(|module| &module.params))
            .chain([&self.recipe.params])
            .find_map(|params| params.get(parameter))
            .map_or(self.recipe.method_at, |setting: &Setting| setting.at);
        let of = match place.tensor {
            "" => String::new(),
            name => format!(" (for tensor `{name}`)"),
        };
        let message = format!("{}{of}: {message}", plugin.info.id);
        self.recipe.error(at, message).into()
    }
}

/// The value that a model has for itself.
fn own(name: &str, place: &Where<'_>, voter: &Voter<'_>) -> Option<Effective> {
    let model = || voter.model.id.clone();
    let of_source = voter
        .source
        .zip(place.slice)
        .and_then(|(source, (slice, _))| {
            Effective::find(&source.params, name, place, || Level::SliceSource {
                slice,
                model: model(),
            })
        });
    of_source.or_else(|| {
        Effective::find(&voter.model.params, name, place, || Level::Model {
            model: model(),
        })
    })
}

impl Effective {
    fn plain(value: Value, from: Level) -> Self {
        Self {
            value,
            from,
            filter: None,
            gradient: None,
        }
    }

    /// Picks the value for a depth from a list of values, where the parameter takes no list.
    fn choose(&mut self, parameter: &Parameter, depth: f64) {
        if parameter.value_type == ValueType::StringList {
            return;
        }
        if let Value::Array(choices) = &self.value
            && let Some(last) = choices.len().checked_sub(1)
        {
            let index = (depth * last as f64) as usize;
            self.value = choices[index.min(last)].clone();
        }
    }

    fn find(
        settings: &Settings,
        name: &str,
        place: &Where<'_>,
        level: impl Fn() -> Level,
    ) -> Option<Self> {
        let setting = settings.get(name)?;
        let (alternative, value) = setting.find(place.tensor, place.depth)?;
        let gradient = match &alternative.value {
            SettingValue::Plain(_) => None,
            SettingValue::Gradient(points) => Some(Gradient {
                points: points.clone(),
                t: place.depth,
            }),
        };
        Some(Self {
            value,
            from: level(),
            filter: alternative.filter.clone(),
            gradient,
        })
    }
}
