//! One tensor of a memory-mapped checkpoint.

use std::ops::Range;

use crate::{CheckpointError, DType, decode_f32};

/// A tensor as stored: its bytes lie in the memory-mapped file.
#[derive(Clone, Copy, Debug)]
pub struct TensorView<'a> {
    /// Name in the checkpoint.
    pub name: &'a str,
    /// Storage format.
    pub dtype: DType,
    /// Length of each dimension, outermost first; empty for a scalar.
    pub shape: &'a [usize],
    /// The elements, little-endian, row-major; not necessarily aligned.
    pub bytes: &'a [u8],
}

impl TensorView<'_> {
    /// Number of elements.
    pub fn elements(&self) -> usize {
        self.bytes.len() / self.dtype.size()
    }

    /// Reads the elements `range` (row-major order) into `out`.
    ///
    /// # Errors
    /// When the tensor is not floating-point, or the range is not inside it or not as long as
    /// `out`.
    pub fn read_f32(&self, range: Range<usize>, out: &mut [f32]) -> Result<(), CheckpointError> {
        check_range(self.name, self.elements(), &range, out.len())?;
        let size = self.dtype.size();
        decode_f32(
            self.dtype,
            &self.bytes[range.start * size..range.end * size],
            out,
        )
        .map_err(|source| CheckpointError::Convert {
            tensor: self.name.to_owned(),
            source,
        })
    }

    /// All values as f32.
    ///
    /// # Errors
    /// When the tensor is not floating-point.
    pub fn to_f32(&self) -> Result<Vec<f32>, CheckpointError> {
        let mut values = vec![0.0; self.elements()];
        self.read_f32(0..values.len(), &mut values)?;
        Ok(values)
    }
}

/// Refuses a range outside the tensor or of another length than the buffer.
pub(crate) fn check_range(
    tensor: &str,
    elements: usize,
    range: &Range<usize>,
    buffer: usize,
) -> Result<(), CheckpointError> {
    let inside = range.start <= range.end && range.end <= elements;
    if inside && range.end - range.start == buffer {
        return Ok(());
    }
    Err(CheckpointError::Range {
        tensor: tensor.to_owned(),
        elements,
        range: range.clone(),
        buffer,
    })
}
