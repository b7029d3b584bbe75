//! Which tensors are merged, copied or refused.

use super::{Action, PlannedTensor};
use crate::error::{MergeError, TensorProblem};
use crate::inputs::Input;
use crate::recipe::{Compute, Recipe};
use mergelab_abi::working::Working;
use mergelab_checkpoint::{DType, TensorInfo};
use std::collections::BTreeSet;

const BASE_ONLY: &str = "no other model has it";
const NOT_FLOAT: &str = "it holds no floats and is the same in all models";
const EMPTY: &str = "it has no elements";

/// Decides about every tensor that any input has. No tensor is ever left out silently.
pub(super) fn plan(
    recipe: &Recipe,
    base: Option<&Input>,
    base_used: bool,
    models: &[Input],
) -> Result<Vec<PlannedTensor>, MergeError> {
    let decide = Decide {
        recipe,
        base,
        base_used,
        models,
    };
    let names: BTreeSet<&String> = base
        .into_iter()
        .chain(models)
        .flat_map(|input| input.source.names())
        .collect();
    let mut planned = Vec::with_capacity(names.len());
    let mut problems = Vec::new();
    for name in names {
        match decide.tensor(name) {
            Ok(tensor) => planned.push(tensor),
            Err(reason) => problems.push(TensorProblem {
                tensor: name.clone(),
                reason,
            }),
        }
    }
    if problems.is_empty() {
        Ok(planned)
    } else {
        Err(MergeError::Tensors { problems })
    }
}

struct Decide<'a> {
    recipe: &'a Recipe,
    base: Option<&'a Input>,
    base_used: bool,
    models: &'a [Input],
}

impl<'a> Decide<'a> {
    fn tensor(&self, name: &str) -> Result<PlannedTensor, String> {
        let find = |input: &'a Input| Some((input, input.source.info(name).ok()?));
        let in_base = self.base.and_then(find);
        let in_models: Vec<(&Input, TensorInfo)> = self.models.iter().filter_map(find).collect();
        if let (Some((_, info)), true) = (&in_base, in_models.is_empty()) {
            return Ok(self.copy(name, info, BASE_ONLY));
        }
        if in_models.len() < self.models.len() {
            return Err(self.missing(name, &in_models));
        }
        if self.base_used && in_base.is_none() {
            return Err(format!(
                "the base has no such tensor, {} has",
                roles(&in_models)
            ));
        }
        // A base that the method does not look at gives the dtype, no values.
        let merged: Vec<&(&Input, TensorInfo)> = in_base
            .iter()
            .filter(|_| self.base_used)
            .chain(&in_models)
            .collect();
        let (first, info) = merged[0];
        for (other, theirs) in &merged[1..] {
            if theirs.shape != info.shape {
                return Err(format!(
                    "its shape is {:?} in {} and {:?} in {}{}",
                    info.shape,
                    first.role,
                    theirs.shape,
                    other.role,
                    vocabulary(name, &info.shape, &theirs.shape)
                ));
            }
        }
        if merged.iter().any(|(_, info)| !info.dtype.is_float()) {
            return self.not_float(name, &merged);
        }
        if info.elements() == 0 {
            return Ok(self.copy(name, info, EMPTY));
        }
        let stored = in_base.as_ref().map_or(info, |(_, info)| info);
        let working = match self.recipe.compute {
            Compute::In(working) => working,
            Compute::Storage => working(info.dtype),
        };
        Ok(PlannedTensor {
            name: name.to_owned(),
            shape: info.shape.clone(),
            dtype: self.stored_as(stored.dtype),
            action: Action::Merge {
                parameters: 0,
                working,
            },
        })
    }

    fn copy(&self, name: &str, info: &TensorInfo, reason: &'static str) -> PlannedTensor {
        PlannedTensor {
            name: name.to_owned(),
            shape: info.shape.clone(),
            dtype: self.stored_as(info.dtype),
            action: Action::Copy { reason },
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

    fn missing(&self, name: &str, have: &[(&Input, TensorInfo)]) -> String {
        let lack: Vec<&str> = self
            .models
            .iter()
            .filter(|m| m.source.info(name).is_err())
            .map(|m| m.role.as_str())
            .collect();
        let hint = if name.contains("lm_head") {
            "; one of them ties the output head to the embeddings, the other stores it: save both \
             the same way"
        } else {
            ""
        };
        format!("{} has it, {} lacks it{hint}", roles(have), lack.join(", "))
    }

    /// Integers, truth values and quantised numbers are not averaged.
    fn not_float(
        &self,
        name: &str,
        merged: &[&(&Input, TensorInfo)],
    ) -> Result<PlannedTensor, String> {
        let (first, info) = merged[0];
        fn bytes<'i>(input: &'i Input, name: &str) -> Result<&'i [u8], String> {
            input.source.raw_bytes(name).map_err(|e| e.to_string())
        }
        let wanted = bytes(first, name)?;
        for (other, theirs) in &merged[1..] {
            if theirs.dtype != info.dtype {
                return Err(format!(
                    "it is stored as {} in {} and as {} in {}: only floats are merged",
                    info.dtype, first.role, theirs.dtype, other.role
                ));
            }
            if bytes(other, name)? != wanted {
                return Err(format!(
                    "it holds {} and differs between {} and {}: only floats are merged",
                    info.dtype, first.role, other.role
                ));
            }
        }
        let mut planned = self.copy(name, info, NOT_FLOAT);
        planned.dtype = info.dtype;
        Ok(planned)
    }
}

fn working(dtype: DType) -> Working {
    match dtype {
        DType::BF16 => Working::Bf16,
        DType::F16 => Working::F16,
        _ => Working::F32,
    }
}

fn roles(have: &[(&Input, TensorInfo)]) -> String {
    let roles: Vec<&str> = have.iter().map(|(input, _)| input.role.as_str()).collect();
    roles.join(", ")
}

fn vocabulary(name: &str, a: &[usize], b: &[usize]) -> &'static str {
    let embedding = name.contains("embed") || name.contains("lm_head") || name.contains("wte");
    if embedding && a.len() == 2 && b.len() == 2 && a[1] == b[1] {
        "; their vocabularies differ: give them the same tokenizer first"
    } else {
        ""
    }
}
