//! Loops over f32 slices that the compiler turns into vector code.
//!
//! Sums run in [`LANES`] accumulators in a fixed order, so a result depends neither on the vector
//! width of the machine nor on the threads.

pub(super) const LANES: usize = 16;

fn fold(lanes: [f32; LANES]) -> f32 {
    let mut lanes = lanes;
    let mut width = LANES / 2;
    while width > 0 {
        for lane in 0..width {
            lanes[lane] += lanes[lane + width];
        }
        width /= 2;
    }
    lanes[0]
}

/// The sum of `term(a, b)` over both slices.
#[inline(always)]
fn sum2(a: &[f32], b: &[f32], term: impl Fn(f32, f32) -> f32) -> f32 {
    let mut lanes = [0.0f32; LANES];
    let (a_chunks, a_rest) = a.as_chunks::<LANES>();
    let (b_chunks, b_rest) = b.as_chunks::<LANES>();
    for (a, b) in a_chunks.iter().zip(b_chunks) {
        for lane in 0..LANES {
            lanes[lane] += term(a[lane], b[lane]);
        }
    }
    for (lane, (a, b)) in a_rest.iter().zip(b_rest).enumerate() {
        lanes[lane] += term(*a, *b);
    }
    fold(lanes)
}

/// The dot product.
#[inline(always)]
pub(super) fn dot(a: &[f32], b: &[f32]) -> f32 {
    sum2(a, b, |a, b| a * b)
}

/// The sum.
#[inline(always)]
pub(super) fn sum(a: &[f32]) -> f32 {
    sum2(a, a, |a, _| a)
}

/// The greatest element, or negative infinity of an empty slice.
#[inline(always)]
pub(super) fn max(a: &[f32]) -> f32 {
    let mut lanes = [f32::NEG_INFINITY; LANES];
    let (chunks, rest) = a.as_chunks::<LANES>();
    for chunk in chunks {
        for lane in 0..LANES {
            lanes[lane] = if chunk[lane] > lanes[lane] {
                chunk[lane]
            } else {
                lanes[lane]
            };
        }
    }
    for (lane, value) in rest.iter().enumerate() {
        lanes[lane] = if *value > lanes[lane] {
            *value
        } else {
            lanes[lane]
        };
    }
    lanes.into_iter().fold(f32::NEG_INFINITY, f32::max)
}

/// `exp(x)` within 2 units in the last place for `x` in `[-87, 88]`, clamped to that range.
///
/// Range reduction by `ln 2` in two parts and the minimax polynomial of Cephes' `expf` (Moshier).
#[inline(always)]
pub(super) fn exp(x: f32) -> f32 {
    const ROUND: f32 = 12_582_912.0; // 1.5 * 2^23: adding it rounds to an integer in the low bits.
    let x = if x < -87.0 { -87.0 } else { x };
    let x = if x > 88.0 { 88.0 } else { x };
    let shifted = x * std::f32::consts::LOG2_E + ROUND;
    let exponent = shifted - ROUND;
    let r = x - exponent * 0.693_359_4;
    let r = r + exponent * 2.121_944_4e-4;
    let p = 1.987_569_1e-4;
    let p = p * r + 1.398_2e-3;
    let p = p * r + 8.333_452e-3;
    let p = p * r + 4.166_579_6e-2;
    let p = p * r + 0.166_666_65;
    let p = p * r + 0.5;
    let value = p * r * r + r + 1.0;
    let bits = (shifted.to_bits() as i32 - ROUND.to_bits() as i32 + 127) << 23;
    value * f32::from_bits(bits as u32)
}

/// `1 / (1 + exp(-x))`.
#[inline(always)]
pub(super) fn sigmoid(x: f32) -> f32 {
    1.0 / (1.0 + exp(-x))
}

/// Softmax of `scale * row` in place.
#[inline(always)]
pub(super) fn softmax(row: &mut [f32], scale: f32) {
    for value in row.iter_mut() {
        *value *= scale;
    }
    softmax_scaled(row, 1.0);
}

/// `scale` times the softmax of `row`, in place; returns the sum of `exp(row - max)`.
#[inline(always)]
pub(super) fn softmax_scaled(row: &mut [f32], scale: f32) -> f32 {
    let greatest = max(row);
    for value in row.iter_mut() {
        *value = exp(*value - greatest);
    }
    let total = sum(row);
    let factor = scale / total;
    for value in row.iter_mut() {
        *value *= factor;
    }
    total
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn exp_matches_the_standard_library() {
        for step in -8700..8800 {
            let x = step as f32 / 100.0;
            let (ours, exact) = (f64::from(exp(x)), f64::from(x).exp());
            // Two units in the last place of f32.
            assert!(
                (ours - exact).abs() <= 2.4e-7 * exact,
                "exp({x}) = {ours}, not {exact}"
            );
        }
        assert!(exp(-1e30) < 1e-37 && exp(1e30) > 1e38);
    }

    #[test]
    fn sums_cover_the_rest_after_whole_lanes() {
        for len in [0, 1, LANES - 1, LANES, LANES + 1, 100] {
            let a: Vec<f32> = (0..len).map(|i| i as f32).collect();
            let expected: f32 = a.iter().sum();
            assert_eq!(sum(&a), expected);
            assert_eq!(dot(&a, &vec![2.0; len]), 2.0 * expected);
            assert_eq!(max(&a), a.last().copied().unwrap_or(f32::NEG_INFINITY));
        }
    }
}
