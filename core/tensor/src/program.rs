//! The elementwise part of a pass, as steps over tile buffers.

mod fuse;
mod step;

use crate::error::Error;
use crate::evaluate::{Fact, Facts};
use crate::graph::{Kind, Nodes};
use crate::kernels::mask::Cut;
use crate::kernels::trim::Band;
use crate::session::Options;
use crate::source::Source;
use fuse::{Form, Fuse, Sum};
use mergelab_abi::ops::{Node, Op, rows};
use mergelab_abi::random;
use mergelab_abi::working::Working;
use std::collections::HashMap;
use std::mem;
use std::sync::Arc;
use step::{Added, Draw, Input, Read, RowValues, Step, Work};

/// Steps that compute some nodes for one tile.
pub(crate) struct Program {
    steps: Vec<Step>,
    slots: usize,
    /// Inputs and their lengths.
    sources: Vec<(Arc<dyn Source>, usize)>,
    /// Slot of each node that was asked for.
    outputs: HashMap<Node, usize>,
    /// After which step which group of nodes can be looked at, in the order of the steps.
    due: Vec<(usize, usize)>,
}

/// What a thread computes in.
pub(crate) struct Buffers<'a> {
    tiles: Vec<Vec<f32>>,
    inputs: Vec<Input<'a>>,
    /// A tile that nothing reads.
    scratch: Vec<f32>,
    /// Flags of the masks of a step.
    flags: Vec<Vec<u8>>,
}

impl Buffers<'_> {
    /// The first elements of a slot.
    pub(crate) fn tile(&self, slot: usize, length: usize) -> &[f32] {
        &self.tiles[slot][..length]
    }
}

impl Program {
    /// The steps that compute the tensors `wanted`, once every statistic below them is in
    /// `facts`.
    pub(crate) fn new(nodes: &Nodes, facts: &Facts, wanted: &[Node]) -> Self {
        Self::build(nodes, facts, wanted, &[], None)
    }

    /// The same where only groups of nodes are looked at, each as soon as all of it is there
    /// ([`Program::run_groups`]). Their tiles serve others afterwards, so that a program for many
    /// groups takes no more of the cache than one for the largest.
    pub(crate) fn by_groups(nodes: &Nodes, facts: &Facts, groups: &[Vec<Node>]) -> Self {
        let mut wanted: Vec<Node> = groups.concat();
        wanted.sort_unstable();
        wanted.dedup();
        Self::build(nodes, facts, &wanted, groups, None)
    }

    /// The same where rows of this length are computed as a whole, and with them their statistics:
    /// the first elements of such a node's tile, one for each row.
    ///
    /// Tiles must be of whole rows.
    pub(crate) fn by_rows(nodes: &Nodes, facts: &Facts, wanted: &[Node], row: usize) -> Self {
        Self::build(nodes, facts, wanted, &[], Some(row))
    }

