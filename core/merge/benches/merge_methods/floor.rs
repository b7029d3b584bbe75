//! The least that a merge can take: reading all inputs once and writing the output once.
//!
//! Inputs lie in the page cache; they are read both through memory maps and with `read`, and the
//! faster way counts. The output is written to the page cache, into a new file, without syncing.

use crate::Result;
use crate::checkpoints::Folders;
use crate::process::{median, own_processor};
use mergelab_checkpoint::Checkpoint;
use std::collections::HashMap;
use std::fs::File;
use std::os::unix::fs::FileExt as _;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::Instant;

/// Bytes that are read or written at once: they stay in the second cache.
const CHUNK: usize = 1 << 17;

/// Seconds.
#[derive(Clone, Copy)]
pub(crate) struct Floor {
    pub(crate) reading: f64,
    pub(crate) writing: f64,
    /// Of all processors, for reading and writing.
    pub(crate) processor: f64,
}

impl Floor {
    pub(crate) fn seconds(self) -> f64 {
        self.reading + self.writing
    }
}

/// Floors by the number of inputs, each measured once.
pub(crate) struct Floors<'a> {
    folders: &'a Folders,
    dir: &'a Path,
    threads: usize,
    runs: usize,
    known: HashMap<usize, Floor>,
}

impl<'a> Floors<'a> {
    pub(crate) fn new(folders: &'a Folders, dir: &'a Path, threads: usize, runs: usize) -> Self {
        Self {
            folders,
            dir,
            threads,
            runs: runs.max(1),
            known: HashMap::new(),
        }
    }

    /// The floor of a merge that reads these folders.
    pub(crate) fn of(&mut self, inputs: Vec<PathBuf>) -> Result<Floor> {
        let count = inputs.len();
        if let Some(floor) = self.known.get(&count) {
            return Ok(*floor);
        }
        let files: Vec<PathBuf> = inputs.iter().map(|f| f.join("model.safetensors")).collect();
        let mut reading = Vec::new();
        let mut writing = Vec::new();
        let mut processor = Vec::new();
        // The first round fills the page cache.
        for round in 0..=self.runs {
            let mapped = timed(|| self.mapped(&inputs))?;
            let read = timed(|| self.read(&files))?;
            let written = timed(|| self.write())?;
            if round > 0 {
                reading.push(Some(mapped.0.min(read.0)));
                writing.push(Some(written.0));
                processor.push(Some(mapped.1.min(read.1) + written.1));
            }
        }
        let floor = Floor {
            reading: median(reading.into_iter()).unwrap_or(f64::NAN),
            writing: median(writing.into_iter()).unwrap_or(f64::NAN),
            processor: median(processor.into_iter()).unwrap_or(f64::NAN),
        };
        self.known.insert(count, floor);
        Ok(floor)
    }

    fn mapped(&self, inputs: &[PathBuf]) -> Result<()> {
        for input in inputs {
            let checkpoint = Checkpoint::open(input)?;
            for tensor in checkpoint.tensors() {
                let chunks: Vec<&[u8]> = tensor.bytes.chunks(CHUNK).collect();
                self.side_by_side(chunks.len(), |chunk, _| Ok(sum(chunks[chunk])))?;
            }
        }
        Ok(())
    }

    fn read(&self, files: &[PathBuf]) -> Result<()> {
        for path in files {
            let file = File::open(path)?;
            let length = file.metadata()?.len() as usize;
            self.side_by_side(length.div_ceil(CHUNK), |chunk, buffer| {
                let start = chunk * CHUNK;
                let bytes = &mut buffer[..CHUNK.min(length - start)];
                file.read_exact_at(bytes, start as u64)?;
                Ok(sum(bytes))
            })?;
        }
        Ok(())
    }

    /// Writes as many bytes as the base has.
    fn write(&self) -> Result<()> {
        let length = std::fs::metadata(self.folders.base.join("model.safetensors"))?.len() as usize;
        let path = self.dir.join("floor.tmp");
        let file = File::create(&path)?;
        file.set_len(length as u64)?;
        self.side_by_side(length.div_ceil(CHUNK), |chunk, buffer| {
            let start = chunk * CHUNK;
            file.write_all_at(&buffer[..CHUNK.min(length - start)], start as u64)?;
            Ok(0)
        })?;
        drop(file);
        Ok(std::fs::remove_file(&path)?)
    }

    /// Calls `work` for each chunk, on all threads.
    fn side_by_side(
        &self,
        chunks: usize,
        work: impl Fn(usize, &mut [u8]) -> std::io::Result<u64> + Sync,
    ) -> Result<()> {
        let (next, total) = (AtomicUsize::new(0), AtomicU64::new(0));
        let run = || -> std::io::Result<()> {
            let mut buffer = vec![1; CHUNK];
            loop {
                let chunk = next.fetch_add(1, Ordering::Relaxed);
                if chunk >= chunks {
                    return Ok(());
                }
                total.fetch_add(work(chunk, &mut buffer)?, Ordering::Relaxed);
            }
        };
        if chunks < 8 {
            run()?;
        } else {
            std::thread::scope(|scope| {
                let threads: Vec<_> = (0..self.threads).map(|_| scope.spawn(run)).collect();
                threads.into_iter().try_for_each(|thread| {
                    thread
                        .join()
                        .unwrap_or_else(|_| Err(std::io::Error::other("a thread panicked")))
                })
            })?;
        }
        std::hint::black_box(total.into_inner());
        Ok(())
    }
}

/// Seconds by the clock and of all processors.
fn timed(work: impl FnOnce() -> Result<()>) -> Result<(f64, f64)> {
    let (start, processor) = (Instant::now(), own_processor());
    work()?;
    Ok((start.elapsed().as_secs_f64(), own_processor() - processor))
}

fn sum(bytes: &[u8]) -> u64 {
    let (words, _) = bytes.as_chunks::<8>();
    words
        .iter()
        .fold(0, |sum, word| sum ^ u64::from_le_bytes(*word))
}
