//! Checks of what a recipe gives against the method's schema, with places.

use crate::error::MergeError;
use crate::methods::MethodPlugin;
use crate::recipe::{MODEL_KEYS, Recipe, RecipeError, Setting, SettingValue, Settings};
use mergelab_abi::schema::{Parameter, ValueType};
use mergelab_abi::suggest::nearest;
use serde_json::{Map, Value};

/// Checks every name and value that the recipe gives. Models and slices that do not take part are
/// checked too: a misspelt name is one anywhere.
pub(super) fn all(recipe: &Recipe, plugin: &MethodPlugin<'_>) -> Result<(), RecipeError> {
    let check = Check { recipe, plugin };
    check.settings(&recipe.params, Owner::All)?;
    for model in &recipe.models {
        check.settings(&model.params, Owner::Model)?;
    }
    for module in &recipe.modules {
        check.settings(&module.params, Owner::All)?;
    }
    for slice in &recipe.slices {
        check.settings(&slice.params, Owner::All)?;
        for source in &slice.sources {
            check.settings(&source.params, Owner::Model)?;
        }
    }
    Ok(())
}

/// Whose settings they are.
#[derive(Clone, Copy, PartialEq)]
enum Owner {
    /// Those of all models.
    All,
    /// Those of one model.
    Model,
}

/// Values of the preset that the recipe asks for.
pub(super) fn preset(
    recipe: &Recipe,
    plugin: &MethodPlugin<'_>,
) -> Result<Map<String, Value>, MergeError> {
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

struct Check<'a> {
    recipe: &'a Recipe,
    plugin: &'a MethodPlugin<'a>,
}

impl Check<'_> {
    fn settings(&self, settings: &Settings, owner: Owner) -> Result<(), RecipeError> {
        for (name, setting) in settings {
            let parameter = self.parameter(name, setting, owner)?;
            if owner == Owner::Model && !parameter.per_model {
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
        owner: Owner,
    ) -> Result<&Parameter, RecipeError> {
        let id = &self.plugin.info.id;
        let schema = &self.plugin.info.parameters;
        if let Some(parameter) = schema.get(name) {
            return Ok(parameter);
        }
        // A misspelt key of a model reads like a parameter.
        let key = nearest(name, MODEL_KEYS).filter(|_| owner == Owner::Model);
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
            // One for each share of the layers.
            SettingValue::Plain(Value::Array(choices))
                if parameter.value_type != ValueType::StringList && !choices.is_empty() =>
            {
                choices.iter().try_for_each(check)
            }
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
