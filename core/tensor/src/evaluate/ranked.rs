//! Places of magnitudes in their rows, and random masks that depend on them.
//!
//! Both need all of a row at once, so they are computed before the passes that use them: places
//! into memory, masks into one bit for each element.

use super::ranked_sums::{Sums, unit_of_blocks};
use super::whole::fill;
use super::{Fact, Facts, Role, Schedule};
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
use std::ops::Range;
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
    /// Elements of a row.
    row: usize,
    key: u64,
    bits: Vec<AtomicU64>,
    /// What is collected of the elements that it is drawn for.
    sums: Sums,
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

/// Rows of so many elements are ranked in buffers that count as tiles do.
const SHORT_ROW: usize = 1 << 18;

/// Bytes of the buffers in which a row is ranked, for each element, at most: the element and its
/// random byte, its key and its bucket, its place in the order with its magnitude, and bits; where
/// places are asked for, itself among those, among its bucket, and in the parts of rows with many
/// equal ones. Vectors may have grown to more than they hold.
pub(super) const BYTES: usize = 4 + 1 + 4 + 4 + 8 + 1 + 8 + 4 + 4;

/// Bytes that ranking rows of this length takes on one thread, where these count.
pub(super) fn bytes_of_row(row: usize) -> Option<usize> {
    (row > SHORT_ROW).then(|| row.saturating_mul(BYTES))
}

