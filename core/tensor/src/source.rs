//! Where the elements of an input come from.

use crate::error::SourceError;
use std::ops::Range;

/// The elements of one tensor, in row-major order, read range by range.
///
/// A pass reads every range once, from many threads at the same time, and an evaluation may take
/// several passes: reading the same range again must give the same elements.
pub trait Source: Send + Sync {
    /// Writes the elements of `range` to `out`, which is as long as `range`.
    ///
    /// # Errors
    /// Whatever keeps it from reading. The message need not name the tensor.
    fn read(&self, range: Range<usize>, out: &mut [f32]) -> Result<(), SourceError>;

    /// What this is, for messages: a tensor's name and its file.
    fn describe(&self) -> String;

    /// All elements as they are stored, where they lie in memory; asked for once in each thread
    /// of a pass.
    ///
    /// Elements are then converted from these bytes, without [`read`](Self::read). Wherever one
    /// of them is NaN or infinite its range is read with `read` too, which may refuse it.
    fn stored(&self) -> Option<Stored<'_>> {
        None
    }
}

/// How the elements of a tensor are stored: little-endian.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// 32-bit floats.
    F32,
    /// Brain floats: the upper half of an f32.
    Bf16,
    /// IEEE half precision.
    F16,
}

impl Format {
    /// Bytes of an element.
    pub fn size(self) -> usize {
        match self {
            Format::F32 => 4,
            Format::Bf16 | Format::F16 => 2,
        }
    }
}

/// The stored elements of a tensor, in row-major order.
#[derive(Debug, Clone, Copy)]
pub struct Stored<'a> {
    /// How they are stored.
    pub format: Format,
    /// All of them. They need not be aligned.
    pub bytes: &'a [u8],
}

/// Elements that are already in memory.
#[derive(Debug, Clone)]
pub struct Memory {
    name: String,
    elements: Vec<f32>,
}

impl Memory {
    /// A source that messages call `name`.
    pub fn new(name: impl Into<String>, elements: Vec<f32>) -> Self {
        Self {
            name: name.into(),
            elements,
        }
    }
}

impl Source for Memory {
    fn read(&self, range: Range<usize>, out: &mut [f32]) -> Result<(), SourceError> {
        let length = self.elements.len();
        let elements = self
            .elements
            .get(range.clone())
            .ok_or_else(|| format!("it holds {length} elements, not {range:?}"))?;
        out.copy_from_slice(elements);
        Ok(())
    }

    fn describe(&self) -> String {
        format!("`{}` (in memory)", self.name)
    }
}
