//! Tensors as a plugin sees them.

mod matrix;
mod operators;
mod rows;
mod session;

use crate::Result;
use mergelab_abi::ops::{Node, Op};
use std::rc::Rc;

pub use matrix::{Qr, Svd};
pub(crate) use session::Session;

/// A handle to a tensor that the host will compute.
///
/// Operators record; nothing runs until [`item`](Self::item) or [`to_vec`](Self::to_vec) asks for
/// numbers or the merge method returns. Shapes must be equal, except that a scalar (shape `[]`, or
/// an `f64`) goes with any shape. A misfit does not panic: the first one is reported when a value
/// is read or the method returns.
#[derive(Clone)]
pub struct Tensor(Repr);

#[derive(Clone)]
enum Repr {
    /// A number that belongs to no merge yet, such as the sum over no models.
    Number(f64),
    /// A node of the host's graph. `None` after a failed operation.
    Node {
        node: Option<Node>,
        shape: Rc<[usize]>,
        session: Rc<Session>,
    },
}

impl std::fmt::Debug for Tensor {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match &self.0 {
            Repr::Number(value) => write!(f, "Tensor({value})"),
            Repr::Node { node, shape, .. } => write!(f, "Tensor(node {node:?}, shape {shape:?})"),
        }
    }
}

impl Tensor {
    /// A number as a tensor of shape `[]`.
    pub fn scalar(value: f64) -> Self {
        Self(Repr::Number(value))
    }

    /// Its shape.
    pub fn shape(&self) -> &[usize] {
        match &self.0 {
            Repr::Number(_) => &[],
            Repr::Node { shape, .. } => shape,
        }
    }

    /// Number of elements.
    pub fn elements(&self) -> usize {
        self.shape().iter().product()
    }

    fn unary(&self, op: Op) -> Self {
        Session::record(op, &[self], &[], &[])
    }

    fn binary(&self, op: Op, other: &Self) -> Self {
        Session::record(op, &[self, other], &[], &[])
    }

    /// Magnitude of each element.
    pub fn abs(&self) -> Self {
        self.unary(Op::Abs)
    }

    /// -1, 0 or 1 for each element.
    pub fn sign(&self) -> Self {
        self.unary(Op::Sign)
    }

    /// Square root of each element.
    pub fn sqrt(&self) -> Self {
        self.unary(Op::Sqrt)
    }

    /// `e^x` of each element.
    pub fn exp(&self) -> Self {
        self.unary(Op::Exp)
    }

    /// Natural logarithm of each element.
    pub fn ln(&self) -> Self {
        self.unary(Op::Ln)
    }

    /// Sine of each element.
    pub fn sin(&self) -> Self {
        self.unary(Op::Sin)
    }

    /// Cosine of each element.
    pub fn cos(&self) -> Self {
        self.unary(Op::Cos)
    }

    /// Arc cosine of each element, clamped to [-1, 1] first.
    pub fn acos(&self) -> Self {
        self.unary(Op::Acos)
    }

    /// The smaller of both, element by element.
    pub fn minimum(&self, other: &Self) -> Self {
        self.binary(Op::Minimum, other)
    }

    /// The larger of both, element by element.
    pub fn maximum(&self, other: &Self) -> Self {
        self.binary(Op::Maximum, other)
    }

    /// 1 where equal, else 0.
    pub fn eq(&self, other: &Self) -> Self {
        self.binary(Op::Eq, other)
    }

    /// 1 where unequal, else 0.
    pub fn ne(&self, other: &Self) -> Self {
        self.binary(Op::Ne, other)
    }

    /// 1 where smaller, else 0.
    pub fn lt(&self, other: &Self) -> Self {
        self.binary(Op::Lt, other)
    }

    /// 1 where smaller or equal, else 0.
    pub fn le(&self, other: &Self) -> Self {
        self.binary(Op::Le, other)
    }

    /// 1 where larger, else 0.
    pub fn gt(&self, other: &Self) -> Self {
        self.binary(Op::Gt, other)
    }

    /// 1 where larger or equal, else 0.
    pub fn ge(&self, other: &Self) -> Self {
        self.binary(Op::Ge, other)
    }

