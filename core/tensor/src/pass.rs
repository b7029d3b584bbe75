//! Runs a program over all tiles, on all threads.

use crate::error::Error;
use crate::kernels::storage;
use crate::program::{Buffers, Program};
use crate::session::Options;
use crate::sink::Sink;
use crate::source::Format;
use crate::statistic::{Collect, Collected};
use crate::{BLOCK, CHUNK};
use rayon::prelude::*;
use std::ops::Range;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

/// Elements of each input that are looked at before they are computed with. A multiple of blocks of
/// which the second cache holds those of a few inputs.
const AHEAD: usize = 4 * BLOCK;

/// What a pass looks at, where it does not look at everything.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Sample {
    /// One block in so many.
    pub(crate) every: usize,
    /// So many elements of it, a power of two.
    pub(crate) part: usize,
}

/// Something that a pass collects.
pub(crate) struct Collector {
    pub(crate) collect: Collect,
    pub(crate) from: From,
}

/// What it is collected from.
pub(crate) enum From {
    /// Tiles in these slots.
    Slots(usize, Option<usize>),
    /// Lanes in which a step adds it up.
    Lanes(usize),
}

pub(crate) struct Pass<'a> {
    pub(crate) program: &'a Program,
    /// Elements to go over. Starts at a block.
    pub(crate) range: Range<usize>,
    /// What to look at; everything if absent.
    pub(crate) sample: Option<Sample>,
    /// For each group of the program, if it has some.
    pub(crate) collectors: &'a [Collector],
    /// Where the elements of a slot go, if nothing is collected.
    pub(crate) sink: Option<(&'a dyn Sink, usize)>,
}

impl Pass<'_> {
    /// Runs the pass. What is collected comes back in the order of the collectors.
    pub(crate) fn run(&self, options: &Options) -> Result<Vec<Collected>, Error> {
        let chunks = self.range.len().div_ceil(CHUNK);
        let threads = rayon::current_num_threads().min(chunks).max(1);
        let (next, stop) = (AtomicUsize::new(0), AtomicBool::new(false));
        let worker = |_| {
            let result = self.work(options, &next, &stop);
            if result.is_err() {
                stop.store(true, Ordering::Relaxed);
            }
            result
        };
        let results: Vec<Result<Vec<Collected>, Error>> = (0..threads)
            .into_par_iter()
            .with_max_len(1)
            .map(worker)
            .collect();
        let mut total: Option<Vec<Collected>> = None;
        for result in results {
            let collected = result?;
            match &mut total {
                None => total = Some(collected),
                Some(total) => {
                    for (total, more) in total.iter_mut().zip(collected) {
                        total.merge(more);
                    }
                }
            }
        }
        Ok(total.unwrap_or_default())
    }

    /// Takes chunks until none is left.
    fn work(
        &self,
        options: &Options,
        next: &AtomicUsize,
        stop: &AtomicBool,
    ) -> Result<Vec<Collected>, Error> {
        let tile = self.program.tile(options);
        let mut buffers = self.program.buffers(tile.min(self.range.len()));
        let mut output = self.sink.map(|(sink, slot)| Output::new(sink, slot));
        let mut collected: Vec<Collected> = self
            .collectors
            .iter()
            .map(|c| Collected::new(c.collect))
            .collect();
        loop {
            let chunk = next.fetch_add(1, Ordering::Relaxed);
            let start = self.range.start + chunk * CHUNK;
            if start >= self.range.end || stop.load(Ordering::Relaxed) {
                return Ok(collected);
            }
            options.check_interrupt()?;
            let end = (start + CHUNK).min(self.range.end);
            for block in (start..end).step_by(BLOCK) {
                if self.sample.is_none() && (block - start).is_multiple_of(AHEAD) {
                    self.program
                        .look(&mut buffers, block, AHEAD.min(end - block));
                }
                let mut block_end = (block + BLOCK).min(end);
                let mut block_start = block;
                if let Some(Sample {
                    every,
                    part: length,
                }) = self.sample
                {
                    let number = block / BLOCK;
                    if !number.is_multiple_of(every) {
                        continue;
                    }
                    // Rows of a matrix can be as long as a block: not always their beginnings.
                    let part = number.wrapping_mul(0x9E37_79B9) >> 16;
                    block_start += part % (BLOCK / length) * length;
                    block_end = block_end.min(block_start + length);
                }
                for first in (block_start..block_end).step_by(tile) {
                    let length = tile.min(block_end - first);
                    let Some(output) = &mut output else {
                        let look = |number: usize, buffers: &Buffers<'_>| {
                            if let From::Slots(a, b) = self.collectors[number].from {
                                let b = b.map(|slot| buffers.tile(slot, length));
                                collected[number].tile(buffers.tile(a, length), b, first);
                            }
                        };
                        self.program.run_groups(&mut buffers, first, length, look)?;
                        continue;
                    };
                    self.program.run(&mut buffers, first, length)?;
                    output.tile(&buffers, start, first, length)?;
                }
                for (collected, collector) in collected.iter_mut().zip(self.collectors) {
                    if let From::Lanes(lanes) = collector.from {
                        collected.take_lanes(buffers.take_lanes(lanes));
                    }
                    collected.end_block(block / BLOCK);
                }
            }
            if let Some(output) = &mut output {
                output.end(start)?;
            }
        }
    }
}

/// What a thread gives to a sink.
struct Output<'a> {
    sink: &'a dyn Sink,
    slot: usize,
    format: Option<Format>,
    /// Stored elements of the chunk so far.
    bytes: Vec<u8>,
}

impl<'a> Output<'a> {
    fn new(sink: &'a dyn Sink, slot: usize) -> Self {
        Self {
            sink,
            slot,
            format: sink.format(),
            bytes: Vec::new(),
        }
    }

    /// Takes the tile at `first` of the chunk at `chunk`.
    fn tile(
        &mut self,
        buffers: &Buffers<'_>,
        chunk: usize,
        first: usize,
        length: usize,
    ) -> Result<(), Error> {
        let elements = buffers.tile(self.slot, length);
        let failed = |source| Error::Sink {
            offset: first,
            source,
        };
        let Some(format) = self.format else {
            return self.sink.write(first, elements).map_err(failed);
        };
        if first == chunk {
            self.bytes.clear();
        }
        let before = self.bytes.len();
        self.bytes.resize(before + length * format.size(), 0);
        if storage::encode(format, &mut self.bytes[before..], elements) {
            self.sink.see_non_finite(first, elements).map_err(failed)?;
        }
        Ok(())
    }

    /// Ends the chunk at `chunk`.
    fn end(&mut self, chunk: usize) -> Result<(), Error> {
        if self.format.is_none() {
            return Ok(());
        }
        self.sink
            .write_stored(chunk, &self.bytes)
            .map_err(|source| Error::Sink {
                offset: chunk,
                source,
            })
    }
}
