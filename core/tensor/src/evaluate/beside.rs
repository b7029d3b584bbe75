//! What a pass that collects finds out beside what it was asked for.
//!
//! Sums of magnitudes are added up as these are computed. Masks that are drawn on the way are kept:
//! rescaling what a random mask leaves takes two passes, one for the sums and one for the result,
//! and drawing a mask takes longer than reading its bits.

use super::{Fact, Request, Schedule};
use crate::graph::Kind;
use crate::program::{Bits, Magnitudes, magnitudes, streamed_operands};
use crate::statistic::Collect;
use mergelab_abi::ops::{Node, Op};
use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;

impl Schedule<'_> {
    /// The sums among the requests that steps add up. Their groups become empty.
    pub(super) fn sums(&self, requests: &[Request], groups: &mut [Vec<Node>]) -> Vec<Magnitudes> {
        let is_sum = |number: usize| requests[number].collect == Collect::AbsSum;
        let sums = magnitudes(self.nodes, self.facts, groups, is_sum);
        for number in sums.iter().flat_map(|s| [s.whole, s.left]).flatten() {
            groups[number].clear();
        }
        sums
    }

    /// Where the masks go that are drawn to compute all of `wanted`, and will be read again. None,
    /// if there is no room for all of them.
    pub(super) fn bits(&self, wanted: &[Node]) -> Bits {
        let again = self.drawn_for(&[self.target]);
        let masks = self.drawn_for(wanted);
        let words = |node: Node| self.nodes[node as usize].len.div_ceil(64);
        let masks: Vec<Node> = masks.intersection(&again).copied().collect();
        let bytes: usize = masks.iter().map(|&mask| 8 * words(mask)).sum();
        if bytes > self.budget.kept {
            return Bits::new();
        }
        let zeros = |node: Node| (0..words(node)).map(|_| AtomicU64::new(0)).collect();
        let masks = masks.into_iter();
        masks.map(|mask| (mask, Arc::new(zeros(mask)))).collect()
    }

    /// The random masks that are drawn in a pass that computes these nodes.
    fn drawn_for(&self, wanted: &[Node]) -> BTreeSet<Node> {
        let mut seen = vec![false; self.nodes.len()];
        let mut found = BTreeSet::new();
        let mut open = wanted.to_vec();
        while let Some(node) = open.pop() {
            let recorded = &self.nodes[node as usize];
            if recorded.is_scalar() || std::mem::replace(&mut seen[node as usize], true) {
                continue;
            }
            let is_mask = matches!(
                &recorded.kind,
                Kind::Operation {
                    op: Op::KeepMask,
                    ..
                }
            );
            if is_mask && !self.facts.contains_key(&node) {
                found.insert(node);
            }
            open.extend(streamed_operands(self.nodes, self.facts, node));
        }
        found
    }

    /// Takes the masks that a pass has drawn.
    pub(super) fn drawn(&mut self, bits: Bits) {
        for (mask, bits) in bits {
            if let Some(bits) = Arc::into_inner(bits) {
                let words = bits.into_iter().map(AtomicU64::into_inner).collect();
                self.facts.insert(mask, Fact::Bits(Arc::new(words)));
            }
        }
    }
}
