//! Which tensors of the inputs make which tensor of the result.

use crate::components::Components;
use crate::error::{MergeError, TensorProblem};
use crate::inputs::Input;
use crate::layers::{Layers, Place, Side};
use crate::recipe::{Recipe, RecipeError, Rules};
use std::collections::BTreeSet;
use std::ops::Range;

/// Tensors of the result that are merged from the same inputs with the same parameters: all of
/// them, or the layers of a slice.
#[derive(Debug, Clone)]
pub(crate) struct Part {
    /// Number of the slice.
    pub(crate) slice: Option<usize>,
    /// Number of the module.
    pub(crate) module: Option<usize>,
    /// Whether it is a module as a whole, whose layers the inputs tell.
    whole: bool,
    /// Layers of the base, in a slice.
    base: Option<Range<usize>>,
    pub(crate) members: Vec<PartMember>,
}

/// A model that takes part.
#[derive(Debug, Clone)]
pub(crate) struct PartMember {
    /// Index in [`Plan::models`](super::Plan).
    pub(crate) input: usize,
    /// Index in the slice's sources.
    pub(crate) source: Option<usize>,
    layers: Range<usize>,
}

/// A tensor of the result, and the names that its inputs would have.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Wanted {
    pub(crate) name: String,
    pub(crate) part: usize,
    /// Where a gradient is read, from 0 to 1.
    pub(crate) depth: f64,
    /// Name in the base.
    pub(crate) base: Option<String>,
    /// Name in each member of the part.
    pub(crate) members: Vec<String>,
}

/// Whole models: one part with all of them, under their own names.
pub(crate) fn whole(models: usize) -> Vec<Part> {
    let members = (0..models).map(|input| PartMember {
        input,
        source: None,
        layers: 0..0,
    });
    vec![Part {
        slice: None,
        module: None,
        whole: false,
        base: None,
        members: members.collect(),
    }]
}

/// One part for each slice. `place` maps an index of [`Recipe::models`] to one of the plan's
/// models, or to nothing where the model is the base and no voter.
pub(crate) fn of_slices(
    recipe: &Recipe,
    base_used: bool,
    place: &[Option<usize>],
) -> Result<Vec<Part>, RecipeError> {
    let mut parts = Vec::new();
    for (number, slice) in recipe.slices.iter().enumerate() {
        let mut base = None;
        let mut members = Vec::new();
        for (i, source) in slice.sources.iter().enumerate() {
            match place[source.model] {
                Some(input) => members.push(PartMember {
                    input,
                    source: Some(i),
                    layers: source.layers.clone().unwrap_or_default(),
                }),
                None => base = Some(source.layers.clone().unwrap_or_default()),
            }
        }
        if base_used && base.is_none() {
            let same = slice.sources.windows(2).all(|p| p[0].layers == p[1].layers);
            base = slice
                .sources
                .first()
                .filter(|_| same)
                .map(|s| s.layers.clone().unwrap_or_default());
            if base.is_none() {
                let message = "the sources of this slice are different layers, and the base is \
                               not among them: name it as a source, with the layers that the \
                               others are compared with";
                return Err(recipe.error(slice.at, message));
            }
        }
        parts.push(Part {
            slice: Some(number),
            module: slice.module,
            whole: slice.is_whole(),
            base,
            members,
        });
    }
    Ok(parts)
}

