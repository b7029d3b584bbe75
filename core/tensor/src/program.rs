//! The elementwise part of a pass, as steps over tile buffers.

mod build;
mod fuse;
mod known;
mod step;

use crate::error::Error;
use crate::evaluate::Facts;
use crate::graph::{Kind, Nodes};
use crate::kernels::LANES;
use crate::session::Options;
use crate::source::Source;
pub(crate) use fuse::{Magnitudes, magnitudes};
use known::in_memory;
use mergelab_abi::ops::{Node, Op};
use std::collections::HashMap;
use std::mem;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use step::{Input, Step};

/// Steps that compute some nodes for one tile.
pub(crate) struct Program {
    steps: Vec<Step>,
    slots: usize,
    /// Inputs and their lengths.
    sources: Vec<(Arc<dyn Source>, usize)>,
    /// Slot of each node that was asked for.
    outputs: HashMap<Node, usize>,
    /// Which lanes hold the sum that a group of nodes asks for.
    lanes: HashMap<usize, usize>,
    /// After which step which group of nodes can be looked at, in the order of the steps.
    due: Vec<(usize, usize)>,
}

/// Where the bits of random masks go: element `i` is bit `i % 64` of word `i / 64`.
pub(crate) type Bits = HashMap<Node, Arc<Vec<AtomicU64>>>;

/// What a thread computes in.
pub(crate) struct Buffers<'a> {
    tiles: Vec<Vec<f32>>,
    inputs: Vec<Input<'a>>,
    /// A tile that nothing reads.
    scratch: Vec<f32>,
    /// Flags of the masks of a step.
    flags: Vec<Vec<u8>>,
    /// Sums of the block so far.
    lanes: Vec<[f64; LANES]>,
}

impl Buffers<'_> {
    /// The first elements of a slot.
    pub(crate) fn tile(&self, slot: usize, length: usize) -> &[f32] {
        &self.tiles[slot][..length]
    }

    /// Takes what lanes hold, at the end of a block.
    pub(crate) fn take_lanes(&mut self, lanes: usize) -> [f64; LANES] {
        mem::replace(&mut self.lanes[lanes], [0.0; LANES])
    }
}

impl Program {
    /// The steps that compute the tensors `wanted`, once every statistic below them is in
    /// `facts`.
    pub(crate) fn new(nodes: &Nodes, facts: &Facts, wanted: &[Node]) -> Self {
        Self::build(nodes, facts, wanted, &[], &[], &Bits::new(), None)
    }

    /// The same where only groups of nodes are looked at, each as soon as all of it is there
    /// ([`Program::run_groups`]). Their tiles serve others afterwards, so that a program for many
    /// groups takes no more of the cache than one for the largest. Of groups whose sums are in
    /// `sums`, which are empty here, no tile is ever there ([`Program::lanes`]). Random masks that
    /// are drawn and are in `bits` are stored there.
    pub(crate) fn by_groups(
        nodes: &Nodes,
        facts: &Facts,
        groups: &[Vec<Node>],
        sums: &[Magnitudes],
        bits: &Bits,
    ) -> Self {
        let mut wanted: Vec<Node> = groups.concat();
        wanted.extend(sums.iter().map(|sums| sums.node));
        wanted.sort_unstable();
        wanted.dedup();
        Self::build(nodes, facts, &wanted, groups, sums, bits, None)
    }

    /// The same where rows of this length are computed as a whole, and with them their statistics:
    /// the first elements of such a node's tile, one for each row.
    ///
    /// Tiles must be of whole rows.
    pub(crate) fn by_rows(nodes: &Nodes, facts: &Facts, wanted: &[Node], row: usize) -> Self {
        Self::build(nodes, facts, wanted, &[], &[], &Bits::new(), Some(row))
    }

    /// Slot of a node that this program was made for.
    pub(crate) fn slot(&self, node: Node) -> usize {
        self.outputs[&node]
    }

    /// Which lanes hold the sum that a group asks for, if it is added up by a step.
    pub(crate) fn lanes(&self, group: usize) -> Option<usize> {
        self.lanes.get(&group).copied()
    }

    /// Elements of a tile: as many as the options allow and a part of the second cache holds of
    /// every slot.
    pub(crate) fn tile(&self, options: &Options) -> usize {
        /// Bytes. Tiles that the first cache holds are computed with faster, but are so short that
        /// starting steps takes more than that.
        const CACHE: usize = 64 << 10;
        /// Steps cost more than what they compute in shorter tiles.
        const SHORT: usize = 256;
        let fits = CACHE / (4 * self.slots.max(1));
        // Random masks are drawn in groups of so many.
        let group = if fits < 1024 { 128 } else { 512 };
        options.tile().min((fits / group * group).max(SHORT))
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
            lanes: vec![[0.0; LANES]; self.lanes.len()],
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