impl Schedule<'_> {
    /// A node that is found out from whole rows, and others that come with it.
    pub(super) fn ranked_as_a_whole(&self, node: Node) -> Result<Vec<(Node, Fact)>, Error> {
        let all = 0..self.nodes[node as usize].len;
        let (input, _) = self.rows_of(node)?;
        let operands = self.by_rows(&[input]);
        if !operands.is_empty() {
            let mut facts = self.facts.clone();
            self.rank_rows(&mut facts, &operands, all.clone())?;
            return Ok(vec![(node, self.ranked(&facts, node, all)?)]);
        }
        if self.is_ranked_mask(node) {
            let shape = &self.nodes[node as usize].shape;
            let mut masks = self.demand.ready(Role::Whole);
            masks.retain(|&other| {
                let fits = self.nodes[other as usize].shape == *shape && self.is_ranked_mask(other);
                fits && self
                    .by_rows(self.nodes[other as usize].operands())
                    .is_empty()
            });
            return self.ranked_masks(self.facts, &masks, all, true);
        }
        Ok(vec![(node, self.row_ranks(self.facts, node, all)?)])
    }

    /// Computes whole rows of a node: the elements of `stretch`.
    pub(super) fn ranked(
        &self,
        facts: &Facts,
        node: Node,
        stretch: Range<usize>,
    ) -> Result<Fact, Error> {
        if self.is_ranked_mask(node) {
            let masks = self.ranked_masks(facts, &[node], stretch, false)?;
            let fact = masks.into_iter().map(|(_, fact)| fact).next();
            return Ok(fact.unwrap_or_else(|| Fact::Bits(Arc::default())));
        }
        self.row_ranks(facts, node, stretch)
    }

    /// Places of the elements of the node's input.
    fn row_ranks(&self, facts: &Facts, node: Node, stretch: Range<usize>) -> Result<Fact, Error> {
        let (input, row) = self.rows_of(node)?;
        let row = row as usize;
        let at_once = self.rows_at_once(Op::RowRank, row)?;
        let program = Program::new(self.nodes, facts, &[input]);
        let slot = program.slot(input);
        // Whole rows, about a chunk of them.
        let unit = row * (CHUNK / row).max(1);
        let mut to = vec![0.0; stretch.len()];
        let buffers = || {
            let tiles = program.buffers(self.options.tile());
            (tiles, Ranker::default(), Vec::new(), vec![0; row])
        };
        let group = unit.saturating_mul(at_once);
        for (number, group_of) in to.chunks_mut(group).enumerate() {
            let start = stretch.start + number * group;
            group_of
                .par_chunks_mut(unit)
                .enumerate()
                .try_for_each_init(
                    buffers,
                    |(tiles, ranker, elements, places), (index, out)| {
                        self.options.check_interrupt()?;
                        elements.resize(out.len(), 0.0);
                        let first = start + index * unit;
                        fill(&program, slot, self.options, tiles, first, elements)?;
                        for (elements, out) in elements.chunks(row).zip(out.chunks_mut(row)) {
                            ranker.places(elements, places);
                            for (out, &place) in out.iter_mut().zip(&*places) {
                                *out = share(place, row) as f32;
                            }
                        }
                        Ok::<(), Error>(())
                    },
                )?;
        }
        let known = Fact::Elements(Arc::new(to));
        Ok(self.stretch_of(node, &stretch, stretch.start, known))
    }

    /// Draws random masks of one shape together: most read the same base. With `sums`, which all
    /// of the tensor needs, sums of what they keep come with them.
    fn ranked_masks(
        &self,
        facts: &Facts,
        nodes: &[Node],
        stretch: Range<usize>,
        sums: bool,
    ) -> Result<Vec<(Node, Fact)>, Error> {
        let before = stretch.start / 64 * 64;
        let mut masks = nodes
            .iter()
            .map(|&node| self.mask(facts, node, stretch.end - before))
            .collect::<Result<Vec<Mask>, Error>>()?;
        let Some(row) = masks.first().map(|mask| mask.row) else {
            return Ok(Vec::new());
        };
        let at_once = self.rows_at_once(Op::RankedKeepMask, row)?;
        let part = row * (PART / row).max(1);
        let mut unit = part;
        if sums && let Some(of_blocks) = unit_of_blocks(row, stretch.len()) {
            let wanted = self.sums_with_masks(nodes);
            if wanted.iter().any(|sums| !sums.is_empty()) {
                unit = of_blocks;
            }
            for (mask, sums) in masks.iter_mut().zip(wanted) {
                mask.sums = sums;
            }
        }
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
            let first = stretch.start + index * unit;
            let last = (first + unit).min(stretch.end);
            let mut collecting: Vec<_> = masks.iter().map(|mask| mask.sums.start()).collect();
            for start in (first..last).step_by(part) {
                let end = (start + part).min(last);
                // Random bytes come in blocks.
                let skip = start % random::BLOCK as usize;
                elements.resize(end - start, 0.0);
                bytes.resize(end - start + skip, 0);
                let masks = masks.iter().zip(&mut *tiles).zip(&mut collecting);
                for ((mask, tiles), collecting) in masks {
                    // Tiles start at multiples of 16.
                    let from = start / 16 * 16;
                    mask.program.look(tiles, from, end - from);
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
                        set_bits(&mask.bits, first - before, kept);
                        if let Some(collecting) = collecting {
                            collecting.row(elements, kept, first);
                        }
                    }
                }
            }
            for (mask, collecting) in masks.iter().zip(collecting) {
                mask.sums.add(collecting, last);
            }
            Ok::<(), Error>(())
        };
        let units = stretch.len().div_ceil(unit);
        for group in (0..units).step_by(at_once) {
            (group..units.min(group.saturating_add(at_once)))
                .into_par_iter()
                .try_for_each_init(drawing, draw)?;
        }
        let mut sums = Vec::new();
        let known = |mask: Mask| {
            sums.extend(mask.sums.known(self.nodes));
            let words = mask.bits.into_iter().map(AtomicU64::into_inner).collect();
            let bits = Fact::Bits(Arc::new(words));
            (
                mask.node,
                self.stretch_of(mask.node, &stretch, before, bits),
            )
        };
        let mut known: Vec<(Node, Fact)> = masks.into_iter().map(known).collect();
        // What is collected of survivors can be read once their mask can.
        known.extend(sums);
        Ok(known)
    }

    /// A mask of which so many elements are to be drawn.
    fn mask(&self, facts: &Facts, node: Node, elements: usize) -> Result<Mask, Error> {
        let (input, row) = self.rows_of(node)?;
        let program = Program::new(self.nodes, facts, &[input]);
        let Kind::Operation {
            scalars, integers, ..
        } = &self.nodes[node as usize].kind
        else {
            unreachable!("an input is not drawn");
        };
        Ok(Mask {
            node,
            slot: program.slot(input),
            program,
            line: Line::new(scalars[0], scalars[1], row),
            row: row as usize,
            key: integers[0],
            bits: (0..elements.div_ceil(64))
                .map(|_| AtomicU64::new(0))
                .collect(),
            sums: Sums::default(),
        })
    }

    fn is_ranked_mask(&self, node: Node) -> bool {
        let is = |op: &Op| *op == Op::RankedKeepMask;
        matches!(&self.nodes[node as usize].kind, Kind::Operation { op, .. } if is(op))
    }

    /// A stretch of a node, of which `fact` has what is from the index `first` on.
    fn stretch_of(&self, node: Node, stretch: &Range<usize>, first: usize, fact: Fact) -> Fact {
        match stretch.len() == self.nodes[node as usize].len {
            true => fact,
            false => Fact::Part {
                first,
                fact: Box::new(fact),
            },
        }
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
