//! Places of magnitudes in their rows, and random masks that depend on them.
//!
//! Both need all of a row at once, so they are computed before the passes that use them: places
//! into memory, masks into one bit for each element.

use super::whole::fill;
use super::{Fact, Role, Schedule};
use crate::CHUNK;
use crate::error::Error;
use crate::graph::Kind;
use crate::kernels::draw;
use crate::kernels::ranked_mask::{Line, Masker, Row, share};
use crate::kernels::row_rank::Ranker;
use crate::program::{Buffers, Program};
use mergelab_abi::ops::{Node, Op, rows};
use mergelab_abi::random;
use rayon::prelude::*;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// Elements that a thread takes at once where masks are drawn: those of all models stay in the
/// second cache.
const PART: usize = 1 << 13;

/// A mask that is drawn.
struct Mask {
    node: Node,
    program: Program,
    slot: usize,
    line: Line,
    key: u64,
    bits: Vec<AtomicU64>,
}

/// What one thread draws masks in.
struct Drawing<'a> {
    /// For each mask.
    tiles: Vec<Buffers<'a>>,
    elements: Vec<f32>,
    bytes: Vec<u8>,
    /// Bits of one row.
    kept: Vec<u64>,
    masker: Masker,
}

impl Schedule<'_> {
    /// Places of the elements of the node's input.
    pub(super) fn row_ranks(&self, node: Node) -> Result<Fact, Error> {
        let (input, row) = self.rows_of(node)?;
        let program = Program::new(self.nodes, self.facts, self.working, &[input]);
        let slot = program.slot(input);
        // Whole rows, about a chunk of them.
        let unit = (row as usize * (CHUNK / row as usize).max(1)).max(1);
        let mut to = vec![0.0; self.nodes[node as usize].len];
        let buffers = || {
            let tiles = program.buffers(self.options.tile());
            (tiles, Ranker::default(), Vec::new(), vec![0; row as usize])
        };
        to.par_chunks_mut(unit).enumerate().try_for_each_init(
            buffers,
            |(tiles, ranker, elements, places), (index, out)| {
                self.options.check_interrupt()?;
                elements.resize(out.len(), 0.0);
                fill(&program, slot, self.options, tiles, index * unit, elements)?;
                let elements = elements.chunks(row as usize);
                for (elements, out) in elements.zip(out.chunks_mut(row as usize)) {
                    ranker.places(elements, places);
                    for (out, &place) in out.iter_mut().zip(&*places) {
                        *out = share(place, row as usize) as f32;
                    }
                }
                Ok::<(), Error>(())
            },
        )?;
        Ok(Fact::Elements(Arc::new(to)))
    }

    /// The random mask of a node, and all others of its shape that can be drawn: most read the same
    /// base.
    pub(super) fn ranked_masks(&self, node: Node) -> Result<Vec<(Node, Fact)>, Error> {
        let shape = &self.nodes[node as usize].shape;
        let mut masks = Vec::new();
        for other in self.demand.ready(Role::Whole) {
            let recorded = &self.nodes[other as usize];
            let Kind::Operation {
                op: Op::RankedKeepMask,
                scalars,
                integers,
                ..
            } = &recorded.kind
            else {
                continue;
            };
            if recorded.shape != *shape {
                continue;
            }
            let (input, row) = self.rows_of(other)?;
            let program = Program::new(self.nodes, self.facts, self.working, &[input]);
            masks.push(Mask {
                node: other,
                slot: program.slot(input),
                program,
                line: Line::new(scalars[0], scalars[1], row),
                key: integers[0],
                bits: (0..recorded.len.div_ceil(64))
                    .map(|_| AtomicU64::new(0))
                    .collect(),
            });
        }
        let (len, row) = (self.nodes[node as usize].len, rows(shape).1);
        let unit = row * (PART / row.max(1)).max(1);
        let drawing = || Drawing {
            tiles: masks
                .iter()
                .map(|m| m.program.buffers(self.options.tile()))
                .collect(),
            elements: Vec::new(),
            bytes: Vec::new(),
            kept: vec![0; row.div_ceil(64)],
            masker: Masker::default(),
        };
        let draw = |drawing: &mut Drawing<'_>, index: usize| {
            self.options.check_interrupt()?;
            let Drawing {
                tiles,
                elements,
                bytes,
                kept,
                masker,
            } = drawing;
            let (start, end) = (index * unit, ((index + 1) * unit).min(len));
            // Random bytes come in blocks.
            let skip = start % random::BLOCK as usize;
            elements.resize(end - start, 0.0);
            bytes.resize(end - start + skip, 0);
            for (mask, tiles) in masks.iter().zip(tiles) {
                fill(
                    &mask.program,
                    mask.slot,
                    self.options,
                    tiles,
                    start,
                    elements,
                )?;
                draw::upper_bytes(bytes, mask.key, start - skip);
                let parts = elements.chunks(row).zip(bytes[skip..].chunks(row));
                for (number, (elements, bytes)) in parts.enumerate() {
                    let first = start + number * row;
                    let row = Row {
                        elements,
                        bytes,
                        key: mask.key,
                        first,
                    };
                    masker.keep(&row, &mask.line, kept);
                    set_bits(&mask.bits, first, kept);
                }
            }
            Ok::<(), Error>(())
        };
        if len > 0 {
            (0..len.div_ceil(unit))
                .into_par_iter()
                .try_for_each_init(drawing, draw)?;
        }
        let known = |mask: Mask| {
            let words = mask.bits.into_iter().map(AtomicU64::into_inner).collect();
            (mask.node, Fact::Bits(Arc::new(words)))
        };
        Ok(masks.into_iter().map(known).collect())
    }

    /// What a node ranks, and how many elements a row of it has.
    fn rows_of(&self, node: Node) -> Result<(Node, u32), Error> {
        let recorded = &self.nodes[node as usize];
        let Kind::Operation { op, inputs, .. } = &recorded.kind else {
            unreachable!("an input has no rank");
        };
        let (_, row) = rows(&recorded.shape);
        let too_large = |_| Error::TooLarge {
            operation: op.name(),
            elements: row,
        };
        // An empty row is never looked at.
        Ok((inputs[0], u32::try_from(row.max(1)).map_err(too_large)?))
    }
}

/// Sets those bits from `first` on that are set in `kept`. Other threads may set others of the same
/// words.
fn set_bits(bits: &[AtomicU64], first: usize, kept: &[u64]) {
    let (number, shift) = (first / 64, first % 64);
    for (word, &kept) in bits[number..].iter().zip(kept) {
        word.fetch_or(kept << shift, Ordering::Relaxed);
    }
    if shift > 0 {
        for (word, &kept) in bits[number + 1..].iter().zip(kept) {
            word.fetch_or(kept >> (64 - shift), Ordering::Relaxed);
        }
    }
}
