//! Decides which passes over the inputs a node needs, and in which order.

mod rank;
mod scalar;

use crate::error::Error;
use crate::graph::{Kind, Nodes, Recorded};
use crate::kernels::extreme::Extreme;
use crate::kernels::mask::Cut;
use crate::pass::{Collector, Pass};
use crate::program::Program;
use crate::session::Options;
use crate::sink::Sink;
use crate::statistic::Collect;
use mergelab_abi::ops::{Node, Op};
use mergelab_abi::working::Working;
use rank::{Rank, Ranked};
use std::collections::{BTreeMap, HashMap};
use std::ops::Range;

/// What is known about a node once its statistics are collected.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Fact {
    /// What a node of shape `[]` holds.
    Number(f64),
    /// What a top-k mask keeps.
    Cut(Cut),
}

pub(crate) type Facts = HashMap<Node, Fact>;

/// Evaluates the last of `nodes` into `sink`, and adds what it learns about others to `facts`.
pub(crate) fn evaluate(
    nodes: &Nodes,
    facts: &mut Facts,
    working: Working,
    options: &Options,
    sink: &dyn Sink,
) -> Result<(), Error> {
    let Some(target) = nodes.last() else {
        return Ok(());
    };
    let node = (nodes.len() - 1) as Node;
    let mut schedule = Schedule {
        nodes,
        facts,
        working,
        options,
        ranks: HashMap::new(),
        room: options.memory / nodes.iter().filter(|n| is_rank(n)).count().max(1),
    };
    schedule.learn(node)?;
    if let Some(Fact::Number(x)) = schedule.facts.get(&node) {
        return sink
            .write(0, &[*x as f32])
            .map_err(|source| Error::Sink { offset: 0, source });
    }
    let program = Program::new(nodes, schedule.facts, working, &[node]);
    let pass = Pass {
        program: &program,
        range: 0..target.len,
        sample: None,
        collectors: &[],
        sink: Some((sink, program.slot(node))),
    };
    pass.run(options).map(drop)
}

struct Schedule<'a> {
    nodes: &'a Nodes,
    facts: &'a mut Facts,
    working: Working,
    options: &'a Options,
    /// Order statistics that need more than one pass.
    ranks: HashMap<Node, Rank>,
    /// Bytes that each of them may collect.
    room: usize,
}

/// A statistic that the next pass collects.
struct Request {
    node: Node,
    a: Node,
    b: Option<Node>,
    collect: Collect,
}