    fn build(
        nodes: &Nodes,
        facts: &Facts,
        wanted: &[Node],
        groups: &[Vec<Node>],
        row: Option<usize>,
    ) -> Self {
        let fuse = Fuse::new(nodes, facts, wanted);
        let order = order(nodes, facts, &fuse, wanted);
        let mut last_use: HashMap<Node, usize> = HashMap::new();
        for (time, (_, _, operands)) in order.iter().enumerate() {
            for &operand in operands {
                last_use.insert(operand, time);
            }
        }
        let mut due = Vec::new();
        if groups.is_empty() {
            for &node in wanted {
                last_use.insert(node, usize::MAX);
            }
        } else {
            let times: HashMap<Node, usize> = order
                .iter()
                .enumerate()
                .map(|(time, (node, ..))| (*node, time))
                .collect();
            for (number, group) in groups.iter().enumerate() {
                let computed = group.iter().filter_map(|node| times.get(node));
                let time = computed.copied().max().unwrap_or(0);
                due.push((time, number));
                for &node in group {
                    let last = last_use.entry(node).or_insert(time);
                    *last = time.max(*last);
                }
            }
            due.sort_unstable();
        }

        let mut program = Self {
            steps: Vec::with_capacity(order.len()),
            slots: 0,
            sources: Vec::new(),
            outputs: HashMap::new(),
            due,
        };
        let mut slot_of: HashMap<Node, usize> = HashMap::new();
        let mut free: Vec<usize> = Vec::new();
        for (time, (node, form, operands)) in order.into_iter().enumerate() {
            // The result never shares a buffer with what it is computed from, so it is taken
            // before theirs are given back.
            let out = free.pop().unwrap_or_else(|| {
                program.slots += 1;
                program.slots - 1
            });
            let slot = |node: Node| slot_of.get(&node).copied().unwrap_or(out);
            let (work, rounds) = program.work(nodes, facts, row, node, form, slot);
            let working = nodes[node as usize].working;
            program.steps.push(Step {
                work,
                out,
                working,
                rounds: rounds && working != Working::F32,
            });
            slot_of.insert(node, out);
            if wanted.contains(&node) {
                program.outputs.insert(node, out);
            }
            let looked_at = program.due.iter().filter(|(due, _)| *due == time);
            let looked_at = looked_at.flat_map(|(_, number)| &groups[*number]);
            for operand in operands.iter().chain(looked_at) {
                if last_use.get(operand) == Some(&time)
                    && let Some(slot) = slot_of.remove(operand)
                {
                    free.push(slot);
                }
            }
        }
        program
    }

    /// What a step does, and whether its result is still to be rounded.
    fn work(
        &mut self,
        nodes: &Nodes,
        facts: &Facts,
        row: Option<usize>,
        node: Node,
        form: Form,
        slot: impl Fn(Node) -> usize,
    ) -> (Work, bool) {
        let value = |node: Node| number(facts, node) as f32;
        let mut source = |node: Node| {
            let recorded = &nodes[node as usize];
            let Kind::Input(source) = &recorded.kind else {
                unreachable!("node {node} is no input");
            };
            self.sources.push((Arc::clone(source), recorded.len));
            self.sources.len() - 1
        };
        let work = match form {
            Form::Plain => return plain(nodes, facts, row, node, source, slot),
            Form::InMemory => match facts.get(&node).map(Fact::part) {
                Some((from, Fact::Bits(words))) => Work::Keep(Draw::Bits(Arc::clone(words), from)),
                Some((from, Fact::Elements(all))) => Work::Elements(Arc::clone(all), from),
                _ => unreachable!("node {node} is used before it is in memory"),
            },
            Form::Change { input, minus } => Work::Change {
                source: source(input),
                minus: slot(minus),
            },
            // A mask keeps or drops: nothing is left to round.
            Form::Trimmed { x, by, masks } => Work::Trimmed {
                x: slot(x),
                by: slot(by),
                band: band(nodes, facts, masks),
            },
            Form::TrimmedChange {
                input,
                minus,
                masks,
                weight,
            } => Work::TrimmedChange {
                source: source(input),
                minus: slot(minus),
                band: band(nodes, facts, masks),
                weight: weight.map_or(1.0, value),
            },
            Form::Dropped { x, mask } => Work::Dropped {
                x: slot(x),
                draw: draw(nodes, facts, Some(mask)),
            },
            Form::Survivors(survivors) => {
                let survivor = |s: &fuse::Survivor| step::Survivor {
                    source: source(s.input),
                    minus: slot(s.minus),
                    draw: draw(nodes, facts, s.mask),
                    factors: step::Factors::new(
                        s.over.map(value),
                        s.times.iter().copied().map(value),
                    ),
                };
                Work::Survivors(survivors.iter().map(survivor).collect())
            }
            Form::Choice {
                op,
                a,
                b,
                chosen,
                other,
            } => {
                let work = Work::Choice {
                    a: slot(a),
                    b: value(b),
                    equal: op == Op::Ge,
                    chosen: value(chosen),
                    other: value(other),
                };
                return (work, true);
            }
            Form::ByRow { op, x, spread, .. } => Work::ByRow {
                op,
                x: slot(x),
                values: spread_from(nodes, facts, spread, slot),
                row: rows(&nodes[spread as usize].shape).1,
            },
            Form::Exceeds { x, limit } => Work::Exceeds(slot(x), value(limit)),
            Form::Sum(sum) => {
                let working = nodes[node as usize].working;
                Work::Sum(added(nodes, facts, working, sum, source, slot))
            }
        };
        (work, false)
    }

