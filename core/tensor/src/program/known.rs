//! What is known about nodes before a program is built.

use crate::evaluate::{Fact, Facts};
use crate::graph::{Kind, Nodes};
use crate::kernels::mask::Cut;
use crate::kernels::trim::Band;
use mergelab_abi::ops::{Node, Op};
use std::sync::Arc;

/// The number that a node of shape `[]` is known to hold.
pub(super) fn number(facts: &Facts, node: Node) -> f64 {
    match facts.get(&node) {
        Some(Fact::Number(x)) => *x,
        _ => unreachable!("node {node} is used before it is known"),
    }
}

/// What a mask of the largest magnitudes keeps, or one of those above a number.
pub(super) fn cut(nodes: &Nodes, facts: &Facts, mask: Node) -> Cut {
    match (facts.get(&mask), &nodes[mask as usize].kind) {
        (Some(Fact::Cut(cut)), _) => *cut,
        (_, Kind::Operation { op, inputs, .. }) if matches!(op, Op::Ge | Op::Gt) => {
            Cut::compared(number(facts, inputs[1]) as f32, *op == Op::Ge)
        }
        _ => unreachable!("the mask of node {mask} is used before its threshold is known"),
    }
}

/// What the first mask keeps, less what the second does.
pub(super) fn band(nodes: &Nodes, facts: &Facts, (outer, inner): (Node, Option<Node>)) -> Band {
    Band {
        outer: cut(nodes, facts, outer),
        inner: inner.map(|inner| cut(nodes, facts, inner)),
    }
}

pub(super) fn in_memory(fact: &Fact) -> bool {
    matches!(fact, Fact::Elements(_) | Fact::Bits(_) | Fact::Part { .. })
}

pub(super) fn elements(nodes: &Nodes, facts: &Facts, node: Node) -> Arc<Vec<f32>> {
    match facts.get(&node) {
        Some(fact) => fact.elements(nodes[node as usize].len),
        None => unreachable!("node {node} is used before it is in memory"),
    }
}

/// Whether a node is not rounded to the working precision.
pub(super) fn is_finer(nodes: &Nodes, node: Node) -> bool {
    matches!(
        &nodes[node as usize].kind,
        Kind::Operation {
            op: Op::RowRank,
            ..
        }
    )
}
