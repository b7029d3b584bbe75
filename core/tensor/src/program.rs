//! The elementwise part of a pass, as steps over tile buffers.

use crate::error::Error;
use crate::evaluate::{Fact, Facts};
use crate::graph::{Kind, Nodes};
use crate::kernels::elementwise;
use crate::kernels::map::Operand;
use crate::kernels::mask::{self, Cut};
use crate::kernels::spread;
use crate::source::Source;
use mergelab_abi::ops::{Node, Op, rows};
use mergelab_abi::random;
use mergelab_abi::working::Working;
use std::collections::HashMap;
use std::mem;
use std::sync::Arc;

/// Where a step reads from.
#[derive(Debug, Clone, Copy)]
enum Read {
    /// A tile buffer.
    Slot(usize),
    /// A node of shape `[]`, as tensors see it.
    Value(f32),
}

enum Work {
    Load(Arc<dyn Source>),
    Unary(Op, usize),
    Binary(Op, Read, Read),
    Select(Read, Read, Read),
    AddN(Vec<usize>),
    TopK(usize, Cut),
    Keep {
        key: u64,
        bound: u64,
    },
    KeepBy {
        key: u64,
        p: usize,
    },
    Elements(Arc<Vec<f32>>),
    Bits(Arc<Vec<u64>>),
    /// Rows of this length.
    SpreadRows(Arc<Vec<f32>>, usize),
    SpreadColumns(Arc<Vec<f32>>),
}

struct Step {
    work: Work,
    out: usize,
    /// Whether the result can need rounding to the working precision.
    rounds: bool,
}

/// Steps that compute some nodes for one tile.
pub(crate) struct Program {
    working: Working,
    steps: Vec<Step>,
    slots: usize,
    /// Slot of each node that was asked for.
    outputs: HashMap<Node, usize>,
}

impl Program {
    /// The steps that compute the tensors `wanted`, once every statistic below them is in
    /// `facts`.
    pub(crate) fn new(nodes: &Nodes, facts: &Facts, working: Working, wanted: &[Node]) -> Self {
        let order = order(nodes, facts, wanted);
        let mut last_use: HashMap<Node, usize> = HashMap::new();
        for (time, &node) in order.iter().enumerate() {
            for &operand in streamed_operands(nodes, facts, node) {
                last_use.insert(operand, time);
            }
        }
        for &node in wanted {
            last_use.insert(node, usize::MAX);
        }

        let mut slot_of: HashMap<Node, usize> = HashMap::new();
        let mut free: Vec<usize> = Vec::new();
        let mut slots = 0;
        let mut steps = Vec::with_capacity(order.len());
        for (time, &node) in order.iter().enumerate() {
            // The result never shares a buffer with what it is computed from, so it is taken
            // before theirs are given back.
            let out = free.pop().unwrap_or_else(|| {
                slots += 1;
                slots - 1
            });
            let from = |node: Node| match slot_of.get(&node) {
                Some(&slot) => Read::Slot(slot),
                None => Read::Value(number(facts, node) as f32),
            };
            let slot = |node: Node| slot_of.get(&node).copied().unwrap_or(out);
            let recorded = &nodes[node as usize];
            let step = match &recorded.kind {
                _ if facts.get(&node).is_some_and(in_memory) => Step {
                    work: match facts.get(&node) {
                        Some(Fact::Bits(words)) => Work::Bits(Arc::clone(words)),
                        _ => Work::Elements(elements(nodes, facts, node)),
                    },
                    out,
                    rounds: false,
                },
                Kind::Input(source) => Step {
                    work: Work::Load(Arc::clone(source)),
                    out,
                    rounds: true,
                },
                Kind::Operation {
                    op,
                    inputs,
                    scalars,
                    integers,
                } => Step {
                    work: match (op, inputs.as_slice()) {
                        (Op::KeepMask, _) => Work::Keep {
                            key: integers[0],
                            bound: random::keep_bound(scalars[0]),
                        },
                        (Op::KeepMaskBy, &[a]) => Work::KeepBy {
                            key: integers[0],
                            p: slot(a),
                        },
                        (Op::SpreadRows, &[a]) => {
                            Work::SpreadRows(elements(nodes, facts, a), rows(&recorded.shape).1)
                        }
                        (Op::SpreadColumns, &[a]) => Work::SpreadColumns(elements(nodes, facts, a)),
                        (Op::TopKMask | Op::TopShareMask, &[a]) => {
                            Work::TopK(slot(a), cut(facts, node))
                        }
                        (Op::AddN, inputs) => Work::AddN(inputs.iter().map(|&n| slot(n)).collect()),
                        (op, &[a]) => Work::Unary(*op, slot(a)),
                        (op, &[a, b]) => Work::Binary(*op, from(a), from(b)),
                        (_, &[a, b, c]) => Work::Select(from(a), from(b), from(c)),
                        _ => unreachable!("`{}` with {} inputs", op.name(), inputs.len()),
                    },
                    out,
                    rounds: rounds(*op) || inputs.iter().any(|&n| is_finer(nodes, n)),
                },
            };
            steps.push(step);
            slot_of.insert(node, out);
            let mut operands = streamed_operands(nodes, facts, node).to_vec();
            operands.sort_unstable();
            operands.dedup();
            for operand in operands {
                if last_use.get(&operand) == Some(&time)
                    && let Some(slot) = slot_of.remove(&operand)
                {
                    free.push(slot);
                }
            }
        }
        let outputs = wanted
            .iter()
            .filter_map(|&node| Some((node, *slot_of.get(&node)?)))
            .collect();
        Self {
            working,
            steps,
            slots,
            outputs,
        }
    }

