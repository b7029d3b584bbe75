//! Records operations, equal ones once.

use crate::source::Source;
use mergelab_abi::PluginError;
use mergelab_abi::ops::{Node, Op, is_wide, result_shape};
use mergelab_abi::working::Working;
use std::collections::HashMap;
use std::sync::Arc;

/// What a node is.
pub(crate) enum Kind {
    Input(Arc<dyn Source>),
    Operation {
        op: Op,
        inputs: Vec<Node>,
        scalars: Vec<f64>,
        integers: Vec<u64>,
    },
}

pub(crate) struct Recorded {
    pub(crate) kind: Kind,
    pub(crate) shape: Vec<usize>,
    /// Number of elements.
    pub(crate) len: usize,
    /// Precision that it is rounded to: that of the session, or f32 ([`is_wide`]).
    pub(crate) working: Working,
}

impl Recorded {
    fn new(kind: Kind, shape: Vec<usize>, working: Working) -> Self {
        let len = shape.iter().product();
        Self {
            kind,
            shape,
            len,
            working,
        }
    }

    /// Whether it holds one f64 ([`mergelab_abi::reference`]).
    pub(crate) fn is_scalar(&self) -> bool {
        self.shape.is_empty()
    }

    /// Nodes whose elements it is computed from.
    ///
    /// A random mask takes only the shape of its input.
    pub(crate) fn operands(&self) -> &[Node] {
        match &self.kind {
            Kind::Input(_)
            | Kind::Operation {
                op: Op::KeepMask, ..
            } => &[],
            Kind::Operation { inputs, .. } => inputs,
        }
    }
}

/// All nodes of a session, in the order of recording: inputs of a node come before it.
pub(crate) type Nodes = [Arc<Recorded>];

#[derive(PartialEq, Eq, Hash)]
struct Key {
    op: Op,
    inputs: Vec<Node>,
    /// Bit patterns.
    scalars: Vec<u64>,
    integers: Vec<u64>,
}

#[derive(Default)]
pub(crate) struct Graph {
    nodes: Vec<Arc<Recorded>>,
    known: HashMap<Key, Node>,
}

impl Graph {
    pub(crate) fn nodes(&self) -> &Nodes {
        &self.nodes
    }

    pub(crate) fn input(
        &mut self,
        working: Working,
        shape: &[usize],
        source: Arc<dyn Source>,
    ) -> Node {
        self.push(Kind::Input(source), shape.to_vec(), working)
    }

    pub(crate) fn record(
        &mut self,
        working: Working,
        op: Op,
        inputs: &[Node],
        scalars: &[f64],
        integers: &[u64],
    ) -> Result<Node, PluginError> {
        let operands = inputs
            .iter()
            .map(|&node| self.find(op.name(), node))
            .collect::<Result<Vec<_>, _>>()?;
        let shapes: Vec<&[usize]> = operands.iter().map(|n| n.shape.as_slice()).collect();
        let shape = result_shape(op, &shapes, scalars, integers).map_err(PluginError::input)?;
        if op == Op::Stored && working == Working::F32 && !shape.is_empty() {
            // Tensors hold f32 already.
            return Ok(inputs[0]);
        }
        let wide = working != Working::F32 && operands.iter().any(|n| n.working != working);
        if op == Op::Widen && (wide || working == Working::F32) {
            return Ok(inputs[0]);
        }
        let working = match is_wide(op, wide) {
            true => Working::F32,
            false => working,
        };
        let key = Key {
            op,
            inputs: inputs.to_vec(),
            scalars: scalars.iter().map(|x| x.to_bits()).collect(),
            integers: integers.to_vec(),
        };
        if let Some(&node) = self.known.get(&key) {
            return Ok(node);
        }
        let kind = Kind::Operation {
            op,
            inputs: inputs.to_vec(),
            scalars: scalars.to_vec(),
            integers: integers.to_vec(),
        };
        let node = self.push(kind, shape, working);
        self.known.insert(key, node);
        Ok(node)
    }

    /// The node with this number, which `what` was given.
    pub(crate) fn find(&self, what: &str, node: Node) -> Result<&Arc<Recorded>, PluginError> {
        self.nodes.get(node as usize).ok_or_else(|| {
            PluginError::input(format!(
                "`{what}` was given node {node}, but only {} nodes are recorded",
                self.nodes.len()
            ))
        })
    }

    fn push(&mut self, kind: Kind, shape: Vec<usize>, working: Working) -> Node {
        self.nodes
            .push(Arc::new(Recorded::new(kind, shape, working)));
        (self.nodes.len() - 1) as Node
    }
}
