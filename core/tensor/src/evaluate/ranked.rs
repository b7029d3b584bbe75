//! Places of magnitudes in their rows, and random masks that depend on them.
//!
//! Both need all of a row at once, so they are computed before the passes that use them: places
//! into memory, masks into one bit for each element.

use super::whole::fill;
use super::{Fact, Facts, Schedule};
use crate::CHUNK;
use crate::error::Error;
use crate::graph::Kind;
use crate::kernels::row_rank::{Bounds, Ranker};
use crate::kernels::spread;
use crate::program::{self, Program};
use mergelab_abi::ops::{Node, Op, rows};
use mergelab_abi::random;
use rayon::prelude::*;
use std::ops::Range;
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
    /// Computes whole rows: the elements of `stretch`.
    pub(super) fn ranked(
        &self,
        facts: &Facts,
        node: Node,
        stretch: Range<usize>,
    ) -> Result<Fact, Error> {
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
        let at_once = self.rows_at_once(*op, row)?;
        let program = Program::new(self.nodes, facts, &[inputs[0]]);
        let slot = program.slot(inputs[0]);
        let len = stretch.len();
        let part = |first: usize, fact: Fact| match len == recorded.len {
            true => fact,
            false => Fact::Part {
                first,
                fact: Box::new(fact),
            },
        };
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
                read(buffers, stretch.start + index * unit, out.len())?;
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
            let group = unit.saturating_mul(at_once);
            for (number, group_of) in to.chunks_mut(group.max(1)).enumerate() {
                let before = number * at_once;
                group_of
                    .par_chunks_mut(unit)
                    .enumerate()
                    .map(|(index, out)| (before + index, out))
                    .try_for_each_init(buffers, rank)?;
            }
            return Ok(part(stretch.start, Fact::Elements(Arc::new(to))));
        }
        let line = Line::new(scalars[0], scalars[1], row);
        let key = integers[0];
        let first = stretch.start / 64 * 64;
        let words = (stretch.end - first).div_ceil(64);
        let bits: Vec<AtomicU64> = (0..words).map(|_| AtomicU64::new(0)).collect();
        let draw = |buffers: &mut Buffers<'_>, index: usize| {
            let start = stretch.start + index * unit;
            let length = unit.min(stretch.end - start);
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
            set_bits(&bits, start - first, &buffers.flags);
            Ok::<(), Error>(())
        };
        let units = len.div_ceil(unit);
        for group in (0..units).step_by(at_once) {
            (group..units.min(group.saturating_add(at_once)))
                .into_par_iter()
                .try_for_each_init(buffers, draw)?;
        }
        let words = bits.into_iter().map(AtomicU64::into_inner).collect();
        Ok(part(first, Fact::Bits(Arc::new(words))))
    }
}

/// Rows of so many elements are ranked in buffers that count as tiles do.
const SHORT_ROW: usize = 1 << 18;

/// Bytes of the buffers in which a row is ranked, for each element: the element, its magnitude, its
/// bucket, its place in the order with its magnitude, its random word, a flag and a list of those
/// that the buckets do not decide.
pub(super) const BYTES: usize = 4 + 4 + 4 + 8 + 4 + 1 + 4;

/// Bytes that ranking rows of this length takes on one thread, where these count.
pub(super) fn bytes_of_row(row: usize) -> Option<usize> {
    (row > SHORT_ROW).then(|| row.saturating_mul(BYTES))
}

impl Schedule<'_> {
    /// How many rows of this length the memory allows to be ranked side by side.
    fn rows_at_once(&self, op: Op, row: usize) -> Result<usize, Error> {
        let Some(bytes) = bytes_of_row(row) else {
            return Ok(usize::MAX);
        };
        match self.budget.rows / bytes {
            0 => Err(Error::Memory {
                operation: op.name(),
                row,
                needed: super::budget::for_rows(bytes),
                memory: self.options.memory,
            }),
            rows => Ok(rows),
        }
    }
}

/// Sets the bits of elements whose flag is 1 and not 0, the first of which has the index `first`. Other threads may set
/// others of the same words.
fn set_bits(bits: &[AtomicU64], first: usize, flags: &[u8]) {
    let pack = |flags: &[u8]| {
        let mut word = 0;
        let (groups, rest) = flags.as_chunks::<8>();
        for (place, group) in groups.iter().enumerate() {
            // The product has bit `i` of the group in bit `56 + i`.
            let bits = u64::from_le_bytes(*group).wrapping_mul(0x0102_0408_1020_4080) >> 56;
            word |= bits << (8 * place);
        }
        for (place, &flag) in rest.iter().enumerate() {
            word |= u64::from(flag) << (8 * groups.len() + place);
        }
        word
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
