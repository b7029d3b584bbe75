//! Decides which passes over the inputs a node needs, and in which order.

mod demand;
mod kept;
mod lines;
mod rank;
mod ranked;
mod scalar;
mod whole;

use crate::error::Error;
use crate::graph::{Kind, Nodes, Recorded};
use crate::kernels::extreme::Extreme;
use crate::kernels::mask::Cut;
use crate::pass::{Collector, Pass, Sample};
use crate::program::Program;
use crate::session::Options;
use crate::sink::Sink;
use crate::statistic::{Collect, Collected};
use demand::{Demand, Role};
use kept::Kept;
use mergelab_abi::ops::{Node, Op};
use mergelab_abi::working::Working;
use rank::{Rank, Ranked};
use rayon::prelude::*;
use std::collections::{BTreeMap, HashMap};
use std::ops::Range;
use std::sync::Arc;

/// What is known about a node.
#[derive(Debug, Clone)]
pub(crate) enum Fact {
    /// What a node of shape `[]` holds.
    Number(f64),
    /// What a mask of the largest magnitudes keeps.
    Cut(Cut),
    /// Every element.
    Elements(Arc<Vec<f32>>),
    /// Every element of a mask: element `i` is bit `i % 64` of word `i / 64`.
    Bits(Arc<Vec<u64>>),
}

pub(crate) type Facts = HashMap<Node, Fact>;

/// Evaluates the last of `nodes` into `sink`, and adds what it learns about others to `facts`.
///
/// Of the elements in `facts` that nobody needs any more, at most `keep` bytes stay.
pub(crate) fn evaluate(
    nodes: &Nodes,
    facts: &mut Facts,
    working: Working,
    options: &Options,
    keep: u64,
    sink: &dyn Sink,
) -> Result<(), Error> {
    let Some(target) = nodes.last() else {
        return Ok(());
    };
    let node = (nodes.len() - 1) as Node;
    learn(nodes, facts, working, options, keep, node)?;
    if let Some(Fact::Number(x)) = facts.get(&node) {
        return sink
            .write(0, &[*x as f32])
            .map_err(|source| Error::Sink { offset: 0, source });
    }
    let program = Program::new(nodes, facts, working, &[node]);
    let pass = Pass {
        program: &program,
        range: 0..target.len,
        sample: None,
        collectors: &[],
        sink: Some((sink, program.slot(node))),
    };
    pass.run(options)?;
    // Now nothing is read any more.
    Kept::new(facts, keep, |_| false);
    Ok(())
}

/// Collects something about tensors of the same length, in one pass if nothing must be known
/// before, and hands it to `take` with the index of its request.
pub(crate) fn collect(
    nodes: &Nodes,
    facts: &mut Facts,
    working: Working,
    options: &Options,
    requests: &[(Node, Collect)],
    sample: Option<Sample>,
    mut take: impl FnMut(usize, Collected),
) -> Result<(), Error> {
    let streams = |&(node, _): &(Node, Collect)| {
        let (demand, _) = Demand::new(nodes, facts, node);
        demand.first().is_none()
    };
    // Else what one of them keeps in memory could be dropped for another.
    let together = match requests.iter().all(streams) {
        true => requests.len().max(1),
        false => 1,
    };
    for (number, requests) in requests.chunks(together).enumerate() {
        let mut wanted: Vec<Node> = requests.iter().map(|r| r.0).collect();
        for &node in &wanted {
            learn(nodes, facts, working, options, options.memory, node)?;
        }
        wanted.sort_unstable();
        wanted.dedup();
        let program = Program::new(nodes, facts, working, &wanted);
        let collector = |&(node, collect): &(Node, Collect)| Collector {
            collect,
            a: program.slot(node),
            b: None,
        };
        let collectors: Vec<Collector> = requests.iter().map(collector).collect();
        let pass = Pass {
            program: &program,
            range: 0..wanted.first().map_or(0, |&node| nodes[node as usize].len),
            sample,
            collectors: &collectors,
            sink: None,
        };
        for (index, collected) in pass.run(options)?.into_iter().enumerate() {
            take(number * together + index, collected);
        }
    }
    Ok(())
}

/// Adds to `facts` what must be known before a node is read.
fn learn(
    nodes: &Nodes,
    facts: &mut Facts,
    working: Working,
    options: &Options,
    keep: u64,
    node: Node,
) -> Result<(), Error> {
    let (demand, readable) = Demand::new(nodes, facts, node);
    let mut schedule = Schedule {
        nodes,
        kept: Kept::new(facts, keep, |node| demand.reads(node)),
        facts,
        working,
        options,
        demand,
        ranks: HashMap::new(),
        room: usize::try_from(options.memory).unwrap_or(usize::MAX)
            / 4
            / nodes.iter().filter(|n| is_rank(n)).count().max(1),
    };
    schedule.learn(readable)
}

