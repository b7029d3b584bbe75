//! Parameters of the method, tensor by tensor.

use crate::error::MergeError;
use crate::methods::MethodPlugin;
use crate::recipe::{MODEL_KEYS, Model, Recipe, RecipeError, Setting, SettingValue, Settings};
use mergelab_abi::PluginError;
use mergelab_abi::method::{Method, MethodSetup};
use mergelab_abi::schema::{Parameter, ValueType};
use mergelab_abi::suggest::nearest;
use serde_json::{Map, Value};
use std::collections::HashMap;
use std::panic::{AssertUnwindSafe, catch_unwind};

/// A method with one set of parameter values.
pub(crate) struct Instance {
    pub(crate) method: Box<dyn Method>,
    /// Every parameter, per-model ones as arrays.
    pub(crate) params: Map<String, Value>,
}

/// Resolves parameters and makes one instance of the method for each set of values that differs.
pub(crate) struct Resolver<'a> {
    recipe: &'a Recipe,
    plugin: &'a MethodPlugin<'a>,
    models: Vec<&'a Model>,
    preset: Map<String, Value>,
    /// From the values as JSON text.
    known: HashMap<String, usize>,
    pub(crate) instances: Vec<Instance>,
}

impl<'a> Resolver<'a> {
    /// Checks every given name and value.
    pub(crate) fn new(
        recipe: &'a Recipe,
        plugin: &'a MethodPlugin<'a>,
        models: Vec<&'a Model>,
    ) -> Result<Self, MergeError> {
        let preset = preset(recipe, plugin)?;
        let check = Check { recipe, plugin };
        check.settings(&recipe.params, None)?;
        // Models that are left out of the merge are checked too: a misspelt name is one anywhere.
        for model in &recipe.models {
            check.settings(&model.params, Some(model))?;
        }
        Ok(Self {
            recipe,
            plugin,
            models,
            preset,
            known: HashMap::new(),
            instances: Vec::new(),
        })
    }

    /// The instance for a tensor at a depth of the model.
    pub(crate) fn instance(&mut self, tensor: &str, depth: f64) -> Result<usize, MergeError> {
        let given = self.given(tensor, depth)?;
        let schema = &self.plugin.info.parameters;
        let params = schema
            .complete(&given, self.models.len())
            .map_err(|error| self.refusal(tensor, error))?;
        let key = Value::Object(params.clone()).to_string();
        if let Some(&instance) = self.known.get(&key) {
            return Ok(instance);
        }
        let setup = MethodSetup {
            params: params.clone(),
            models: self.models.iter().map(|m| m.id.clone()).collect(),
        };
        let method = catch_unwind(AssertUnwindSafe(|| self.plugin.open(&setup)))
            .unwrap_or_else(|panic| Err(PluginError::from_panic(&*panic)))
            .map_err(|error| self.refusal(tensor, error))?;
        self.instances.push(Instance { method, params });
        self.known.insert(key, self.instances.len() - 1);
        Ok(self.instances.len() - 1)
    }

    /// What recipe and preset say, without defaults.
    fn given(&self, tensor: &str, depth: f64) -> Result<Map<String, Value>, MergeError> {
        let mut given = Map::new();
        for parameter in &self.plugin.info.parameters.parameters {
            let name = parameter.name.as_str();
            let common = self
                .recipe
                .params
                .get(name)
                .and_then(|s| s.resolve(tensor, depth))
                .or_else(|| self.preset.get(name).cloned());
            if !parameter.per_model {
                if let Some(value) = common {
                    given.insert(name.to_owned(), value);
                }
                continue;
            }
            let own: Vec<Option<Value>> = self
                .models
                .iter()
                .map(|m| m.params.get(name).and_then(|s| s.resolve(tensor, depth)))
                .collect();
            let fallback = common.or_else(|| parameter.default.clone());
            if own.iter().all(Option::is_none) {
                if let Some(value) = fallback {
                    given.insert(name.to_owned(), value);
                }
                continue;
            }
            let mut values = Vec::with_capacity(own.len());
            for (own, model) in own.into_iter().zip(&self.models) {
                match own.or_else(|| fallback.clone()) {
                    Some(value) => values.push(value),
                    None => {
                        let message = format!(
                            "model `{}` has no `{name}` for tensor `{tensor}`, other models have: \
                             give it one, or one for all in [params]",
                            model.id
                        );
                        return Err(self.recipe.error(model.at, message).into());
                    }
                }
            }
            given.insert(name.to_owned(), Value::Array(values));
        }
        Ok(given)
    }

