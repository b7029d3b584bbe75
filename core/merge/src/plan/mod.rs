//! What a merge will do, decided before anything is written.

mod check;
mod describe;
mod notes;
mod parameters;
mod parts;
mod tensors;
mod vocabulary;

use crate::components::Components;
use crate::error::MergeError;
use crate::inputs::{Input, Opener};
use crate::methods::{MethodPlugin, Methods};
use crate::recipe::{Model, Recipe, RecipeError};
use crate::untied;
use mergelab_abi::describe::{BaseUse, MethodTraits};
use mergelab_abi::working::Working;
use mergelab_checkpoint::DType;
use parameters::{Instance, Resolver, Values, Voter, Where};
use parts::Part;
use serde_json::{Map, Value};

pub use describe::{
    Description, Dropped, MemoryBound, ParameterDescription, SourceDescription, TensorDescription,
    What, bytes,
};
pub use parameters::{Effective, Gradient, Level};
pub(crate) use vocabulary::Vocabulary;

/// What a merge will do with every tensor of its inputs.
pub struct Plan<'a> {
    pub(crate) recipe: &'a Recipe,
    pub(crate) plugin: MethodPlugin<'a>,
    pub(crate) base: Option<Input>,
    /// Whether the method is given the base.
    pub(crate) base_used: bool,
    /// Models that take part, in recipe order.
    pub(crate) models: Vec<Input>,
    /// The same in the recipe.
    voters: Vec<&'a Model>,
    /// Gives configuration, tokenizer and the tensors that are copied.
    pub(crate) donor: Input,
    pub(crate) instances: Vec<Instance>,
    values: Values<'a>,
    parts: Vec<Part>,
    /// Where the recipe asks for a common vocabulary.
    pub(crate) vocabulary: Option<Vocabulary>,
    tensors: Vec<PlannedTensor>,
    dropped: Vec<DroppedTensor>,
    notes: Vec<String>,
}

/// One tensor of the result.
#[derive(Debug, Clone, PartialEq)]
pub struct PlannedTensor {
    /// Its name.
    pub name: String,
    /// Its shape.
    pub shape: Vec<usize>,
    /// Format that it is stored in.
    pub dtype: DType,
    /// What happens to it.
    pub action: Action,
    /// Number of its part of the result.
    part: usize,
    /// Where gradients are read.
    depth: f64,
    /// Which members of the part have it.
    present: Vec<usize>,
    /// What it is made from: the base first, where it is used, then the models.
    pub(crate) origins: Vec<Origin>,
}

/// A tensor of an input.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Origin {
    pub(crate) which: Which,
    pub(crate) tensor: String,
}

/// One of the inputs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Which {
    Base,
    /// By its index in [`Plan::models`].
    Model(usize),
}

/// A tensor of an input that the result does not have.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DroppedTensor {
    /// Its name.
    pub name: String,
    /// Why, in a clause.
    pub reason: String,
}

