//! Merge methods.

use crate::{Group, Params, Result, Tensor, params};
use mergelab_abi::{
    PluginError,
    describe::{BaseUse, MethodTraits},
    method::{self, ArtifactKind, GroupInfo, Method, MethodSetup, SurveyKind},
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
    /// It has a [`survey`](Self::survey).
    const SURVEYS: bool = false;
    /// It has [`artifacts`](Self::artifacts).
    const ARTIFACTS: bool = false;
    /// It computes in f32 whatever precision the merge imitates: inputs are rounded to that
    /// precision, and the result is, but nothing between.
    const ALWAYS_F32: bool = false;

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

    /// Asks for numbers about all tensors together, which [`merge`](Self::merge) then finds with
    /// [`Group::statistic`]. Called for the tensors of every name before any are merged, where
    /// [`SURVEYS`](Self::SURVEYS) is set, and again with the answers until it asks for nothing
    /// new: ask for what depends on an answer once [`Group::statistic`] has it.
    ///
    /// # Errors
    /// As [`merge`](Self::merge).
    fn survey(&self, _group: &Group) -> Result<Vec<Survey>> {
        Ok(Vec::new())
    }

    /// What the method hands out beside the merged tensor, such as masks. Called where
    /// [`ARTIFACTS`](Self::ARTIFACTS) is set.
    ///
    /// # Errors
    /// As [`merge`](Self::merge).
    fn artifacts(&self, _group: &Group) -> Result<Vec<Artifact>> {
        Ok(Vec::new())
    }
}

/// A number about all tensors together.
#[derive(Debug, Clone)]
pub struct Survey {
    name: String,
    tensor: Tensor,
    kind: SurveyKind,
}

impl Survey {
    /// The sum of all elements.
    pub fn sum(name: impl Into<String>, tensor: Tensor) -> Self {
        Self {
            name: name.into(),
            tensor,
            kind: SurveyKind::Sum,
        }
    }

    /// The k-th largest magnitude among all `n` elements of all tensors: `k = ⌊share · n⌋ + more`,
    /// at least 1 and at most `n`.
    pub fn kth_largest_magnitude(
        name: impl Into<String>,
        tensor: Tensor,
        share: f64,
        more: u64,
    ) -> Self {
        Self {
            name: name.into(),
            tensor,
            kind: SurveyKind::KthLargestMagnitude { share, more },
        }
    }
}

/// Something that a method hands out for a tensor beside the merged tensor.
#[derive(Debug, Clone)]
pub struct Artifact {
    name: String,
    tensor: Tensor,
    kind: ArtifactKind,
}

impl Artifact {
    /// A tensor, stored in f32. One name is one file over all tensors.
    pub fn values(name: impl Into<String>, tensor: Tensor) -> Self {
        Self {
            name: name.into(),
            tensor,
            kind: ArtifactKind::Values,
        }
    }

    /// A 0/1 mask, stored with eight elements a byte.
    pub fn bits(name: impl Into<String>, tensor: Tensor) -> Self {
        Self {
            name: name.into(),
            tensor,
            kind: ArtifactKind::Bits,
        }
    }

    /// A number of shape `[]` for the record.
    pub fn number(name: impl Into<String>, tensor: Tensor) -> Self {
        Self {
            name: name.into(),
            tensor,
            kind: ArtifactKind::Number,
        }
    }
}

pub(crate) fn traits<M: MergeMethod>() -> MethodTraits {
    MethodTraits {
        base: M::BASE,
        min_models: M::MIN_MODELS,
        max_models: M::MAX_MODELS,
        order_independent: M::ORDER_INDEPENDENT,
        identity: M::IDENTITY,
        random: M::RANDOM,
        surveys: M::SURVEYS,
        artifacts: M::ARTIFACTS,
        always_f32: M::ALWAYS_F32,
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

impl<M: MergeMethod> Configured<M> {
    fn group(&self, info: &GroupInfo, host: HostHandle) -> Result<Group> {
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
        Ok(group)
    }
}

impl<M: MergeMethod> Method for Configured<M> {
    fn merge(&self, info: &GroupInfo, host: HostHandle) -> Result<Node, PluginError> {
        let group = self.group(info, host)?;
        let result = self.method.merge(&group)?;
        group.finish(&result)
    }

    fn survey(&self, info: &GroupInfo, host: HostHandle) -> Result<Vec<method::Survey>> {
        let group = self.group(info, host)?;
        let asked = self.method.survey(&group)?;
        let ask = |survey: Survey| {
            Ok(method::Survey {
                node: group.node(&survey.tensor)?,
                name: survey.name,
                kind: survey.kind,
            })
        };
        asked.into_iter().map(ask).collect()
    }

    fn artifacts(&self, info: &GroupInfo, host: HostHandle) -> Result<Vec<method::Artifact>> {
        let group = self.group(info, host)?;
        let made = self.method.artifacts(&group)?;
        let hand_out = |artifact: Artifact| {
            Ok(method::Artifact {
                node: group.node(&artifact.tensor)?,
                name: artifact.name,
                kind: artifact.kind,
            })
        };
        made.into_iter().map(hand_out).collect()
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