struct Schedule<'a> {
    nodes: &'a Nodes,
    facts: &'a mut Facts,
    /// Which of the facts are elements that may be dropped.
    kept: Kept,
    working: Working,
    options: &'a Options,
    demand: Demand<'a>,
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
    /// Computes everything that the target depends on and that must be known before it is read.
    fn learn(&mut self, readable: Vec<Node>) -> Result<(), Error> {
        self.readable(readable)?;
        while let Some((node, role)) = self.demand.first() {
            self.options.check_interrupt()?;
            let known = match role {
                Role::Statistic => self.statistics()?,
                Role::Lines => self.lines()?,
                Role::Whole => self.whole(node)?,
                Role::Number | Role::Streamed => unreachable!("such nodes are never waited for"),
            };
            for (node, fact) in known {
                self.learned(node, fact)?;
            }
        }
        Ok(())
    }

    fn learned(&mut self, node: Node, fact: Fact) -> Result<(), Error> {
        self.facts.insert(node, fact);
        let readable = match self.demand.computed(node) {
            true => vec![node],
            false => Vec::new(),
        };
        self.readable(readable)
    }

    /// Goes on from nodes that can be read now.
    fn readable(&mut self, nodes: Vec<Node>) -> Result<(), Error> {
        let (recorded, facts, working) = (self.nodes, &mut *self.facts, self.working);
        self.demand.readable(nodes, |node| {
            let x = scalar::compute(recorded, facts, working, node)?;
            facts.insert(node, Fact::Number(x));
            Ok(())
        })?;
        for node in self.demand.unread() {
            self.kept.unread(node, self.facts);
        }
        Ok(())
    }

    /// Collects every statistic that can be collected now.
    fn statistics(&mut self) -> Result<Vec<(Node, Fact)>, Error> {
        let mut known = Vec::new();
        let mut requests: BTreeMap<_, Vec<Request>> = BTreeMap::new();
        for node in self.demand.ready(Role::Statistic) {
            if let Some(cut) = trivial_cut(&self.nodes[node as usize]) {
                known.push((node, Fact::Cut(cut)));
                continue;
            }
            let (range, sample, request) = self.request(node)?;
            let group = requests
                .entry((range.start, range.end, sample))
                .or_default();
            group.push(request);
        }
        for ((start, end, sample), requests) in requests {
            known.extend(self.pass(start..end, sample, &requests)?);
        }
        Ok(known)
    }

    /// What the next pass must collect for a statistic, over which elements, and whether over a
    /// sample of them.
    fn request(&mut self, node: Node) -> Result<(Range<usize>, Option<Sample>, Request), Error> {
        let Kind::Operation {
            op,
            inputs,
            scalars,
            integers,
        } = &self.nodes[node as usize].kind
        else {
            unreachable!("an input is no statistic");
        };
        let a = inputs[0];
        let len = self.nodes[a as usize].len;
        let (range, sample, collect) = match op {
            Op::Sum | Op::Dot if inputs.iter().all(|&n| is_mask(self.nodes, n)) => {
                (0..len, None, Collect::Ones)
            }
            Op::Sum => (0..len, None, Collect::Sum),
            Op::Dot => (0..len, None, Collect::Dot),
            Op::Max => (0..len, None, Collect::Extreme(Extreme::Max)),
            Op::Min => (0..len, None, Collect::Extreme(Extreme::Min)),
            _ => {
                let rank = match (self.ranks.get(&node), op) {
                    (Some(rank), _) => *rank,
                    (None, Op::TopShareMask) => Rank::of_share(*op, len, scalars[0], self.room)?,
                    (None, _) => Rank::new(*op, len, integers[0], self.room)?,
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
        sample: Option<Sample>,
        requests: &[Request],
    ) -> Result<Vec<(Node, Fact)>, Error> {
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
        // Ranking what was collected takes its time too, so all threads do it.
        let facts: Vec<(Option<Fact>, Option<Rank>)> = requests
            .par_iter()
            .zip(collected)
            .map(|(request, mut collected)| {
                let mut rank = self.ranks.get(&request.node).copied();
                let number = |x| Some(Fact::Number(self.working.round_scalar(x)));
                let fact = match collected.reduce() {
                    Some(x) => number(x),
                    None => match rank.as_mut().map(|rank| rank.take(collected)) {
                        Some(Ranked::Value(x)) => number(x),
                        Some(Ranked::Cut(cut)) => Some(Fact::Cut(cut)),
                        Some(Ranked::Unfinished) | None => None,
                    },
                };
                (fact, rank)
            })
            .collect();
        let mut known = Vec::new();
        for (request, (fact, rank)) in requests.iter().zip(facts) {
            if let Some(rank) = rank {
                self.ranks.insert(request.node, rank);
            }
            known.extend(fact.map(|fact| (request.node, fact)));
        }
        Ok(known)
    }
}

fn is_rank(recorded: &Recorded) -> bool {
    matches!(
        &recorded.kind,
        Kind::Operation {
            op: Op::KthLargestMagnitude | Op::TopKMask | Op::TopShareMask,
            ..
        }
    )
}

/// Whether every element is 0 or 1, so that a sum is a count.
fn is_mask(nodes: &Nodes, node: Node) -> bool {
    matches!(
        &nodes[node as usize].kind,
        Kind::Operation {
            op: Op::Eq
                | Op::Ne
                | Op::Lt
                | Op::Le
                | Op::Gt
                | Op::Ge
                | Op::TopKMask
                | Op::TopShareMask
                | Op::KeepMask
                | Op::KeepMaskBy
                | Op::RankedKeepMask,
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