/// Places of config.json that may have the number of a module's layers, and the input and its layer
/// that each layer of the result takes its entries from.
pub(crate) type ModuleLayers<'a> = (&'static [&'static str], Vec<(&'a Input, usize)>);

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
        let Setup {
            plugin,
            traits,
            base_used,
            voters,
            place,
            mut resolver,
            mut notes,
        } = Setup::new(recipe, methods)?;
        let mut opener = Opener::new(recipe);
        let mut base = recipe.base.as_ref().map(|b| opener.base(b)).transpose()?;
        let mut models = voters
            .iter()
            .map(|m| opener.model(&m.id, &m.input))
            .collect::<Result<Vec<_>, _>>()?;
        notes.extend(untied::untie(base.iter_mut().chain(&mut models)));
        let all: Vec<&Input> = base.iter().chain(&models).collect();
        notes.extend(vocabulary::compare(recipe, &all)?);
        let mut all: Vec<&mut Input> = base.iter_mut().chain(&mut models).collect();
        let vocabulary = vocabulary::align(recipe, &mut all)?;
        let Some(donor) = base.as_ref().or(models.first()).cloned() else {
            return Err(recipe.error(recipe.method_at, "there are no models").into());
        };
        let mut parts = match recipe.slices.is_empty() {
            true => parts::whole(models.len()),
            false => parts::of_slices(recipe, base_used, &place)?,
        };
        for part in parts.iter().filter(|part| !part.is_of_the_base()) {
            let at = part.slice.and_then(|n| recipe.slices.get(n));
            check_count(recipe, &traits, part.members.len(), at.map(|s| s.at))?;
        }
        let (wanted, left) = parts::wanted(recipe, &mut parts, base.as_ref(), &models)?;
        let decide = tensors::Decide {
            recipe,
            base: base.as_ref(),
            base_used,
            models: &models,
            parts: &parts,
            min_models: traits.min_models.max(1),
        };
        let (tensors, dropped) = tensors::plan(&decide, &wanted, left)?;
        let mut plan = Self {
            recipe,
            plugin,
            base,
            base_used,
            models,
            voters,
            donor,
            instances: Vec::new(),
            values: resolver.values.clone(),
            parts,
            vocabulary,
            tensors,
            dropped,
            notes,
        };
        for i in 0..plan.tensors.len() {
            if let Action::Merge { .. } = plan.tensors[i].action {
                let place = plan.place(&plan.tensors[i]);
                let number = resolver.instance(&plan.plugin, &place)?;
                if let Action::Merge { parameters, .. } = &mut plan.tensors[i].action {
                    *parameters = number;
                }
            }
        }
        plan.instances = resolver.instances;
        plan.take_notes();
        Ok(plan)
    }

    /// Checks method and parameters, without looking at any checkpoint.
    ///
    /// # Errors
    /// As [`Plan::new`], except for what depends on the inputs and for values that the method
    /// refuses only together where they have filters.
    pub fn check(recipe: &Recipe, methods: &dyn Methods) -> Result<(), MergeError> {
        let Setup {
            plugin,
            traits,
            base_used,
            voters,
            place,
            mut resolver,
            ..
        } = Setup::new(recipe, methods)?;
        if !recipe.slices.is_empty() {
            let parts = parts::of_slices(recipe, base_used, &place)?;
            for part in parts.iter().filter(|part| !part.is_of_the_base()) {
                let at = part.slice.and_then(|n| recipe.slices.get(n));
                check_count(recipe, &traits, part.members.len(), at.map(|s| s.at))?;
            }
            // Which values go together depends on the slice.
            return Ok(());
        }
        if recipe.has_filters() {
            // Which values go together depends on the tensors' names.
            return Ok(());
        }
        let voters = voters.into_iter().map(|model| Voter {
            model,
            source: None,
            tensor: None,
        });
        let place = Where {
            tensor: "",
            module: None,
            depth: 0.0,
            slice: None,
            voters: voters.collect(),
        };
        resolver.instance(&plugin, &place).map(|_| ())
    }

    /// The tensors of the result, by name.
    pub fn tensors(&self) -> &[PlannedTensor] {
        &self.tensors
    }

    /// Tensors that some input has and the result has not, by name.
    pub fn dropped(&self) -> &[DroppedTensor] {
        &self.dropped
    }

    /// A parameter set that [`Action::Merge`] names: every parameter, per-model ones as arrays.
    pub fn parameters(&self, number: usize) -> Option<&Map<String, Value>> {
        self.instances.get(number).map(|i| &i.params)
    }

    /// What a user should know, in sentences.
    pub fn notes(&self) -> &[String] {
        &self.notes
    }

    /// What a tensor is made from: the base where the method uses it, then the models, each with
    /// its name for the tensor. A copy has one.
    pub(crate) fn origins<'p>(
        &'p self,
        tensor: &'p PlannedTensor,
    ) -> impl Iterator<Item = (&'p Input, &'p str)> {
        tensor.origins.iter().map(|origin| {
            let input = match origin.which {
                Which::Base => self.base.as_ref(),
                Which::Model(i) => self.models.get(i),
            };
            (input.unwrap_or(&self.donor), origin.tensor.as_str())
        })
    }

    /// The input and its layer that each layer of the result takes its entries of the configuration
    /// from: the base, or the first source. `None` where there are no slices.
    pub(crate) fn layers(&self) -> Option<Vec<(&Input, usize)>> {
        if self.recipe.slices.is_empty() || !self.recipe.modules.is_empty() {
            return None;
        }
        Some(self.layers_of(None))
    }

    /// The same for each module that the recipe has slices of, with the places of config.json that
    /// may have the number of its layers.
    pub(crate) fn module_layers(&self) -> Vec<ModuleLayers<'_>> {
        let names = self.donor.source.names().iter().map(String::as_str);
        let components = Components::of(self.donor.checkpoint.config(), names);
        let modules = self.recipe.modules.iter().enumerate();
        let counted = modules.filter_map(|(number, module)| {
            let component = components.named(&module.name).ok()?;
            Some((component.count, self.layers_of(Some(number))))
        });
        counted.collect()
    }

    /// The layers of all slices of a module.
    fn layers_of(&self, module: Option<usize>) -> Vec<(&Input, usize)> {
        let parts = self.parts.iter().filter(|part| part.module == module);
        let layers = parts.flat_map(|part| {
            let base = self.base.as_ref().zip(part.base_layers());
            let first = part
                .members
                .first()
                .and_then(|m| Some((self.models.get(m.input)?, m.layers())));
            let of = base.or(first);
            of.into_iter()
                .flat_map(|(input, layers)| layers.clone().map(move |layer| (input, layer)))
        });
        layers.collect()
    }

    /// Whether the result stores an output head and the donor does not.
    pub(crate) fn is_untied(&self) -> bool {
        untied::HEADS.iter().any(|head| {
            let stored = self.donor.checkpoint.contains(head);
            !stored && self.tensors.iter().any(|t| t.name == *head)
        })
    }

    /// Whose parameters count for a tensor.
    fn place<'p>(&'p self, tensor: &'p PlannedTensor) -> Where<'p> {
        let part = self.parts.get(tensor.part);
        let slice = part
            .and_then(|p| p.slice)
            .and_then(|n| Some((n, self.recipe.slices.get(n)?)));
        let voters = tensor.present.iter().filter_map(|i| {
            let member = part?.members.get(*i)?;
            let of_member = |o: &&Origin| o.which == Which::Model(member.input);
            let origin = tensor.origins.iter().find(of_member);
            let source = slice.zip(member.source);
            Some(Voter {
                model: self.voters.get(member.input)?,
                source: source.and_then(|((_, slice), i)| slice.sources.get(i)),
                tensor: origin.map(|o| o.tensor.as_str()),
            })
        });
        Where {
            tensor: &tensor.name,
            module: part
                .and_then(|p| p.module)
                .and_then(|n| self.recipe.modules.get(n)),
            depth: tensor.depth,
            slice,
            voters: voters.collect(),
        }
    }
}

