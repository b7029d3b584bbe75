//! One step of a program: computes a tile from others.

mod added;

use super::Buffers;
use crate::error::Error;
use crate::kernels::map::Operand;
use crate::kernels::mask::{self, Cut};
use crate::kernels::terms;
use crate::kernels::trim::{self, Band, TrimmedChange};
use crate::kernels::{elementwise, lines, spread, storage};
use crate::source::{Format, Source};
pub(super) use added::Added;
use added::add;
use mergelab_abi::ops::Op;
use mergelab_abi::working::Working;
use std::mem;
use std::ops::Range;
use std::sync::Arc;

/// Where a step reads from.
#[derive(Debug, Clone, Copy)]
pub(super) enum Read {
    /// A tile buffer.
    Slot(usize),
    /// A node of shape `[]`, as tensors see it.
    Value(f32),
}

/// A number for each row.
pub(super) enum RowValues {
    /// For every row there is.
    All(Arc<Vec<f32>>),
    /// For the rows of a tile, which are whole: the first elements of a slot.
    Slot(usize),
}

/// Numbers that are no [`Read`] are slots, or sources where it says so.
pub(super) enum Work {
    /// A source.
    Load(usize),
    Unary(Op, usize),
    Binary(Op, Read, Read),
    Select(Read, Read, Read),
    AddN(Vec<usize>),
    TopK(usize, Cut),
    Keep {
        key: u64,
        bound: u64,
    },
    KeepBy {
        key: u64,
        p: usize,
    },
    Elements(Arc<Vec<f32>>),
    Bits(Arc<Vec<u64>>),
    /// Rows of this length.
    SpreadRows(RowValues, usize),
    /// Statistics of the rows of whole ones, into the first elements of the tile.
    RowStatistic {
        op: Op,
        a: usize,
        b: Option<usize>,
        row: usize,
    },
    /// A slot and a number for each row.
    ByRow {
        op: Op,
        x: usize,
        values: RowValues,
        row: usize,
    },
    SpreadColumns(Arc<Vec<f32>>),
    /// A source less a slot.
    Change {
        source: usize,
        minus: usize,
    },
    Trimmed {
        x: usize,
        by: usize,
        band: Band,
    },
    /// A source less a slot.
    TrimmedChange {
        source: usize,
        minus: usize,
        band: Band,
        weight: f32,
    },
    Dropped {
        x: usize,
        key: u64,
        bound: u64,
    },
    /// `chosen` where `a` is above `b`, or equal to it if `equal`; else `other`.
    Choice {
        a: usize,
        b: f32,
        equal: bool,
        chosen: f32,
        other: f32,
    },
    /// 1 where the magnitude is above a number.
    Exceeds(usize, f32),
    Sum(Added),
}

pub(super) struct Step {
    pub(super) work: Work,
    pub(super) out: usize,
    /// Whether the result can need rounding to the working precision, which the kernel has not
    /// done.
    pub(super) rounds: bool,
}

impl Step {
    /// Computes elements `first .. first + length`.
    pub(super) fn run(
        &self,
        working: Working,
        buffers: &mut Buffers<'_>,
        first: usize,
        length: usize,
    ) -> Result<(), Error> {
        let mut buffer = mem::take(&mut buffers.tiles[self.out]);
        let result = self.compute(working, buffers, &mut buffer[..length], first);
        if self.rounds {
            elementwise::round(working, &mut buffer[..length]);
        }
        buffers.tiles[self.out] = buffer;
        result
    }