    /// Slot of a node that this program was made for.
    pub(crate) fn slot(&self, node: Node) -> usize {
        self.outputs[&node]
    }

    /// Buffers for tiles of `tile` elements.
    pub(crate) fn buffers(&self, tile: usize) -> Vec<Vec<f32>> {
        vec![vec![0.0; tile]; self.slots]
    }

    /// Computes elements `first .. first + length`.
    pub(crate) fn run(
        &self,
        buffers: &mut [Vec<f32>],
        first: usize,
        length: usize,
    ) -> Result<(), Error> {
        for step in &self.steps {
            let mut buffer = mem::take(&mut buffers[step.out]);
            let out = &mut buffer[..length];
            let tile = |slot: usize| &buffers[slot][..length];
            let operand = |from: Read| match from {
                Read::Slot(slot) => Operand::Tile(tile(slot)),
                Read::Value(x) => Operand::Value(x),
            };
            match &step.work {
                Work::Load(source) => {
                    source
                        .read(first..first + length, out)
                        .map_err(|error| Error::Source {
                            tensor: source.describe(),
                            source: error,
                        })?;
                }
                Work::Unary(op, a) => elementwise::unary(*op, out, tile(*a)),
                Work::Binary(op, a, b) => elementwise::binary(*op, out, operand(*a), operand(*b)),
                Work::Select(a, b, c) => {
                    elementwise::select(out, operand(*a), operand(*b), operand(*c));
                }
                Work::AddN(slots) => elementwise::add_n(out, slots, tile),
                Work::TopK(a, cut) => mask::top_k(out, tile(*a), *cut, first),
                Work::KeepBy { key, p } => spread::keep_by(out, tile(*p), *key, first),
                Work::Elements(all) => out.copy_from_slice(&all[first..first + length]),
                Work::Bits(words) => spread::bits(out, words, first),
                Work::SpreadRows(all, row) => spread::rows(out, all, *row, first),
                Work::SpreadColumns(all) => spread::columns(out, all, first),
                Work::Keep { key, bound } => mask::keep(out, *key, *bound, first),
            }
            if step.rounds {
                elementwise::round(self.working, out);
            }
            buffers[step.out] = buffer;
        }
        Ok(())
    }
}

/// The number that a node of shape `[]` is known to hold.
fn number(facts: &Facts, node: Node) -> f64 {
    match facts.get(&node) {
        Some(Fact::Number(x)) => *x,
        _ => unreachable!("node {node} is used before it is known"),
    }
}

fn cut(facts: &Facts, node: Node) -> Cut {
    match facts.get(&node) {
        Some(Fact::Cut(cut)) => *cut,
        _ => unreachable!("the mask of node {node} is used before its threshold is known"),
    }
}

fn in_memory(fact: &Fact) -> bool {
    matches!(fact, Fact::Elements(_) | Fact::Bits(_))
}

fn elements(nodes: &Nodes, facts: &Facts, node: Node) -> Arc<Vec<f32>> {
    match facts.get(&node) {
        Some(fact) => fact.elements(nodes[node as usize].len),
        None => unreachable!("node {node} is used before it is in memory"),
    }
}

/// Nodes of which a step reads the tile that it writes.
fn streamed_operands<'a>(nodes: &'a Nodes, facts: &Facts, node: Node) -> &'a [Node] {
    let recorded = &nodes[node as usize];
    match &recorded.kind {
        _ if facts.get(&node).is_some_and(in_memory) => &[],
        Kind::Operation {
            op: Op::SpreadRows | Op::SpreadColumns,
            ..
        } => &[],
        _ => recorded.operands(),
    }
}

/// Whether a node is not rounded to the working precision.
fn is_finer(nodes: &Nodes, node: Node) -> bool {
    matches!(
        &nodes[node as usize].kind,
        Kind::Operation {
            op: Op::RowRank,
            ..
        }
    )
}

/// Whether the result can fall between the values of the working precision, which tensors that
/// it takes never do, but constants can.
fn rounds(op: Op) -> bool {
    !matches!(
        op,
        Op::Neg
            | Op::Abs
            | Op::Sign
            | Op::Eq
            | Op::Ne
            | Op::Lt
            | Op::Le
            | Op::Gt
            | Op::Ge
            | Op::TopKMask
            | Op::TopShareMask
            | Op::KeepMask
            | Op::KeepMaskBy
            | Op::Materialize
            | Op::Reshape
            | Op::SpreadRows
            | Op::SpreadColumns
    )
}

/// The tensors that `wanted` need, operands first, each as late as a depth-first walk allows: so
/// few buffers are in use at a time.
fn order(nodes: &Nodes, facts: &Facts, wanted: &[Node]) -> Vec<Node> {
    let mut order = Vec::new();
    let mut seen = vec![false; nodes.len()];
    for &root in wanted {
        // A chain can be longer than the call stack is deep, so the walk keeps its own stack.
        let mut stack = vec![(root, false)];
        while let Some((node, operands_done)) = stack.pop() {
            if operands_done {
                order.push(node);
                continue;
            }
            if mem::replace(&mut seen[node as usize], true) {
                continue;
            }
            stack.push((node, true));
            let operands = streamed_operands(nodes, facts, node);
            let tensors = operands.iter().rev();
            stack.extend(
                tensors
                    .filter(|&&n| !nodes[n as usize].is_scalar())
                    .map(|&n| (n, false)),
            );
        }
    }
    order
}
