//! Sums of magnitudes of task vectors, which are added up as they are computed.

use super::{Form, Fuse};
use crate::evaluate::Facts;
use crate::graph::Nodes;
use mergelab_abi::ops::{Node, Op};
use std::collections::HashMap;

/// Sums of magnitudes that one step adds up: of a stored input less a tensor, and of what a random
/// mask leaves of that.
#[derive(Clone)]
pub(crate) struct Magnitudes {
    /// The node of which it takes the place: what is left, or the difference if there is no mask.
    pub(crate) node: Node,
    pub(in crate::program) input: Node,
    pub(in crate::program) minus: Node,
    pub(in crate::program) mask: Option<Node>,
    /// The group of nodes that asks for the sum over everything.
    pub(crate) whole: Option<usize>,
    /// The group that asks for the sum over what is left.
    pub(crate) left: Option<usize>,
}

/// The sums among those of `groups` that `is_sum` names: sums of magnitudes of the one node of a
/// group.
pub(crate) fn magnitudes(
    nodes: &Nodes,
    facts: &Facts,
    groups: &[Vec<Node>],
    is_sum: impl Fn(usize) -> bool,
) -> Vec<Magnitudes> {
    let fuse = Fuse::new(nodes, facts, &groups.concat(), &[]);
    let asked: HashMap<Node, usize> = groups
        .iter()
        .enumerate()
        .filter(|(number, _)| is_sum(*number))
        .filter_map(|(number, group)| Some((*group.first()?, number)))
        .collect();
    let mut found: Vec<Magnitudes> = asked
        .iter()
        .filter_map(|(&node, &number)| fuse.left(node, number, &asked))
        .collect();
    let taken: Vec<usize> = found.iter().filter_map(|sums| sums.whole).collect();
    let alone = asked.iter().filter(|(_, number)| !taken.contains(number));
    found.extend(alone.filter_map(|(&node, &number)| fuse.whole(node, number)));
    found.sort_unstable_by_key(|sums| sums.node);
    found
}

impl Fuse<'_> {
    /// The sum over what a mask leaves, with that over everything if it is asked for too.
    fn left(&self, node: Node, number: usize, asked: &HashMap<Node, usize>) -> Option<Magnitudes> {
        let (Op::Mul, &[a, b]) = self.operation(node)? else {
            return None;
        };
        let (change, mask) = match self.is_random_mask(b) {
            true => (a, b),
            false => (b, a),
        };
        let whole = asked.get(&change).copied();
        let uses = 1 + u32::from(whole.is_some());
        let fits = self.is_random_mask(mask)
            && self.once(node)
            && self.uses(change) == uses
            && self.working(change) == self.working(node);
        let (input, minus) = fits.then(|| self.stored_change(change))??;
        Some(Magnitudes {
            node,
            input,
            minus,
            mask: Some(mask),
            whole,
            left: Some(number),
        })
    }

    /// The sum over everything.
    fn whole(&self, node: Node, number: usize) -> Option<Magnitudes> {
        let (input, minus) = self.once(node).then(|| self.stored_change(node))??;
        Some(Magnitudes {
            node,
            input,
            minus,
            mask: None,
            whole: Some(number),
            left: None,
        })
    }

    /// The sums that take the place of a node.
    pub(super) fn summed(&self, node: Node) -> Option<Form> {
        let sums = self.sums.iter().find(|sums| sums.node == node)?;
        Some(Form::Magnitudes(sums.clone()))
    }
}