/// What every tensor of the result is made from, and the tensors of modules that the recipe does not
/// name. Whole modules get the numbers of their layers.
pub(crate) fn wanted(
    recipe: &Recipe,
    parts: &mut [Part],
    base: Option<&Input>,
    models: &[Input],
) -> Result<(Vec<Wanted>, Vec<TensorProblem>), MergeError> {
    let ends = match recipe.rules {
        Rules::Own => 1.0,
        Rules::Mergekit => 0.0,
    };
    let names: BTreeSet<&String> = base
        .into_iter()
        .chain(models)
        .flat_map(|input| input.source.names())
        .collect();
    if recipe.slices.is_empty() {
        let layers = Layers::of(names.iter().map(|n| n.as_str()));
        let wanted = names.into_iter().map(|name| Wanted {
            name: name.clone(),
            part: 0,
            depth: layers.depth(name, ends),
            base: Some(name.clone()),
            members: vec![name.clone(); models.len()],
        });
        return Ok((wanted.collect(), Vec::new()));
    }
    if recipe.modules.is_empty() {
        let stack = Stack::only(recipe, base, models)?;
        stack.check(parts)?;
        let loose = |name: &&&String| Place::of(name).layer.is_none();
        let mut wanted = stack.layers(parts);
        wanted.extend(stack.loose(parts, names.iter().filter(loose).copied(), ends));
        wanted.sort_by(|a, b| a.name.cmp(&b.name));
        return Ok((wanted, Vec::new()));
    }
    let config = base.or(models.first()).and_then(|i| i.checkpoint.config());
    let components = Components::of(config, names.iter().map(|name| name.as_str()));
    let mut wanted = Vec::new();
    for (number, module) in recipe.modules.iter().enumerate() {
        let component = components
            .named(&module.name)
            .map_err(|message| recipe.error(module.at, message))?;
        let stack = Stack {
            recipe,
            base,
            models,
            module: Some(number),
            stem: component.stem.clone(),
        };
        stack.fill(parts)?;
        stack.check(parts)?;
        wanted.extend(stack.layers(parts));
        let own = names.iter().copied().filter(|name| {
            let of = components.of_tensor(name).map(|c| &c.name);
            of == Some(&component.name) && component.layer(name).is_none()
        });
        wanted.extend(stack.loose(parts, own, ends));
    }
    wanted.sort_by(|a, b| a.name.cmp(&b.name));
    let left = names.into_iter().filter_map(|name| {
        let reason = match components.of_tensor(name) {
            None => "it is in no module that the architecture has".to_owned(),
            Some(of) if recipe.modules.iter().all(|m| m.name != of.name) => {
                format!("it is in the module `{}`, which is not listed", of.name)
            }
            Some(_) => return None,
        };
        let tensor = name.clone();
        Some(TensorProblem { tensor, reason })
    });
    Ok((wanted, left.collect()))
}

/// The layers of all inputs, or of a module of all inputs, of a merge with slices.
struct Stack<'a> {
    recipe: &'a Recipe,
    base: Option<&'a Input>,
    models: &'a [Input],
    /// The module, where there are any.
    module: Option<usize>,
    /// What stands before the number of a layer, such as `model.layers.`; `None` where there are no
    /// layers.
    stem: Option<String>,
}

impl<'a> Stack<'a> {
    /// The one stack of models without modules.
    fn only(
        recipe: &'a Recipe,
        base: Option<&'a Input>,
        models: &'a [Input],
    ) -> Result<Self, MergeError> {
        let mut stems: Vec<(String, &Input)> = Vec::new();
        for input in base.into_iter().chain(models) {
            for stem in Layers::of(input.source.names().iter().map(String::as_str)).stems() {
                if stems.iter().all(|(known, _)| known != stem) {
                    stems.push((stem.to_owned(), input));
                }
            }
        }
        let at = recipe.slices.first().map_or(recipe.method_at, |s| s.at);
        match &stems[..] {
            [(stem, _)] => Ok(Self {
                recipe,
                base,
                models,
                module: None,
                stem: Some(stem.clone()),
            }),
            [] => Err(recipe
                .error(
                    at,
                    "`slices` needs models with numbered layers; these have none",
                )
                .into()),
            [(first, of), (second, in_other), ..] => {
                let message = format!(
                    "`slices` needs models with one stack of layers, and here are `{first}` (in \
                     {}) and `{second}` (in {}): put the slices of each into a module, under \
                     `modules`",
                    of.role, in_other.role
                );
                Err(recipe.error(at, message).into())
            }
        }
    }

