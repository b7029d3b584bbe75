//! Which tensors are merged, copied, left out or refused.

use super::parts::{Part, Wanted};
use super::vocabulary::how_to_align;
use super::{Action, DroppedTensor, Origin, PlannedTensor, Which};
use crate::error::{MergeError, TensorProblem};
use crate::inputs::Input;
use crate::recipe::{Compute, Recipe, Rules};
use mergelab_abi::working::Working;
use mergelab_checkpoint::{DType, TensorInfo};

const BASE_ONLY: &str = "no other model has it";
const OF_THE_BASE: &str = "its slice or module names the base alone";
const NOT_FLOAT: &str = "it holds no floats and is the same in all models";
const EMPTY: &str = "it has no elements";
const NOT_IN_ALL: &str = "too few models have it to merge it";

/// Decides about every tensor that any input has. No tensor is ever left out silently.
pub(super) fn plan(
    decide: &Decide<'_>,
    wanted: &[Wanted],
    not_listed: Vec<TensorProblem>,
) -> Result<(Vec<PlannedTensor>, Vec<DroppedTensor>), MergeError> {
    let mut planned = Vec::with_capacity(wanted.len());
    let mut dropped = Vec::new();
    let mut problems = Vec::new();
    for left in not_listed {
        match decide.recipe.rules {
            Rules::Mergekit => dropped.push(DroppedTensor {
                name: left.tensor,
                reason: left.reason,
            }),
            Rules::Own => problems.push(TensorProblem {
                reason: left.reason + ": list it, or write `rules = \"mergekit\"` to leave it out",
                tensor: left.tensor,
            }),
        }
    }
    for wanted in wanted {
        match decide.tensor(wanted) {
            Ok(Decision::Keep(tensor)) => planned.push(tensor),
            Ok(Decision::Drop(reason)) => dropped.push(DroppedTensor {
                name: wanted.name.clone(),
                reason,
            }),
            Err(reason) => problems.push(TensorProblem {
                tensor: wanted.name.clone(),
                reason,
            }),
        }
    }
    dropped.sort_by(|a: &DroppedTensor, b| a.name.cmp(&b.name));
    if problems.is_empty() {
        Ok((planned, dropped))
    } else {
        Err(MergeError::Tensors { problems })
    }
}

/// What the decisions depend on.
pub(super) struct Decide<'a> {
    pub(super) recipe: &'a Recipe,
    pub(super) base: Option<&'a Input>,
    pub(super) base_used: bool,
    pub(super) models: &'a [Input],
    pub(super) parts: &'a [Part],
    /// Fewest models that the method takes.
    pub(super) min_models: usize,
}

enum Decision {
    Keep(PlannedTensor),
    Drop(String),
}

/// A tensor of an input.
struct Found<'a> {
    which: Which,
    input: &'a Input,
    name: &'a str,
    info: TensorInfo,
}

impl<'a> Decide<'a> {
    fn tensor(&self, wanted: &'a Wanted) -> Result<Decision, String> {
        let find = |which: Which, input: &'a Input, name: &'a str| {
            Some(Found {
                which,
                input,
                name,
                info: input.source.info(name).ok()?,
            })
        };
        let in_base = self.base.zip(wanted.base.as_deref());
        let in_base = in_base.and_then(|(base, name)| find(Which::Base, base, name));
        let members = self.parts.get(wanted.part).map_or(&[][..], |p| &p.members);
        let mut in_models: Vec<Found<'_>> = Vec::new();
        let mut present = Vec::new();
        for (i, (member, name)) in members.iter().zip(&wanted.members).enumerate() {
            let input = self.models.get(member.input);
            if let Some(found) = input.and_then(|m| find(Which::Model(member.input), m, name)) {
                in_models.push(found);
                present.push(i);
            }
        }
        if in_models.is_empty() {
            return match &in_base {
                Some(found) => {
                    let alone = self
                        .parts
                        .get(wanted.part)
                        .is_some_and(Part::is_of_the_base);
                    let reason = if alone { OF_THE_BASE } else { BASE_ONLY };
                    Ok(Decision::Keep(self.copy(wanted, found, reason)))
                }
                None => self.not_in_slice(wanted),
            };
        }
        let lenient = self.recipe.rules == Rules::Mergekit;
        if self.base_used && in_base.is_none() {
            let reason = format!("the base has no such tensor, {} has", roles(&in_models));
            return match lenient {
                true => Ok(Decision::Drop(reason)),
                false => Err(reason + LENIENT),
            };
        }
        if in_models.len() < members.len() {
            if !lenient {
                return Err(self.missing(wanted, &in_models));
            }
            if in_models.len() < self.min_models {
                return Ok(match &in_base {
                    Some(found) => Decision::Keep(self.copy(wanted, found, NOT_IN_ALL)),
                    None => Decision::Drop(format!("only {} has it", roles(&in_models))),
                });
            }
        }
        let stored = in_base.as_ref().map(|found| found.info.dtype);
        // A base that the method does not look at gives the dtype, no values.
        let mut merged: Vec<Found<'_>> = in_base.into_iter().filter(|_| self.base_used).collect();
        merged.extend(in_models);
        let first = &merged[0];
        for other in &merged[1..] {
            if other.info.shape != first.info.shape {
                return Err(format!(
                    "its shape is {:?} in {} and {:?} in {}{}",
                    first.info.shape,
                    first.input.role,
                    other.info.shape,
                    other.input.role,
                    self.vocabulary(&wanted.name, &first.info.shape, &other.info.shape)
                ));
            }
        }
        if merged.iter().any(|found| !found.info.dtype.is_float()) {
            return self.not_float(wanted, &merged);
        }
        if first.info.elements() == 0 {
            return Ok(Decision::Keep(self.copy(wanted, first, EMPTY)));
        }
        let widest = widest(&merged);
        let working = match self.recipe.compute {
            Compute::In(working) => working,
            Compute::Storage => working(widest),
        };
        let stored = match (lenient, self.recipe.compute) {
            (true, Compute::Storage) => widest,
            _ => stored.unwrap_or(first.info.dtype),
        };
        Ok(Decision::Keep(PlannedTensor {
            name: wanted.name.clone(),
            shape: first.info.shape.clone(),
            dtype: self.stored_as(stored),
            action: Action::Merge {
                parameters: 0,
                working,
            },
            part: wanted.part,
            depth: wanted.depth,
            present,
            origins: merged.iter().map(Found::origin).collect(),
        }))
    }

