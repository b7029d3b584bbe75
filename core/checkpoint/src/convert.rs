//! Conversion between stored bytes (little-endian) and `f32` values.
//!
//! The loops run over fixed-size chunks without branches on values, so the compiler
//! vectorises them; nothing requires the bytes to be aligned.

use half::f16;
use half::slice::HalfFloatSliceExt;

use crate::DType;

/// Why a conversion was refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ConvertError {
    /// Not one of F64, F32, F16, BF16.
    #[error("{dtype} holds no floating-point values that convert to f32; use the raw bytes")]
    NotFloat {
        /// The format asked for.
        dtype: DType,
    },
    /// The two slices do not hold the same number of elements.
    #[error("{bytes} bytes of {dtype} are not {values} elements of {} bytes", .dtype.size())]
    Length {
        /// The format asked for.
        dtype: DType,
        /// Bytes given.
        bytes: usize,
        /// Values given.
        values: usize,
    },
}

/// Elements converted at a time where a buffer on the stack is needed.
const CHUNK: usize = 1024;

fn check(dtype: DType, bytes: usize, values: usize) -> Result<(), ConvertError> {
    if !dtype.is_float() {
        return Err(ConvertError::NotFloat { dtype });
    }
    if values.checked_mul(dtype.size()) != Some(bytes) {
        return Err(ConvertError::Length {
            dtype,
            bytes,
            values,
        });
    }
    Ok(())
}

/// Reads `values.len()` elements of `dtype` from `bytes`.
///
/// F64 is rounded to the nearest f32 (ties to even); the other formats are exact.
///
/// # Errors
/// When `dtype` is not a float or the lengths disagree.
///
/// ```
/// use mergelab_checkpoint::{DType, decode_f32};
/// let mut values = [0.0; 2];
/// decode_f32(DType::BF16, &[0x80, 0x3f, 0x00, 0xc0], &mut values)?;
/// assert_eq!(values, [1.0, -2.0]);
/// # Ok::<(), mergelab_checkpoint::ConvertError>(())
/// ```
pub fn decode_f32(dtype: DType, bytes: &[u8], values: &mut [f32]) -> Result<(), ConvertError> {
    check(dtype, bytes.len(), values.len())?;
    match dtype {
        DType::F32 => {
            let (words, _) = bytes.as_chunks::<4>();
            for (value, word) in values.iter_mut().zip(words) {
                *value = f32::from_le_bytes(*word);
            }
        }
        DType::BF16 => {
            let (words, _) = bytes.as_chunks::<2>();
            for (value, word) in values.iter_mut().zip(words) {
                *value = bf16_to_f32(u16::from_le_bytes(*word));
            }
        }
        DType::F16 => {
            let mut halves = [f16::ZERO; CHUNK];
            for (values, bytes) in values.chunks_mut(CHUNK).zip(bytes.chunks(CHUNK * 2)) {
                let (words, _) = bytes.as_chunks::<2>();
                let halves = &mut halves[..values.len()];
                for (half, word) in halves.iter_mut().zip(words) {
                    *half = f16::from_le_bytes(*word);
                }
                halves.convert_to_f32_slice(values);
            }
        }
        DType::F64 => {
            let (words, _) = bytes.as_chunks::<8>();
            for (value, word) in values.iter_mut().zip(words) {
                *value = f64::from_le_bytes(*word) as f32;
            }
        }
        _ => return Err(ConvertError::NotFloat { dtype }),
    }
    Ok(())
}

/// Writes `values` as `dtype` into `bytes`, rounding to nearest with ties to even.
///
/// NaN stays NaN; a value beyond the format's range becomes an infinity, as IEEE 754 says.
///
/// # Errors
/// When `dtype` is not a float or the lengths disagree.
pub fn encode_f32(dtype: DType, values: &[f32], bytes: &mut [u8]) -> Result<(), ConvertError> {
    check(dtype, bytes.len(), values.len())?;
    match dtype {
        DType::F32 => {
            let (words, _) = bytes.as_chunks_mut::<4>();
            for (word, value) in words.iter_mut().zip(values) {
                *word = value.to_le_bytes();
            }
        }
        DType::BF16 => {
            let (words, _) = bytes.as_chunks_mut::<2>();
            for (word, value) in words.iter_mut().zip(values) {
                *word = f32_to_bf16(*value).to_le_bytes();
            }
        }
        DType::F16 => {
            let mut halves = [f16::ZERO; CHUNK];
            for (values, bytes) in values.chunks(CHUNK).zip(bytes.chunks_mut(CHUNK * 2)) {
                let (words, _) = bytes.as_chunks_mut::<2>();
                let halves = &mut halves[..values.len()];
                halves.convert_from_f32_slice(values);
                for (word, half) in words.iter_mut().zip(halves.iter()) {
                    *word = half.to_le_bytes();
                }
            }
        }
        DType::F64 => {
            let (words, _) = bytes.as_chunks_mut::<8>();
            for (word, value) in words.iter_mut().zip(values) {
                *word = f64::from(*value).to_le_bytes();
            }
        }
        _ => return Err(ConvertError::NotFloat { dtype }),
    }
    Ok(())
}

