//! Where the elements of a result go.

use crate::error::SinkError;

/// Takes the elements of a result, range by range.
///
/// Calls come from many threads at the same time and in no fixed order. Together they cover every
/// element exactly once, unless the evaluation fails. Any closure of the same shape is a sink.
pub trait Sink: Sync {
    /// Takes `elements`, the first of which has the index `offset` in row-major order.
    ///
    /// # Errors
    /// Whatever keeps it from taking them; the evaluation then ends.
    fn write(&self, offset: usize, elements: &[f32]) -> Result<(), SinkError>;
}

impl<F> Sink for F
where
    F: Fn(usize, &[f32]) -> Result<(), SinkError> + Sync,
{
    fn write(&self, offset: usize, elements: &[f32]) -> Result<(), SinkError> {
        self(offset, elements)
    }
}