impl Schedule<'_> {
    /// Collects every statistic that `target` depends on.
    fn learn(&mut self, target: Node) -> Result<(), Error> {
        loop {
            let mut requests: BTreeMap<_, Vec<Request>> = BTreeMap::new();
            for node in self.ready(target)? {
                let (range, sample, request) = self.request(node)?;
                let group = requests
                    .entry((range.start, range.end, sample))
                    .or_default();
                group.push(request);
            }
            if requests.is_empty() {
                return Ok(());
            }
            for ((start, end, sample), requests) in requests {
                self.pass(start..end, sample, &requests)?;
            }
        }
    }

    /// The statistics below `target` that are missing and whose inputs can be computed. Computes
    /// the nodes of shape `[]` that need no pass.
    fn ready(&mut self, target: Node) -> Result<Vec<Node>, Error> {
        let mut needed = vec![false; self.nodes.len()];
        needed[target as usize] = true;
        for node in (0..self.nodes.len()).rev() {
            let recorded = &self.nodes[node];
            let settled = recorded.is_scalar() && self.facts.contains_key(&(node as Node));
            if needed[node] && !settled {
                for &operand in recorded.operands() {
                    needed[operand as usize] = true;
                }
            }
        }
        let mut computable = vec![false; self.nodes.len()];
        let mut ready = Vec::new();
        for (index, recorded) in self.nodes.iter().enumerate() {
            let node = index as Node;
            let inputs_known = recorded.operands().iter().all(|&n| computable[n as usize]);
            if !needed[index] {
                continue;
            }
            if self.facts.contains_key(&node) {
                // A tensor with a fact is a mask, which also reads its input.
                computable[index] = recorded.is_scalar() || inputs_known;
            } else if inputs_known {
                if let Some(cut) = trivial_cut(recorded) {
                    self.facts.insert(node, Fact::Cut(cut));
                    computable[index] = true;
                } else if is_statistic(recorded, self.nodes) {
                    ready.push(node);
                } else {
                    if recorded.is_scalar() {
                        let x = scalar::compute(self.nodes, self.facts, self.working, node)?;
                        self.facts.insert(node, Fact::Number(x));
                    }
                    computable[index] = true;
                }
            }
        }
        Ok(ready)
    }

    /// What the next pass must collect for a statistic, over which elements, and whether over a
    /// sample of them.
    fn request(&mut self, node: Node) -> Result<(Range<usize>, Option<usize>, Request), Error> {
        let Kind::Operation {
            op,
            inputs,
            integers,
            ..
        } = &self.nodes[node as usize].kind
        else {
            unreachable!("an input is no statistic");
        };
        let a = inputs[0];
        let len = self.nodes[a as usize].len;
        let (range, sample, collect) = match op {
            Op::Sum => (0..len, None, Collect::Sum),
            Op::Dot => (0..len, None, Collect::Dot),
            Op::Max => (0..len, None, Collect::Extreme(Extreme::Max)),
            Op::Min => (0..len, None, Collect::Extreme(Extreme::Min)),
            _ => {
                let rank = match self.ranks.get(&node) {
                    Some(rank) => *rank,
                    None => Rank::new(*op, len, integers[0], self.room)?,
                };
                self.ranks.insert(node, rank);
                let (range, collect) = rank.next_pass();
                (range, rank.sample(), collect)
            }
        };
        let request = Request {
            node,
            a,
            b: (*op == Op::Dot).then(|| inputs[1]),
            collect,
        };
        Ok((range, sample, request))
    }

    fn pass(
        &mut self,
        range: Range<usize>,
        sample: Option<usize>,
        requests: &[Request],
    ) -> Result<(), Error> {
        let mut wanted: Vec<Node> = requests
            .iter()
            .flat_map(|r| [Some(r.a), r.b])
            .flatten()
            .collect();
        wanted.sort_unstable();
        wanted.dedup();
        let program = Program::new(self.nodes, self.facts, self.working, &wanted);
        let collectors: Vec<Collector> = requests
            .iter()
            .map(|request| Collector {
                collect: request.collect,
                a: program.slot(request.a),
                b: request.b.map(|b| program.slot(b)),
            })
            .collect();
        let pass = Pass {
            program: &program,
            range,
            sample,
            collectors: &collectors,
            sink: None,
        };
        let collected = pass.run(self.options)?;
        for (request, mut collected) in requests.iter().zip(collected) {
            let fact = match collected.reduce() {
                Some(x) => Some(Fact::Number(self.working.round_scalar(x))),
                None => match self.ranks.get_mut(&request.node).map(|r| r.take(collected)) {
                    Some(Ranked::Value(x)) => Some(Fact::Number(self.working.round_scalar(x))),
                    Some(Ranked::Cut(cut)) => Some(Fact::Cut(cut)),
                    Some(Ranked::Unfinished) | None => None,
                },
            };
            self.facts.extend(fact.map(|fact| (request.node, fact)));
        }
        Ok(())
    }
}

/// Whether a node needs a pass over a tensor before it can be used.
fn is_statistic(recorded: &Recorded, nodes: &Nodes) -> bool {
    match &recorded.kind {
        Kind::Input(_) => false,
        Kind::Operation { op, inputs, .. } => {
            matches!(
                op,
                Op::Sum | Op::Dot | Op::Max | Op::Min | Op::KthLargestMagnitude | Op::TopKMask
            ) && !nodes[inputs[0] as usize].is_scalar()
        }
    }
}

fn is_rank(recorded: &Recorded) -> bool {
    matches!(
        &recorded.kind,
        Kind::Operation {
            op: Op::KthLargestMagnitude | Op::TopKMask,
            ..
        }
    )
}

/// What a top-k mask of all or of no elements keeps.
fn trivial_cut(recorded: &Recorded) -> Option<Cut> {
    match &recorded.kind {
        Kind::Operation {
            op: Op::TopKMask,
            integers,
            ..
        } if !recorded.is_scalar() => match integers[0] {
            0 => Some(Cut::NOTHING),
            k if k == recorded.len as u64 => Some(Cut::ALL),
            _ => None,
        },
        _ => None,
    }
}
