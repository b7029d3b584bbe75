//! Places of magnitudes in their rows, and random masks that depend on them.
//!
//! Both need all of a row at once, so they are computed before the passes that use them: places
//! into memory, masks into one bit for each element.

use super::whole::fill;
use super::{Fact, Schedule};
use crate::CHUNK;
use crate::error::Error;
use crate::graph::Kind;
use crate::kernels::row_rank::{Bounds, KEPT, Ranker};
use crate::kernels::spread;
use crate::program::{self, Program};
use mergelab_abi::ops::{Node, Op, rows};
use mergelab_abi::random;
use rayon::prelude::*;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// What one thread needs.
struct Buffers<'a> {
    tiles: program::Buffers<'a>,
    elements: Vec<f32>,
    places: Vec<u32>,
    words: Vec<u32>,
    flags: Vec<u8>,
    ranker: Ranker,
}

/// From 0 for the first place of a row to 1 for the last.
fn share(place: u32, row: usize) -> f64 {
    match row {
        1 => 0.5,
        _ => f64::from(place) / (row - 1) as f64,
    }
}

/// Bounds that rise, or fall, from the first place to the last.
struct Line {
    low: f64,
    high: f64,
    row: usize,
    /// Those of each place, where all rows together have more elements than one row.
    known: Vec<u64>,
}

impl Line {
    fn new(low: f64, high: f64, row: usize) -> Self {
        /// Elements of a row that has no more buckets than this.
        const LONG: usize = 1 << 16;
        let mut line = Self {
            low,
            high,
            row,
            known: Vec::new(),
        };
        if row <= LONG {
            line.known = (0..row as u32).map(|place| line.bound(place)).collect();
        }
        line
    }
}

impl Bounds for Line {
    fn bound(&self, place: u32) -> u64 {
        match self.known.get(place as usize) {
            Some(&bound) => bound,
            None => {
                let p = self.low + (self.high - self.low) * share(place, self.row);
                random::keep_bound(p)
            }
        }
    }
}

impl Schedule<'_> {
    pub(super) fn ranked(&self, node: Node) -> Result<Fact, Error> {
        let recorded = &self.nodes[node as usize];
        let Kind::Operation {
            op,
            inputs,
            scalars,
            integers,
        } = &recorded.kind
        else {
            unreachable!("an input has no rank");
        };
        let (_, row) = rows(&recorded.shape);
        if u32::try_from(row).is_err() {
            return Err(Error::TooLarge {
                operation: op.name(),
                elements: row,
            });
        }
        let program = Program::new(self.nodes, self.facts, self.working, &[inputs[0]]);
        let slot = program.slot(inputs[0]);
        let len = recorded.len;
        // Whole rows, about a chunk of them.
        let unit = (row * (CHUNK / row.max(1)).max(1)).max(1);
        let buffers = || Buffers {
            tiles: program.buffers(self.options.tile()),
            elements: Vec::new(),
            places: Vec::new(),
            words: Vec::new(),
            flags: Vec::new(),
            ranker: Ranker::default(),
        };
        let read = |buffers: &mut Buffers<'_>, start: usize, length: usize| {
            self.options.check_interrupt()?;
            let Buffers {
                tiles, elements, ..
            } = buffers;
            elements.resize(length, 0.0);
            fill(&program, slot, self.options, tiles, start, elements)
        };
        if *op == Op::RowRank {
            let mut to = vec![0.0; len];
            let rank = |buffers: &mut Buffers<'_>, (index, out): (usize, &mut [f32])| {
                read(buffers, index * unit, out.len())?;
                buffers.places.resize(row, 0);
                let elements = buffers.elements.chunks(row);
                for (elements, out) in elements.zip(out.chunks_mut(row)) {
                    buffers.ranker.places(elements, &mut buffers.places);
                    for (out, &place) in out.iter_mut().zip(&buffers.places) {
                        *out = share(place, row) as f32;
                    }
                }
                Ok::<(), Error>(())
            };
            to.par_chunks_mut(unit)
                .enumerate()
                .try_for_each_init(buffers, rank)?;
            return Ok(Fact::Elements(Arc::new(to)));
        }
        let line = Line::new(scalars[0], scalars[1], row);
        let key = integers[0];
        let bits: Vec<AtomicU64> = (0..len.div_ceil(64)).map(|_| AtomicU64::new(0)).collect();
        let draw = |buffers: &mut Buffers<'_>, index: usize| {
            let start = index * unit;
            let length = unit.min(len - start);
            read(buffers, start, length)?;
            // Words come in groups of four.
            let skip = start % 4;
            buffers.words.resize(length + skip, 0);
            spread::words(&mut buffers.words, key, start - skip);
            buffers.flags.resize(length, 0);
            let rows = buffers.elements.chunks(row);
            let words = buffers.words[skip..].chunks(row);
            for ((elements, words), flags) in rows.zip(words).zip(buffers.flags.chunks_mut(row)) {
                buffers.ranker.keep(elements, words, &line, flags);
            }
            set_bits(&bits, start, &buffers.flags);
            Ok::<(), Error>(())
        };
        (0..len.div_ceil(unit))
            .into_par_iter()
            .try_for_each_init(buffers, draw)?;
        let words = bits.into_iter().map(AtomicU64::into_inner).collect();
        Ok(Fact::Bits(Arc::new(words)))
    }
}

/// Sets the bits of kept elements, the first of which has the index `first`. Other threads may set
/// others of the same words.
fn set_bits(bits: &[AtomicU64], first: usize, flags: &[u8]) {
    let pack = |flags: &[u8]| {
        let set = |(place, &flag): (usize, &u8)| u64::from(flag & KEPT) << place;
        flags.iter().enumerate().map(set).sum::<u64>()
    };
    let (head, rest) = flags.split_at((first.next_multiple_of(64) - first).min(flags.len()));
    if !head.is_empty() {
        bits[first / 64].fetch_or(pack(head) << (first % 64), Ordering::Relaxed);
    }
    let start = first.div_ceil(64);
    for (word, flags) in bits[start.min(bits.len())..].iter().zip(rest.chunks(64)) {
        word.fetch_or(pack(flags), Ordering::Relaxed);
    }
}