    /// Slot of a node that this program was made for.
    pub(crate) fn slot(&self, node: Node) -> usize {
        self.outputs[&node]
    }

    /// Elements of a tile: as many as the options allow and the first cache holds of every slot.
    pub(crate) fn tile(&self, options: &Options) -> usize {
        /// Bytes, with some room for what else a step reads.
        const CACHE: usize = 24 << 10;
        /// Steps cost more than what they compute in shorter tiles.
        const SHORT: usize = 256;
        /// What random masks are drawn in.
        const GROUP: usize = 128;
        let fits = CACHE / (4 * self.slots.max(1)) / GROUP * GROUP;
        options.tile().min(fits.max(SHORT))
    }

    /// Buffers for tiles of `tile` elements.
    pub(crate) fn buffers(&self, tile: usize) -> Buffers<'_> {
        Buffers {
            tiles: vec![vec![0.0; tile]; self.slots],
            inputs: self
                .sources
                .iter()
                .map(|(source, len)| Input::new(source.as_ref(), *len))
                .collect(),
            scratch: vec![0.0; tile],
            flags: vec![vec![0; tile]; self.steps.iter().map(Step::masks).max().unwrap_or(0)],
        }
    }

    /// Looks at the inputs of elements that will be computed next.
    pub(crate) fn look(&self, buffers: &mut Buffers<'_>, first: usize, length: usize) {
        for input in &mut buffers.inputs {
            input.look(first, length);
        }
    }

    /// Computes elements `first .. first + length`.
    pub(crate) fn run(
        &self,
        buffers: &mut Buffers<'_>,
        first: usize,
        length: usize,
    ) -> Result<(), Error> {
        for step in &self.steps {
            step.run(buffers, first, length)?;
        }
        Ok(())
    }

    /// Computes elements `first .. first + length`, and calls `look` with the number of each group
    /// when its nodes are in their slots.
    pub(crate) fn run_groups(
        &self,
        buffers: &mut Buffers<'_>,
        first: usize,
        length: usize,
        mut look: impl FnMut(usize, &Buffers<'_>),
    ) -> Result<(), Error> {
        let mut due = self.due.iter().peekable();
        for (time, step) in self.steps.iter().enumerate() {
            step.run(buffers, first, length)?;
            while let Some((_, number)) = due.next_if(|(due, _)| *due == time) {
                look(*number, buffers);
            }
        }
        Ok(())
    }
}

/// What a sum adds up.
fn added(
    nodes: &Nodes,
    facts: &Facts,
    working: Working,
    sum: Sum,
    mut source: impl FnMut(Node) -> usize,
    slot: impl Fn(Node) -> usize,
) -> Added {
    let value = |node: Node| number(facts, node) as f32;
    let slots = |terms: Vec<Node>| terms.into_iter().map(&slot).collect();
    let weighted = |terms: Vec<(Node, Node)>| {
        let terms = terms.into_iter();
        terms.map(|(x, weight)| (slot(x), value(weight))).collect()
    };
    match sum {
        Sum::Scaled(terms) => Added::Scaled(weighted(terms)),
        Sum::Stored(terms) => {
            let terms = terms.into_iter();
            Added::Stored(terms.map(|(x, w)| (source(x), value(w))).collect())
        }
        Sum::Changes { terms, minus } => {
            let minus = slot(minus);
            if terms.iter().all(|change| change.masks.is_none()) {
                let terms = terms.iter();
                let terms = terms.map(|c| (source(c.input), value(c.weight))).collect();
                return Added::Changes { terms, minus };
            }
            let terms = terms.iter().map(|change| {
                let band = change
                    .masks
                    .map_or(Band::ALL, |masks| band(nodes, facts, masks));
                (source(change.input), value(change.weight), band)
            });
            let terms = terms.collect();
            Added::TrimmedChanges { terms, minus }
        }
        Sum::Squares { terms, minus } => Added::Squares {
            terms: slots(terms),
            minus: slot(minus),
        },
        Sum::Agreeing { terms, elected } => {
            let terms = terms.into_iter();
            let terms = terms.map(|(x, weight)| (slot(x), weight.map_or(1.0, value)));
            Added::Agreeing {
                terms: terms.collect(),
                elected: slot(elected),
            }
        }
        Sum::AgreeingWeights { terms, elected } => Added::AgreeingWeights {
            terms: weighted(terms),
            elected: slot(elected),
        },
        Sum::Exceeding { terms, limit } => Added::Exceeding {
            terms: slots(terms),
            limit: value(limit),
        },
        Sum::ExceedingCount { terms, limit } => Added::ExceedingCount {
            terms: slots(terms),
            limit: value(limit),
        },
        Sum::ExceedingChoice {
            terms,
            limit,
            alone,
            other,
        } => Added::ExceedingChoice {
            // A choice rounds its numbers.
            terms: terms
                .into_iter()
                .map(|(x, weight)| (slot(x), working.round(value(weight))))
                .collect(),
            limit: value(limit),
            alone: slot(alone),
            other: slot(other),
        },
    }
}

