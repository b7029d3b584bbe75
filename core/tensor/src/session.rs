//! What a merge method and its caller hold of a merge.

use crate::BLOCK;
use crate::error::Error;
use crate::evaluate::{Fact, Facts, Needs, collect, evaluate, needs};
use crate::graph::{Graph, Kind, Recorded};
use crate::sink::Sink;
use crate::source::{Memory, Source};
use crate::tally::Tally;
use crate::view::{Evaluator, GraphView};
use mergelab_abi::PluginError;
use mergelab_abi::ops::{Host, HostHandle, Node, Op, check_literal};
use mergelab_abi::working::Working;
use std::collections::BTreeMap;
use std::fmt;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// How a session evaluates. None of it but `evaluator` changes results.
#[derive(Debug, Clone)]
pub struct Options {
    /// Elements of a tile. Rounded to a multiple of 16 from 16 to [`crate::BLOCK`].
    pub tile: usize,
    /// Bytes that an evaluation may collect for order statistics, masks and tensors that a method
    /// asks to be kept, and that a session may keep for later evaluations. With fewer they take
    /// more passes. A few megabytes for each thread do not count, and what operations on whole
    /// matrices need is taken in any case ([`Session::needs`]).
    pub memory: u64,
    /// When this becomes true, running evaluations end with [`Error::Interrupted`].
    pub interrupt: Option<Arc<AtomicBool>>,
    /// What evaluates in place of this crate's engine, as on a GPU. It agrees with the engine up
    /// to an error that it states.
    pub evaluator: Option<Arc<dyn Evaluator>>,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            tile: 2048,
            memory: 1 << 30,
            interrupt: None,
            evaluator: None,
        }
    }
}

impl Options {
    /// Elements of a tile, in the range that it allows.
    pub(crate) fn tile(&self) -> usize {
        (self.tile / 16 * 16).clamp(16, BLOCK)
    }

    pub(crate) fn check_interrupt(&self) -> Result<(), Error> {
        match &self.interrupt {
            Some(flag) if flag.load(Ordering::Relaxed) => Err(Error::Interrupted),
            _ => Ok(()),
        }
    }
}

/// Records the operations of a merge and evaluates them.
///
/// Evaluations run on the rayon pool that they are called in. A session may be shared between
/// threads; clones are the same session.
#[derive(Clone)]
pub struct Session {
    shared: Arc<Shared>,
}

struct Shared {
    working: Working,
    options: Options,
    /// Whether it says 0 where a method reads what depends on inputs.
    plans: bool,
    graph: Mutex<Graph>,
    facts: Mutex<Known>,
}

/// What earlier evaluations learned.
#[derive(Default)]
struct Known(Facts);

impl Known {
    /// All of it; elements do not stay behind.
    fn take(&mut self) -> Facts {
        let in_memory = |fact: &Fact| matches!(fact, Fact::Elements(_) | Fact::Bits(_));
        let taken = self.0.clone();
        self.0.retain(|_, fact| !in_memory(fact));
        taken
    }

    /// What a node of shape `[]` is known to hold.
    fn number(&self, node: Node) -> Option<f64> {
        match self.0.get(&node) {
            Some(Fact::Number(x)) => Some(*x),
            _ => None,
        }
    }

    fn extend(&mut self, facts: Facts) {
        self.0.extend(facts);
    }
}

impl fmt::Debug for Session {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Session")
            .field("working", &self.shared.working)
            .field("options", &self.shared.options)
            .field("nodes", &self.shared.graph().nodes().len())
            .finish()
    }
}

impl Session {
    /// A session without nodes.
    pub fn new(working: Working, options: Options) -> Self {
        Self::with(working, options, false)
    }

    /// A session that tells what an evaluation would need ([`needs`](Self::needs)): where a method
    /// reads while it records, it is given zeros in place of what depends on inputs, and no input
    /// is read.
    pub fn planning(working: Working) -> Self {
        Self::with(working, Options::default(), true)
    }

