//! What a merge method exchanges with the host.

use crate::{error::PluginError, ops::Node};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

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
    /// Whether the model really holds this tensor's delta. Reserved for sparse sources: always
    /// `true` today.
    #[serde(default = "yes")]
    pub present: bool,
}

fn yes() -> bool {
    true
}

/// The tensors of one name across all models: what one call of `merge` works on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
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
}

/// A configured merge method, on either side of the boundary.
pub trait Method: Send + Sync {
    /// Records the merge of one group and returns the node that holds the result.
    ///
    /// # Errors
    /// Whatever the method finds wrong with its input, and the first failed host operation.
    fn merge(&self, group: &GroupInfo, host: crate::ops::HostHandle) -> Result<Node, PluginError>;
}
