//! Evaluates a graph on a device: which node when, and when its memory is free again.

use crate::context::Context;
use crate::elementwise::{self, Operand};
use crate::host::{Host, Input};
use crate::values::{Flat, Value};
use crate::{masks, rank, reduce, structure};
use mergelab_abi::ops::{Node, Op};
use mergelab_abi::reference;
use mergelab_tensor::{Error, GraphView, NodeView, Numbers};
use std::collections::HashMap;
use std::ops::Range;

/// Elements of a range, where a graph can be evaluated range by range: 64 MiB of f32.
pub const RANGE: usize = 256 * mergelab_tensor::CHUNK;

/// Gives the elements of the graph's target to `emit`, in ranges of `range` elements where that is
/// possible, and returns what nodes of shape `[]` hold.
pub(crate) fn evaluate(
    context: &Context,
    graph: &GraphView,
    range: usize,
    emit: &mut dyn FnMut(usize, Vec<f32>) -> Result<(), Error>,
) -> Result<Numbers, Error> {
    let order = needed(graph);
    let length = graph.elements(graph.target());
    let step = match in_ranges(context, graph, &order) {
        true => range,
        false => length.max(1),
    };
    let mut numbers = Numbers::new();
    for start in (0..length).step_by(step) {
        let range = start..length.min(start + step);
        let mut run = Run {
            context,
            graph,
            uses: uses(graph, &order),
            values: HashMap::new(),
            numbers,
            host: Host::default(),
            range,
        };
        let value = run.all(&order)?;
        emit(start, context.elements(value)?)?;
        numbers = run.numbers;
    }
    Ok(numbers)
}

/// The nodes that the target depends on, and itself, in the order of recording.
fn needed(graph: &GraphView) -> Vec<Node> {
    let mut needed = vec![false; graph.target() as usize + 1];
    let mut open = vec![graph.target()];
    while let Some(node) = open.pop() {
        let seen = std::mem::replace(&mut needed[node as usize], true);
        if !seen && graph.number(node).is_none() {
            open.extend(graph.operands(node));
        }
    }
    (0..=graph.target())
        .filter(|&node| needed[node as usize])
        .collect()
}

/// How often each node is read.
fn uses(graph: &GraphView, order: &[Node]) -> HashMap<Node, usize> {
    let mut uses = HashMap::from([(graph.target(), 1)]);
    for &node in order {
        if graph.number(node).is_none() {
            for &operand in graph.operands(node) {
                *uses.entry(operand).or_default() += 1;
            }
        }
    }
    uses
}

/// Whether every element of the target depends on the elements at its own place alone.
fn in_ranges(context: &Context, graph: &GraphView, order: &[Node]) -> bool {
    order.iter().all(|&node| {
        let same_length = graph.elements(node) == graph.elements(graph.target());
        match (graph.shape(node), graph.node(node)) {
            ([], NodeView::Input(_)) => true,
            ([], NodeView::Operation { inputs, .. }) => {
                let numbers = inputs.iter().all(|&input| graph.shape(input).is_empty());
                graph.number(node).is_some() || numbers
            }
            (_, NodeView::Input(_)) => same_length,
            (_, NodeView::Operation { op, .. }) => {
                let elementwise = elementwise::covers(op) && !context.leaves(op);
                same_length && (elementwise || matches!(op, Op::KeepMask | Op::KeepMaskBy))
            }
        }
    })
}

struct Run<'a> {
    context: &'a Context,
    graph: &'a GraphView,
    /// How often each node will still be read.
    uses: HashMap<Node, usize>,
    values: HashMap<Node, Value>,
    numbers: Numbers,
    host: Host,
    /// The elements of the target that are computed: all, unless the graph is taken in ranges.
    range: Range<usize>,
}

