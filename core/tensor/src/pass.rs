//! Runs a program over all tiles, on all threads.

use crate::error::Error;
use crate::program::Program;
use crate::session::Options;
use crate::sink::Sink;
use crate::statistic::{Collect, Collected};
use crate::{BLOCK, CHUNK};
use rayon::prelude::*;
use std::ops::Range;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

/// Something that a pass collects, and the slots of its operands.
pub(crate) struct Collector {
    pub(crate) collect: Collect,
    pub(crate) a: usize,
    pub(crate) b: Option<usize>,
}

pub(crate) struct Pass<'a> {
    pub(crate) program: &'a Program,
    /// Elements to go over. Starts at a block.
    pub(crate) range: Range<usize>,
    pub(crate) collectors: &'a [Collector],
    /// Where the elements of a slot go.
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
        let tile = options.tile();
        let mut buffers = self.program.buffers(tile.min(self.range.len()));
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
                let block_end = (block + BLOCK).min(end);
                for first in (block..block_end).step_by(tile) {
                    let length = tile.min(block_end - first);
                    self.tile(&mut buffers, &mut collected, first, length)?;
                }
                for collected in &mut collected {
                    collected.end_block(block / BLOCK);
                }
            }
        }
    }

    fn tile(
        &self,
        buffers: &mut [Vec<f32>],
        collected: &mut [Collected],
        first: usize,
        length: usize,
    ) -> Result<(), Error> {
        self.program.run(buffers, first, length)?;
        for (collected, collector) in collected.iter_mut().zip(self.collectors) {
            let b = collector.b.map(|slot| &buffers[slot][..length]);
            collected.tile(&buffers[collector.a][..length], b);
        }
        if let Some((sink, slot)) = self.sink {
            sink.write(first, &buffers[slot][..length])
                .map_err(|source| Error::Sink {
                    offset: first,
                    source,
                })?;
        }
        Ok(())
    }
}
