//! Sums of tensors and of what masks of ranks keep of them, collected while the masks are drawn.
//!
//! A method that rescales survivors needs both. The rows are in a cache when they are ranked, so
//! this saves a pass over the inputs. Elements are added in the order in which a pass does: lane by
//! lane in blocks, and blocks in theirs.

use super::{Fact, Role, Schedule, is_mask};
use crate::BLOCK;
use crate::graph::{Kind, Nodes};
use crate::kernels::{LANES, sum};
use crate::statistic::{Collect, Collected};
use mergelab_abi::ops::{Node, Op};
use std::collections::HashSet;
use std::sync::{Mutex, PoisonError};

/// Elements that a thread takes at once where it collects sums, at most.
const LARGEST: usize = 1 << 18;

/// The sums that come with one mask.
#[derive(Default)]
pub(super) struct Sums {
    /// Of the tensor that is ranked.
    all: Vec<Node>,
    /// Of what the mask keeps of it.
    kept: Vec<Node>,
    /// Whether they are of magnitudes.
    abs: bool,
    /// What is finished of both.
    blocks: Mutex<[Vec<(usize, f64)>; 2]>,
}

/// What a thread collects of consecutive rows. The first begins at a block.
pub(super) struct Collecting {
    abs: bool,
    lanes: [[f64; LANES]; 2],
    blocks: [Vec<(usize, f64)>; 2],
}

/// Elements that a thread must take at once so that it has whole rows and whole blocks: at least a
/// few blocks. Nothing where that is too much, or where lanes would not start with rows.
pub(super) fn unit_of_blocks(row: usize, len: usize) -> Option<usize> {
    if len <= row {
        return Some(row.max(1));
    }
    if !row.is_multiple_of(LANES) {
        return None;
    }
    let shared = 1 << row.trailing_zeros().min(BLOCK.trailing_zeros());
    let unit = row.checked_mul(BLOCK / shared)?;
    let unit = unit * (2 * BLOCK).div_ceil(unit);
    (unit <= LARGEST).then_some(unit)
}

impl Sums {
    pub(super) fn is_empty(&self) -> bool {
        self.all.is_empty() && self.kept.is_empty()
    }

    /// For a thread that begins at a block; nothing where nothing is wanted.
    pub(super) fn start(&self) -> Option<Collecting> {
        (!self.is_empty()).then(|| Collecting {
            abs: self.abs,
            lanes: [[0.0; LANES]; 2],
            blocks: Default::default(),
        })
    }

    /// Takes what a thread collected of elements up to `end`.
    pub(super) fn add(&self, collecting: Option<Collecting>, end: usize) {
        let Some(mut collecting) = collecting else {
            return;
        };
        if !end.is_multiple_of(BLOCK) {
            collecting.end_block(end / BLOCK);
        }
        // Blocks are added at once, so what a panicking thread left is whole.
        let mut all = self.blocks.lock().unwrap_or_else(PoisonError::into_inner);
        for (all, blocks) in all.iter_mut().zip(collecting.blocks) {
            all.extend(blocks);
        }
    }

    /// What the sums are.
    pub(super) fn known(self, nodes: &Nodes) -> Vec<(Node, Fact)> {
        let blocks = self
            .blocks
            .into_inner()
            .unwrap_or_else(PoisonError::into_inner);
        let mut known = Vec::new();
        for (sums, blocks) in [self.all, self.kept].into_iter().zip(blocks) {
            let mut collected = Collected::new(Collect::Sum);
            collected.merge(Collected::Sum {
                abs: self.abs,
                lanes: [0.0; LANES],
                blocks,
            });
            let total = collected.reduce().unwrap_or_default();
            for node in sums {
                let working = nodes[node as usize].working;
                known.push((node, Fact::Number(working.round_scalar(total))));
            }
        }
        known
    }
}

impl Collecting {
    /// Takes a row that begins at the index `first`, with the bits of its mask.
    pub(super) fn row(&mut self, elements: &[f32], kept: &[u64], first: usize) {
        let mut from = 0;
        while from < elements.len() {
            let index = first + from;
            let block = index / BLOCK;
            let end = elements.len().min(from + (block + 1) * BLOCK - index);
            let [all, survivors] = &mut self.lanes;
            sum::survivors(all, survivors, &elements[from..end], (kept, from), self.abs);
            if (first + end).is_multiple_of(BLOCK) {
                self.end_block(block);
            }
            from = end;
        }
    }

    fn end_block(&mut self, block: usize) {
        for (lanes, blocks) in self.lanes.iter_mut().zip(&mut self.blocks) {
            blocks.push((block, lanes.iter().sum()));
            *lanes = [0.0; LANES];
        }
    }
}

impl Schedule<'_> {
    /// For each of these masks, the sums that can be collected while it is drawn.
    pub(super) fn sums_with_masks(&self, masks: &[Node]) -> Vec<Sums> {
        let mut found = HashSet::new();
        let of_mask = |&mask: &Node| {
            let Some(&x) = self.nodes[mask as usize].operands().first() else {
                return Sums::default();
            };
            // Sums of masks are counts, and places are not rounded.
            if is_mask(self.nodes, x) || self.is(x, Op::RowRank) {
                return Sums::default();
            }
            let is_survivors = |&&node: &&Node| {
                self.is_streamed(node, Op::Mul, x)
                    && self.nodes[node as usize].operands().contains(&x)
            };
            let survivors = self.demand.users(mask).iter().find(is_survivors);
            let mut sums = Sums::default();
            // Magnitudes are what methods rescale by.
            for abs in [true, false] {
                let mut all = self.sums_of(x, x, abs);
                all.retain(|&node| self.demand.misses(node));
                let mut kept = survivors.map_or_else(Vec::new, |&s| self.sums_of(s, x, abs));
                all.retain(|&node| found.insert(node));
                kept.retain(|&node| found.insert(node));
                if !all.is_empty() || !kept.is_empty() {
                    sums = Sums {
                        all,
                        kept,
                        abs,
                        ..Sums::default()
                    };
                    break;
                }
            }
            sums
        };
        masks.iter().map(of_mask).collect()
    }

    /// The sums of a node's elements, or of their magnitudes, that are not known yet.
    fn sums_of(&self, node: Node, x: Node, abs: bool) -> Vec<Node> {
        let sums = |node: Node| {
            let users = self.demand.users(node).iter().copied();
            users.filter(|&user| {
                self.is(user, Op::Sum)
                    && self.demand.role(user) == Role::Statistic
                    && !self.facts.contains_key(&user)
            })
        };
        if !abs {
            return sums(node).collect();
        }
        let users = self.demand.users(node).iter();
        let magnitudes = users.filter(|&&user| self.is_streamed(user, Op::Abs, x));
        magnitudes.flat_map(|&m| sums(m)).collect()
    }

    /// Whether this operation is computed in each pass, and rounds as `x` is rounded.
    fn is_streamed(&self, node: Node, op: Op, x: Node) -> bool {
        self.is(node, op)
            && self.demand.role(node) == Role::Streamed
            && !self.facts.contains_key(&node)
            && self.nodes[node as usize].working == self.nodes[x as usize].working
    }

    fn is(&self, node: Node, which: Op) -> bool {
        matches!(&self.nodes[node as usize].kind, Kind::Operation { op, .. } if *op == which)
    }
}
