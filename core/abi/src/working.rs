//! The precision that a merge computes in.

use std::fmt;
use std::str::FromStr;

/// Precision of every tensor value in a merge.
///
/// [`Working::F32`] is the normal case. The others imitate tools that keep tensors in bf16 or f16
/// while they merge: each operation computes in f32 and its result is rounded once, to the nearest
/// value of the type, ties to even. [`crate::reference`] says where exactly that happens.
///
/// ```
/// use mergelab_abi::working::Working;
/// assert_eq!("bfloat16".parse(), Ok(Working::Bf16));
/// assert_eq!(Working::Bf16.round(0.3), 0.30078125);
/// assert_eq!(Working::F32.round(0.3), 0.3);
/// ```
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
pub enum Working {
    /// 32-bit floats.
    #[default]
    F32,
    /// Brain floats: the upper half of an f32.
    Bf16,
    /// IEEE half precision.
    F16,
}

/// A name that is no working precision.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{name}` is no working precision; write float32, bfloat16 or float16")]
pub struct UnknownWorking {
    /// What was given.
    pub name: String,
}

impl Working {
    /// Every precision.
    pub const ALL: &'static [Working] = &[Working::F32, Working::Bf16, Working::F16];

    /// Its name, as PyTorch and mergekit write it.
    pub fn name(self) -> &'static str {
        match self {
            Working::F32 => "float32",
            Working::Bf16 => "bfloat16",
            Working::F16 => "float16",
        }
    }

    /// `value` rounded to this precision: nearest, ties to even, overflow to infinity. A NaN
    /// stays a NaN.
    #[inline]
    pub fn round(self, value: f32) -> f32 {
        match self {
            Working::F32 => value,
            Working::Bf16 => round_bf16(value),
            Working::F16 => round_f16(value),
        }
    }

    /// Rounds each value.
    pub fn round_all(self, values: &mut [f32]) {
        match self {
            Working::F32 => {}
            Working::Bf16 => values.iter_mut().for_each(|x| *x = round_bf16(*x)),
            Working::F16 => values.iter_mut().for_each(|x| *x = round_f16(*x)),
        }
    }

    /// What a node of shape `[]` holds after an operation gave `value`: all of it in
    /// [`Working::F32`], where scalars keep f64 precision, else `value` rounded.
    ///
    /// A value beyond the range, such as the sum over a large tensor in f16, stays as it is: as an
    /// infinity it would make the ratio of two such sums no number.
    #[inline]
    pub fn round_scalar(self, value: f64) -> f64 {
        match self {
            Working::F32 => value,
            Working::Bf16 | Working::F16 => {
                let rounded = f64::from(self.round(value as f32));
                match rounded.is_infinite() && value.is_finite() {
                    true => value,
                    false => rounded,
                }
            }
        }
    }
}

/// Nearest bf16, as an f32.
///
/// Written without branches so that a loop over a slice vectorises.
#[inline]
pub fn round_bf16(value: f32) -> f32 {
    let bits = value.to_bits();
    let rounded = bits.wrapping_add(0x7fff + ((bits >> 16) & 1)) & 0xffff_0000;
    let nan = (bits | 0x0040_0000) & 0xffff_0000;
    f32::from_bits(if value.is_nan() { nan } else { rounded })
}

/// Nearest f16, as an f32.
///
/// Written without branches so that a loop over a slice vectorises.
#[inline]
pub fn round_f16(value: f32) -> f32 {
    // The smallest normal f16 is 2^-14; below it values lie 2^-24 apart. Adding 0.75, whose last
    // bit is worth 2^-24, makes the addition itself round to that grid.
    const SMALLEST_NORMAL: f32 = 6.103_515_6e-5;
    const GRID: f32 = 0.75;
    // Halfway between the largest f16 and the next power of two: from here on it is infinity.
    const OVERFLOW: f32 = 65_520.0;
    let size = value.abs();
    let bits = size.to_bits();
    let normal = f32::from_bits(bits.wrapping_add(0x0fff + ((bits >> 13) & 1)) & 0xffff_e000);
    let small = (size + GRID) - GRID;
    let finite = if size < SMALLEST_NORMAL {
        small
    } else {
        normal
    };
    let rounded = if size >= OVERFLOW {
        f32::INFINITY
    } else {
        finite
    };
    let rounded = if value.is_nan() { f32::NAN } else { rounded };
    rounded.copysign(value)
}

impl fmt::Display for Working {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Working {
    type Err = UnknownWorking;

    /// Reads `float32`, `bfloat16`, `float16` or their short names `f32`, `bf16`, `f16`.
    fn from_str(name: &str) -> Result<Self, UnknownWorking> {
        match name {
            "float32" | "f32" => Ok(Working::F32),
            "bfloat16" | "bf16" => Ok(Working::Bf16),
            "float16" | "f16" => Ok(Working::F16),
            _ => Err(UnknownWorking {
                name: name.to_owned(),
            }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use half::{bf16, f16};

    /// Every half-precision value, the midpoint to the next, and both neighbours of that.
    fn check(round: fn(f32) -> f32, expected: fn(f32) -> f32, values: impl Iterator<Item = f32>) {
        for value in values {
            for step in [
                -0x8000_i32,
                -0x1000,
                -1,
                0,
                1,
                0x0fff,
                0x1000,
                0x1001,
                0x7fff,
                0x8001,
            ] {
                let x = f32::from_bits(value.to_bits().wrapping_add_signed(step));
                let (got, want) = (round(x), expected(x));
                if want.is_nan() {
                    assert!(got.is_nan(), "{x:e}");
                } else {
                    assert_eq!(
                        got.to_bits(),
                        want.to_bits(),
                        "{x:e}: {got:e}, not {want:e}"
                    );
                }
            }
        }
    }

    #[test]
    fn bf16_rounds_as_the_half_crate_does() {
        let values = (0..=u16::MAX).map(|b| bf16::from_bits(b).to_f32());
        check(round_bf16, |x| bf16::from_f32(x).to_f32(), values);
    }

    #[test]
    fn f16_rounds_as_the_half_crate_does() {
        let values = (0..=u16::MAX).map(|b| f16::from_bits(b).to_f32());
        check(round_f16, |x| f16::from_f32(x).to_f32(), values);
        // Between the f16 subnormals, where f32 steps are much finer.
        let tiny = (0..200_000u32).map(|i| i as f32 * 3.1e-10 - 3.0e-5);
        check(round_f16, |x| f16::from_f32(x).to_f32(), tiny);
    }

    #[test]
    fn rounding_is_idempotent_and_names_come_back() {
        for &working in Working::ALL {
            assert_eq!(working.name().parse(), Ok(working));
            for x in [0.1f32, -3.7e-6, 1.0e30, 65_519.9, f32::MIN_POSITIVE] {
                let once = working.round(x);
                assert_eq!(working.round(once), once);
            }
        }
        assert!("int8".parse::<Working>().is_err());
    }

    #[test]
    fn scalars_keep_f64_in_f32_only() {
        assert_eq!(Working::F16.round_scalar(1e6), 1e6);
        assert_eq!(Working::F16.round_scalar(65_519.0), 65_504.0);
        assert_eq!(Working::F16.round_scalar(f64::INFINITY), f64::INFINITY);
        assert_eq!(Working::F32.round_scalar(0.1), 0.1);
        assert_eq!(Working::Bf16.round_scalar(0.1), f64::from(round_bf16(0.1)));
    }
}
