//! A recorded graph as another evaluator sees it.
//!
//! The engine of this crate evaluates on the processor. An [`Evaluator`] in
//! [`crate::Options::evaluator`] does it elsewhere: it is handed a [`GraphView`], computes its
//! target by the rules of [`mergelab_abi::reference`], and gives the elements to the sink.

use crate::CHUNK;
use crate::error::Error;
use crate::graph::{Kind, Recorded};
use crate::kernels::storage;
use crate::sink::Sink;
use crate::source::Source;
use mergelab_abi::ops::{Node, Op};
use mergelab_abi::working::Working;
use rayon::prelude::*;
use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// What nodes of shape `[]` hold.
pub type Numbers = HashMap<Node, f64>;

/// Evaluates graphs in place of the engine.
pub trait Evaluator: Send + Sync + fmt::Debug {
    /// Where it computes, as users name it: `cuda:0`.
    fn name(&self) -> String;

    /// Gives the elements of the graph's target to `sink`, and returns the numbers that it found
    /// on the way, which later views of the same session know ([`GraphView::number`]).
    ///
    /// # Errors
    /// [`Error`]. What the sink was given until then is undefined.
    fn evaluate(&self, graph: &GraphView, sink: &dyn Sink) -> Result<Numbers, Error>;
}

/// The nodes of a session up to the one that is wanted. Inputs of a node come before it.
///
/// A view is cheap to clone and does not change while the session records on.
#[derive(Clone)]
pub struct GraphView {
    nodes: Arc<[Arc<Recorded>]>,
    known: Arc<Numbers>,
    working: Working,
    interrupt: Option<Arc<AtomicBool>>,
}

/// What a node is.
pub enum NodeView<'a> {
    /// A tensor of the session's caller. Its elements are to be rounded to the working precision.
    Input(&'a dyn Source),
    /// A recorded operation.
    Operation {
        /// What it computes.
        op: Op,
        /// From what, in order.
        inputs: &'a [Node],
        /// Its numbers.
        scalars: &'a [f64],
        /// Its whole numbers.
        integers: &'a [u64],
    },
}

/// Methods that take a node panic for one that comes after the target.
impl GraphView {
    pub(crate) fn new(
        nodes: Vec<Arc<Recorded>>,
        known: Numbers,
        working: Working,
        interrupt: Option<Arc<AtomicBool>>,
    ) -> Self {
        Self {
            nodes: nodes.into(),
            known: Arc::new(known),
            working,
            interrupt,
        }
    }

    /// The node that is wanted: the last one.
    pub fn target(&self) -> Node {
        self.nodes.len().saturating_sub(1) as Node
    }

    /// Precision that inputs are rounded to.
    pub fn working(&self) -> Working {
        self.working
    }

    /// Precision that a node is rounded to: that of inputs, or f32
    /// ([`mergelab_abi::ops::is_wide`]).
    pub fn rounding(&self, node: Node) -> Working {
        self.nodes[node as usize].working
    }

    /// What a node is.
    pub fn node(&self, node: Node) -> NodeView<'_> {
        match &self.nodes[node as usize].kind {
            Kind::Input(source) => NodeView::Input(&**source),
            Kind::Operation {
                op,
                inputs,
                scalars,
                integers,
            } => NodeView::Operation {
                op: *op,
                inputs,
                scalars,
                integers,
            },
        }
    }

    /// Shape of a node. One of shape `[]` holds one f64.
    pub fn shape(&self, node: Node) -> &[usize] {
        &self.nodes[node as usize].shape
    }

    /// Number of elements of a node.
    pub fn elements(&self, node: Node) -> usize {
        self.nodes[node as usize].len
    }

    /// The nodes whose elements a node is computed from. A random mask takes only the shape of
    /// its input.
    pub fn operands(&self, node: Node) -> &[Node] {
        self.nodes[node as usize].operands()
    }

    /// What a node of shape `[]` holds, where an earlier evaluation found it out.
    pub fn number(&self, node: Node) -> Option<f64> {
        self.known.get(&node).copied()
    }

    /// The flag that ends evaluations when it is raised.
    pub fn interrupt(&self) -> Option<Arc<AtomicBool>> {
        self.interrupt.clone()
    }

    /// Ends an evaluation when the flag is raised.
    ///
    /// # Errors
    /// [`Error::Interrupted`].
    pub fn check_interrupt(&self) -> Result<(), Error> {
        match &self.interrupt {
            Some(flag) if flag.load(Ordering::Relaxed) => Err(Error::Interrupted),
            _ => Ok(()),
        }
    }
}

/// Gives elements to a sink as the engine does: on all threads, and in the sink's format where it
/// has one. The first of them has the index `offset`, a multiple of [`CHUNK`].
///
/// # Errors
/// [`Error::Sink`].
pub fn deliver(sink: &dyn Sink, offset: usize, elements: &[f32]) -> Result<(), Error> {
    let format = sink.format();
    let parts = elements.par_chunks(CHUNK).enumerate();
    parts.try_for_each(|(number, part)| {
        let offset = offset + number * CHUNK;
        let given = match format {
            None => sink.write(offset, part),
            Some(format) => {
                let mut bytes = vec![0; part.len() * format.size()];
                match storage::encode(format, &mut bytes, part) {
                    true => sink.see_non_finite(offset, part),
                    false => Ok(()),
                }
                .and_then(|()| sink.write_stored(offset, &bytes))
            }
        };
        given.map_err(|source| Error::Sink { offset, source })
    })
}

impl fmt::Debug for GraphView {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("GraphView")
            .field("nodes", &self.nodes.len())
            .field("working", &self.working)
            .finish()
    }
}