/// A step that computes what is recorded.
fn plain(
    nodes: &Nodes,
    facts: &Facts,
    row: Option<usize>,
    node: Node,
    mut source: impl FnMut(Node) -> usize,
    slot: impl Fn(Node) -> usize,
) -> (Work, bool) {
    let from = |node: Node| match nodes[node as usize].is_scalar() {
        false => Read::Slot(slot(node)),
        true => Read::Value(number(facts, node) as f32),
    };
    let recorded = &nodes[node as usize];
    let Kind::Operation {
        op,
        inputs,
        integers,
        ..
    } = &recorded.kind
    else {
        return (Work::Load(source(node)), true);
    };
    let work = match (op, inputs.as_slice()) {
        (Op::KeepMask, _) => Work::Keep(draw(nodes, facts, Some(node))),
        (Op::KeepMaskBy, &[a]) => Work::KeepBy {
            key: integers[0],
            p: slot(a),
        },
        (Op::SpreadRows, _) => {
            let values = spread_from(nodes, facts, node, slot);
            Work::SpreadRows(values, rows(&recorded.shape).1)
        }
        (Op::RowSum | Op::RowDot | Op::RowMax, &[a, ref b @ ..]) => {
            let work = Work::RowStatistic {
                op: *op,
                a: slot(a),
                b: b.first().map(|&b| slot(b)),
                row: row.unwrap_or(1),
            };
            return (work, false);
        }
        (Op::SpreadColumns, &[a]) => Work::SpreadColumns(elements(nodes, facts, a)),
        (Op::TopKMask | Op::TopShareMask, &[a]) => Work::TopK(slot(a), cut(nodes, facts, node)),
        (Op::AddN, inputs) => {
            return (Work::AddN(inputs.iter().map(|&n| slot(n)).collect()), false);
        }
        (op, &[a]) => Work::Unary(*op, slot(a)),
        (Op::Add | Op::Sub | Op::Mul | Op::Div, &[a, b]) => {
            return (Work::Binary(*op, from(a), from(b)), false);
        }
        (op, &[a, b]) => Work::Binary(*op, from(a), from(b)),
        (_, &[a, b, c]) => Work::Select(from(a), from(b), from(c)),
        _ => unreachable!("`{}` with {} inputs", op.name(), inputs.len()),
    };
    let finer = inputs.iter().any(|&n| is_finer(nodes, n));
    (work, rounds(*op) || finer)
}

/// Where the numbers of a node that spreads them over rows come from.
fn spread_from(
    nodes: &Nodes,
    facts: &Facts,
    spread: Node,
    slot: impl Fn(Node) -> usize,
) -> RowValues {
    match *nodes[spread as usize].operands() {
        [a] if facts.contains_key(&a) => RowValues::All(elements(nodes, facts, a)),
        [a] => RowValues::Slot(slot(a)),
        _ => unreachable!("one tensor is spread"),
    }
}