/// Replaces each value by the one that storing it as `dtype` and reading it back gives.
///
/// # Errors
/// When `dtype` is not a float.
pub fn round_f32(dtype: DType, values: &mut [f32]) -> Result<(), ConvertError> {
    match dtype {
        DType::F64 | DType::F32 => {}
        DType::BF16 => {
            for value in values {
                *value = bf16_to_f32(f32_to_bf16(*value));
            }
        }
        DType::F16 => {
            let mut halves = [f16::ZERO; CHUNK];
            for values in values.chunks_mut(CHUNK) {
                let halves = &mut halves[..values.len()];
                halves.convert_from_f32_slice(values);
                halves.convert_to_f32_slice(values);
            }
        }
        _ => return Err(ConvertError::NotFloat { dtype }),
    }
    Ok(())
}

fn bf16_to_f32(bits: u16) -> f32 {
    f32::from_bits(u32::from(bits) << 16)
}

/// Written with a select in place of a branch so that the loops around it vectorise.
fn f32_to_bf16(value: f32) -> u16 {
    let bits = value.to_bits();
    // Adding half of the last kept place, less one unless that place is odd, rounds ties to even.
    let rounded = bits.wrapping_add(0x7fff + ((bits >> 16) & 1)) >> 16;
    // The quiet bit keeps a NaN whose payload sat in the dropped bits from becoming infinity.
    let quiet = (bits >> 16) | 0x0040;
    (if value.is_nan() { quiet } else { rounded }) as u16
}

#[cfg(test)]
mod tests {
    use super::*;
    use half::bf16;
    use proptest::prelude::*;

    const FLOATS: [DType; 4] = [DType::F64, DType::F32, DType::F16, DType::BF16];

    fn through(dtype: DType, values: &[f32]) -> Vec<f32> {
        let mut bytes = vec![0; values.len() * dtype.size()];
        encode_f32(dtype, values, &mut bytes).unwrap();
        let mut back = vec![0.0; values.len()];
        decode_f32(dtype, &bytes, &mut back).unwrap();
        back
    }

    #[test]
    fn every_16_bit_pattern_survives_decode_and_encode() {
        let bytes: Vec<u8> = (0..=u16::MAX).flat_map(u16::to_le_bytes).collect();
        for dtype in [DType::F16, DType::BF16] {
            let mut values = vec![0.0; 1 << 16];
            decode_f32(dtype, &bytes, &mut values).unwrap();
            let mut back = vec![0; bytes.len()];
            encode_f32(dtype, &values, &mut back).unwrap();
            for (i, value) in values.iter().enumerate() {
                let got = u16::from_le_bytes([back[2 * i], back[2 * i + 1]]);
                // A signalling NaN comes back quiet, every other pattern unchanged.
                let quiet = if dtype == DType::F16 { 0x0200 } else { 0x0040 };
                let want = if value.is_nan() {
                    i as u16 | quiet
                } else {
                    i as u16
                };
                assert_eq!(got, want, "{dtype} {i:#06x}");
            }
        }
    }

    #[test]
    fn ties_go_to_even() {
        // 1 + 2^-8 lies halfway between two BF16 values, 1 + 2^-11 between two F16 values.
        let tie = |k: i32| [1.0 + 2f32.powi(-k), 1.0 + 3.0 * 2f32.powi(-k)];
        assert_eq!(through(DType::BF16, &tie(8)), [1.0, 1.0 + 2f32.powi(-6)]);
        assert_eq!(through(DType::F16, &tie(11)), [1.0, 1.0 + 2f32.powi(-9)]);
    }

    #[test]
    fn values_past_the_range_become_infinite_and_nan_stays() {
        let got = through(DType::F16, &[65519.9, 65520.0, -1e30, f32::NAN]);
        assert_eq!(got[..3], [65504.0, f32::INFINITY, f32::NEG_INFINITY]);
        assert!(got[3].is_nan());
        // The payload of this NaN has only bits that BF16 drops.
        assert!(through(DType::BF16, &[f32::from_bits(0x7f80_0001)])[0].is_nan());
        assert_eq!(through(DType::BF16, &[f32::MAX])[0], f32::INFINITY);
    }

    #[test]
    fn integers_and_wrong_lengths_are_refused() {
        let mut values = [0.0; 2];
        let refused = decode_f32(DType::I32, &[0; 8], &mut values);
        assert_eq!(refused, Err(ConvertError::NotFloat { dtype: DType::I32 }));
        assert!(decode_f32(DType::F16, &[0; 3], &mut values).is_err());
        assert!(encode_f32(DType::F32, &values, &mut [0; 7]).is_err());
        assert!(round_f32(DType::U8, &mut values).is_err());
    }

    proptest! {
        #[test]
        fn encode_agrees_with_half_and_round_with_encode(
            bits in prop::collection::vec(any::<u32>(), 0..2500)
        ) {
            let values: Vec<f32> = bits.into_iter().map(f32::from_bits).collect();
            for dtype in FLOATS {
                let back = through(dtype, &values);
                let mut rounded = values.clone();
                round_f32(dtype, &mut rounded).unwrap();
                for ((value, back), rounded) in values.iter().zip(&back).zip(&rounded) {
                    let want = match dtype {
                        DType::F16 => f16::from_f32(*value).to_f32(),
                        DType::BF16 => bf16::from_f32(*value).to_f32(),
                        _ => *value,
                    };
                    prop_assert_eq!(back.is_nan(), value.is_nan());
                    if !value.is_nan() {
                        prop_assert_eq!(back.to_bits(), want.to_bits());
                        prop_assert_eq!(rounded.to_bits(), want.to_bits());
                    }
                }
            }
        }
    }
}
