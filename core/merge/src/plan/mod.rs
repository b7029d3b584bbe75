//! What a merge will do, decided before anything is written.

mod parameters;
mod tensors;

use crate::error::MergeError;
use crate::inputs::{Input, Opener};
use crate::layers::Layers;
use crate::methods::{MethodPlugin, Methods};
use crate::recipe::{Recipe, RecipeError};
use mergelab_abi::describe::{BaseUse, MethodTraits};
use mergelab_abi::working::Working;
use mergelab_checkpoint::DType;
use parameters::{Instance, Resolver};
use serde_json::{Map, Value};

/// What a merge will do with every tensor of its inputs.
pub struct Plan<'a> {
    pub(crate) recipe: &'a Recipe,
    pub(crate) plugin: MethodPlugin<'a>,
    pub(crate) base: Option<Input>,
    /// Whether the method is given the base.
    pub(crate) base_used: bool,
    /// Models that take part, in recipe order.
    pub(crate) models: Vec<Input>,
    /// Gives configuration, tokenizer and the tensors that are copied.
    pub(crate) donor: Input,
    pub(crate) instances: Vec<Instance>,
    tensors: Vec<PlannedTensor>,
    notes: Vec<String>,
}

/// One tensor of the result.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PlannedTensor {
    /// Its name.
    pub name: String,
    /// Its shape.
    pub shape: Vec<usize>,
    /// Format that it is stored in.
    pub dtype: DType,
    /// What happens to it.
    pub action: Action,
}

/// What happens to a tensor.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Action {
    /// The method merges it.
    Merge {
        /// Number of the parameter set ([`Plan::parameters`]).
        parameters: usize,
        /// Precision of the arithmetic.
        working: Working,
    },
    /// It is taken from the base, or from the first model where no base has it.
    Copy {
        /// Why it is not merged, in a clause.
        reason: &'static str,
    },
}

impl PlannedTensor {
    /// Number of elements.
    pub fn elements(&self) -> usize {
        self.shape.iter().product()
    }
}

impl<'a> Plan<'a> {
    /// Finds the method, opens the inputs, resolves all parameters and decides about every tensor.
    ///
    /// # Errors
    /// Everything that is wrong with the recipe, its parameters and its inputs, except for values
    /// that are NaN.
    pub fn new(recipe: &'a Recipe, methods: &'a dyn Methods) -> Result<Self, MergeError> {
        recipe.check_ids()?;
        let plugin = methods.find(&recipe.method)?;
        let traits = checked_traits(recipe, &plugin)?;
        let base_used = recipe.base.is_some() && traits.base != BaseUse::Unused;
        let mut notes = recipe.notes.clone();
        let mut taking_part = Vec::new();
        for model in &recipe.models {
            // A model that is the base has no task vector, so it is no voter.
            if base_used && recipe.base.as_ref() == Some(&model.input) {
                notes.push(format!(
                    "model `{}` is the base itself and takes no part",
                    model.id
                ));
            } else {
                taking_part.push(model);
            }
        }
        check_count(recipe, &traits, taking_part.len())?;
        // Before files are opened: a misspelt parameter should not have to wait for a disk.
        let mut resolver = Resolver::new(recipe, &plugin, taking_part.clone())?;

        let mut opener = Opener::new(recipe);
        let base = recipe.base.as_ref().map(|b| opener.base(b)).transpose()?;
        let models = taking_part
            .iter()
            .map(|m| opener.model(&m.id, &m.input))
            .collect::<Result<Vec<_>, _>>()?;
        let Some(donor) = base.as_ref().or(models.first()).cloned() else {
            return Err(recipe.error(recipe.method_at, "there are no models").into());
        };
        let tensors = tensors::plan(recipe, base.as_ref(), base_used, &models)?;
        let layers = Layers::of(tensors.iter().map(|t| t.name.as_str()));
        let mut planned = Vec::with_capacity(tensors.len());
        for mut tensor in tensors {
            if let Action::Merge { parameters, .. } = &mut tensor.action {
                *parameters = resolver.instance(&tensor.name, layers.depth(&tensor.name))?;
            }
            planned.push(tensor);
        }
        let copied: Vec<&PlannedTensor> = planned
            .iter()
            .filter(|t| matches!(t.action, Action::Copy { .. }))
            .collect();
        if let Some(first) = copied.first() {
            notes.push(format!(
                "{} of {} tensors are not merged but copied from {} (`{}`, for one)",
                copied.len(),
                planned.len(),
                donor.role,
                first.name
            ));
        }
        let instances = resolver.instances;
        Ok(Self {
            recipe,
            plugin,
            base,
            base_used,
            models,
            donor,
            instances,
            tensors: planned,
            notes,
        })
    }

