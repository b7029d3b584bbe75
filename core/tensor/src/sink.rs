//! Where the elements of a result go.

use crate::error::SinkError;
use crate::source::Format;

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

    /// The format that elements are to be converted to. Where there is one, they go to
    /// [`write_stored`](Self::write_stored) and not to `write`.
    fn format(&self) -> Option<Format> {
        None
    }

    /// Takes `bytes`, whole elements of [`format`](Self::format), rounded to nearest with ties to
    /// even. Every call but the one with the last element has [`crate::CHUNK`] elements and starts
    /// at a multiple of it.
    ///
    /// # Errors
    /// As [`write`](Self::write).
    fn write_stored(&self, offset: usize, bytes: &[u8]) -> Result<(), SinkError> {
        let _ = (offset, bytes);
        Err("this sink names a format and does not take it".into())
    }

    /// Shown `elements` before they are converted if one of them will be NaN or infinite.
    ///
    /// # Errors
    /// Refuses them; the evaluation then ends.
    fn see_non_finite(&self, offset: usize, elements: &[f32]) -> Result<(), SinkError> {
        let _ = (offset, elements);
        Ok(())
    }
}

impl<F> Sink for F
where
    F: Fn(usize, &[f32]) -> Result<(), SinkError> + Sync,
{
    fn write(&self, offset: usize, elements: &[f32]) -> Result<(), SinkError> {
        self(offset, elements)
    }
}
