//! Sources as threads read them.

use crate::error::Error;
use crate::kernels::{storage, terms};
use crate::source::{Format, Source};
use std::ops::Range;

/// A source as a thread reads it.
pub(in crate::program) struct Input<'a> {
    source: &'a dyn Source,
    stored: Option<(Format, &'a [u8])>,
    /// Elements that are known to be finite.
    finite: Range<usize>,
}

impl<'a> Input<'a> {
    /// A source of `len` elements.
    pub(in crate::program) fn new(source: &'a dyn Source, len: usize) -> Self {
        let stored = source
            .stored()
            .map(|s| (s.format, s.bytes))
            .filter(|(format, bytes)| bytes.len() == len * format.size());
        Self {
            source,
            stored,
            finite: 0..0,
        }
    }

    pub(super) fn load(&self, out: &mut [f32], first: usize) -> Result<(), Error> {
        if let Some((format, bytes)) = self.stored {
            let size = format.size();
            let bytes = &bytes[first * size..(first + out.len()) * size];
            if !storage::decode(format, out, bytes) {
                return Ok(());
            }
        }
        self.read(out, first)
    }

    fn read(&self, out: &mut [f32], first: usize) -> Result<(), Error> {
        let range = first..first + out.len();
        self.source.read(range, out).map_err(|error| Error::Source {
            tensor: self.source.describe(),
            source: error,
        })
    }

    /// Elements that are stored in bf16, which fusing has made sure of.
    pub(super) fn elements(&self, first: usize, length: usize) -> &'a [[u8; 2]] {
        match self.stored {
            Some((Format::Bf16, bytes)) => bytes[2 * first..2 * (first + length)].as_chunks().0,
            _ => unreachable!("only what is stored in bf16 is fused"),
        }
    }

    /// Looks whether elements that come next are finite. Besides, this reads them in long
    /// stretches, as memory likes it, so that steps find them in a cache.
    pub(in crate::program) fn look(&mut self, first: usize, length: usize) {
        if let Some((Format::Bf16, _)) = self.stored {
            let finite = !terms::any_non_finite(self.elements(first, length));
            self.finite = first..if finite { first + length } else { first };
        }
    }

    /// Lets the source refuse what is not finite.
    pub(super) fn check(
        &self,
        scratch: &mut [f32],
        first: usize,
        length: usize,
    ) -> Result<(), Error> {
        if self.finite.start <= first && first + length <= self.finite.end {
            return Ok(());
        }
        if terms::any_non_finite(self.elements(first, length)) {
            return self.read(&mut scratch[..length], first);
        }
        Ok(())
    }
}
