//! Operations that a device leaves to the processor: decompositions, ranks within rows, sums that
//! are not finite, tensors without elements. Elements are downloaded, the engine of
//! `mergelab-tensor` computes, and the result goes up again.

use crate::context::Context;
use crate::values::Value;
use mergelab_abi::PluginError;
use mergelab_abi::ops::{Node, Op};
use mergelab_abi::working::Working;
use mergelab_tensor::{Error, GraphView, Memory, Options, Session};
use std::collections::HashMap;
use std::sync::Arc;

/// Whether the engine finds several of these together, so that its session is worth keeping.
pub(crate) fn is_decomposition(op: Op) -> bool {
    matches!(op, Op::SvdU | Op::SvdS | Op::SvdV | Op::QrQ | Op::QrR)
}

/// An input in the engine's session. One of shape `[]` has no shape here.
pub(crate) struct Input<'a> {
    pub(crate) value: Value,
    pub(crate) shape: &'a [usize],
}

/// What the processor has been given in one evaluation.
#[derive(Default)]
pub(crate) struct Host {
    /// Matrices whose decompositions may be asked for again, by their node.
    matrices: HashMap<Node, (Session, Node)>,
}

impl Host {
    /// Computes the operation of the node `wanted`.
    #[allow(
        clippy::too_many_arguments,
        reason = "an operation has this many parts"
    )]
    pub(crate) fn compute(
        &mut self,
        context: &Context,
        graph: &GraphView,
        wanted: Node,
        op: Op,
        nodes: &[Node],
        inputs: Vec<Input<'_>>,
        scalars: &[f64],
        integers: &[u64],
        is_number: bool,
    ) -> Result<Value, Error> {
        let refused = |error: PluginError| context.failed(error);
        let matrix = nodes.first().filter(|_| is_decomposition(op)).copied();
        let (session, operands) = match matrix.and_then(|node| self.matrices.get(&node)) {
            Some((session, operand)) => (session.clone(), vec![*operand]),
            None => {
                // In f32, as elements are rounded already; the result is rounded below.
                let session = Session::new(
                    Working::F32,
                    Options {
                        interrupt: graph.interrupt(),
                        ..Options::default()
                    },
                );
                let mut operands = Vec::new();
                for Input { value, shape } in inputs {
                    operands.push(match value {
                        Value::Number(x) => session
                            .handle()
                            .record(Op::Constant, &[], &[x], &[])
                            .map_err(refused)?,
                        value => {
                            let elements = context.elements(value)?;
                            session.input(shape, Arc::new(Memory::new("a result", elements)))
                        }
                    });
                }
                if let (Some(node), [operand]) = (matrix, operands.as_slice()) {
                    self.matrices.insert(node, (session.clone(), *operand));
                }
                (session, operands)
            }
        };
        let node = session
            .handle()
            .record(op, &operands, scalars, integers)
            .map_err(refused)?;
        // On threads of its own: the caller's wait for this device.
        let working = graph.rounding(wanted);
        if is_number {
            let number = context.pool.install(|| session.number(node))?;
            return Ok(Value::Number(match op {
                Op::TopKMask | Op::KeepMask => number,
                _ => working.round_scalar(number),
            }));
        }
        let mut elements = context.pool.install(|| session.read(node))?;
        if op != Op::RowRank {
            working.round_all(&mut elements);
        }
        Ok(context.upload(elements))
    }
}
