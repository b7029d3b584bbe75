//! Texts that begin alike: the beginning is read once.
//!
//! A decoder's keys and values of a token depend on that token and those before it, so texts with
//! one beginning share them. The bits on the CPU are those of reading each text from its start.

use burn::tensor::Tensor;

use crate::decoder::{Cache, Decoder};
use crate::kernels::Kernels;

/// Tokens below which a beginning is read again with each text: a pass of its own costs more.
pub(crate) const LEAST: usize = 16;

/// The beginning of several texts, read.
pub(crate) struct Prefix<B: Kernels> {
    ids: Vec<u32>,
    cache: Cache<B>,
}

/// Texts whose hidden states are known.
pub(crate) struct Read<B: Kernels> {
    hidden: Tensor<B, 2>,
    /// Rows of a text in `hidden`.
    width: usize,
    /// Position of the first of them.
    first: usize,
}

/// How many tokens all texts begin with, below `most`; 0 where too few to be read on their own, or
/// where there is one text.
pub(crate) fn common<'a>(mut texts: impl Iterator<Item = &'a [u32]>, most: usize) -> usize {
    let Some(first) = texts.next() else {
        return 0;
    };
    let (mut length, mut several) = (most.min(first.len()), false);
    for text in texts {
        several = true;
        let same = first.iter().zip(text).take(length);
        length = same.take_while(|(a, b)| a == b).count();
    }
    if several && length >= LEAST {
        length
    } else {
        0
    }
}

impl<B: Kernels> Prefix<B> {
    /// Reads a beginning; `None` where it is empty.
    pub(crate) fn read(decoder: &Decoder<B>, ids: &[u32]) -> Option<Self> {
        if ids.is_empty() {
            return None;
        }
        let mut padded = ids.to_vec();
        padded.resize(decoder.padded(ids.len()), 0);
        let mut cache = decoder.cache(1, padded.len());
        decoder.read(&padded, 1, Some(&mut cache));
        Some(Self {
            ids: ids.to_vec(),
            cache,
        })
    }

    /// Whether a text goes on after it.
    pub(crate) fn begins(&self, text: &[u32]) -> bool {
        text.len() > self.ids.len() && text.starts_with(&self.ids)
    }
}

impl<B: Kernels> Read<B> {
    /// Reads texts, of which a prefix is read already if given: all go on after it. Gives their
    /// keys and values too if `keep`, with room for `slots` slots at least.
    pub(crate) fn texts(
        decoder: &Decoder<B>,
        texts: &[&[u32]],
        prefix: Option<&Prefix<B>>,
        keep: Option<usize>,
    ) -> (Self, Option<Cache<B>>) {
        let first = prefix.map_or(0, |prefix| prefix.ids.len());
        let longest = texts.iter().map(|text| text.len()).max().unwrap_or(0);
        let width = match prefix {
            // Products of one row round differently.
            Some(_) => (longest - first).max(2),
            None => decoder.padded(longest),
        };
        let mut ids = vec![0u32; texts.len() * width];
        for (ids, text) in ids.chunks_exact_mut(width).zip(texts) {
            ids[..text.len() - first].copy_from_slice(&text[first..]);
        }
        let slots = keep.map(|slots| slots.max(first + width));
        let (hidden, cache) = match prefix {
            Some(prefix) => {
                let (owners, starts) = (vec![0; texts.len()], vec![first; texts.len()]);
                let mut cache = slots.map(|slots| prefix.cache.copies(&owners, slots));
                let places = [&owners[..], &starts[..]];
                let hidden = decoder.extend(&ids, places, &prefix.cache, cache.as_mut());
                (hidden, cache)
            }
            None => {
                let mut cache = slots.map(|slots| decoder.cache(texts.len(), slots));
                let hidden = decoder.read(&ids, texts.len(), cache.as_mut());
                (hidden, cache)
            }
        };
        let read = Self {
            hidden,
            width,
            first,
        };
        (read, cache)
    }

    /// Reads texts that go on where sequences of a cache end, from positions `starts` on.
    pub(crate) fn beyond(
        decoder: &Decoder<B>,
        texts: &[&[u32]],
        places: [&[usize]; 2],
        cache: &Cache<B>,
    ) -> Self {
        let longest = texts.iter().map(|text| text.len()).max().unwrap_or(0);
        let width = longest.max(2);
        let mut ids = vec![0u32; texts.len() * width];
        for (ids, text) in ids.chunks_exact_mut(width).zip(texts) {
            ids[..text.len()].copy_from_slice(text);
        }
        Self {
            hidden: decoder.extend(&ids, places, cache, None),
            width,
            first: 0,
        }
    }

    /// The row of a text's token among the hidden states. Tokens of texts that go on count from
    /// where these begin.
    pub(crate) fn row(&self, text: usize, token: usize) -> u32 {
        (text * self.width + token - self.first) as u32
    }

    /// Logits, `[rows, vocabulary]`, of rows.
    pub(crate) fn logits(&self, decoder: &Decoder<B>, rows: &[u32]) -> Tensor<B, 2> {
        decoder.logits(&B::gather_rows(&self.hidden, rows))
    }
}

#[cfg(all(test, feature = "flex"))]
mod tests;
