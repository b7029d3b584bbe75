//! Sums of magnitudes that are added up as they are computed, and the masks drawn for them.
//!
//! Rescaling what a random mask leaves takes two passes: one for the sums, one for the result. Both
//! need the same mask. Drawing it takes longer than reading its bits, so these are kept where there
//! is room.

use super::{Fact, Request, Schedule};
use crate::program::{Magnitudes, magnitudes};
use crate::statistic::Collect;
use mergelab_abi::ops::Node;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;

impl Schedule<'_> {
    /// The sums among the requests that steps add up. Their groups become empty.
    pub(super) fn sums(&self, requests: &[Request], groups: &mut [Vec<Node>]) -> Vec<Magnitudes> {
        let is_sum = |number: usize| requests[number].collect == Collect::AbsSum;
        let mut sums = magnitudes(self.nodes, self.facts, groups, is_sum);
        for number in sums.iter().flat_map(|s| [s.whole, s.left]).flatten() {
            groups[number].clear();
        }
        let words = |node: Node| self.nodes[node as usize].len.div_ceil(64);
        // Where nobody reads what is left but for its sum, the mask is not read again.
        let again = |sums: &&mut Magnitudes| {
            let drawn = sums.drawn(self.nodes, self.facts);
            drawn.is_some() && self.demand.users(sums.node).len() > 1
        };
        let kept: Vec<&mut Magnitudes> = sums.iter_mut().filter(again).collect();
        let bytes: usize = kept.iter().map(|sums| 8 * words(sums.node)).sum();
        if bytes <= self.budget.kept {
            for sums in kept {
                let zeros = (0..words(sums.node)).map(|_| AtomicU64::new(0));
                sums.bits = Some(Arc::new(zeros.collect()));
            }
        }
        sums
    }

    /// Takes the masks that a pass has drawn.
    pub(super) fn drawn(&mut self, sums: Vec<Magnitudes>) {
        for sums in sums {
            if let (Some(mask), Some(bits)) = (sums.mask, sums.bits)
                && let Some(bits) = Arc::into_inner(bits)
            {
                let words = bits.into_iter().map(AtomicU64::into_inner).collect();
                self.facts.insert(mask, Fact::Bits(Arc::new(words)));
            }
        }
    }
}