    /// An error about parameters with the place of the parameter, where the recipe has it.
    fn refusal(&self, tensor: &str, error: PluginError) -> MergeError {
        let PluginError::Parameter { parameter, message } = &error else {
            return MergeError::Plugin {
                method: self.plugin.info.id.clone(),
                tensor: None,
                source: error,
            };
        };
        let mut places = self.models.iter().map(|m| &m.params);
        let at = places
            .find_map(|params| params.get(parameter))
            .or_else(|| self.recipe.params.get(parameter))
            .map_or(self.recipe.method_at, |setting| setting.at);
        let place = match tensor {
            "" => String::new(),
            name => format!(" (for tensor `{name}`)"),
        };
        let message = format!("{}{place}: {message}", self.plugin.info.id);
        self.recipe.error(at, message).into()
    }
}

/// Values of the preset that the recipe asks for.
fn preset(recipe: &Recipe, plugin: &MethodPlugin<'_>) -> Result<Map<String, Value>, MergeError> {
    let Some(wanted) = &recipe.preset else {
        return Ok(Map::new());
    };
    let id = &plugin.info.id;
    let traits = plugin.traits().map_err(|source| MergeError::Plugin {
        method: id.clone(),
        tensor: None,
        source,
    })?;
    match traits.presets.get(wanted) {
        Some(values) => Ok(values.clone()),
        None if recipe.preset_may_lack => Ok(Map::new()),
        None if traits.presets.is_empty() => Err(recipe
            .error(
                recipe.method_at,
                format!("`{id}` has no presets: write method = \"{id}\""),
            )
            .into()),
        None => {
            let names = traits.presets.keys().map(String::as_str);
            let hint = mergelab_abi::suggest::hint(wanted, names);
            let message = format!("`{id}` has no preset `{wanted}`.{hint}");
            Err(recipe.error(recipe.method_at, message).into())
        }
    }
}

/// Checks what the recipe gives against the method's schema, with places.
struct Check<'a> {
    recipe: &'a Recipe,
    plugin: &'a MethodPlugin<'a>,
}

impl Check<'_> {
    fn settings(&self, settings: &Settings, model: Option<&Model>) -> Result<(), RecipeError> {
        for (name, setting) in settings {
            let parameter = self.parameter(name, setting, model)?;
            if model.is_some() && !parameter.per_model {
                return Err(self.recipe.error(
                    setting.at,
                    format!(
                        "`{name}` of {} is one value for the whole merge: move it to the common \
                         parameters",
                        self.plugin.info.id
                    ),
                ));
            }
            for alternative in &setting.alternatives {
                self.value(parameter, setting, &alternative.value)?;
            }
        }
        Ok(())
    }

    fn parameter(
        &self,
        name: &str,
        setting: &Setting,
        model: Option<&Model>,
    ) -> Result<&Parameter, RecipeError> {
        let id = &self.plugin.info.id;
        let schema = &self.plugin.info.parameters;
        if let Some(parameter) = schema.get(name) {
            return Ok(parameter);
        }
        // A misspelt key of a model reads like a parameter.
        let key = model.and_then(|_| nearest(name, MODEL_KEYS));
        let message = match (nearest(name, schema.names()), key) {
            (None, Some(key)) => format!(
                "`{name}` is no parameter of `{id}` and no key of a model. Did you mean `{key}`?"
            ),
            _ => format!(
                "`{name}` is no parameter of `{id}`.{}",
                mergelab_abi::suggest::hint(name, schema.names())
            ),
        };
        Err(self.recipe.error(setting.at, message))
    }

    fn value(
        &self,
        parameter: &Parameter,
        setting: &Setting,
        value: &SettingValue,
    ) -> Result<(), RecipeError> {
        let schema = &self.plugin.info.parameters;
        let check = |value: &Value| {
            schema
                .check_value(&parameter.name, value)
                .map_err(|e| self.recipe.error(setting.at, e.to_string()))
        };
        match value {
            SettingValue::Plain(value) => check(value),
            // Interpolated values lie between the points.
            SettingValue::Gradient(points) if parameter.value_type == ValueType::Float => {
                points.iter().try_for_each(|p| check(&Value::from(*p)))
            }
            SettingValue::Gradient(_) => Err(self.recipe.error(
                setting.at,
                format!(
                    "`{}` cannot be a gradient (a list of numbers): only parameters that take any \
                     number can",
                    parameter.name
                ),
            )),
        }
    }
}