    /// Checks method and parameters, without looking at any checkpoint.
    ///
    /// # Errors
    /// As [`Plan::new`], except for what depends on the inputs and for values that the method
    /// refuses only together where they have filters.
    pub fn check(recipe: &Recipe, methods: &dyn Methods) -> Result<(), MergeError> {
        recipe.check_ids()?;
        let plugin = methods.find(&recipe.method)?;
        let traits = checked_traits(recipe, &plugin)?;
        let base_used = recipe.base.is_some() && traits.base != BaseUse::Unused;
        let taking_part: Vec<_> = recipe
            .models
            .iter()
            .filter(|m| !(base_used && recipe.base.as_ref() == Some(&m.input)))
            .collect();
        check_count(recipe, &traits, taking_part.len())?;
        let mut resolver = Resolver::new(recipe, &plugin, taking_part)?;
        if recipe.has_filters() {
            // Which values go together depends on the tensors' names.
            return Ok(());
        }
        resolver.instance("", 0.0).map(|_| ())
    }

    /// The tensors of the result, by name.
    pub fn tensors(&self) -> &[PlannedTensor] {
        &self.tensors
    }

    /// A parameter set that [`Action::Merge`] names: every parameter, per-model ones as arrays.
    pub fn parameters(&self, number: usize) -> Option<&Map<String, Value>> {
        self.instances.get(number).map(|i| &i.params)
    }

    /// What a user should know, in sentences.
    pub fn notes(&self) -> &[String] {
        &self.notes
    }

    /// The input that a tensor is copied from.
    pub(crate) fn copied_from(&self, tensor: &str) -> &Input {
        let base = self.base.as_ref();
        base.filter(|b| b.source.info(tensor).is_ok())
            .or(self.models.first())
            .unwrap_or(&self.donor)
    }

    /// The inputs that a tensor is merged from: the base where it is used, then the models.
    pub(crate) fn merged(&self) -> impl Iterator<Item = &Input> {
        self.base
            .as_ref()
            .filter(|_| self.base_used)
            .into_iter()
            .chain(&self.models)
    }
}

/// What the method needs, after the recipe was checked for a base.
fn checked_traits(recipe: &Recipe, plugin: &MethodPlugin<'_>) -> Result<MethodTraits, MergeError> {
    let traits = plugin.traits().map_err(|source| MergeError::Plugin {
        method: plugin.info.id.clone(),
        tensor: None,
        source,
    })?;
    if traits.base == BaseUse::Required && recipe.base.is_none() {
        let message = format!(
            "`{}` merges task vectors, the differences from a base model: name the base",
            plugin.info.id
        );
        return Err(recipe.error(recipe.method_at, message).into());
    }
    Ok(traits.clone())
}

fn check_count(recipe: &Recipe, traits: &MethodTraits, count: usize) -> Result<(), RecipeError> {
    let wanted = match (traits.min_models, traits.max_models) {
        (min, Some(max)) if count > max && min == max => format!("exactly {max}"),
        (_, Some(max)) if count > max => format!("at most {max}"),
        (min, _) if count < min.max(1) => format!("at least {}", min.max(1)),
        _ => return Ok(()),
    };
    Err(recipe.error(
        recipe.method_at,
        format!(
            "`{}` takes {wanted} models, the recipe has {count} (the base not counted)",
            recipe.method
        ),
    ))
}
