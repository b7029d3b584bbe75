//! What a merge method exchanges with the host.

use crate::{
    error::PluginError,
    ops::{HostHandle, Node},
};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use std::collections::BTreeMap;

/// Everything needed to make an instance of a merge method.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct MethodSetup {
    /// Parameter values by name. A per-model parameter is an array with one value per entry of
    /// `models`; absent parameters take their defaults.
    pub params: Map<String, Value>,
    /// Ids of the models, in recipe order, the base left out.
    pub models: Vec<String>,
}

/// One tensor of one model, as a node of the host's graph.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Member {
    /// Id of the model.
    pub id: String,
    /// The tensor.
    pub node: Node,
    /// `false` where the model is known to have the base's tensor, such as the base with an adapter
    /// on other tensors: its task vector is zero, and a method may leave it out.
    #[serde(default = "yes")]
    pub present: bool,
    /// The model's task vector as a product of two thin matrices, where the model is the base with
    /// a low-rank adapter on this tensor.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub low_rank: Option<LowRank>,
}

/// A task vector `left · right`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LowRank {
    /// Shape `[m, r]`, the adapter's scaling included.
    pub left: Node,
    /// Shape `[r, n]`.
    pub right: Node,
}

fn yes() -> bool {
    true
}

/// The tensors of one name across all models: what one call of `merge` works on.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct GroupInfo {
    /// Name of the tensor.
    pub tensor: String,
    /// Its shape, the same in every model.
    pub shape: Vec<usize>,
    /// The models, in recipe order, the base left out.
    pub models: Vec<Member>,
    /// The base model, where the recipe names one.
    pub base: Option<Member>,
    /// Seed for methods that draw random numbers.
    pub seed: u64,
    /// What the method's surveys asked for, by name: during a survey, what earlier ones did.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub statistics: BTreeMap<String, f64>,
}

/// A number about all tensors together that a method needs before it merges any.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Survey {
    /// Its name in [`GroupInfo::statistics`]. Tensors with surveys of one name are taken together;
    /// all of them ask for the same kind.
    pub name: String,
    /// What this tensor adds to it.
    pub node: Node,
    /// What is asked for.
    pub kind: SurveyKind,
}

/// What a survey asks for.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SurveyKind {
    /// The sum of all elements, added in f64.
    Sum,
    /// The k-th largest magnitude among all `n` elements, exactly: `k = ⌊share · n⌋ + more`, at
    /// least 1 and at most `n`.
    KthLargestMagnitude {
        /// From 0 to 1.
        share: f64,
        /// Added to the product.
        more: u64,
    },
}

impl SurveyKind {
    /// Which of `n` magnitudes is asked for, counted from the largest as 1.
    pub fn rank(share: f64, more: u64, n: u64) -> u64 {
        let product = share * n as f64;
        // A whole product but for float rounding counts as whole.
        let whole = (product - product.round()).abs() <= 1e-9 * product.max(1.0);
        let k = if whole {
            product.round()
        } else {
            product.floor()
        } as u64;
        k.saturating_add(more).clamp(1.min(n), n)
    }
}

/// Something that a method hands out for a tensor beside the merged tensor.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Artifact {
    /// Its name, such as `mask.german`. One name is one file over all tensors.
    pub name: String,
    /// Its elements.
    pub node: Node,
    /// How it is stored.
    pub kind: ArtifactKind,
}

/// How an artifact is stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ArtifactKind {
    /// A tensor in f32.
    Values,
    /// A 0/1 mask, eight elements a byte, the first in the lowest bit.
    Bits,
    /// A number for the record, such as an error. The node has shape `[]`.
    Number,
}

/// A configured merge method, on either side of the boundary.
pub trait Method: Send + Sync {
    /// Records the merge of one group and returns the node that holds the result.
    ///
    /// # Errors
    /// Whatever the method finds wrong with its input, and the first failed host operation.
    fn merge(&self, group: &GroupInfo, host: HostHandle) -> Result<Node, PluginError>;

    /// Records what the method must know about all tensors together, for one group. Called for
    /// every group before any is merged, where [`MethodTraits::surveys`] says so, and again with
    /// the answers until it asks for nothing that is not known: one answer may lead to the next
    /// question.
    ///
    /// [`MethodTraits::surveys`]: crate::describe::MethodTraits::surveys
    ///
    /// # Errors
    /// As [`merge`](Self::merge).
    fn survey(&self, _: &GroupInfo, _: HostHandle) -> Result<Vec<Survey>, PluginError> {
        Ok(Vec::new())
    }

    /// Records what the method hands out for one group beside the merged tensor. Called where
    /// [`MethodTraits::artifacts`] says so.
    ///
    /// [`MethodTraits::artifacts`]: crate::describe::MethodTraits::artifacts
    ///
    /// # Errors
    /// As [`merge`](Self::merge).
    fn artifacts(&self, _: &GroupInfo, _: HostHandle) -> Result<Vec<Artifact>, PluginError> {
        Ok(Vec::new())
    }
}
