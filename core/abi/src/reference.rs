//! What each operation computes, one element after the other.
//!
//! [`ReferenceHost`] evaluates an operation when it is recorded, in the plainest way. Faster
//! evaluators are tested against it: elementwise results must have the same bits; sums may differ
//! by the order of addition.
//!
//! # Rules
//!
//! - **Tensors** hold f32. An elementwise operation computes in f32, and its result is rounded to
//!   the working precision ([`Working`]) once. Inputs are rounded to it when they enter.
//! - **Nodes of shape `[]`** hold one f64. When all inputs of an operation have shape `[]` it is
//!   computed in f64 in [`Working::F32`]; in the others it is computed in f32 and rounded, as a
//!   tool does that keeps such numbers in tensors. Where a node of shape `[]` meets a tensor it is
//!   first converted to f32.
//! - `exp` and `ln` of f32 are those of [`elementary`], which are the same on every machine.
//! - `constant` is not rounded, `stored` is (in `Working::F32`, to f32).
//! - `widen`, and what is computed from it ([`is_wide`]), follows the rules of `Working::F32` until
//!   `stored` rounds it, as where a tool takes a norm of bf16 numbers in f32.
//! - `sum` and `dot` add in f64. Their results, and those of the other reductions, keep f64 in
//!   `Working::F32` and are rounded in the others.
//! - **NaN.** Arithmetic, `sign`, `minimum` and `maximum` give NaN when an input is NaN, and so do
//!   `max` and `min`: a broken weight must show. Comparisons follow IEEE 754: `ne` gives 1, the
//!   others 0. `select` takes its second input where the condition is NaN, as that is not 0. In
//!   the order of magnitudes all NaN are equal and above infinity.
//! - **Zeros.** `sign` of either zero is `+0`. `minimum` and `maximum` of equal values give the
//!   second. A reduction to zero gives `+0`.
//! - **Rows and matrices.** Sums over rows and columns add in f64 and round as other results do.
//!   A matrix product adds in f64 and rounds once. Decompositions compute in f64 and round once;
//!   evaluators agree up to what the conditioning of the matrix allows.
//! - **Nothing to reduce.** The sum of no elements is 0, their maximum -infinity, their minimum
//!   infinity.

use crate::elementary;
use crate::error::PluginError;
use crate::ops::{Host, Node, Op, is_wide, result_shape};
use crate::random;
use crate::working::Working;
use std::sync::{Mutex, MutexGuard, PoisonError};

mod matrix;
mod structure;

/// A host that evaluates every operation at once and keeps every value.
///
/// ```
/// use mergelab_abi::ops::{Host, Op};
/// use mergelab_abi::reference::ReferenceHost;
/// use mergelab_abi::working::Working;
///
/// let host = ReferenceHost::new(Working::F32);
/// let a = host.input(&[2], vec![1.0, -2.0]);
/// let b = host.record(Op::Abs, &[a], &[], &[])?;
/// assert_eq!(host.value(b)?, [1.0, 2.0]);
/// # Ok::<(), mergelab_abi::PluginError>(())
/// ```
#[derive(Debug)]
pub struct ReferenceHost {
    working: Working,
    nodes: Mutex<Vec<Recorded>>,
}

/// A value, and whether it is one of those that the working precision does not round.
#[derive(Debug)]
struct Recorded {
    value: Value,
    wide: bool,
}

/// What a node holds.
#[derive(Debug, Clone)]
enum Value {
    /// Shape `[]`.
    Scalar(f64),
    /// Any other shape.
    Tensor { shape: Vec<usize>, data: Vec<f32> },
}

impl Value {
    fn shape(&self) -> &[usize] {
        match self {
            Value::Scalar(_) => &[],
            Value::Tensor { shape, .. } => shape,
        }
    }

    fn elements(&self) -> Vec<f64> {
        match self {
            Value::Scalar(x) => vec![*x],
            Value::Tensor { data, .. } => data.iter().map(|&x| f64::from(x)).collect(),
        }
    }

    /// Element `index` as a tensor operation reads it.
    fn at(&self, index: usize) -> f32 {
        match self {
            Value::Scalar(x) => *x as f32,
            Value::Tensor { data, .. } => data[index],
        }
    }
}

impl ReferenceHost {
    /// A host without nodes.
    pub fn new(working: Working) -> Self {
        Self {
            working,
            nodes: Mutex::new(Vec::new()),
        }
    }

    /// Adds an input in row-major order, rounded to the working precision.
    ///
    /// # Panics
    /// When `data` does not have as many elements as `shape`.
    pub fn input(&self, shape: &[usize], data: Vec<f32>) -> Node {
        assert_eq!(
            data.len(),
            shape.iter().product::<usize>(),
            "an input of shape {shape:?} needs that many elements"
        );
        let data: Vec<f32> = data.iter().map(|&x| self.working.round(x)).collect();
        let value = match (shape, data.as_slice()) {
            ([], [x]) => Value::Scalar(f64::from(*x)),
            _ => Value::Tensor {
                shape: shape.to_vec(),
                data,
            },
        };
        push(&mut self.nodes(), value, false)
    }

