//! Order statistics of magnitudes.
//!
//! The bit patterns of magnitudes are ordered as the magnitudes are. So the k-th largest one is
//! found bit by bit: 31 times the device counts how many elements are at least as large as a
//! candidate. Nothing is sorted and nothing leaves the device but counts.

use crate::context::Context;
use crate::values::{Flat, Indices, Mask, Value};
use mergelab_abi::ops::Op;
use mergelab_abi::working::Working;
use mergelab_tensor::Error;

/// Up to here the processor is faster than the counting, and the two agree anyway.
pub(crate) const SMALL: usize = 1 << 16;

/// What devices count in 32 bits.
const MOST: usize = i32::MAX as usize;

/// Whether this file computes the operation.
pub(crate) fn covers(op: Op) -> bool {
    matches!(
        op,
        Op::KthLargestMagnitude | Op::TopKMask | Op::TopShareMask
    )
}

/// `None` where the processor must do it: for few elements, or with a NaN among them.
pub(crate) fn compute(
    context: &Context,
    op: Op,
    x: Flat,
    scalars: &[f64],
    integers: &[u64],
    working: Working,
) -> Result<Option<Value>, Error> {
    let length = x.dims()[0];
    if length <= SMALL || length > MOST || context.count(x.clone().is_nan())? > 0 {
        return Ok(None);
    }
    let size = x.abs();
    let k = match (op, scalars, integers) {
        (Op::TopShareMask, [share], _) => {
            let some = context.count(size.clone().not_equal_elem(0.0f32))?;
            (some as f64 * share).floor() as u64
        }
        (_, _, [k]) => *k,
        _ => return Ok(None),
    };
    if op != Op::KthLargestMagnitude && (k == 0 || k >= length as u64) {
        let all = if k == 0 { 0.0 } else { 1.0 };
        return Ok(Some(Value::Tensor(context.full(length, all))));
    }
    let Some(threshold) = kth(context, &size, k)? else {
        return Ok(None);
    };
    if op == Op::KthLargestMagnitude {
        let x = working.round_scalar(f64::from(threshold.value));
        return Ok(Some(Value::Number(x)));
    }
    let mask = match threshold.at_least == k {
        true => size.greater_equal_elem(threshold.value),
        false => {
            let larger = size.clone().greater_elem(threshold.value);
            let equal = size.equal_elem(threshold.value);
            let first = first_of(context, equal, k - threshold.above, length)?;
            larger.bool_or(first)
        }
    };
    Ok(Some(Value::Tensor(mask.float())))
}

struct Threshold {
    value: f32,
    /// Elements above it.
    above: u64,
    /// Elements above it or equal.
    at_least: u64,
}

/// The k-th largest of `size`, none of which is negative or NaN.
fn kth(context: &Context, size: &Flat, k: u64) -> Result<Option<Threshold>, Error> {
    let at_least = |x: f32| context.count(size.clone().greater_equal_elem(x));
    // At least k elements reach `low`; fewer than k reach what is above `high`.
    let (mut low, mut high) = (0u32, f32::INFINITY.to_bits());
    while low < high {
        let middle = low + (high - low).div_ceil(2);
        match at_least(f32::from_bits(middle))? >= k {
            true => low = middle,
            false => high = middle - 1,
        }
    }
    let threshold = Threshold {
        value: f32::from_bits(low),
        above: context.count(size.clone().greater_elem(f32::from_bits(low)))?,
        at_least: at_least(f32::from_bits(low))?,
    };
    // Does not hold where a device takes subnormal numbers as zero.
    let found = threshold.above < k && k <= threshold.at_least;
    Ok(found.then_some(threshold))
}

/// The `want` elements of the mask with the lowest indices.
fn first_of(context: &Context, mask: Mask, want: u64, length: usize) -> Result<Mask, Error> {
    let index = Indices::arange(0..length as i64, &context.device);
    let before = |bound: usize| {
        let before = index.clone().lower_elem(bound as i64);
        mask.clone().bool_and(before)
    };
    // Too few lie before `low`, enough before `high`.
    let (mut low, mut high) = (0, length);
    while high - low > 1 {
        let middle = low + (high - low) / 2;
        match context.count(before(middle))? >= want {
            true => high = middle,
            false => low = middle,
        }
    }
    Ok(before(high))
}
