//! Decides which passes over the inputs a node needs, and in which order.

mod bands;
mod beside;
mod budget;
mod demand;
mod kept;
mod lines;
mod needs;
mod rank;
mod ranked;
mod ranked_sums;
mod scalar;

mod whole;

use crate::CHUNK;
use crate::error::Error;
use crate::graph::{Kind, Nodes, Recorded};
use crate::kernels::extreme::Extreme;
use crate::kernels::mask::Cut;
use crate::pass::{self, Collector, Pass, Sample};
use crate::program::Bits;
use crate::session::Options;
use crate::sink::Sink;
use crate::statistic::{Collect, Collected};
use budget::Budget;
use demand::{Demand, Role};
use kept::Kept;
use mergelab_abi::ops::{Node, Op};
pub use needs::Needs;
pub(crate) use needs::needs;
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
    /// Elements or bits from the index `first` on, a multiple of 64 for bits.
    Part { first: usize, fact: Box<Fact> },
}

pub(crate) type Facts = HashMap<Node, Fact>;

/// Evaluates the last of `nodes` into `sink`, and adds what it learns about others to `facts`.
///
/// Of the elements in `facts` that nobody needs any more, at most `keep` bytes stay.
pub(crate) fn evaluate(
    nodes: &Nodes,
    facts: &mut Facts,
    options: &Options,
    keep: u64,
    sink: &dyn Sink,
) -> Result<(), Error> {
    let Some(target) = nodes.last() else {
        return Ok(());
    };
    let node = (nodes.len() - 1) as Node;
    let budget = Budget::new(nodes, facts, options.memory);
    let schedule = Schedule::new(nodes, facts, options, keep, node, budget)?;
    if let Some(Fact::Number(x)) = schedule.facts.get(&node) {
        return sink
            .write(0, &[*x as f32])
            .map_err(|source| Error::Sink { offset: 0, source });
    }
    schedule.in_bands(&[node], 0..target.len, CHUNK, |program, range| {
        let pass = Pass {
            program,
            range,
            sample: None,
            collectors: &[],
            sink: Some((sink, program.slot(node))),
        };
        pass.run(options).map(drop)
    })?;
    // Now nothing is read any more.
    Kept::new(facts, keep, |_| false);
    Ok(())
}

/// Collects something about tensors of the same length, in one pass if nothing must be known
/// before, and hands it to `take` with the index of its request.
pub(crate) fn collect(
    nodes: &Nodes,
    facts: &mut Facts,
    options: &Options,
    requests: &[(Node, Collect)],
    sample: Option<Sample>,
    mut take: impl FnMut(usize, Collected),
) -> Result<(), Error> {
    let budget = Budget::new(nodes, facts, options.memory);
    let streams = |&(node, _): &(Node, Collect)| {
        let (demand, _) = Demand::new(nodes, facts, node, budget);
        demand.first().is_none()
    };
    // Else what one of them keeps in memory could be dropped for another.
    let together = match requests.iter().all(streams) {
        true => requests.len().max(1),
        false => 1,
    };
    for (number, requests) in requests.chunks(together).enumerate() {
        let Some((&(last, _), before)) = requests.split_last() else {
            continue;
        };
        let keep = options.memory / 2;
        for &(node, _) in before {
            Schedule::new(nodes, facts, options, keep, node, budget)?;
        }
        let mut schedule = Schedule::new(nodes, facts, options, keep, last, budget)?;
        let requests: Vec<Request> = requests
            .iter()
            .map(|&(a, collect)| Request {
                node: a,
                collect,
                a,
                b: None,
            })
            .collect();
        let collected = schedule.collected(0..nodes[last as usize].len, sample, &requests)?;
        for (index, collected) in collected.into_iter().enumerate() {
            take(number * together + index, collected);
        }
    }
    Ok(())
}

struct Schedule<'a> {
    nodes: &'a Nodes,
    facts: &'a mut Facts,
    /// What is evaluated.
    target: Node,
    /// Which of the facts are elements that may be dropped.
    kept: Kept,
    options: &'a Options,
    demand: Demand<'a>,
    /// Order statistics that need more than one pass.
    ranks: HashMap<Node, Rank>,
    budget: Budget,
}

/// A statistic that the next pass collects.
struct Request {
    node: Node,
    a: Node,
    b: Option<Node>,
    collect: Collect,
}