    /// Elements of a node in row-major order.
    ///
    /// # Errors
    /// An unknown node.
    pub fn value(&self, node: Node) -> Result<Vec<f32>, PluginError> {
        let nodes = self.nodes();
        Ok(match find(&nodes, "read", node)? {
            Value::Scalar(x) => vec![*x as f32],
            Value::Tensor { data, .. } => data.clone(),
        })
    }

    /// The number that a node of shape `[]` holds, in full precision.
    ///
    /// # Errors
    /// An unknown node, or one of another shape.
    pub fn scalar(&self, node: Node) -> Result<f64, PluginError> {
        match find(&self.nodes(), "read", node)? {
            Value::Scalar(x) => Ok(*x),
            Value::Tensor { shape, .. } => Err(PluginError::input(format!(
                "node {node} has shape {shape:?}, it is no single number"
            ))),
        }
    }

    fn nodes(&self) -> MutexGuard<'_, Vec<Recorded>> {
        // Nodes are only ever appended, so what a panicking thread left is whole.
        self.nodes.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn push(nodes: &mut Vec<Recorded>, value: Value, wide: bool) -> Node {
    nodes.push(Recorded { value, wide });
    (nodes.len() - 1) as Node
}

fn find<'a>(nodes: &'a [Recorded], what: &str, node: Node) -> Result<&'a Value, PluginError> {
    let found = nodes.get(node as usize).map(|n| &n.value);
    found.ok_or_else(|| {
        PluginError::input(format!(
            "`{what}` was given node {node}, but only {} nodes are recorded",
            nodes.len()
        ))
    })
}

impl Host for ReferenceHost {
    fn record(
        &self,
        op: Op,
        inputs: &[Node],
        scalars: &[f64],
        integers: &[u64],
    ) -> Result<Node, PluginError> {
        let mut nodes = self.nodes();
        let wide = inputs
            .iter()
            .any(|&node| nodes.get(node as usize).is_some_and(|n| n.wide));
        let wide = is_wide(op, wide);
        let working = if wide { Working::F32 } else { self.working };
        let inputs = inputs
            .iter()
            .map(|&node| find(&nodes, op.name(), node))
            .collect::<Result<Vec<&Value>, _>>()?;
        let shapes: Vec<&[usize]> = inputs.iter().map(|v| v.shape()).collect();
        let shape = result_shape(op, &shapes, scalars, integers).map_err(PluginError::input)?;
        let value = match op {
            Op::Constant => Value::Scalar(scalars[0]),
            Op::Sum | Op::Dot | Op::Max | Op::Min | Op::KthLargestMagnitude => {
                let exact = reduction(op, &inputs, integers);
                Value::Scalar(working.round_scalar(exact))
            }
            Op::TopKMask | Op::KeepMask => {
                let elements = inputs[0].elements();
                let mask = match op {
                    Op::TopKMask => top_k_mask(&elements, integers[0]),
                    _ => keep_mask(elements.len(), scalars[0], integers[0]),
                };
                if shape.is_empty() {
                    Value::Scalar(f64::from(mask[0]))
                } else {
                    Value::Tensor { shape, data: mask }
                }
            }
            _ if structure::covers(op) => {
                let data = structure::compute(op, &inputs, &shape, scalars, integers);
                let rounds = structure::rounds(op);
                let data = match rounds {
                    true => data.into_iter().map(|x| working.round(x)).collect(),
                    false => data,
                };
                Value::Tensor { shape, data }
            }
            _ if shape.is_empty() => {
                let numbers: Vec<f64> = inputs.iter().map(|v| v.elements()[0]).collect();
                Value::Scalar(scalar(op, working, &numbers))
            }
            _ => {
                let mut row = vec![0.0; inputs.len()];
                let data = (0..shape.iter().product())
                    .map(|index| {
                        for (x, input) in row.iter_mut().zip(&inputs) {
                            *x = input.at(index);
                        }
                        working.round(element(op, &row))
                    })
                    .collect();
                Value::Tensor { shape, data }
            }
        };
        Ok(push(&mut nodes, value, wide))
    }

    fn literal(&self, shape: &[usize], data: &[f32]) -> Result<Node, PluginError> {
        crate::ops::check_literal(shape, data)?;
        Ok(self.input(shape, data.to_vec()))
    }

    fn shape(&self, node: Node) -> Result<Vec<usize>, PluginError> {
        Ok(find(&self.nodes(), "shape", node)?.shape().to_vec())
    }

    fn read(&self, node: Node) -> Result<Vec<f32>, PluginError> {
        self.value(node)
    }
}

