//! The link between a plugin's handles and the host's graph.

use super::{Repr, Tensor};
use crate::{Error, Result};
use mergelab_abi::ops::{HostHandle, Node, Op, result_shape};
use std::{cell::RefCell, rc::Rc};

/// One merge's recording. Keeps the first failure, so that operators can go without `Result`.
pub(crate) struct Session {
    host: HostHandle,
    failure: RefCell<Option<Error>>,
}

impl Session {
    pub(crate) fn new(host: HostHandle) -> Self {
        Self {
            host,
            failure: RefCell::new(None),
        }
    }

    fn fail(&self, error: Error) {
        self.failure.borrow_mut().get_or_insert(error);
    }

    /// A handle to a node that the host made.
    pub(crate) fn input(session: &Rc<Self>, node: Node) -> Tensor {
        let (node, shape) = match session.host.shape(node) {
            Ok(shape) => (Some(node), shape),
            Err(error) => {
                session.fail(error);
                (None, Vec::new())
            }
        };
        Tensor(Repr::Node {
            node,
            shape: shape.into(),
            session: Rc::clone(session),
        })
    }

    pub(crate) fn stored(session: &Rc<Self>, value: f64) -> Tensor {
        let number = session.constant(value);
        session.push(Op::Stored, &[number], Rc::from([]), &[], &[], session)
    }

    pub(crate) fn literal(session: &Rc<Self>, shape: &[usize], data: &[f32]) -> Tensor {
        let node = session.host.literal(shape, data);
        Tensor(Repr::Node {
            node: node.map_err(|e| session.fail(e)).ok(),
            shape: shape.into(),
            session: Rc::clone(session),
        })
    }

    fn constant(&self, value: f64) -> Option<Node> {
        self.host
            .record(Op::Constant, &[], &[value], &[])
            .map_err(|e| self.fail(e))
            .ok()
    }

    fn push(
        &self,
        op: Op,
        nodes: &[Option<Node>],
        shape: Rc<[usize]>,
        scalars: &[f64],
        integers: &[u64],
        session: &Rc<Self>,
    ) -> Tensor {
        let known: Option<Vec<Node>> = nodes.iter().copied().collect();
        let node = known.and_then(|nodes| {
            self.host
                .record(op, &nodes, scalars, integers)
                .map_err(|e| self.fail(e))
                .ok()
        });
        Tensor(Repr::Node {
            node,
            shape,
            session: Rc::clone(session),
        })
    }

    pub(super) fn record(op: Op, inputs: &[&Tensor], scalars: &[f64], integers: &[u64]) -> Tensor {
        let session = inputs.iter().find_map(|t| match &t.0 {
            Repr::Node { session, .. } => Some(Rc::clone(session)),
            Repr::Number(_) => None,
        });
        let Some(session) = session else {
            return Tensor::scalar(of_numbers(op, inputs));
        };
        let shapes: Vec<&[usize]> = inputs.iter().map(|t| t.shape()).collect();
        let shape = match result_shape(op, &shapes, scalars, integers) {
            Ok(shape) => shape,
            Err(message) => {
                session.fail(Error::input(message));
                return Tensor(Repr::Node {
                    node: None,
                    shape: Rc::from([]),
                    session,
                });
            }
        };
        let nodes: Vec<Option<Node>> = inputs
            .iter()
            .map(|t| match &t.0 {
                Repr::Number(value) => session.constant(*value),
                Repr::Node { node, .. } => *node,
            })
            .collect();
        session.push(op, &nodes, shape.into(), scalars, integers, &session)
    }

    fn failed(&self) -> Error {
        self.failure
            .borrow()
            .clone()
            .unwrap_or_else(|| Error::failed("a tensor operation failed"))
    }

    /// The node of a method's result.
    pub(crate) fn finish(&self, result: &Tensor) -> Result<Node> {
        if self.failure.borrow().is_some() {
            return Err(self.failed());
        }
        match &result.0 {
            Repr::Number(value) => self.constant(*value).ok_or_else(|| self.failed()),
            Repr::Node { node, .. } => node.ok_or_else(|| self.failed()),
        }
    }

    pub(super) fn to_vec(tensor: &Tensor) -> Result<Vec<f32>> {
        match &tensor.0 {
            Repr::Number(value) => Ok(vec![*value as f32]),
            Repr::Node { node, session, .. } => match node {
                Some(node) => session.host.read(*node),
                None => Err(session.failed()),
            },
        }
    }

    pub(super) fn item(tensor: &Tensor) -> Result<f64> {
        match (&tensor.0, tensor.elements()) {
            (Repr::Number(value), _) => Ok(*value),
            (_, 1) => Ok(f64::from(Self::to_vec(tensor)?[0])),
            (_, n) => Err(Error::failed(format!(
                "`item` reads one number and the tensor has {n}"
            ))),
        }
    }
}

/// Operations on numbers that belong to no merge: only sums over nothing lead here.
fn of_numbers(op: Op, inputs: &[&Tensor]) -> f64 {
    let value = |i: usize| match inputs.get(i).map(|t| &t.0) {
        Some(Repr::Number(value)) => *value,
        _ => f64::NAN,
    };
    let (a, b) = (value(0), value(1));
    let truth = |yes: bool| f64::from(u8::from(yes));
    match op {
        Op::Neg => -a,
        Op::Abs | Op::KthLargestMagnitude => a.abs(),
        Op::Sign if a == 0.0 => 0.0,
        Op::Sign => a.signum(),
        Op::Sqrt => a.sqrt(),
        Op::Exp => a.exp(),
        Op::Ln => a.ln(),
        Op::Sin => a.sin(),
        Op::Cos => a.cos(),
        Op::Acos => a.clamp(-1.0, 1.0).acos(),
        Op::Add => a + b,
        Op::Sub => a - b,
        Op::Mul | Op::Dot => a * b,
        Op::Div => a / b,
        Op::Minimum => a.min(b),
        Op::Maximum => a.max(b),
        Op::Eq => truth(a == b),
        Op::Ne => truth(a != b),
        Op::Lt => truth(a < b),
        Op::Le => truth(a <= b),
        Op::Gt => truth(a > b),
        Op::Ge => truth(a >= b),
        Op::Select if a != 0.0 => b,
        Op::Select => value(2),
        Op::AddN => (0..inputs.len()).map(value).sum(),
        Op::Sum | Op::Max | Op::Min | Op::Stored | Op::Materialize | Op::Widen => a,
        // What is left needs a tensor's rows, its name or its indices; a lone number has none.
        _ => f64::NAN,
    }
}
