//! The exponential and the logarithm of f32, the same bits on every machine.
//!
//! What the standard library computes depends on the platform's C library, and is one call for
//! each number. These are a few additions, multiplications and choices in f64, without branches
//! and without fused operations: a loop over a slice vectorises, and what it gives does not
//! depend on the processor. The error is below 0.501 units in the last place, as the f64 result
//! is off by less than 2^-34 of itself before it is rounded to f32.

/// 1.5 · 2^52: adding it rounds to a whole number, which the lowest bits then hold.
const WHOLE: f64 = 6_755_399_441_055_744.0;

/// `e` to the power of `x`.
///
/// Overflow gives infinity, underflow subnormal numbers and then 0, and NaN stays NaN.
///
/// ```
/// use mergelab_abi::elementary::exp;
/// assert_eq!(exp(0.0), 1.0);
/// assert_eq!(exp(1.0), std::f32::consts::E);
/// assert_eq!([exp(f32::INFINITY), exp(f32::NEG_INFINITY)], [f32::INFINITY, 0.0]);
/// ```
#[inline(always)]
pub fn exp(x: f32) -> f32 {
    // Beyond these the result is infinity or 0. Both comparisons are false for NaN.
    let x = if x > 90.0 { 90.0 } else { x };
    let x = if x < -105.0 { -105.0 } else { x };
    let x = f64::from(x);
    // x = n ln 2 + r, with r of at most half of ln 2.
    let shifted = x * std::f64::consts::LOG2_E + WHOLE;
    let n = shifted - WHOLE;
    let r = x - n * std::f64::consts::LN_2;
    // Close to the best polynomial of degree 7, off by at most 4.3e-11 of the result.
    let p = 0.000_199_075_825_913_251_34;
    let p = p * r + 0.001_394_859_028_686_338_3;
    let p = p * r + 0.008_333_283_518_706_106;
    let p = p * r + 0.041_666_218_139_710_59;
    let p = p * r + 0.166_666_667_867_804_4;
    let p = p * r + 0.500_000_010_779_387_6;
    let p = p * r + 0.999_999_999_995_505_4;
    let p = p * r + 0.999_999_999_959_529_4;
    // Times 2^n: n is between -152 and 130, so the exponent holds the sum. Of NaN, whose lower bits
    // are 0 as it was an f32, nothing changes.
    f64::from_bits(p.to_bits().wrapping_add(shifted.to_bits() << 52)) as f32
}

/// The natural logarithm of `x`.
///
/// Negative numbers give NaN, both zeros minus infinity, and NaN stays NaN.
///
/// ```
/// use mergelab_abi::elementary::ln;
/// assert_eq!([ln(1.0), ln(0.0)], [0.0, f32::NEG_INFINITY]);
/// assert!(ln(-1.0).is_nan());
/// ```
#[inline(always)]
pub fn ln(x: f32) -> f32 {
    /// The bits of √½.
    const ROOT: u32 = 0x3f35_04f3;
    // A subnormal number is made normal.
    let tiny = x < f32::MIN_POSITIVE;
    let scaled = if tiny { x * 8_388_608.0 } else { x };
    let offset = if tiny { -23 } else { 0 };
    // x = m · 2^e, with m between √½ and √2.
    let e = scaled.to_bits().wrapping_sub(ROOT) as i32 >> 23;
    let m = f64::from(f32::from_bits(
        scaled.to_bits().wrapping_sub((e << 23) as u32),
    ));
    let e = f64::from(e + offset);
    // ln m = 2 artanh s, whose series has only odd powers.
    let s = (m - 1.0) / (m + 1.0);
    let z = s * s;
    // Close to the best polynomial, off by at most 1.7e-11 of the logarithm.
    let p = 0.116_654_820_258_860_2;
    let p = p * z + 0.142_754_012_766_383_55;
    let p = p * z + 0.200_000_610_004_084_4;
    let p = p * z + 0.333_333_332_771_500_9;
    let s = s + s;
    let ln = (s + s * (z * p) + e * std::f64::consts::LN_2) as f32;
    let ln = if x == 0.0 { f32::NEG_INFINITY } else { ln };
    let ln = if x < 0.0 { f32::NAN } else { ln };
    // Infinity and NaN.
    if x < f32::INFINITY { ln } else { x }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// How far `got` is from `exact`, in units in the last place of f32.
    fn error(got: f32, exact: f64) -> f64 {
        let size = exact.abs().max(f64::from(f32::MIN_POSITIVE));
        let unit = f64::from_bits(size.to_bits() & 0x7ff0_0000_0000_0000) * 2f64.powi(-23);
        ((f64::from(got) - exact) / unit).abs()
    }

    /// Numbers of every size, of both signs.
    fn numbers() -> impl Iterator<Item = f32> {
        // Whatever is not a multiple of a power of two.
        (0..=u32::MAX).step_by(4_099).map(f32::from_bits)
    }

    #[test]
    fn the_exponential_is_the_nearest_number_but_for_ties() {
        let near_zero = (-200_000..200_000).map(|i| i as f32 * 1e-4);
        for x in numbers().chain(near_zero) {
            let exact = f64::from(x).exp();
            let got = exp(x);
            if x.is_nan() {
                assert!(got.is_nan());
            } else if exact >= f64::from(f32::MAX) {
                assert!(got >= f32::MAX, "{x}");
            } else {
                assert!(error(got, exact) < 0.501, "exp({x:e}) = {got:e}");
            }
        }
    }

    #[test]
    fn the_logarithm_is_the_nearest_number_but_for_ties() {
        let near_one = (-200_000..200_000).map(|i| 1.0 + i as f32 * 1e-6);
        for x in numbers().chain(near_one) {
            let exact = f64::from(x).ln();
            let got = ln(x);
            if exact.is_nan() {
                assert!(got.is_nan(), "ln({x:e}) = {got:e}");
            } else if exact.is_infinite() {
                assert_eq!(f64::from(got), exact, "{x}");
            } else {
                assert!(error(got, exact) < 0.501, "ln({x:e}) = {got:e}");
            }
        }
    }
}
