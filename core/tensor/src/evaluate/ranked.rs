//! Places of magnitudes in their rows, and random masks that depend on them.
//!
//! Both need all of a row at once, so they are computed before the passes that use them: places
//! into memory, masks into one bit for each element.

use super::whole::fill;
use super::{Fact, Schedule};
use crate::CHUNK;
use crate::error::Error;
use crate::graph::Kind;
use crate::kernels::row_rank::Ranker;
use crate::kernels::spread;
use crate::program::Program;
use mergelab_abi::ops::{Node, Op, rows};
use mergelab_abi::random;
use rayon::prelude::*;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// What one thread needs.
struct Buffers {
    tiles: Vec<Vec<f32>>,
    elements: Vec<f32>,
    places: Vec<u32>,
    words: Vec<u32>,
    ranker: Ranker,
}

/// Places in rows of one length.
#[derive(Clone, Copy)]
struct Scale {
    /// Elements of a row.
    row: usize,
}

impl Scale {
    /// From 0 for the first place to 1 for the last.
    fn share(self, place: u32) -> f64 {
        match self.row {
            1 => 0.5,
            _ => f64::from(place) / (self.row - 1) as f64,
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
        let (len, scale) = (recorded.len, Scale { row });
        // Whole rows, about a chunk of them.
        let unit = row * (CHUNK / row.max(1)).max(1);
        let buffers = || Buffers {
            tiles: program.buffers(self.options.tile()),
            elements: Vec::new(),
            places: Vec::new(),
            words: Vec::new(),
            ranker: Ranker::default(),
        };
        let rank = |buffers: &mut Buffers, start: usize, length: usize| {
            self.options.check_interrupt()?;
            buffers.elements.resize(length, 0.0);
            buffers.places.resize(length, 0);
            let Buffers {
                tiles,
                elements,
                places,
                ranker,
                ..
            } = buffers;
            fill(&program, slot, self.options, tiles, start, elements)?;
            for (elements, places) in elements.chunks(row).zip(places.chunks_mut(row)) {
                ranker.places(elements, places);
            }
            Ok::<(), Error>(())
        };
        if *op == Op::RowRank {
            let mut to = vec![0.0; len];
            to.par_chunks_mut(unit.max(1))
                .enumerate()
                .try_for_each_init(buffers, |buffers, (index, out)| {
                    rank(buffers, index * unit, out.len())?;
                    for (out, &place) in out.iter_mut().zip(&buffers.places) {
                        *out = scale.share(place) as f32;
                    }
                    Ok::<(), Error>(())
                })?;
            return Ok(Fact::Elements(Arc::new(to)));
        }
        let (low, high, key) = (scalars[0], scalars[1], integers[0]);
        let bits: Vec<AtomicU64> = (0..len.div_ceil(64)).map(|_| AtomicU64::new(0)).collect();
        (0..len.div_ceil(unit.max(1)))
            .into_par_iter()
            .try_for_each_init(buffers, |buffers, index| {
                let start = index * unit;
                let length = unit.min(len - start);
                rank(buffers, start, length)?;
                let skip = start % 4;
                buffers.words.resize(length + skip, 0);
                spread::words(&mut buffers.words, key, start - skip);
                let kept = |(&place, &word): (&u32, &u32)| {
                    let p = low + (high - low) * scale.share(place);
                    u64::from(word) < random::keep_bound(p)
                };
                let kept = buffers.places.iter().zip(&buffers.words[skip..]).map(kept);
                set_bits(&bits, start, kept);
                Ok::<(), Error>(())
            })?;
        let words = bits.into_iter().map(AtomicU64::into_inner).collect();
        Ok(Fact::Bits(Arc::new(words)))
    }
}

/// Sets bits from `first` on. Other threads may set others of the same words.
fn set_bits(bits: &[AtomicU64], first: usize, kept: impl Iterator<Item = bool>) {
    let (mut word, mut place) = (0u64, first);
    for kept in kept {
        word |= u64::from(kept) << (place % 64);
        place += 1;
        if place.is_multiple_of(64) {
            bits[place / 64 - 1].fetch_or(word, Ordering::Relaxed);
            word = 0;
        }
    }
    if !place.is_multiple_of(64) {
        bits[place / 64].fetch_or(word, Ordering::Relaxed);
    }
}
