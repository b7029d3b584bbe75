//! Which decomposition a part comes from.

use super::{Matrix, qr, svd};
use mergelab_abi::ops::Op;

/// A factor of a decomposition, by the operation that asks for it.
pub(crate) type Part = (Op, Vec<f32>);

/// Every factor of the decomposition that `op` asks for a factor of.
///
/// # Errors
/// Says in words why there is none.
pub(crate) fn decompose(op: Op, a: Matrix<'_>) -> Result<Vec<Part>, &'static str> {
    if !a.data.iter().all(|x| x.is_finite()) {
        return Err("it holds NaN or infinity");
    }
    Ok(match op {
        Op::QrQ | Op::QrR => qr::qr(a).into(),
        _ => svd::svd(a)?.into(),
    })
}
