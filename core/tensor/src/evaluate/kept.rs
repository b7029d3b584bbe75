//! Which elements stay in memory.

use super::{Fact, Facts};
use mergelab_abi::ops::Node;
use std::collections::BTreeSet;
use std::sync::Arc;

/// Nodes in memory that nobody needs now, and might need in a later evaluation.
pub(super) struct Kept {
    /// Bytes that may stay.
    limit: u64,
    bytes: u64,
    nodes: BTreeSet<Node>,
}

impl Kept {
    /// Of the facts from earlier evaluations, those that this one does not read.
    pub(super) fn new(facts: &mut Facts, limit: u64, is_read: impl Fn(Node) -> bool) -> Self {
        let mut kept = Self {
            limit,
            bytes: 0,
            nodes: BTreeSet::new(),
        };
        let unread: Vec<Node> = facts
            .iter()
            .filter(|(node, fact)| fact.is_in_memory() && !is_read(**node))
            .map(|(&node, _)| node)
            .collect();
        for node in unread {
            kept.unread(node, facts);
        }
        kept
    }

    /// Takes note that nobody reads the node any more. The oldest go first where there are more
    /// than may stay: a method that goes step by step needs its last results again.
    pub(super) fn unread(&mut self, node: Node, facts: &mut Facts) {
        if self.nodes.insert(node) {
            self.bytes += facts.get(&node).map_or(0, Fact::bytes);
        }
        while self.bytes > self.limit
            && let Some(oldest) = self.nodes.pop_first()
        {
            self.bytes -= facts.remove(&oldest).map_or(0, |fact| fact.bytes());
        }
    }
}

impl Fact {
    pub(super) fn is_in_memory(&self) -> bool {
        matches!(self, Fact::Elements(_) | Fact::Bits(_))
    }

    /// What is in memory of a tensor, and the index from which on it is.
    pub(crate) fn part(&self) -> (usize, &Fact) {
        match self {
            Fact::Part { first, fact } => (*first, fact),
            fact => (0, fact),
        }
    }

    /// The elements of a tensor of `len` elements that is in memory.
    pub(crate) fn elements(&self, len: usize) -> Arc<Vec<f32>> {
        match self {
            Fact::Elements(elements) => Arc::clone(elements),
            Fact::Bits(words) => {
                let bit = |i: usize| ((words[i / 64] >> (i % 64)) & 1) as f32;
                Arc::new((0..len).map(bit).collect())
            }
            Fact::Number(_) | Fact::Cut(_) | Fact::Part { .. } => {
                unreachable!("only whole tensors are put into memory")
            }
        }
    }

    fn bytes(&self) -> u64 {
        match self {
            Fact::Number(_) | Fact::Cut(_) | Fact::Part { .. } => 0,
            Fact::Elements(elements) => 4 * elements.len() as u64,
            Fact::Bits(words) => 8 * words.len() as u64,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_oldest_go_when_there_are_too_many() {
        let mut facts = Facts::new();
        for node in 0..6 {
            facts.insert(node, Fact::Elements(Arc::new(vec![0.0; 10])));
        }
        facts.insert(9, Fact::Number(1.0));
        // Nodes 0 and 1 are read, so only the others count.
        let mut kept = Kept::new(&mut facts, 100, |node| node < 2);
        let mut left: Vec<Node> = facts.keys().copied().collect();
        left.sort_unstable();
        assert_eq!(left, [0, 1, 4, 5, 9]);
        kept.unread(1, &mut facts);
        assert!(!facts.contains_key(&1) && facts.contains_key(&0));
    }
}
