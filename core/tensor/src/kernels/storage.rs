//! Conversion from and to stored elements.

use super::dispatch;
use crate::source::Format;
use mergelab_abi::working::{round_bf16, round_f16};
use pulp::NullaryFnOnce;

/// What a stored element is, and whether it is finite.
trait Element<const N: usize> {
    fn decode(bytes: [u8; N]) -> f32;
    fn encode(value: f32) -> [u8; N];
    fn non_finite(bytes: [u8; N]) -> bool;
}

struct F32;
struct Bf16;
struct F16;

impl Element<4> for F32 {
    #[inline(always)]
    fn decode(bytes: [u8; 4]) -> f32 {
        f32::from_le_bytes(bytes)
    }

    #[inline(always)]
    fn encode(value: f32) -> [u8; 4] {
        value.to_le_bytes()
    }

    #[inline(always)]
    fn non_finite(bytes: [u8; 4]) -> bool {
        u32::from_le_bytes(bytes) & 0x7f80_0000 == 0x7f80_0000
    }
}

impl Element<2> for Bf16 {
    #[inline(always)]
    fn decode(bytes: [u8; 2]) -> f32 {
        f32::from_bits(u32::from(u16::from_le_bytes(bytes)) << 16)
    }

    #[inline(always)]
    fn encode(value: f32) -> [u8; 2] {
        ((round_bf16(value).to_bits() >> 16) as u16).to_le_bytes()
    }

    #[inline(always)]
    fn non_finite(bytes: [u8; 2]) -> bool {
        u16::from_le_bytes(bytes) & 0x7f80 == 0x7f80
    }
}

/// 2^112: the ratio between an f32 and an f16 with the same exponent bits.
const REBIAS: f32 = f32::from_bits((127 + 112) << 23);

impl Element<2> for F16 {
    /// Right for finite values only, which the caller makes sure of.
    #[inline(always)]
    fn decode(bytes: [u8; 2]) -> f32 {
        let bits = u32::from(u16::from_le_bytes(bytes));
        // The product is exact, and makes normal numbers of f16's subnormal ones.
        let size = f32::from_bits((bits & 0x7fff) << 13) * REBIAS;
        f32::from_bits(size.to_bits() | (bits & 0x8000) << 16)
    }

    #[inline(always)]
    fn encode(value: f32) -> [u8; 2] {
        let rounded = round_f16(value);
        let sign = (rounded.to_bits() >> 16) & 0x8000;
        let size = rounded.abs();
        // Exact for what is rounded already; infinity and NaN keep their exponent.
        let scaled = (size / REBIAS).to_bits() >> 13;
        let special = 0x7c00 | (size.to_bits() >> 13 & 0x03ff);
        let bits = if size.to_bits() >= 0x7f80_0000 {
            special
        } else {
            scaled
        };
        ((bits | sign) as u16).to_le_bytes()
    }

    #[inline(always)]
    fn non_finite(bytes: [u8; 2]) -> bool {
        u16::from_le_bytes(bytes) & 0x7c00 == 0x7c00
    }
}

struct Decode<'a, E, const N: usize>(&'a mut [f32], &'a [[u8; N]], E);

impl<E: Element<N>, const N: usize> NullaryFnOnce for Decode<'_, E, N> {
    type Output = bool;

    #[inline(always)]
    fn call(self) -> bool {
        let Decode(out, bytes, _) = self;
        let mut non_finite = false;
        for (out, &bytes) in out.iter_mut().zip(bytes) {
            *out = E::decode(bytes);
            non_finite |= E::non_finite(bytes);
        }
        non_finite
    }
}

struct Encode<'a, E, const N: usize>(&'a mut [[u8; N]], &'a [f32], E);

