//! What an evaluation takes whatever memory it is given.

use super::Facts;
use super::budget::{Budget, bits_by_row, for_rows};
use super::demand::{Demand, Role, is_decomposition};
use super::ranked::bytes_of_row;
use crate::error::Error;
use crate::graph::{Kind, Nodes};
use mergelab_abi::ops::{Node, rows};

/// Bytes that an evaluation takes beside its tiles and what it collects within
/// [`crate::Options::memory`].
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Needs {
    /// Tensors that operations on whole matrices read and give, as many as are in memory at once,
    /// with the f64 that a decomposition works in. They are taken in any case.
    pub matrices: u64,
    /// The least [`crate::Options::memory`] with which the rows fit that are ranked as a whole.
    pub memory: u64,
}

/// Goes through the evaluation of the last of `nodes` without computing.
pub(crate) fn needs(nodes: &Nodes) -> Result<Needs, Error> {
    let Some(target) = nodes.len().checked_sub(1) else {
        return Ok(Needs::default());
    };
    let facts = Facts::new();
    // Without memory, nothing is kept that need not be.
    let budget = Budget::new(nodes, &facts, 0);
    let (mut demand, readable) = Demand::new(nodes, &facts, target as Node, budget);
    let mut needs = Needs {
        memory: ranked_rows(nodes, &demand),
        ..Needs::default()
    };
    demand.readable(readable, |_| Ok(()))?;
    let bytes = |node: Node| 4 * nodes[node as usize].len as u64;
    let mut held = 0u64;
    while let Some((node, role)) = demand.first() {
        if matches!(role, Role::Whole | Role::Lines) {
            held += bytes(node);
        }
        needs.matrices = needs.matrices.max(held + workspace(nodes, node));
        if demand.computed(node) {
            demand.readable(vec![node], |_| Ok(()))?;
        }
        for node in demand.unread() {
            held = held.saturating_sub(bytes(node));
        }
    }
    Ok(needs)
}

/// Bytes of f64 that a decomposition works in: the matrix and a copy, and its factors.
fn workspace(nodes: &Nodes, node: Node) -> u64 {
    match &nodes[node as usize].kind {
        Kind::Operation { op, inputs, .. } if is_decomposition(*op) => {
            let shape = &nodes[inputs[0] as usize].shape;
            let (m, n) = (shape[0] as u64, shape[1] as u64);
            8 * (2 * m * n + (m + n) * m.min(n))
        }
        _ => 0,
    }
}

fn ranked_rows(nodes: &Nodes, demand: &Demand<'_>) -> u64 {
    let needed = nodes
        .iter()
        .enumerate()
        .filter(|(node, recorded)| bits_by_row(recorded).is_some() && demand.reads(*node as Node));
    let bytes = needed.filter_map(|(_, recorded)| bytes_of_row(rows(&recorded.shape).1));
    bytes.map(for_rows).max().unwrap_or(0)
}