    fn copy(&self, wanted: &Wanted, from: &Found<'_>, reason: &'static str) -> PlannedTensor {
        PlannedTensor {
            name: wanted.name.clone(),
            shape: from.info.shape.clone(),
            dtype: self.stored_as(from.info.dtype),
            action: Action::Copy { reason },
            part: wanted.part,
            depth: wanted.depth,
            present: Vec::new(),
            origins: vec![from.origin()],
        }
    }

    /// A tensor outside the layers that only models of other slices have.
    fn not_in_slice(&self, wanted: &Wanted) -> Result<Decision, String> {
        let has = self
            .models
            .iter()
            .find(|m| m.source.info(&wanted.name).is_ok());
        let has = has.map_or("another model", |m| m.role.as_str());
        let number = wanted.part + 1;
        let reason = format!(
            "it is merged from the sources of slice {number}, which lack it, and {has} has it"
        );
        match self.recipe.rules {
            Rules::Mergekit => Ok(Decision::Drop(reason)),
            Rules::Own => Err(reason + LENIENT),
        }
    }

    fn stored_as(&self, dtype: DType) -> DType {
        match self.recipe.out_dtype {
            Some(out) if dtype.is_float() => match out {
                Working::F32 => DType::F32,
                Working::Bf16 => DType::BF16,
                Working::F16 => DType::F16,
            },
            _ => dtype,
        }
    }

    fn missing(&self, wanted: &Wanted, have: &[Found<'_>]) -> String {
        let members = self.parts.get(wanted.part).map_or(&[][..], |p| &p.members);
        let lack: Vec<&str> = members
            .iter()
            .zip(&wanted.members)
            .filter_map(|(member, name)| Some((self.models.get(member.input)?, name)))
            .filter(|(input, name)| input.source.info(name).is_err())
            .map(|(input, _)| input.role.as_str())
            .collect();
        let (have, lack) = (roles(have), lack.join(", "));
        format!("{have} has it, {lack} lacks it{LENIENT}")
    }

    /// Integers, truth values and quantised numbers are not averaged.
    fn not_float(&self, wanted: &Wanted, merged: &[Found<'_>]) -> Result<Decision, String> {
        let first = &merged[0];
        for other in &merged[1..] {
            if other.info.dtype != first.info.dtype {
                return Err(format!(
                    "it is stored as {} in {} and as {} in {}: only floats are merged",
                    first.info.dtype, first.input.role, other.info.dtype, other.input.role
                ));
            }
            if raw(other)? != raw(first)? {
                return Err(format!(
                    "it holds {} and differs between {} and {}: only floats are merged",
                    first.info.dtype, first.input.role, other.input.role
                ));
            }
        }
        let mut planned = self.copy(wanted, first, NOT_FLOAT);
        planned.dtype = first.info.dtype;
        Ok(Decision::Keep(planned))
    }

    fn vocabulary(&self, name: &str, a: &[usize], b: &[usize]) -> String {
        let embedding = name.contains("embed") || name.contains("lm_head") || name.contains("wte");
        if embedding && a.len() == 2 && b.len() == 2 && a[1] == b[1] {
            let write = how_to_align(self.recipe);
            format!("; their vocabularies differ: write {write} to merge them token by token")
        } else {
            String::new()
        }
    }
}

/// What to do about tensors that only some models have.
const LENIENT: &str = " (with `rules = \"mergekit\"` it is merged from those that have it, or left \
                       out)";

impl Found<'_> {
    fn origin(&self) -> Origin {
        Origin {
            which: self.which,
            tensor: self.name.to_owned(),
        }
    }
}

fn raw<'f>(found: &'f Found<'_>) -> Result<&'f [u8], String> {
    let bytes = found.input.source.raw_bytes(found.name);
    bytes.map_err(|e| e.to_string())
}

/// A format that holds the values of all of them.
fn widest(merged: &[Found<'_>]) -> DType {
    let dtypes = merged.iter().map(|found| found.info.dtype);
    let wider = |a: DType, b: DType| match (a, b) {
        _ if a == b => a,
        (DType::F64, _) | (_, DType::F64) => DType::F64,
        _ => DType::F32,
    };
    dtypes.reduce(wider).unwrap_or(DType::F32)
}

fn working(dtype: DType) -> Working {
    match dtype {
        DType::BF16 => Working::Bf16,
        DType::F16 => Working::F16,
        _ => Working::F32,
    }
}

fn roles(have: &[Found<'_>]) -> String {
    let roles: Vec<&str> = have.iter().map(|found| found.input.role.as_str()).collect();
    roles.join(", ")
}
