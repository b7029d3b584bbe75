//! Makes steps of recorded nodes: in which order, in which slots, fused with which others.

mod added;
mod agreement;
mod order;

use super::fuse::{self, Form, Fuse, Magnitudes};
use super::known::{band, cut, elements, is_finer, number};
use super::step::{self, Draw, Read, RowValues, Step, Work};
use super::{Bits, Program};
use crate::evaluate::{Fact, Facts};
use crate::graph::{Kind, Nodes};
use added::added;
use agreement::{alone, elected, variance};
use mergelab_abi::ops::{Node, Op, rows};
use mergelab_abi::random;
use mergelab_abi::working::Working;
use order::order;
use std::collections::HashMap;
use std::sync::Arc;

/// What steps are made from.
#[derive(Clone, Copy)]
struct Given<'a> {
    nodes: &'a Nodes,
    facts: &'a Facts,
    bits: &'a Bits,
    /// Elements of the rows that are computed as a whole.
    row: Option<usize>,
}

impl Program {
    pub(super) fn build(
        nodes: &Nodes,
        facts: &Facts,
        wanted: &[Node],
        groups: &[Vec<Node>],
        sums: &[Magnitudes],
        bits: &Bits,
        row: Option<usize>,
    ) -> Self {
        let given = Given {
            nodes,
            facts,
            bits,
            row,
        };
        let fuse = Fuse::new(nodes, facts, wanted, sums);
        let order = order(nodes, facts, &fuse, wanted);
        let mut last_use: HashMap<Node, usize> = HashMap::new();
        for (time, (_, _, operands)) in order.iter().enumerate() {
            for &operand in operands {
                last_use.insert(operand, time);
            }
        }
        let mut due = Vec::new();
        if groups.is_empty() && sums.is_empty() {
            for &node in wanted {
                last_use.insert(node, usize::MAX);
            }
        } else {
            let times: HashMap<Node, usize> = order
                .iter()
                .enumerate()
                .map(|(time, (node, ..))| (*node, time))
                .collect();
            let groups = groups.iter().enumerate();
            for (number, group) in groups.filter(|(_, group)| !group.is_empty()) {
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
            lanes: HashMap::new(),
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
            let (work, rounds) = program.work(given, node, form, slot);
            let working = nodes[node as usize].working;
            program.steps.push(Step {
                work,
                out,
                working,
                rounds: rounds && working != Working::F32,
            });
            match program.steps.last().map(|step| &step.work) {
                // It has no elements.
                Some(Work::Magnitudes(_)) => free.push(out),
                _ => drop(slot_of.insert(node, out)),
            }
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
        given: Given<'_>,
        node: Node,
        form: Form,
        slot: impl Fn(Node) -> usize,
    ) -> (Work, bool) {
        let Given {
            nodes, facts, bits, ..
        } = given;
        let value = |node: Node| number(facts, node) as f32;
        let mut source = |node: Node| {
            let recorded = &nodes[node as usize];
            let Kind::Input(source) = &recorded.kind else {
                unreachable!("node {node} is no input");
            };
            // Some steps read what others read too.
            let known = self
                .sources
                .iter()
                .position(|(s, _)| Arc::ptr_eq(s, source));
            known.unwrap_or_else(|| {
                self.sources.push((Arc::clone(source), recorded.len));
                self.sources.len() - 1
            })
        };
        let work = match form {
            Form::Plain => return plain(given, node, source, slot),
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
            Form::MaskedChange { input, minus, mask } => Work::MaskedChange {
                source: source(input),
                minus: slot(minus),
                mask: slot(mask),
            },
            Form::Variance(found) => Work::Variance(variance(nodes, facts, found, source, slot)),
            Form::Alone(found) => {
                let working = nodes[node as usize].working;
                Work::Alone(alone(facts, working, found, source, slot))
            }
            Form::Elected(found) => {
                let working = nodes[node as usize].working;
                Work::Elected(elected(nodes, facts, working, found, source, slot))
            }
            Form::Dropped { x, mask } => Work::Dropped {
                x: slot(x),
                draw: draw(nodes, facts, bits, Some(mask)),
            },
            Form::Survivors(survivors) => {
                let survivor = |s: &fuse::Survivor| step::Survivor {
                    source: source(s.input),
                    minus: slot(s.minus),
                    draw: draw(nodes, facts, bits, s.mask),
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
            Form::Magnitudes(sums) => {
                let source = source(sums.input);
                let mut lane = |group: usize| {
                    let lane = self.lanes.len();
                    *self.lanes.entry(group).or_insert(lane)
                };
                Work::Magnitudes(step::Magnitudes {
                    source,
                    minus: slot(sums.minus),
                    draw: draw(nodes, facts, bits, sums.mask),
                    whole: sums.whole.map(&mut lane),
                    left: sums.left.map(lane),
                })
            }
            Form::Sum(sum) => {
                let working = nodes[node as usize].working;
                Work::Sum(added(nodes, facts, working, sum, source, slot))
            }
        };
        (work, false)
    }
}

/// A step that computes what is recorded.
fn plain(
    given: Given<'_>,
    node: Node,
    mut source: impl FnMut(Node) -> usize,
    slot: impl Fn(Node) -> usize,
) -> (Work, bool) {
    let Given {
        nodes,
        facts,
        bits,
        row,
    } = given;
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
        (Op::KeepMask, _) => Work::Keep(draw(nodes, facts, bits, Some(node))),
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
fn draw(nodes: &Nodes, facts: &Facts, bits: &Bits, mask: Option<Node>) -> Draw {
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
            bits: bits.get(&mask).cloned(),
        },
        _ => unreachable!("node {mask} is no random mask"),
    }
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