    /// `yes` where this tensor is not 0, else `no`.
    pub fn select(&self, yes: &Self, no: &Self) -> Self {
        Session::record(Op::Select, &[self, yes, no], &[], &[])
    }

    /// Sum of tensors of one shape, rounded once. Over no tensors it is the number 0.
    pub fn sum_of<'a>(tensors: impl IntoIterator<Item = &'a Tensor>) -> Self {
        let tensors: Vec<&Tensor> = tensors.into_iter().collect();
        match tensors[..] {
            [] => Self::scalar(0.0),
            [one] => one.clone(),
            _ => Session::record(Op::AddN, &tensors, &[], &[]),
        }
    }

    /// Sum of all elements, added in f64. Shape `[]`.
    pub fn sum_all(&self) -> Self {
        self.unary(Op::Sum)
    }

    /// Sum of the products of both tensors' elements, added in f64. Shape `[]`.
    pub fn dot(&self, other: &Self) -> Self {
        self.binary(Op::Dot, other)
    }

    /// Euclidean norm over all elements. Shape `[]`.
    pub fn norm(&self) -> Self {
        self.dot(self).sqrt()
    }

    /// Largest element. Shape `[]`.
    pub fn max_all(&self) -> Self {
        self.unary(Op::Max)
    }

    /// Smallest element. Shape `[]`.
    pub fn min_all(&self) -> Self {
        self.unary(Op::Min)
    }

    /// The `k`-th largest magnitude, counted from 1. Shape `[]`.
    pub fn kth_largest_magnitude(&self, k: usize) -> Self {
        Session::record(Op::KthLargestMagnitude, &[self], &[], &[k as u64])
    }

    /// 1 at the `k` elements of largest magnitude, else 0; among equal magnitudes the lower index
    /// wins, so that exactly `k` are kept.
    pub fn top_k_mask(&self, k: usize) -> Self {
        Session::record(Op::TopKMask, &[self], &[], &[k as u64])
    }

    /// 1 at the elements of largest magnitude, else 0: the `share` of the elements other than zero,
    /// the product rounded down. Among equal magnitudes the lower index wins.
    pub fn top_share_mask(&self, share: f64) -> Self {
        Session::record(Op::TopShareMask, &[self], &[share], &[])
    }

    /// The same tensor, computed once and kept in memory while anything needs it.
    ///
    /// Without it an elementwise value is computed again in each pass that needs it, which is
    /// nearly always cheaper. Use it for values that a long recursion builds on.
    pub fn materialize(&self) -> Self {
        self.unary(Op::Materialize)
    }

    /// The same numbers, not rounded to the working precision: with them and with what is computed
    /// from them, all is as in a merge in f32. [`stored`](Self::stored) ends that.
    ///
    /// In a merge in f32 it changes nothing. Where a merge imitates a tool that keeps tensors in
    /// bf16 or f16, it stands where the tool goes over to f32, as for a norm or a softmax.
    pub fn widen(&self) -> Self {
        self.unary(Op::Widen)
    }

    /// The same numbers rounded to the working precision. In a merge in f32 it changes nothing,
    /// except that a number of shape `[]`, which holds an f64, is rounded to f32.
    pub fn stored(&self) -> Self {
        self.unary(Op::Stored)
    }

    pub(crate) fn keep_mask(&self, p: f64, key: u64) -> Self {
        Session::record(Op::KeepMask, &[self], &[p], &[key])
    }

    pub(crate) fn keep_mask_by(&self, key: u64) -> Self {
        Session::record(Op::KeepMaskBy, &[self], &[], &[key])
    }

    pub(crate) fn ranked_keep_mask(&self, low: f64, high: f64, key: u64) -> Self {
        Session::record(Op::RankedKeepMask, &[self], &[low, high], &[key])
    }

    /// The value of a tensor with one element. Evaluates what it depends on.
    ///
    /// # Errors
    /// More than one element, or a failed operation before it.
    pub fn item(&self) -> Result<f64> {
        Session::item(self)
    }

    /// All elements in row-major order. Evaluates what they depend on, and holds the whole tensor
    /// in memory: prefer tensor operations.
    ///
    /// # Errors
    /// A failed operation before it.
    pub fn to_vec(&self) -> Result<Vec<f32>> {
        Session::to_vec(self)
    }
}