    fn with(working: Working, options: Options, plans: bool) -> Self {
        Self {
            shared: Arc::new(Shared {
                working,
                options,
                plans,
                graph: Mutex::default(),
                facts: Mutex::default(),
            }),
        }
    }

    /// Adds an input. It is read when a node that needs it is evaluated, and rounded to the
    /// working precision.
    pub fn input(&self, shape: &[usize], source: Arc<dyn Source>) -> Node {
        let working = self.shared.working;
        self.shared.graph().input(working, shape, source)
    }

    /// The host side that a merge method records in.
    pub fn handle(&self) -> HostHandle {
        Arc::clone(&self.shared) as HostHandle
    }

    /// Evaluates a node and gives its elements to `sink`.
    ///
    /// # Errors
    /// [`Error`]. What the sink was given until then is undefined.
    pub fn evaluate(&self, node: Node, sink: &dyn Sink) -> Result<(), Error> {
        self.shared.evaluate(node, 0, sink)
    }

    /// The same; of what was computed on the way and is in memory, as much stays for the next
    /// evaluation as when a method reads.
    ///
    /// # Errors
    /// As [`evaluate`](Self::evaluate).
    pub fn evaluate_and_keep(&self, node: Node, sink: &dyn Sink) -> Result<(), Error> {
        self.shared.evaluate(node, self.shared.keep(), sink)
    }

    /// What evaluating a node takes, whatever memory it is given.
    ///
    /// # Errors
    /// [`Error::UnknownNode`].
    pub fn needs(&self, node: Node) -> Result<Needs, Error> {
        needs(&self.shared.until(node)?)
    }

    /// Evaluates a node of shape `[]` and returns its number in full precision.
    ///
    /// # Errors
    /// [`Error`], except for those of sinks.
    pub fn number(&self, node: Node) -> Result<f64, Error> {
        let elements = self.read(node)?;
        let exact = self.shared.facts().number(node);
        let first = || elements.first().map(|&x| f64::from(x));
        Ok(exact.or_else(first).unwrap_or(f64::NAN))
    }

    /// Shows tensors of the same number of elements to tallies, in one pass where that is possible.
    ///
    /// # Errors
    /// [`Error`]. What the tallies took until then is undefined.
    pub fn tally(&self, tallies: &[(Node, &Tally)]) -> Result<(), Error> {
        self.shared.tally(tallies)
    }

    /// Evaluates a node and returns its elements in row-major order.
    ///
    /// # Errors
    /// [`Error`], except for those of sinks.
    pub fn read(&self, node: Node) -> Result<Vec<f32>, Error> {
        self.shared.elements(node)
    }
}

impl Shared {
    fn graph(&self) -> MutexGuard<'_, Graph> {
        // A graph is changed by appending, so what a panicking thread left is whole.
        self.graph.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn facts(&self) -> MutexGuard<'_, Known> {
        // The same holds for what is known about nodes.
        self.facts.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The nodes that `node` can depend on, and itself.
    fn until(&self, node: Node) -> Result<Vec<Arc<Recorded>>, Error> {
        let graph = self.graph();
        let nodes = graph.nodes();
        nodes
            .get(..=node as usize)
            .map(<[_]>::to_vec)
            .ok_or(Error::UnknownNode {
                node,
                recorded: nodes.len(),
            })
    }

    /// Evaluates a node. Of the elements of other nodes, `keep` bytes stay for later evaluations.
    fn evaluate(&self, node: Node, keep: u64, sink: &dyn Sink) -> Result<(), Error> {
        let nodes = self.until(node)?;
        if let Some(evaluator) = &self.options.evaluator {
            return self.evaluate_elsewhere(&**evaluator, nodes, sink);
        }
        // Evaluated without a lock, so that a method may record while another node is read.
        // Elements are taken rather than shared: then they are freed when nobody needs them.
        let mut facts = self.facts().take();
        let result = evaluate(&nodes, &mut facts, &self.options, keep, sink);
        self.facts().extend(facts);
        result
    }