impl Run<'_> {
    fn all(&mut self, order: &[Node]) -> Result<Value, Error> {
        for &node in order {
            self.graph.check_interrupt()?;
            // Inputs are read when an operation needs them.
            if let NodeView::Operation { .. } = self.graph.node(node)
                && self.known(node).is_none()
            {
                let value = self.compute(node)?;
                self.keep(node, value);
            }
        }
        self.take(self.graph.target())
    }

    fn known(&self, node: Node) -> Option<f64> {
        let found = self.numbers.get(&node).copied();
        found.or_else(|| self.graph.number(node))
    }

    fn keep(&mut self, node: Node, value: Value) {
        match value {
            Value::Number(x) => {
                self.numbers.insert(node, x);
            }
            value => {
                self.values.insert(node, value);
            }
        }
    }

    /// A node's value. The last one who reads it gets it alone, and may overwrite it.
    fn take(&mut self, node: Node) -> Result<Value, Error> {
        if let Some(x) = self.known(node) {
            return Ok(Value::Number(x));
        }
        let left = self.uses.entry(node).or_insert(1);
        *left -= 1;
        let last = *left == 0;
        let value = match (self.values.remove(&node), self.graph.node(node)) {
            (Some(value), _) => value,
            (None, NodeView::Input(source)) => {
                let working = self.graph.working();
                let number = self.graph.shape(node).is_empty();
                let range = if number { 0..1 } else { self.range_of(node) };
                let elements = self.context.read(source, range, working)?;
                if number {
                    let x = f64::from(elements[0]);
                    self.numbers.insert(node, x);
                    return Ok(Value::Number(x));
                }
                self.context.upload(elements)
            }
            (None, NodeView::Operation { .. }) => {
                return Err(self
                    .context
                    .failed(format!("node {node} is read too often")));
            }
        };
        if !last {
            self.values.insert(node, value.clone());
        }
        Ok(value)
    }

    /// The elements of a node that are computed.
    fn range_of(&self, node: Node) -> Range<usize> {
        let all = self.graph.elements(self.graph.target());
        match self.range.len() == all {
            true => 0..self.graph.elements(node),
            false => self.range.clone(),
        }
    }

    fn compute(&mut self, node: Node) -> Result<Value, Error> {
        let (context, graph) = (self.context, self.graph);
        let NodeView::Operation {
            op,
            inputs: nodes,
            scalars,
            integers,
        } = graph.node(node)
        else {
            return Err(context.failed(format!("node {node} is no operation")));
        };
        let shape = graph.shape(node);
        let working = graph.rounding(node);
        match (op, scalars, integers) {
            (Op::Constant, [x], _) => return Ok(Value::Number(*x)),
            (Op::KeepMask, [p], [key]) if !shape.is_empty() => {
                let mask = masks::keep(context, *key, *p, self.range_of(node));
                return Ok(context.upload(mask));
            }
            _ => {}
        }
        let mut values = Vec::new();
        match op {
            // Takes the shape of its input, and that is `[]`.
            Op::KeepMask => values.push(Value::Number(0.0)),
            _ => {
                for &input in nodes {
                    values.push(self.take(input)?);
                }
            }
        }
        if let Some(numbers) = all_numbers(&values)
            && elementwise::covers(op)
        {
            return Ok(Value::Number(reference::scalar(op, working, &numbers)));
        }
        if elementwise::covers(op)
            && !context.leaves(op)
            && let Some(length) = values.iter().find_map(length)
        {
            let operands = values.into_iter().filter_map(operand).collect();
            let result = elementwise::compute(context, op, operands, length);
            let result = result.ok_or_else(|| context.failed(op.name()))?;
            return Ok(Value::Tensor(match elementwise::is_exact(op) {
                true => result,
                false => context.rounded(result, working)?,
            }));
        }
        if let Some(tensors) = all_tensors(&values) {
            let shapes: Vec<&[usize]> = nodes.iter().map(|&input| graph.shape(input)).collect();
            let found = match (op, tensors.as_slice()) {
                (Op::KeepMaskBy, [x]) => {
                    let probabilities = context.download(x.clone())?;
                    let range = self.range_of(node);
                    let mask = masks::keep_by(context, integers[0], &probabilities, range);
                    Some(context.upload(mask))
                }
                (_, [a, rest @ ..]) if reduce::covers(op) => {
                    let b = rest.first().cloned();
                    reduce::compute(context, op, shapes[0], a.clone(), b, working)?
                }
                (_, [x]) if rank::covers(op) => {
                    rank::compute(context, op, x.clone(), scalars, integers, working)?
                }
                _ if structure::covers(op) => {
                    let result = structure::compute(context, op, tensors, &shapes, shape, integers);
                    let result = result.ok_or_else(|| context.failed(op.name()))?;
                    Some(Value::Tensor(context.rounded(result, working)?))
                }
                _ => None,
            };
            if let Some(value) = found {
                return Ok(value);
            }
        }
        let inputs = values.into_iter().zip(nodes).map(|(value, &input)| Input {
            value,
            shape: graph.shape(input),
        });
        let inputs = inputs.collect();
        let number = shape.is_empty();
        self.host.compute(
            context, graph, node, op, nodes, inputs, scalars, integers, number,
        )
    }
}

fn all_numbers(values: &[Value]) -> Option<Vec<f64>> {
    let numbers = values.iter().map(|value| match value {
        Value::Number(x) => Some(*x),
        _ => None,
    });
    numbers.collect()
}

fn all_tensors(values: &[Value]) -> Option<Vec<Flat>> {
    let tensors = values.iter().map(|value| match value {
        Value::Tensor(tensor) => Some(tensor.clone()),
        _ => None,
    });
    tensors.collect()
}

fn length(value: &Value) -> Option<usize> {
    match value {
        Value::Tensor(tensor) => Some(tensor.dims()[0]),
        _ => None,
    }
}

fn operand(value: Value) -> Option<Operand> {
    match value {
        Value::Number(x) => Some(Operand::Number(x as f32)),
        Value::Tensor(tensor) => Some(Operand::Tensor(tensor)),
        Value::Empty => None,
    }
}

#[cfg(test)]
#[cfg(feature = "flex")]
mod tests;