macro_rules! elementwise {
    ($(#[$doc:meta])* $name:ident, $t:ty, $exp:expr, $ln:expr) => {
        $(#[$doc])*
        fn $name(op: Op, x: &[$t]) -> $t {
            let mask = |condition: bool| if condition { 1.0 } else { 0.0 };
            match (op, x) {
                (Op::Stored | Op::Materialize | Op::Widen, &[a]) => a,
                (Op::Neg, &[a]) => -a,
                (Op::Abs, &[a]) => a.abs(),
                (Op::Sign, &[a]) if a > 0.0 => 1.0,
                (Op::Sign, &[a]) if a < 0.0 => -1.0,
                (Op::Sign, &[a]) if a == 0.0 => 0.0,
                (Op::Sqrt, &[a]) => a.sqrt(),
                (Op::Exp, &[a]) => $exp(a),
                (Op::Ln, &[a]) => $ln(a),
                (Op::Sin, &[a]) => a.sin(),
                (Op::Cos, &[a]) => a.cos(),
                (Op::Acos, &[a]) => a.clamp(-1.0, 1.0).acos(),
                (Op::Add, &[a, b]) => a + b,
                (Op::Sub, &[a, b]) => a - b,
                (Op::Mul, &[a, b]) => a * b,
                (Op::Div, &[a, b]) => a / b,
                (Op::Minimum, &[a, b]) => if a < b || a.is_nan() { a } else { b },
                (Op::Maximum, &[a, b]) => if a > b || a.is_nan() { a } else { b },
                (Op::Eq, &[a, b]) => mask(a == b),
                (Op::Ne, &[a, b]) => mask(a != b),
                (Op::Lt, &[a, b]) => mask(a < b),
                (Op::Le, &[a, b]) => mask(a <= b),
                (Op::Gt, &[a, b]) => mask(a > b),
                (Op::Ge, &[a, b]) => mask(a >= b),
                (Op::Select, &[a, b, c]) => if a != 0.0 { b } else { c },
                (Op::AddN, [first, rest @ ..]) => rest.iter().fold(*first, |sum, x| sum + x),
                // `sign` of NaN. `result_shape` has refused every other count of inputs.
                _ => <$t>::NAN,
            }
        }
    };
}

elementwise!(
    /// One element of an elementwise operation on tensors, before rounding.
    element, f32, elementary::exp, elementary::ln
);
elementwise!(
    /// The same in f64, for nodes of shape `[]`.
    element_f64, f64, f64::exp, f64::ln
);

/// An elementwise operation whose inputs all have shape `[]`.
///
/// Every evaluator uses this, so that such nodes have the same bits everywhere.
pub fn scalar(op: Op, working: Working, inputs: &[f64]) -> f64 {
    match (op, working) {
        (Op::Stored, _) => f64::from(working.round(inputs[0] as f32)),
        (_, Working::F32) => element_f64(op, inputs),
        (_, Working::Bf16 | Working::F16) => {
            let inputs: Vec<f32> = inputs.iter().map(|&x| x as f32).collect();
            f64::from(working.round(element(op, &inputs)))
        }
    }
}

fn reduction(op: Op, inputs: &[&Value], integers: &[u64]) -> f64 {
    let a = inputs[0].elements();
    let result = match op {
        Op::Sum => a.iter().sum(),
        Op::Dot => {
            let b = inputs[1].elements();
            a.iter().zip(b).map(|(a, b)| a * b).sum()
        }
        Op::Max => a
            .iter()
            .fold(f64::NEG_INFINITY, |m, &x| element_f64(Op::Maximum, &[m, x])),
        Op::Min => a
            .iter()
            .fold(f64::INFINITY, |m, &x| element_f64(Op::Minimum, &[m, x])),
        _ => a[by_magnitude(&a)[integers[0] as usize - 1]].abs(),
    };
    // Turns -0 into +0, so that the sign does not depend on the order of the elements.
    result + 0.0
}

/// Indices from the largest magnitude to the smallest, equal ones in ascending order.
fn by_magnitude(elements: &[f64]) -> Vec<usize> {
    // Bit patterns of non-negative floats are ordered as the floats are.
    let rank = |x: f64| match x.is_nan() {
        true => u64::MAX,
        false => x.abs().to_bits(),
    };
    let mut order: Vec<usize> = (0..elements.len()).collect();
    order.sort_by_key(|&i| std::cmp::Reverse(rank(elements[i])));
    order
}

fn top_k_mask(elements: &[f64], k: u64) -> Vec<f32> {
    let mut mask = vec![0.0; elements.len()];
    for index in by_magnitude(elements).into_iter().take(k as usize) {
        mask[index] = 1.0;
    }
    mask
}

fn keep_mask(elements: usize, probability: f64, key: u64) -> Vec<f32> {
    let bound = random::keep_bound(probability);
    (0..elements as u64)
        .map(|index| match u64::from(random::word(key, index)) < bound {
            true => 1.0,
            false => 0.0,
        })
        .collect()
}

#[cfg(test)]
mod tests;
