//! What a merge reads tensors from.

use std::ops::Range;
use std::path::Path;

use crate::{Checkpoint, CheckpointError, DType};

/// Storage format and shape of a tensor.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TensorInfo {
    /// Storage format.
    pub dtype: DType,
    /// Length of each dimension, outermost first; empty for a scalar.
    pub shape: Vec<usize>,
}

impl TensorInfo {
    /// Number of elements: the product of the shape.
    pub fn elements(&self) -> usize {
        self.shape.iter().product()
    }
}

/// A set of named tensors whose values can be read in pieces from many threads.
pub trait TensorSource: Send + Sync {
    /// The names, sorted.
    fn names(&self) -> &[String];

    /// Where the tensors come from, for messages.
    fn path(&self) -> &Path;

    /// Format and shape of a tensor.
    ///
    /// # Errors
    /// When there is no such tensor; the message names the nearest one.
    fn info(&self, name: &str) -> Result<TensorInfo, CheckpointError>;

    /// Reads the elements `range` (row-major order) into `out`, converted to f32.
    ///
    /// The values of an element do not depend on the range it is read with.
    ///
    /// # Errors
    /// When there is no such tensor, it is not floating-point, or the range is not inside it or
    /// not as long as `out`.
    fn read_f32(
        &self,
        name: &str,
        range: Range<usize>,
        out: &mut [f32],
    ) -> Result<(), CheckpointError>;

    /// The stored bytes of a tensor, little-endian, row-major.
    ///
    /// # Errors
    /// When there is no such tensor or its values are computed.
    fn raw_bytes(&self, name: &str) -> Result<&[u8], CheckpointError>;

    /// The low-rank update that makes this tensor from the base's, where there is one and nothing
    /// else changes it.
    fn low_rank(&self, name: &str) -> Option<LowRankUpdate<'_>> {
        let _ = name;
        None
    }
}

/// An update `scaling * left right` of a tensor of shape `[rows, columns]`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct LowRankUpdate<'a> {
    /// Shape (rows, rank), row-major.
    pub left: &'a [f32],
    /// Shape (rank, columns), row-major.
    pub right: &'a [f32],
    /// Inner size of the product.
    pub rank: usize,
    /// Multiplies the product.
    pub scaling: f32,
}

impl TensorSource for Checkpoint {
    fn names(&self) -> &[String] {
        Checkpoint::names(self)
    }

    fn path(&self) -> &Path {
        Checkpoint::path(self)
    }

    fn info(&self, name: &str) -> Result<TensorInfo, CheckpointError> {
        let view = self.tensor(name)?;
        Ok(TensorInfo {
            dtype: view.dtype,
            shape: view.shape.to_vec(),
        })
    }

    fn read_f32(
        &self,
        name: &str,
        range: Range<usize>,
        out: &mut [f32],
    ) -> Result<(), CheckpointError> {
        self.tensor(name)?.read_f32(range, out)
    }

    fn raw_bytes(&self, name: &str) -> Result<&[u8], CheckpointError> {
        Ok(self.tensor(name)?.bytes)
    }
}

/// Forwards every method, so that a source can be borrowed or shared.
macro_rules! forward {
    ($($pointer:ty),*) => {$(
        impl<S: TensorSource + ?Sized> TensorSource for $pointer {
            fn names(&self) -> &[String] {
                (**self).names()
            }

            fn path(&self) -> &Path {
                (**self).path()
            }

            fn info(&self, name: &str) -> Result<TensorInfo, CheckpointError> {
                (**self).info(name)
            }

            fn read_f32(
                &self,
                name: &str,
                range: Range<usize>,
                out: &mut [f32],
            ) -> Result<(), CheckpointError> {
                (**self).read_f32(name, range, out)
            }

            fn raw_bytes(&self, name: &str) -> Result<&[u8], CheckpointError> {
                (**self).raw_bytes(name)
            }

            fn low_rank(&self, name: &str) -> Option<LowRankUpdate<'_>> {
                (**self).low_rank(name)
            }
        }
    )*};
}

forward!(&S, Box<S>, std::sync::Arc<S>);
