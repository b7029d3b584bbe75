//! The tensor operations that a merge method can record.
//!
//! Operations are recorded by number, so this list is part of the binary interface: numbers are
//! never reused, and adding one raises [`crate::OP_REVISION`]. [`crate::reference`] defines what
//! each computes.

mod structure;

use crate::error::PluginError;
use std::sync::Arc;

/// A recorded value. Numbered by the host, in the order of recording.
pub type Node = u32;

macro_rules! operations {
    ($($(#[doc = $doc:literal])+ $name:ident = $code:literal, $word:literal;)+) => {
        /// One tensor operation.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        #[repr(u16)]
        pub enum Op { $($(#[doc = $doc])+ $name = $code),+ }

        impl Op {
            /// Every operation.
            pub const ALL: &'static [Op] = &[$(Op::$name),+];

            /// The operation with this number.
            pub fn from_code(code: u16) -> Option<Op> {
                match code { $($code => Some(Op::$name),)+ _ => None }
            }

            /// Its name in messages.
            pub fn name(self) -> &'static str {
                match self { $(Op::$name => $word),+ }
            }
        }
    };
}

operations! {
    /// The number `scalars[0]`, with shape `[]`.
    Constant = 0, "constant";
    /// The input rounded to the working dtype. In f32 it changes nothing; where a merge imitates
    /// a tool that computes in bf16, numbers that the tool stores in tensors go through this.
    Stored = 1, "stored";
    /// The input, computed once and kept in memory while anything needs it. Changes no number: a
    /// method asks for it where elementwise values would be computed again in many passes.
    ///
    /// Where memory is short, it is computed again all the same.
    Materialize = 2, "materialize";
    /// The input as an f32, however coarse the working precision ([`is_wide`]).
    Widen = 3, "widen";

    /// `-x`.
    Neg = 10, "neg";
    /// `|x|`.
    Abs = 11, "abs";
    /// `-1`, `0` or `1`.
    Sign = 12, "sign";
    /// Square root.
    Sqrt = 13, "sqrt";
    /// `e^x`.
    Exp = 14, "exp";
    /// Natural logarithm.
    Ln = 15, "ln";
    /// Sine.
    Sin = 16, "sin";
    /// Cosine.
    Cos = 17, "cos";
    /// Arc cosine, its argument clamped to [-1, 1].
    Acos = 18, "acos";

    /// `a + b`.
    Add = 30, "add";
    /// `a - b`.
    Sub = 31, "sub";
    /// `a * b`.
    Mul = 32, "mul";
    /// `a / b`.
    Div = 33, "div";
    /// The smaller of both.
    Minimum = 34, "minimum";
    /// The larger of both.
    Maximum = 35, "maximum";
    /// 1 where `a = b`, else 0.
    Eq = 36, "eq";
    /// 1 where `a ≠ b`, else 0.
    Ne = 37, "ne";
    /// 1 where `a < b`, else 0.
    Lt = 38, "lt";
    /// 1 where `a ≤ b`, else 0.
    Le = 39, "le";
    /// 1 where `a > b`, else 0.
    Gt = 40, "gt";
    /// 1 where `a ≥ b`, else 0.
    Ge = 41, "ge";
    /// `b` where `a ≠ 0`, else `c`.
    Select = 50, "select";
    /// The sum of one or more inputs of one shape, added in order and rounded once.
    AddN = 51, "add_n";

    /// Sum of all elements, added in f64. Shape `[]`.
    Sum = 60, "sum";
    /// Sum of `a * b` over all elements, added in f64. Shape `[]`.
    Dot = 61, "dot";
    /// Largest element. Shape `[]`.
    Max = 62, "max";
    /// Smallest element. Shape `[]`.
    Min = 63, "min";

    /// Sum of each row ([`rows`]), added in f64. Shape `[rows]`.
    RowSum = 64, "row_sum";
    /// Sum of `a * b` over each row, added in f64. Shape `[rows]`.
    RowDot = 65, "row_dot";
    /// Largest element of each row. Shape `[rows]`.
    RowMax = 66, "row_max";
    /// Sum over all rows, place by place, added in f64. The shape of one row.
    ColumnSum = 67, "column_sum";
    /// Sum of `a * b` over all rows, place by place, added in f64. The shape of one row.
    ColumnDot = 68, "column_dot";

    /// The `integers[0]`-th largest magnitude, counted from 1. Shape `[]`.
    KthLargestMagnitude = 70, "kth_largest_magnitude";
    /// 1 at the `integers[0]` elements of largest magnitude, else 0. Exactly that many: among
    /// equal magnitudes the lower index wins.
    TopKMask = 71, "top_k_mask";
    /// Place of each magnitude in its row ([`rows`]): 0 for the smallest, 1 for the largest, equal
    /// steps between; equal magnitudes are placed in the order of their indices, the earlier one
    /// lower. The only element of a row is at 0.5. Not rounded to the working precision.
    RowRank = 72, "row_rank";
    /// 1 at the elements of largest magnitude, else 0. `scalars[0]` is the share of the elements
    /// other than zero that is kept, the product rounded down. Among equal magnitudes the lower
    /// index wins.
    TopShareMask = 73, "top_share_mask";

    /// 1 with probability `scalars[0]`, else 0, in the shape of the input, drawn from
    /// [`crate::random`] under the key `integers[0]` and the element's index.
    KeepMask = 80, "keep_mask";
    /// The same, with the probability of each element in the input, taken as 0 below 0 and as 1
    /// above 1. The key is `integers[0]`.
    KeepMaskBy = 81, "keep_mask_by";
    /// The same, with the probability rising linearly in [`Op::RowRank`]: from `scalars[0]` for
    /// the smallest magnitude of a row to `scalars[1]` for the largest. The key is `integers[0]`.
    RankedKeepMask = 82, "ranked_keep_mask";

    /// Every row of the result holds the number of its row. From `[rows]` to the shape `integers`.
    SpreadRows = 90, "spread_rows";
    /// Every row of the result is the input. From the shape of one row to the shape `integers`.
    SpreadColumns = 91, "spread_columns";

    /// Matrix product, each element rounded once. `integers` says which inputs are transposed
    /// first: `[1, 0]` for `aᵀ b`.
    MatMul = 100, "mat_mul";
    /// The transpose of a matrix.
    Transpose = 101, "transpose";
    /// The same elements in the shape `integers`.
    Reshape = 102, "reshape";
    /// Inputs one after the other along axis `integers[0]`.
    Concat = 103, "concat";
    /// Along axis `integers[0]`, the `integers[2]` places from `integers[1]`.
    Narrow = 104, "narrow";

    /// Left singular vectors of an `m × n` matrix `A = U diag(s) Vᵀ`, as the columns of an
    /// `m × min(m, n)` matrix. The entry of largest magnitude of each column (the first of several)
    /// is positive.
    SvdU = 110, "svd_u";
    /// Singular values, largest first. Shape `[min(m, n)]`.
    SvdS = 111, "svd_s";
    /// Right singular vectors, as the columns of an `n × min(m, n)` matrix.
    SvdV = 112, "svd_v";
    /// Orthonormal columns of the thin QR decomposition of an `m × n` matrix, `m × min(m, n)`.
    QrQ = 113, "qr_q";
    /// The upper triangle of the thin QR decomposition, `min(m, n) × n`, its diagonal not negative.
    QrR = 114, "qr_r";
}

/// Whether a result stays in f32, and in f64 with shape `[]`, where the working precision is
/// coarser. `wide` says whether any of the operation's inputs is such a result.
///
/// What `widen` gives is, and so is what is computed from it, until `stored` rounds it. Masks and
/// comparisons are not: their zeros and ones are the same in every precision, and what they are
/// multiplied with decides.
pub fn is_wide(op: Op, wide: bool) -> bool {
    match op {
        Op::Widen => true,
        Op::Stored
        | Op::Constant
        | Op::Eq
        | Op::Ne
        | Op::Lt
        | Op::Le
        | Op::Gt
        | Op::Ge
        | Op::TopKMask
        | Op::TopShareMask
        | Op::KeepMask
        | Op::KeepMaskBy
        | Op::RankedKeepMask
        | Op::RowRank => false,
        _ => wide,
    }
}

/// Rows and elements of each row, as row operations see a tensor: the first axis numbers the rows,
/// and all further axes together are one row. A tensor with one axis is one row.
pub fn rows(shape: &[usize]) -> (usize, usize) {
    match shape {
        [] => (1, 1),
        [n] => (1, *n),
        [rows, rest @ ..] => (*rows, rest.iter().product()),
    }
}

/// What the operation makes of these input shapes.
///
/// Elementwise operations take equal shapes, or `[]` beside any shape; nothing else is broadcast.
///
/// # Errors
/// Says in words what does not fit.
pub fn result_shape(
    op: Op,
    inputs: &[&[usize]],
    scalars: &[f64],
    integers: &[u64],
) -> Result<Vec<usize>, String> {
    let count = |want: usize| {
        if inputs.len() == want {
            Ok(())
        } else {
            Err(format!(
                "`{}` takes {want} inputs, not {}",
                op.name(),
                inputs.len()
            ))
        }
    };
    let joined = || -> Result<Vec<usize>, String> {
        let mut shape: &[usize] = &[];
        for input in inputs {
            if shape.is_empty() {
                shape = input;
            } else if !input.is_empty() && *input != shape {
                return Err(format!(
                    "`{}` takes equal shapes or a scalar, not {shape:?} and {input:?}",
                    op.name()
                ));
            }
        }
        Ok(shape.to_vec())
    };
    let elements = || inputs.first().map_or(1, |s| s.iter().product::<usize>());
    match op {
        Op::Constant => {
            count(0)?;
            match scalars {
                [_] => Ok(Vec::new()),
                _ => Err("`constant` takes one number".to_owned()),
            }
        }
        Op::Stored
        | Op::Materialize
        | Op::Widen
        | Op::Neg
        | Op::Abs
        | Op::Sign
        | Op::Sqrt
        | Op::Exp
        | Op::Ln
        | Op::Sin
        | Op::Cos
        | Op::Acos => count(1).and_then(|()| joined()),
        Op::Add
        | Op::Sub
        | Op::Mul
        | Op::Div
        | Op::Minimum
        | Op::Maximum
        | Op::Eq
        | Op::Ne
        | Op::Lt
        | Op::Le
        | Op::Gt
        | Op::Ge => count(2).and_then(|()| joined()),
        Op::Select => count(3).and_then(|()| joined()),
        Op::AddN => match inputs {
            [] => Err("`add_n` takes at least one input".to_owned()),
            [first, rest @ ..] => match rest.iter().find(|s| *s != first) {
                None => Ok(first.to_vec()),
                Some(other) => Err(format!(
                    "`add_n` takes equal shapes, not {first:?} and {other:?}"
                )),
            },
        },
        Op::Sum | Op::Max | Op::Min => count(1).map(|()| Vec::new()),
        Op::Dot => {
            count(2)?;
            if inputs[0] == inputs[1] {
                Ok(Vec::new())
            } else {
                Err(format!(
                    "`dot` takes equal shapes, not {:?} and {:?}",
                    inputs[0], inputs[1]
                ))
            }
        }
        Op::KthLargestMagnitude | Op::TopKMask => {
            count(1)?;
            let least = u64::from(op == Op::KthLargestMagnitude);
            match integers {
                [k] if *k >= least && *k <= elements() as u64 => {
                    if op == Op::TopKMask {
                        joined()
                    } else {
                        Ok(Vec::new())
                    }
                }
                [k] => Err(format!(
                    "`{}` of {} elements cannot take k = {k}",
                    op.name(),
                    elements()
                )),
                _ => Err(format!("`{}` takes one integer, k", op.name())),
            }
        }
        Op::KeepMask => {
            count(1)?;
            match (scalars, integers) {
                ([p], [_]) if (0.0..=1.0).contains(p) => joined(),
                ([p], [_]) => Err(format!(
                    "`keep_mask` takes a probability from 0 to 1, not {p}"
                )),
                _ => Err("`keep_mask` takes a probability and a key".to_owned()),
            }
        }
        _ => match inputs.iter().any(|shape| shape.is_empty()) {
            true => Err(format!("`{}` takes tensors, not single numbers", op.name())),
            false => structure::result_shape(op, inputs, scalars, integers),
        },
    }
}

/// Refuses a literal whose shape does not fit its data.
///
/// # Errors
/// Says how many elements there are and how many the shape has.
pub fn check_literal(shape: &[usize], data: &[f32]) -> Result<(), PluginError> {
    let elements = shape.iter().try_fold(1usize, |n, &d| n.checked_mul(d));
    match elements == Some(data.len()) {
        true => Ok(()),
        false => Err(PluginError::input(format!(
            "a tensor of shape {shape:?} cannot be made of {} elements",
            data.len()
        ))),
    }
}

/// Where operations are recorded: the host's side of a merge.
pub trait Host: Send + Sync {
    /// Records an operation.
    ///
    /// # Errors
    /// An unknown input node, or shapes that do not fit ([`result_shape`]).
    fn record(
        &self,
        op: Op,
        inputs: &[Node],
        scalars: &[f64],
        integers: &[u64],
    ) -> Result<Node, PluginError>;

    /// Adds a tensor that the method computed itself, in row-major order, rounded to the working
    /// precision as inputs are.
    ///
    /// # Errors
    /// As many elements as the shape does not have.
    fn literal(&self, shape: &[usize], data: &[f32]) -> Result<Node, PluginError>;

    /// Shape of a node.
    ///
    /// # Errors
    /// An unknown node.
    fn shape(&self, node: Node) -> Result<Vec<usize>, PluginError>;

    /// Evaluates a node and returns its elements in row-major order.
    ///
    /// # Errors
    /// An unknown node, or input that cannot be read.
    fn read(&self, node: Node) -> Result<Vec<f32>, PluginError>;
}

/// A host that several values can share.
pub type HostHandle = Arc<dyn Host>;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_operation_is_found_by_its_number() {
        for &op in Op::ALL {
            assert_eq!(Op::from_code(op as u16), Some(op));
        }
        assert_eq!(Op::from_code(u16::MAX), None);
    }

    #[test]
    fn shapes_are_strict() {
        let row: &[usize] = &[1, 3];
        let full: &[usize] = &[2, 3];
        assert!(result_shape(Op::Add, &[row, full], &[], &[]).is_err());
        assert_eq!(
            result_shape(Op::Add, &[&[], full], &[], &[]),
            Ok(vec![2, 3])
        );
        assert_eq!(result_shape(Op::Sum, &[full], &[], &[]), Ok(vec![]));
        assert!(result_shape(Op::TopKMask, &[full], &[], &[7]).is_err());
        assert!(result_shape(Op::KthLargestMagnitude, &[full], &[], &[0]).is_err());
        assert!(result_shape(Op::KeepMask, &[full], &[1.5], &[0]).is_err());
    }
}