    fn tally(&self, tallies: &[(Node, &Tally)]) -> Result<(), Error> {
        let last = tallies.iter().map(|t| t.0).max().unwrap_or(0);
        let nodes = self.until(last)?;
        let elsewhere = self.options.evaluator.is_some();
        let mut groups: BTreeMap<_, Vec<(Node, &Tally)>> = BTreeMap::new();
        for &(node, tally) in tallies {
            if elsewhere || nodes[node as usize].is_scalar() {
                self.evaluate(node, 0, &|_: usize, values: &[f32]| {
                    tally.count(values);
                    Ok(())
                })?;
                continue;
            }
            let group = groups.entry((nodes[node as usize].len, tally.sample()));
            group.or_default().push((node, tally));
        }
        let mut facts = self.facts().take();
        let result = groups.into_iter().try_for_each(|((len, sample), group)| {
            let requests: Vec<_> = group.iter().map(|(n, t)| (*n, t.collect())).collect();
            let take = |index: usize, collected| group[index].1.take(collected, len);
            collect(&nodes, &mut facts, &self.options, &requests, sample, take)
        });
        self.facts().extend(facts);
        result
    }

    fn evaluate_elsewhere(
        &self,
        evaluator: &dyn Evaluator,
        nodes: Vec<Arc<Recorded>>,
        sink: &dyn Sink,
    ) -> Result<(), Error> {
        let number = |(node, fact): (&Node, &Fact)| match fact {
            Fact::Number(x) => Some((*node, *x)),
            _ => None,
        };
        let known = self.facts().0.iter().filter_map(number).collect();
        let interrupt = self.options.interrupt.clone();
        let graph = GraphView::new(nodes, known, self.working, interrupt);
        let numbers = evaluator.evaluate(&graph, sink)?;
        let numbers = numbers.into_iter().map(|(n, x)| (n, Fact::Number(x)));
        self.facts().extend(numbers.collect());
        Ok(())
    }

    /// Bytes that stay for the next evaluation. The other half is for what that one collects.
    fn keep(&self) -> u64 {
        self.options.memory / 2
    }

    fn elements(&self, node: Node) -> Result<Vec<f32>, Error> {
        let nodes = self.until(node)?;
        let length = nodes.last().map_or(0, |last| last.len);
        if self.plans && reads_inputs(&nodes) {
            return Ok(vec![0.0; length]);
        }
        let elements = Mutex::new(vec![0.0; length]);
        self.evaluate(node, self.keep(), &|offset: usize, tile: &[f32]| {
            let mut elements = elements.lock().unwrap_or_else(PoisonError::into_inner);
            elements[offset..offset + tile.len()].copy_from_slice(tile);
            Ok(())
        })?;
        Ok(elements
            .into_inner()
            .unwrap_or_else(PoisonError::into_inner))
    }
}

/// Whether the last node depends on an input.
fn reads_inputs(nodes: &[Arc<Recorded>]) -> bool {
    let mut needed = vec![false; nodes.len()];
    if let Some(last) = needed.last_mut() {
        *last = true;
    }
    nodes.iter().enumerate().rev().any(|(index, node)| {
        if needed[index] {
            node.operands()
                .iter()
                .for_each(|&n| needed[n as usize] = true);
        }
        needed[index] && matches!(node.kind, Kind::Input(_))
    })
}

impl Host for Shared {
    fn record(
        &self,
        op: Op,
        inputs: &[Node],
        scalars: &[f64],
        integers: &[u64],
    ) -> Result<Node, PluginError> {
        self.graph()
            .record(self.working, op, inputs, scalars, integers)
    }

    fn literal(&self, shape: &[usize], data: &[f32]) -> Result<Node, PluginError> {
        check_literal(shape, data)?;
        let source = Memory::new("a literal", data.to_vec());
        Ok(self.graph().input(self.working, shape, Arc::new(source)))
    }

    fn shape(&self, node: Node) -> Result<Vec<usize>, PluginError> {
        Ok(self.graph().find("shape", node)?.shape.clone())
    }

    fn read(&self, node: Node) -> Result<Vec<f32>, PluginError> {
        Ok(self.elements(node)?)
    }
}
