//! The order of steps.

use crate::evaluate::Facts;
use crate::graph::Nodes;
use crate::program::fuse::{Form, Fuse};
use crate::program::streamed_operands;
use mergelab_abi::ops::Node;
use std::mem;

/// The tensors that `wanted` need, with their operands, operands first, each as late as a
/// depth-first walk allows: so few buffers are in use at a time.
pub(super) fn order(
    nodes: &Nodes,
    facts: &Facts,
    fuse: &Fuse<'_>,
    wanted: &[Node],
) -> Vec<(Node, Form, Vec<Node>)> {
    let mut order = Vec::new();
    let mut seen = vec![false; nodes.len()];
    for &root in wanted {
        // A chain can be longer than the call stack is deep, so the walk keeps its own stack.
        let mut stack = vec![(root, None)];
        while let Some((node, done)) = stack.pop() {
            if let Some((form, operands)) = done {
                order.push((node, form, operands));
                continue;
            }
            if mem::replace(&mut seen[node as usize], true) {
                continue;
            }
            let form = fuse.form(node);
            let mut operands = form.operands(streamed_operands(nodes, facts, node));
            operands.retain(|&n| !nodes[n as usize].is_scalar());
            let open: Vec<_> = operands.iter().rev().map(|&n| (n, None)).collect();
            operands.sort_unstable();
            operands.dedup();
            stack.push((node, Some((form, operands))));
            stack.extend(open);
        }
    }
    order
}
