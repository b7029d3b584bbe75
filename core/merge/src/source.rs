//! A tensor of an input as the engine reads it.

use mergelab_abi::working::Working;
use mergelab_checkpoint::{DType, TensorSource};
use mergelab_tensor::{Format, Source, SourceError, Stored};
use std::fmt;
use std::ops::Range;
use std::sync::Arc;

/// One tensor of one input, converted to f32 range by range and checked for NaN.
pub(crate) struct InputTensor {
    pub(crate) source: Arc<dyn TensorSource>,
    pub(crate) tensor: String,
    pub(crate) role: String,
    /// Precision that values are rounded to as they are read, where the engine computes in a finer
    /// one.
    pub(crate) rounded: Working,
}

/// A value that is NaN or infinite.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct NonFinite {
    pub(crate) element: usize,
    pub(crate) value: f32,
}

impl fmt::Display for NonFinite {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the value of element {} is {}", self.element, self.value)
    }
}

impl std::error::Error for NonFinite {}

impl Source for InputTensor {
    fn read(&self, range: Range<usize>, out: &mut [f32]) -> Result<(), SourceError> {
        let start = range.start;
        self.source.read_f32(&self.tensor, range, out)?;
        match first_non_finite(out) {
            None => {
                self.rounded.round_all(out);
                Ok(())
            }
            Some(i) => Err(Box::new(NonFinite {
                element: start + i,
                value: out[i],
            })),
        }
    }

    fn describe(&self) -> String {
        format!("`{}` of {}", self.tensor, self.role)
    }

    fn stored(&self) -> Option<Stored<'_>> {
        let format = format(self.source.info(&self.tensor).ok()?.dtype)?;
        // What is stored in the precision that it is rounded to is rounded already.
        let as_read = matches!(
            (self.rounded, format),
            (Working::F32, _) | (Working::Bf16, Format::Bf16) | (Working::F16, Format::F16)
        );
        if !as_read {
            return None;
        }
        let bytes = self.source.raw_bytes(&self.tensor).ok()?;
        Some(Stored { format, bytes })
    }
}

/// A dtype as the engine knows it.
pub(crate) fn format(dtype: DType) -> Option<Format> {
    match dtype {
        DType::F32 => Some(Format::F32),
        DType::BF16 => Some(Format::Bf16),
        DType::F16 => Some(Format::F16),
        _ => None,
    }
}

impl InputTensor {
    /// The first value of the tensor that is NaN or infinite.
    ///
    /// Looked for again from the start, so that the message does not depend on which thread met
    /// such a value first.
    pub(crate) fn find_non_finite(&self, elements: usize) -> Option<NonFinite> {
        let mut buffer = vec![0.0; 1 << 14];
        let mut start = 0;
        while start < elements {
            let count = buffer.len().min(elements - start);
            let out = &mut buffer[..count];
            self.source
                .read_f32(&self.tensor, start..start + count, out)
                .ok()?;
            if let Some(i) = first_non_finite(out) {
                return Some(NonFinite {
                    element: start + i,
                    value: out[i],
                });
            }
            start += count;
        }
        None
    }
}

/// The exponent of NaN and infinities is all ones.
const EXPONENT: u32 = 0x7f80_0000;

fn first_non_finite(values: &[f32]) -> Option<usize> {
    // Without an early exit the loop vectorises; the index is looked for only when needed.
    let any = values.iter().fold(false, |any, value| {
        any | (value.to_bits() & EXPONENT == EXPONENT)
    });
    if any {
        values.iter().position(|value| !value.is_finite())
    } else {
        None
    }
}