    fn compute<'a>(
        &'a self,
        working: Working,
        buffers: &'a mut Buffers<'_>,
        out: &mut [f32],
        first: usize,
    ) -> Result<(), Error> {
        let length = out.len();
        match &self.work {
            Work::Load(source) => return buffers.inputs[*source].load(out, first),
            Work::Change { source, .. } | Work::TrimmedChange { source, .. } => {
                buffers.inputs[*source].check(&mut buffers.scratch, first, length)?;
            }
            Work::Sum(added) => {
                for source in added.sources() {
                    buffers.inputs[source].check(&mut buffers.scratch, first, length)?;
                }
            }
            _ => {}
        }
        let tile = |slot: usize| &buffers.tiles[slot][..length];
        let stored = |source: usize| buffers.inputs[source].elements(first, length);
        // With the index of the tile's first element among those that have the values.
        let row_values = |values: &'a RowValues, first: usize| match values {
            RowValues::All(all) => (all.as_slice(), first),
            RowValues::Slot(slot) => (buffers.tiles[*slot].as_slice(), 0),
        };
        let operand = |from: Read| match from {
            Read::Slot(slot) => Operand::Tile(tile(slot)),
            Read::Value(x) => Operand::Value(x),
        };
        match &self.work {
            Work::Load(_) => {}
            Work::Unary(op, a) => elementwise::unary(*op, out, tile(*a)),
            Work::Binary(op, a, b) => {
                elementwise::binary(working, *op, out, operand(*a), operand(*b));
            }
            Work::Select(a, b, c) => {
                elementwise::select(out, operand(*a), operand(*b), operand(*c));
            }
            Work::AddN(slots) => add(working, out, slots, |&slot| terms::Plain { x: tile(slot) }),
            Work::TopK(a, cut) => mask::top_k(out, tile(*a), *cut, first),
            Work::Keep { key, bound } => mask::keep(out, *key, *bound, first),
            Work::KeepBy { key, p } => spread::keep_by(out, tile(*p), *key, first),
            Work::Elements(all) => out.copy_from_slice(&all[first..first + length]),
            Work::Bits(words) => spread::bits(out, words, first),
            Work::SpreadRows(values, row) => {
                let (values, first) = row_values(values, first);
                spread::rows(out, values, *row, first);
            }
            Work::RowStatistic { op, a, b, row } => {
                let b = b.map(tile);
                lines::statistics(working, *op, out, tile(*a), b, *row, first);
            }
            Work::ByRow { op, x, values, row } => {
                let (values, first) = row_values(values, first);
                let x = tile(*x);
                spread::row_parts(length, *row, first, |part, index| {
                    let (a, b) = (
                        Operand::Tile(&x[part.clone()]),
                        Operand::Value(values[index]),
                    );
                    elementwise::binary(working, *op, &mut out[part], a, b);
                });
            }
            Work::SpreadColumns(all) => spread::columns(out, all, first),
            Work::Change { source, minus } => {
                elementwise::change(working, out, stored(*source), tile(*minus));
            }
            Work::Trimmed { x, by, band } => trim::trim(out, tile(*x), tile(*by), *band, first),
            Work::TrimmedChange {
                source,
                minus,
                band,
                weight,
            } => {
                let change = TrimmedChange {
                    stored: stored(*source),
                    minus: tile(*minus),
                    band: *band,
                    weight: *weight,
                };
                trim::change(working, out, change, first);
            }
            Work::Dropped { x, key, bound } => mask::drop(out, tile(*x), *key, *bound, first),
            Work::Choice {
                a,
                b,
                equal,
                chosen,
                other,
            } => elementwise::choose(out, tile(*a), *b, *equal, *chosen, *other),
            Work::Exceeds(x, limit) => elementwise::exceeds(out, tile(*x), *limit),
            Work::Sum(added) => added.run(working, out, tile, stored, first),
        }
        Ok(())
    }
}

/// A source as a thread reads it.
pub(super) struct Input<'a> {
    source: &'a dyn Source,
    stored: Option<(Format, &'a [u8])>,
    /// Elements that are known to be finite.
    finite: Range<usize>,
}

impl<'a> Input<'a> {
    /// A source of `len` elements.
    pub(super) fn new(source: &'a dyn Source, len: usize) -> Self {
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

    fn load(&self, out: &mut [f32], first: usize) -> Result<(), Error> {
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
    fn elements(&self, first: usize, length: usize) -> &'a [[u8; 2]] {
        match self.stored {
            Some((Format::Bf16, bytes)) => bytes[2 * first..2 * (first + length)].as_chunks().0,
            _ => unreachable!("only what is stored in bf16 is fused"),
        }
    }

    /// Looks whether elements that come next are finite. Besides, this reads them in long
    /// stretches, as memory likes it, so that steps find them in a cache.
    pub(super) fn look(&mut self, first: usize, length: usize) {
        if let Some((Format::Bf16, _)) = self.stored {
            let finite = !terms::any_non_finite(self.elements(first, length));
            self.finite = first..if finite { first + length } else { first };
        }
    }

    /// Lets the source refuse what is not finite.
    fn check(&self, scratch: &mut [f32], first: usize, length: usize) -> Result<(), Error> {
        if self.finite.start <= first && first + length <= self.finite.end {
            return Ok(());
        }
        if terms::any_non_finite(self.elements(first, length)) {
            return self.read(&mut scratch[..length], first);
        }
        Ok(())
    }
}