impl<'a> Schedule<'a> {
    /// Finds out what must be known before a node is read.
    fn new(
        nodes: &'a Nodes,
        facts: &'a mut Facts,
        options: &'a Options,
        keep: u64,
        node: Node,
        budget: Budget,
    ) -> Result<Self, Error> {
        let (demand, readable) = Demand::new(nodes, facts, node, budget);
        let mut schedule = Self {
            nodes,
            target: node,
            kept: Kept::new(facts, keep, |node| demand.reads(node)),
            facts,
            options,
            demand,
            ranks: HashMap::new(),
            budget,
        };
        schedule.learn(readable)?;
        Ok(schedule)
    }
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
        let (recorded, facts) = (self.nodes, &mut *self.facts);
        self.demand.readable(nodes, |node| {
            let x = scalar::compute(recorded, facts, node)?;
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
        let mut a = inputs[0];
        let len = self.nodes[a as usize].len;
        let room = self.budget.rank;
        let (range, sample, collect) = match op {
            Op::Sum | Op::Dot if inputs.iter().all(|&n| is_mask(self.nodes, n)) => {
                (0..len, None, Collect::Ones)
            }
            Op::Sum => {
                let magnitudes = self.magnitudes(a);
                a = magnitudes.unwrap_or(a);
                let collect = magnitudes.map_or(Collect::Sum, |_| Collect::AbsSum);
                (0..len, None, collect)
            }
            Op::Dot => (0..len, None, Collect::Dot),
            Op::Max => (0..len, None, Collect::Extreme(Extreme::Max)),
            Op::Min => (0..len, None, Collect::Extreme(Extreme::Min)),
            _ => {
                let rank = match (self.ranks.get(&node), op) {
                    (Some(rank), _) => *rank,
                    (None, Op::TopShareMask) => Rank::of_share(*op, len, scalars[0], room)?,
                    (None, _) => Rank::new(*op, len, integers[0], room)?,
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

    /// The tensor of which a node holds the magnitudes, if it must be computed anyway.
    fn magnitudes(&self, node: Node) -> Option<Node> {
        match &self.nodes[node as usize].kind {
            Kind::Operation {
                op: Op::Abs,
                inputs,
                ..
            } if !self.facts.contains_key(&node) => Some(inputs[0]),
            _ => None,
        }
    }

    /// What one pass collects.
    fn collected(
        &mut self,
        range: Range<usize>,
        sample: Option<Sample>,
        requests: &[Request],
    ) -> Result<Vec<Collected>, Error> {
        let mut groups: Vec<Vec<Node>> = requests
            .iter()
            .map(|r| [Some(r.a), r.b].into_iter().flatten().collect())
            .collect();
        let wanted = groups.concat();
        let whole = sample.is_none()
            && wanted
                .iter()
                .all(|&n| range.len() == self.nodes[n as usize].len);
        let bits = if whole {
            self.bits(&wanted)
        } else {
            Bits::new()
        };
        let sums = self.sums(requests, &mut groups);
        let mut collected: Vec<Collected> = Vec::new();
        self.groups_in_bands(&groups, &sums, &bits, range, CHUNK, |program, range| {
            let from = |number: usize, request: &Request| match program.lanes(number) {
                Some(lanes) => pass::From::Lanes(lanes),
                None => {
                    let b = request.b.map(|b| program.slot(b));
                    pass::From::Slots(program.slot(request.a), b)
                }
            };
            let collectors: Vec<Collector> = requests
                .iter()
                .enumerate()
                .map(|(number, request)| Collector {
                    collect: request.collect,
                    from: from(number, request),
                })
                .collect();
            let pass = Pass {
                program,
                range,
                sample,
                collectors: &collectors,
                sink: None,
            };
            let more = pass.run(self.options)?;
            if collected.is_empty() {
                collected = more;
                return Ok(());
            }
            for (collected, more) in collected.iter_mut().zip(more) {
                collected.merge(more);
            }
            Ok(())
        })?;
        self.drawn(bits);
        Ok(collected)
    }

    fn pass(
        &mut self,
        range: Range<usize>,
        sample: Option<Sample>,
        requests: &[Request],
    ) -> Result<Vec<(Node, Fact)>, Error> {
        let collected = self.collected(range, sample, requests)?;
        // Ranking what was collected takes its time too, so all threads do it.
        let facts: Vec<(Option<Fact>, Option<Rank>)> = requests
            .par_iter()
            .zip(collected)
            .map(|(request, mut collected)| {
                let mut rank = self.ranks.get(&request.node).copied();
                let working = self.nodes[request.node as usize].working;
                let number = |x| Some(Fact::Number(working.round_scalar(x)));
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

/// Whether every element is 0 or 1, so that a sum is a count.
fn is_mask(nodes: &Nodes, node: Node) -> bool {
    let Kind::Operation { op, inputs, .. } = &nodes[node as usize].kind else {
        return false;
    };
    match op {
        Op::Eq
        | Op::Ne
        | Op::Lt
        | Op::Le
        | Op::Gt
        | Op::Ge
        | Op::TopKMask
        | Op::TopShareMask
        | Op::KeepMask
        | Op::KeepMaskBy
        | Op::RankedKeepMask => true,
        // What is wide already is not widened again.
        Op::Widen => is_mask(nodes, inputs[0]),
        _ => false,
    }
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
