//! Merge methods.

use crate::{Group, Params, Result, Tensor, params};
use mergelab_abi::{
    PluginError,
    describe::{BaseUse, MethodTraits},
    method::{GroupInfo, Method, MethodSetup},
    ops::{HostHandle, Node},
};
use serde_json::Value;

/// A way of merging models, tensor by tensor.
///
/// The constants are promises: the host refuses recipes that do not meet the needs, and
/// [`crate::conformance`] tests the rest.
pub trait MergeMethod: Params {
    /// The method's name in manifests and result tables.
    const ID: &'static str;
    /// Whether it uses a base model.
    const BASE: BaseUse = BaseUse::Required;
    /// Fewest models, the base not counted.
    const MIN_MODELS: usize = 1;
    /// Most models, the base not counted.
    const MAX_MODELS: Option<usize> = None;
    /// The result does not depend on the order of the models, beyond float rounding.
    const ORDER_INDEPENDENT: bool = true;
    /// Merging copies of one model gives that model.
    const IDENTITY: bool = true;
    /// It draws random numbers.
    const RANDOM: bool = false;

    /// Named sets of parameter values: the name and a JSON object of values. A recipe that asks
    /// for `method@name` starts from these instead of the defaults.
    fn presets() -> Vec<(&'static str, Value)> {
        Vec::new()
    }

    /// Checks parameters together, once, before any tensor.
    ///
    /// # Errors
    /// What does not fit, such as weights that sum to zero.
    fn check(&self) -> Result<()> {
        Ok(())
    }

    /// Records the merge of the tensors of one name.
    ///
    /// # Errors
    /// Whatever is wrong with the input. A failed tensor operation need not be looked for: the
    /// host reports the first one when the method returns.
    fn merge(&self, group: &Group) -> Result<Tensor>;
}

pub(crate) fn traits<M: MergeMethod>() -> MethodTraits {
    MethodTraits {
        base: M::BASE,
        min_models: M::MIN_MODELS,
        max_models: M::MAX_MODELS,
        order_independent: M::ORDER_INDEPENDENT,
        identity: M::IDENTITY,
        random: M::RANDOM,
        presets: M::presets()
            .into_iter()
            .filter_map(|(name, values)| match values {
                Value::Object(values) => Some((name.to_owned(), values)),
                _ => None,
            })
            .collect(),
    }
}

struct Configured<M> {
    method: M,
    models: usize,
}

impl<M: MergeMethod> Method for Configured<M> {
    fn merge(&self, info: &GroupInfo, host: HostHandle) -> Result<Node, PluginError> {
        if info.models.len() != self.models {
            return Err(PluginError::input(format!(
                "the group of `{}` has {} models, the method was set up for {}",
                info.tensor,
                info.models.len(),
                self.models
            )));
        }
        let group = Group::new(info, host);
        group.check_shapes()?;
        let result = self.method.merge(&group)?;
        group.finish(&result)
    }
}

pub(crate) fn open<M: MergeMethod>(setup: MethodSetup) -> Result<Box<dyn Method>, PluginError> {
    let method: M = params::read(&setup.params, setup.models.len())?;
    method.check()?;
    Ok(Box::new(Configured {
        method,
        models: setup.models.len(),
    }))
}
