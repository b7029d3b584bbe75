//! Rounding to the working precision, as a type: so that loops round where they compute.

use mergelab_abi::working::{Working, round_bf16, round_f16};

pub(crate) trait Rounding: Copy {
    fn round(self, x: f32) -> f32;
}

/// To f32, which everything is.
#[derive(Clone, Copy)]
pub(crate) struct Exact;
#[derive(Clone, Copy)]
pub(crate) struct ToBf16;
#[derive(Clone, Copy)]
pub(crate) struct ToF16;

impl Rounding for Exact {
    #[inline(always)]
    fn round(self, x: f32) -> f32 {
        x
    }
}

impl Rounding for ToBf16 {
    #[inline(always)]
    fn round(self, x: f32) -> f32 {
        round_bf16(x)
    }
}

impl Rounding for ToF16 {
    #[inline(always)]
    fn round(self, x: f32) -> f32 {
        round_f16(x)
    }
}

/// Something that is compiled for each rounding.
pub(crate) trait ForRounding {
    type Output;
    fn with(self, rounding: impl Rounding) -> Self::Output;
}

/// Calls the version for this precision.
pub(crate) fn with_rounding<F: ForRounding>(working: Working, f: F) -> F::Output {
    match working {
        Working::F32 => f.with(Exact),
        Working::Bf16 => f.with(ToBf16),
        Working::F16 => f.with(ToF16),
    }
}