/// How the flags of a random mask are found; of none, all are set.
fn draw(nodes: &Nodes, facts: &Facts, mask: Option<Node>) -> Draw {
    let Some(mask) = mask else {
        return Draw::All;
    };
    match (facts.get(&mask).map(Fact::part), &nodes[mask as usize].kind) {
        (Some((from, Fact::Bits(words))), _) => Draw::Bits(Arc::clone(words), from),
        (
            _,
            Kind::Operation {
                op: Op::KeepMask,
                scalars,
                integers,
                ..
            },
        ) => Draw::Random {
            key: integers[0],
            bound: random::keep_bound(scalars[0]),
        },
        _ => unreachable!("node {mask} is no random mask"),
    }
}

/// The number that a node of shape `[]` is known to hold.
fn number(facts: &Facts, node: Node) -> f64 {
    match facts.get(&node) {
        Some(Fact::Number(x)) => *x,
        _ => unreachable!("node {node} is used before it is known"),
    }
}

/// What a mask of the largest magnitudes keeps, or one of those above a number.
fn cut(nodes: &Nodes, facts: &Facts, mask: Node) -> Cut {
    match (facts.get(&mask), &nodes[mask as usize].kind) {
        (Some(Fact::Cut(cut)), _) => *cut,
        (_, Kind::Operation { op, inputs, .. }) if matches!(op, Op::Ge | Op::Gt) => {
            Cut::compared(number(facts, inputs[1]) as f32, *op == Op::Ge)
        }
        _ => unreachable!("the mask of node {mask} is used before its threshold is known"),
    }
}

/// What the first mask keeps, less what the second does.
fn band(nodes: &Nodes, facts: &Facts, (outer, inner): (Node, Option<Node>)) -> Band {
    Band {
        outer: cut(nodes, facts, outer),
        inner: inner.map(|inner| cut(nodes, facts, inner)),
    }
}

fn in_memory(fact: &Fact) -> bool {
    matches!(fact, Fact::Elements(_) | Fact::Bits(_) | Fact::Part { .. })
}

fn elements(nodes: &Nodes, facts: &Facts, node: Node) -> Arc<Vec<f32>> {
    match facts.get(&node) {
        Some(fact) => fact.elements(nodes[node as usize].len),
        None => unreachable!("node {node} is used before it is in memory"),
    }
}

/// Nodes of which a step reads the tile that it writes.
pub(crate) fn streamed_operands<'a>(nodes: &'a Nodes, facts: &Facts, node: Node) -> &'a [Node] {
    let recorded = &nodes[node as usize];
    match &recorded.kind {
        _ if facts.get(&node).is_some_and(in_memory) => &[],
        Kind::Operation {
            op: Op::SpreadColumns,
            ..
        } => &[],
        // Else its numbers are statistics of the same rows.
        Kind::Operation {
            op: Op::SpreadRows,
            inputs,
            ..
        } if inputs.iter().any(|input| facts.contains_key(input)) => &[],
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

/// The tensors that `wanted` need, with their operands, operands first, each as late as a
/// depth-first walk allows: so few buffers are in use at a time.
fn order(
    nodes: &Nodes,
    facts: &Facts,
    fuse: &Fuse<'_>,
    wanted: &[Node],
) -> Vec<(Node, Form, Vec<Node>)> {
    let mut order = Vec::new();
    let mut seen = vec![false; nodes.len()];
    for &root in wanted {
        // A chain can be longer than the call stack is deep, so the walk keeps its own stack.
        let mut stack = vec![(root, None)];
        while let Some((node, done)) = stack.pop() {
            if let Some((form, operands)) = done {
                order.push((node, form, operands));
                continue;
            }
            if mem::replace(&mut seen[node as usize], true) {
                continue;
            }
            let form = fuse.form(node);
            let mut operands = form.operands(streamed_operands(nodes, facts, node));
            operands.retain(|&n| !nodes[n as usize].is_scalar());
            let open: Vec<_> = operands.iter().rev().map(|&n| (n, None)).collect();
            operands.sort_unstable();
            operands.dedup();
            stack.push((node, Some((form, operands))));
            stack.extend(open);
        }
    }
    order
}
