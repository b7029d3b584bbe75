//! One step of a program: computes a tile from others.

mod added;
mod alone;
mod elected;
mod input;
mod magnitudes;
mod survivors;
mod variance;

use super::Buffers;
use crate::error::Error;
use crate::kernels::map::Operand;
use crate::kernels::mask::{self, Cut};
use crate::kernels::terms;
use crate::kernels::trim::{self, Band, TrimmedChange};
use crate::kernels::{draw, elementwise, lines, spread};
pub(super) use added::Added;
use added::add;
pub(super) use alone::Alone;
pub(super) use elected::{Elected, Voters};
pub(super) use input::Input;
pub(super) use magnitudes::Magnitudes;
use mergelab_abi::ops::Op;
use mergelab_abi::working::Working;
use std::mem;
use std::sync::Arc;
use survivors::survivors;
pub(super) use survivors::{Draw, Factors, Survivor};
pub(super) use variance::{Terms, Variance};

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
    Keep(Draw),
    KeepBy {
        key: u64,
        p: usize,
    },
    /// Those from an index on.
    Elements(Arc<Vec<f32>>, usize),
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
    /// A source less a slot, times a slot.
    MaskedChange {
        source: usize,
        minus: usize,
        mask: usize,
    },
    Dropped {
        x: usize,
        draw: Draw,
    },
    /// Their sum.
    Survivors(Vec<Survivor>),
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
    Magnitudes(Magnitudes),
    Variance(Variance),
    Alone(Alone),
    Elected(Elected),
}

pub(super) struct Step {
    pub(super) work: Work,
    pub(super) out: usize,
    /// Precision that the result is rounded to.
    pub(super) working: Working,
    /// Whether the result can need rounding to the working precision, which the kernel has not
    /// done.
    pub(super) rounds: bool,
}

impl Step {
    /// Masks whose flags it looks at.
    pub(super) fn masks(&self) -> usize {
        match &self.work {
            Work::Keep(_) | Work::Dropped { .. } | Work::Magnitudes(_) => 1,
            Work::Survivors(terms) => terms.len(),
            _ => 0,
        }
    }

    /// Computes elements `first .. first + length`.
    pub(super) fn run(
        &self,
        buffers: &mut Buffers<'_>,
        first: usize,
        length: usize,
    ) -> Result<(), Error> {
        let mut buffer = mem::take(&mut buffers.tiles[self.out]);
        let result = self.compute(buffers, &mut buffer[..length], first);
        if self.rounds {
            elementwise::round(self.working, &mut buffer[..length]);
        }
        buffers.tiles[self.out] = buffer;
        result
    }

    fn compute<'a>(
        &'a self,
        buffers: &'a mut Buffers<'_>,
        out: &mut [f32],
        first: usize,
    ) -> Result<(), Error> {
        let (length, working) = (out.len(), self.working);
        match &self.work {
            Work::Load(source) => return buffers.inputs[*source].load(out, first),
            Work::Magnitudes(sums) => return sums.run(working, buffers, first, length),
            Work::Change { source, .. }
            | Work::TrimmedChange { source, .. }
            | Work::MaskedChange { source, .. } => {
                buffers.inputs[*source].check(&mut buffers.scratch, first, length)?;
            }
            Work::Sum(added) => {
                for source in added.sources() {
                    buffers.inputs[source].check(&mut buffers.scratch, first, length)?;
                }
            }
            Work::Variance(variance) => {
                for &source in variance.terms.sources() {
                    buffers.inputs[source].check(&mut buffers.scratch, first, length)?;
                }
            }
            Work::Alone(alone) => {
                for &source in alone.terms.sources() {
                    buffers.inputs[source].check(&mut buffers.scratch, first, length)?;
                }
            }
            Work::Elected(elected) => {
                for source in elected.sources() {
                    buffers.inputs[source].check(&mut buffers.scratch, first, length)?;
                }
            }
            Work::Keep(draw) | Work::Dropped { draw, .. } => {
                draw.flags(&mut buffers.flags[0][..length], first);
            }
            Work::Survivors(terms) => {
                for (term, flags) in terms.iter().zip(&mut buffers.flags) {
                    buffers.inputs[term.source].check(&mut buffers.scratch, first, length)?;
                    term.draw.flags(&mut flags[..length], first);
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
            Work::Load(_) | Work::Magnitudes(_) => {}
            Work::Unary(op, a) => elementwise::unary(*op, out, tile(*a)),
            Work::Binary(op, a, b) => {
                elementwise::binary(working, *op, out, operand(*a), operand(*b));
            }
            Work::Select(a, b, c) => {
                elementwise::select(out, operand(*a), operand(*b), operand(*c));
            }
            Work::AddN(slots) => add(working, out, slots, |&slot| terms::Plain { x: tile(slot) }),
            Work::TopK(a, cut) => mask::top_k(out, tile(*a), *cut, first),
            Work::Keep(_) => draw::mask(out, &buffers.flags[0][..length]),
            Work::KeepBy { key, p } => draw::keep_by(out, tile(*p), *key, first),
            Work::Elements(all, from) => {
                let first = first - from;
                out.copy_from_slice(&all[first..first + length]);
            }
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
            Work::MaskedChange {
                source,
                minus,
                mask,
            } => {
                let change = terms::MaskedChange {
                    x: stored(*source),
                    minus: tile(*minus),
                    mask: tile(*mask),
                };
                terms::sum(working, out, &[change]);
            }
            Work::Dropped { x, .. } => draw::masked(out, tile(*x), &buffers.flags[0][..length]),
            Work::Survivors(list) => survivors(working, buffers, out, list, first),
            Work::Choice {
                a,
                b,
                equal,
                chosen,
                other,
            } => elementwise::choose(out, tile(*a), *b, *equal, *chosen, *other),
            Work::Exceeds(x, limit) => elementwise::exceeds(out, tile(*x), *limit),
            Work::Sum(added) => added.run(working, out, tile, stored, first),
            Work::Variance(variance) => variance.run(working, out, tile, stored, first),
            Work::Alone(alone) => alone.run(working, out, tile, stored),
            Work::Elected(elected) => elected.run(working, out, tile, stored, first),
        }
        Ok(())
    }
}