impl<E: Element<N>, const N: usize> NullaryFnOnce for Encode<'_, E, N> {
    type Output = bool;

    #[inline(always)]
    fn call(self) -> bool {
        let Encode(out, values, _) = self;
        let mut non_finite = false;
        for (out, &value) in out.iter_mut().zip(values) {
            let bytes = E::encode(value);
            *out = bytes;
            non_finite |= E::non_finite(bytes);
        }
        non_finite
    }
}

/// Converts stored elements. Returns whether any is NaN or infinite; what `out` then holds there
/// is undefined.
pub(crate) fn decode(format: Format, out: &mut [f32], bytes: &[u8]) -> bool {
    match format {
        Format::F32 => dispatch(Decode(out, bytes.as_chunks().0, F32)),
        Format::Bf16 => dispatch(Decode(out, bytes.as_chunks().0, Bf16)),
        Format::F16 => dispatch(Decode(out, bytes.as_chunks().0, F16)),
    }
}

/// Converts elements to their stored form, rounding to nearest, ties to even. Returns whether any
/// became NaN or infinite.
pub(crate) fn encode(format: Format, out: &mut [u8], values: &[f32]) -> bool {
    match format {
        Format::F32 => dispatch(Encode(out.as_chunks_mut().0, values, F32)),
        Format::Bf16 => dispatch(Encode(out.as_chunks_mut().0, values, Bf16)),
        Format::F16 => dispatch(Encode(out.as_chunks_mut().0, values, F16)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_16_bit_pattern_comes_back() {
        for (format, exponent) in [(Format::Bf16, 0x7f80), (Format::F16, 0x7c00)] {
            let finite = |bits: &u16| bits & exponent != exponent;
            let bits: Vec<u16> = (0..=u16::MAX).filter(finite).collect();
            let bytes: Vec<u8> = bits.iter().flat_map(|b| b.to_le_bytes()).collect();
            let mut values = vec![0.0; bits.len()];
            assert!(!decode(format, &mut values, &bytes));
            for (bits, value) in bits.iter().zip(&values) {
                let (sign, size) = (bits >> 15, i32::from(bits & 0x7fff));
                let (places, bias) = match format {
                    Format::F16 => (10, 15),
                    _ => (7, 127),
                };
                let fraction = f64::from(size % (1 << places)) / f64::from(1 << places);
                let expected = match size >> places {
                    0 => fraction * 2f64.powi(1 - bias),
                    e => (1.0 + fraction) * 2f64.powi(e - bias),
                };
                assert_eq!(f64::from(value.abs()), expected, "{format:?} {bits:#x}");
                assert_eq!(value.is_sign_negative(), sign == 1);
            }
            let mut back = vec![0; bytes.len()];
            assert!(!encode(format, &mut back, &values));
            assert_eq!(back, bytes, "{format:?}");
        }
    }

    #[test]
    fn non_finite_elements_are_seen() {
        for format in [Format::F32, Format::Bf16, Format::F16] {
            for bad in [f32::NAN, f32::INFINITY, f32::NEG_INFINITY, f32::MAX] {
                let mut values = [1.0; 37];
                values[36] = bad;
                let mut bytes = vec![0; 37 * format.size()];
                let fits = format == Format::F32 && bad == f32::MAX;
                assert_eq!(
                    encode(format, &mut bytes, &values),
                    !fits,
                    "{format:?} {bad}"
                );
                assert_eq!(
                    decode(format, &mut values, &bytes),
                    !fits,
                    "{format:?} {bad}"
                );
            }
        }
    }

    #[test]
    fn ties_go_to_even() {
        for (format, places) in [(Format::Bf16, 8), (Format::F16, 11)] {
            let tie = |i: f32| 1.0 + i * 2f32.powi(-places);
            let mut bytes = [0; 6];
            encode(format, &mut bytes, &[tie(1.0), tie(3.0), -tie(5.0)]);
            let mut back = [0.0; 3];
            decode(format, &mut back, &bytes);
            assert_eq!(back, [1.0, tie(4.0), -tie(4.0)], "{format:?}");
        }
    }
}