/// What is known before any checkpoint is opened.
struct Setup<'a> {
    plugin: MethodPlugin<'a>,
    traits: MethodTraits,
    base_used: bool,
    voters: Vec<&'a Model>,
    /// From the recipe's models to the voters.
    place: Vec<Option<usize>>,
    resolver: Resolver<'a>,
    notes: Vec<String>,
}

impl<'a> Setup<'a> {
    fn new(recipe: &'a Recipe, methods: &'a dyn Methods) -> Result<Self, MergeError> {
        recipe.check_ids()?;
        let plugin = methods.find(&recipe.method)?;
        let traits = checked_traits(recipe, &plugin)?;
        let base_used = recipe.base.is_some() && traits.base != BaseUse::Unused;
        let mut notes = recipe.notes.clone();
        let mut voters = Vec::new();
        let mut place = Vec::new();
        for model in &recipe.models {
            // A model that is the base has no task vector, so it is no voter.
            if base_used && recipe.base.as_ref() == Some(&model.input) {
                if recipe.slices.is_empty() {
                    notes.push(format!(
                        "model `{}` is the base itself and takes no part",
                        model.id
                    ));
                }
                place.push(None);
            } else {
                place.push(Some(voters.len()));
                voters.push(model);
            }
        }
        if recipe.slices.is_empty() {
            check_count(recipe, &traits, voters.len(), None)?;
        }
        // Before files are opened: a misspelt parameter should not have to wait for a disk.
        let resolver = Resolver::new(recipe, &plugin)?;
        Ok(Self {
            plugin,
            traits,
            base_used,
            voters,
            place,
            resolver,
            notes,
        })
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

fn check_count(
    recipe: &Recipe,
    traits: &MethodTraits,
    count: usize,
    slice: Option<crate::recipe::Position>,
) -> Result<(), RecipeError> {
    let wanted = match (traits.min_models, traits.max_models) {
        (min, Some(max)) if count > max && min == max => format!("exactly {max}"),
        (_, Some(max)) if count > max => format!("at most {max}"),
        (min, _) if count < min.max(1) => format!("at least {}", min.max(1)),
        _ => return Ok(()),
    };
    let has = match slice {
        Some(_) => "this slice",
        None => "the recipe",
    };
    Err(recipe.error(
        slice.unwrap_or(recipe.method_at),
        format!(
            "`{}` takes {wanted} models, {has} has {count} (the base not counted)",
            recipe.method
        ),
    ))
}
