//! How the memory of an evaluation is divided.

use super::{Fact, Facts};
use crate::CHUNK;
use crate::graph::{Kind, Nodes, Recorded};
use mergelab_abi::ops::{Node, Op};

/// Bytes and elements that parts of an evaluation may take. Order statistics, masks of ranks and
/// what a method asks to be kept ([`Op::Materialize`]) get their shares by themselves, so none
/// depends on what the others need.
#[derive(Debug, Clone, Copy)]
pub(super) struct Budget {
    /// Bytes that each order statistic may collect.
    pub(super) rank: usize,
    /// Elements of which the masks of ranks and the places in rows are in memory at once, a
    /// multiple of [`CHUNK`]; `None` where all of them may be.
    pub(super) band: Option<usize>,
    /// Bytes that the threads may rank rows in.
    pub(super) rows: usize,
    /// Bytes of the largest tensor that is kept as a method asks; a larger one is computed again
    /// in each pass.
    pub(super) kept: usize,
}

impl Budget {
    pub(super) fn new(nodes: &Nodes, facts: &Facts, memory: u64) -> Self {
        let memory = usize::try_from(memory).unwrap_or(usize::MAX);
        let ranks = nodes.iter().filter(|n| is_rank(n)).count().max(1);
        let unknown = |(node, _): &(usize, &Recorded)| {
            !matches!(
                facts.get(&(*node as Node)),
                Some(Fact::Elements(_) | Fact::Bits(_))
            )
        };
        let by_rows = || {
            let numbered = nodes.iter().map(|n| &**n).enumerate().filter(unknown);
            numbered.filter_map(|(_, n)| Some((bits_by_row(n)?, n.len)))
        };
        let all = by_rows().fold(0, |sum: usize, (bits, len)| {
            sum.saturating_add(len.div_ceil(8).saturating_mul(bits))
        });
        let bits: usize = by_rows().map(|(bits, _)| bits).sum();
        let band = || (memory / 4).saturating_mul(8) / bits.max(1) / CHUNK * CHUNK;
        Self {
            rank: memory / 4 / ranks,
            band: (all > memory / 4).then(|| band().max(CHUNK)),
            rows: memory / 2,
            kept: memory / 4,
        }
    }
}

/// Bytes that an evaluation must be given so that it can rank a row in `bytes`.
pub(crate) fn for_rows(bytes: usize) -> u64 {
    2 * bytes as u64
}

fn is_rank(recorded: &Recorded) -> bool {
    matches!(
        operation(recorded),
        Some(Op::KthLargestMagnitude | Op::TopKMask | Op::TopShareMask)
    )
}

/// Bits that each element takes of what is found out from whole rows.
pub(super) fn bits_by_row(recorded: &Recorded) -> Option<usize> {
    match operation(recorded)? {
        Op::RankedKeepMask => Some(1),
        Op::RowRank => Some(32),
        _ => None,
    }
}

fn operation(recorded: &Recorded) -> Option<Op> {
    match &recorded.kind {
        Kind::Operation { op, .. } => Some(*op),
        Kind::Input(_) => None,
    }
}