    /// Its parts, with their numbers.
    fn own<'p>(&self, parts: &'p [Part]) -> impl Iterator<Item = (usize, &'p Part)> {
        let module = self.module;
        let parts = parts.iter().enumerate();
        parts.filter(move |(_, part)| part.module == module)
    }

    /// Number of layers of an input.
    fn count(&self, input: &Input) -> usize {
        let names = input.source.names().iter().map(String::as_str);
        let stem = self.stem.as_ref();
        stem.map_or(0, |stem| Layers::of(names).count(stem))
    }

    /// Gives a whole module the numbers of its layers.
    fn fill(&self, parts: &mut [Part]) -> Result<(), MergeError> {
        let parts = parts.iter_mut().filter(|p| p.module == self.module);
        for part in parts.filter(|part| part.whole) {
            let mut first: Option<(&Input, usize)> = None;
            let of_base = self.base.zip(part.base.as_mut());
            let of_models = part.members.iter_mut();
            let of_models =
                of_models.filter_map(|m| Some((self.models.get(m.input)?, &mut m.layers)));
            for (input, layers) in of_base.into_iter().chain(of_models) {
                let count = self.count(input);
                *layers = 0..count;
                let (other, expected) = *first.get_or_insert((input, count));
                if count != expected {
                    let at = part.slice.and_then(|n| self.recipe.slices.get(n));
                    let message = format!(
                        "this module has {expected} layers in {} and {count} in {}: write `slices`",
                        other.role, input.role
                    );
                    let at = at.map_or(self.recipe.method_at, |slice| slice.at);
                    return Err(self.recipe.error(at, message).into());
                }
            }
        }
        Ok(())
    }

    fn check(&self, parts: &[Part]) -> Result<(), MergeError> {
        self.own(parts)
            .try_for_each(|(_, part)| self.check_layers(part))
    }

    /// The tensors of all layers.
    fn layers(&self, parts: &[Part]) -> Vec<Wanted> {
        let Some(stem) = &self.stem else {
            return Vec::new();
        };
        let mut wanted = Vec::new();
        let mut out = 0;
        for (number, part) in self.own(parts) {
            let count = part.layers();
            for k in 0..count {
                let depth = if count == 1 {
                    1.0
                } else {
                    k as f64 / (count - 1) as f64
                };
                for rest in self.rests(stem, part, k) {
                    wanted.push(Wanted {
                        name: format!("{stem}{out}{rest}"),
                        part: number,
                        depth,
                        base: part
                            .base
                            .as_ref()
                            .map(|layers| format!("{stem}{}{rest}", layers.start + k)),
                        members: part
                            .members
                            .iter()
                            .map(|m| format!("{stem}{}{rest}", m.layers.start + k))
                            .collect(),
                    });
                }
                out += 1;
            }
        }
        wanted
    }

    /// Tensors that are in no layer: with the first part what comes before the layers, with the
    /// last one what comes after them.
    fn loose<'n>(
        &self,
        parts: &[Part],
        names: impl Iterator<Item = &'n String>,
        ends: f64,
    ) -> Vec<Wanted> {
        let numbers: Vec<usize> = self.own(parts).map(|(number, _)| number).collect();
        let first = numbers.first().copied().unwrap_or_default();
        let last = numbers.last().copied().unwrap_or_default();
        let wanted = names.map(|name| {
            let (part, depth) = match Side::of(name) {
                Side::Before => (first, 0.0),
                Side::After => (last, ends),
            };
            Wanted {
                name: name.clone(),
                part,
                depth,
                base: Some(name.clone()),
                members: vec![name.clone(); parts.get(part).map_or(0, |p| p.members.len())],
            }
        });
        wanted.collect()
    }

    /// What stands after the number of layer `k` of a part, in any of its inputs.
    fn rests(&self, stem: &str, part: &Part, k: usize) -> BTreeSet<&'a str> {
        let of_base = self.base.zip(part.base.as_ref());
        let of_models = part
            .members
            .iter()
            .filter_map(|m| Some((self.models.get(m.input)?, &m.layers)));
        let mut rests = BTreeSet::new();
        for (input, layers) in of_base.into_iter().chain(of_models) {
            let start = format!("{stem}{}.", layers.start + k);
            let names = input.source.names();
            // Sorted, so those of one layer stand together.
            let first = names.partition_point(|name| name.as_str() < start.as_str());
            let own = names[first..].iter().take_while(|n| n.starts_with(&start));
            rests.extend(own.map(|name| &name[start.len() - 1..]));
        }
        rests
    }

    /// Refuses layers that a model does not have.
    fn check_layers(&self, part: &Part) -> Result<(), MergeError> {
        let Some(slice) = part.slice.and_then(|n| self.recipe.slices.get(n)) else {
            return Ok(());
        };
        let sources = part.members.iter().filter_map(|m| {
            let at = m
                .source
                .and_then(|s| slice.sources.get(s))
                .map_or(slice.at, |s| s.at);
            Some((self.models.get(m.input)?, &m.layers, at))
        });
        let of_base = self.base.zip(part.base.as_ref());
        let of_base = of_base.map(|(base, layers)| (base, layers, slice.at));
        for (input, layers, at) in sources.chain(of_base) {
            let count = self.count(input);
            if layers.end > count {
                let message = format!(
                    "layers {} to {} of {} are asked for, which has {count} (numbered from 0; \
                     the second number is one past the last layer)",
                    layers.start,
                    layers.end - 1,
                    input.role
                );
                return Err(self.recipe.error(at, message).into());
            }
        }
        Ok(())
    }
}

impl Part {
    /// Number of layers, in a slice.
    pub(crate) fn layers(&self) -> usize {
        let members = self.members.iter().map(|m| &m.layers);
        members.chain(&self.base).next().map_or(0, Range::len)
    }

    /// Whether it names the base alone, which it is a copy of then.
    pub(crate) fn is_of_the_base(&self) -> bool {
        self.members.is_empty() && self.base.is_some()
    }

    /// The layers of the base, in a slice that has one.
    pub(crate) fn base_layers(&self) -> Option<&Range<usize>> {
        self.base.as_ref()
    }
}

impl PartMember {
    /// Its layers, in a slice.
    pub(crate) fn layers(&self) -> &Range<usize> {
        &self.layers
    }
}
