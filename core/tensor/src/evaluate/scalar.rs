//! Nodes of shape `[]` that need no pass.

use super::{Fact, Facts};
use crate::error::Error;
use crate::graph::{Kind, Nodes};
use mergelab_abi::ops::{Node, Op};
use mergelab_abi::{random, reference};

/// What a node of shape `[]` holds, whose operands all have shape `[]` and are known.
pub(super) fn compute(nodes: &Nodes, facts: &Facts, node: Node) -> Result<f64, Error> {
    let working = nodes[node as usize].working;
    let (op, inputs, scalars, integers) = match &nodes[node as usize].kind {
        Kind::Input(source) => {
            let mut element = [0.0];
            source
                .read(0..1, &mut element)
                .map_err(|error| Error::Source {
                    tensor: source.describe(),
                    source: error,
                })?;
            return Ok(f64::from(working.round(element[0])));
        }
        Kind::Operation {
            op,
            inputs,
            scalars,
            integers,
        } => (op, inputs, scalars, integers),
    };
    if *op == Op::KeepMask {
        let word = u64::from(random::word(integers[0], 0));
        return Ok(f64::from(u8::from(word < random::keep_bound(scalars[0]))));
    }
    let numbers: Vec<f64> = inputs
        .iter()
        .map(|input| match facts.get(input) {
            Some(Fact::Number(x)) => *x,
            _ => unreachable!("node {input} is used before it is known"),
        })
        .collect();
    // Reductions of one element keep it; they round as their results do.
    Ok(match op {
        Op::Constant => scalars[0],
        Op::Sum | Op::Max | Op::Min => working.round_scalar(numbers[0] + 0.0),
        Op::Dot => working.round_scalar(numbers[0] * numbers[1] + 0.0),
        Op::KthLargestMagnitude => working.round_scalar(numbers[0].abs()),
        Op::TopKMask => f64::from(u8::from(integers[0] > 0)),
        _ => reference::scalar(*op, working, &numbers),
    })
}
