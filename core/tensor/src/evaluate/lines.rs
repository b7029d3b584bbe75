//! Sums and maxima of rows and columns.
//!
//! They are collected in pieces whose limits do not depend on tiles or threads: a row is cut at
//! the ends of blocks and chunks, a column at the ends of stretches of whole chunks. Pieces are
//! added in their order.
//!
//! Rows that are not long are computed as a whole, a few at a time. Then a statistic can depend on
//! another of the same rows, as the sum of a softmax does on the largest element, without another
//! pass over the inputs.

use super::{Fact, Schedule};
use crate::error::Error;
use crate::graph::Kind;
use crate::kernels::extreme::{Extreme, max_of};
use crate::kernels::lines::{add_to_columns, add_to_row};
use crate::kernels::{LANES, elementwise};
use crate::program::{Buffers, Program};
use crate::session::Options;
use crate::{BLOCK, CHUNK};
use mergelab_abi::ops::{Node, Op, rows};
use rayon::prelude::*;
use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::Arc;

/// Rows that the partial sums of columns cover at least, so that they need little memory.
const ROWS: usize = 16;

/// Elements of a few rows that are computed as a whole at most.
const WHOLE: usize = 1 << 16;

/// How many rows a tile must have a multiple of, as tiles start at multiples of 16 elements.
fn alignment(row: usize) -> usize {
    16 >> row.trailing_zeros().min(4)
}

/// What is collected, and the slots of its operands.
struct Line {
    op: Op,
    a: usize,
    b: Option<usize>,
}

impl Schedule<'_> {
    /// Collects every row and column statistic that can be collected now.
    pub(super) fn lines(&self) -> Result<Vec<(Node, Fact)>, Error> {
        let mut groups: BTreeMap<(usize, usize, bool), Vec<Node>> = BTreeMap::new();
        for node in self.demand.ready(super::Role::Lines) {
            let (op, inputs) = self.operation(node);
            let (rows, row) = rows(&self.nodes[inputs[0] as usize].shape);
            let group = (rows, row, is_column(op));
            groups.entry(group).or_default().push(node);
        }
        let mut known = Vec::new();
        for ((rows, row, columns), nodes) in groups {
            known.extend(match columns || row == 0 || row * alignment(row) > WHOLE {
                true => self.group(rows, row, columns, &nodes)?,
                false => self.whole_rows(rows, row)?,
            });
        }
        Ok(known)
    }

    /// Collects row statistics of tensors of this shape, and those that depend on them row by row,
    /// a few whole rows after the other.
    fn whole_rows(&self, rows: usize, row: usize) -> Result<Vec<(Node, Fact)>, Error> {
        /// Elements of a tile, if rows are no longer.
        const TILE: usize = 2048;
        let nodes = self.demand.chain((rows, row));
        let least = row * alignment(row);
        let tile = TILE.max(least) / least * least;
        // What one thread takes at once.
        let unit = CHUNK.max(tile) / tile * tile;
        let len = rows * row;
        let collect = |program: &Program, buffers: &mut Buffers<'_>, start: usize, end: usize| {
            self.options.check_interrupt()?;
            let mut collected = vec![Vec::new(); nodes.len()];
            let end = (start + unit).min(end);
            for first in (start..end).step_by(tile) {
                let length = tile.min(end - first);
                program.look(buffers, first, length);
                program.run(buffers, first, length)?;
                for (collected, &node) in collected.iter_mut().zip(&nodes) {
                    let values = buffers.tile(program.slot(node), length);
                    collected.extend_from_slice(&values[..length / row]);
                }
            }
            Ok::<_, Error>(collected)
        };
        let mut values: Vec<Vec<f32>> = vec![Vec::with_capacity(rows); nodes.len()];
        self.rows_in_bands(&nodes, row, 0..len, unit, |program, band| {
            let units: Vec<Vec<Vec<f32>>> = (0..band.len().div_ceil(unit))
                .into_par_iter()
                .map_init(
                    || program.buffers(tile),
                    |buffers, index| collect(program, buffers, band.start + index * unit, band.end),
                )
                .collect::<Result<_, _>>()?;
            for unit in units {
                for (values, more) in values.iter_mut().zip(unit) {
                    values.extend(more);
                }
            }
            Ok(())
        })?;
        let of_node = |(&node, values): (&Node, Vec<f32>)| (node, Fact::Elements(Arc::new(values)));
        Ok(nodes.iter().zip(values).map(of_node).collect())
    }

    fn operation(&self, node: Node) -> (Op, &[Node]) {
        match &self.nodes[node as usize].kind {
            Kind::Operation { op, inputs, .. } => (*op, inputs),
            Kind::Input(_) => unreachable!("an input is no statistic"),
        }
    }

    fn group(
        &self,
        rows: usize,
        row: usize,
        columns: bool,
        nodes: &[Node],
    ) -> Result<Vec<(Node, Fact)>, Error> {
        let mut wanted: Vec<Node> = nodes
            .iter()
            .flat_map(|&node| self.operation(node).1)
            .copied()
            .collect();
        wanted.sort_unstable();
        wanted.dedup();
        let unit = match columns {
            false => CHUNK,
            true => CHUNK * (ROWS * row).div_ceil(CHUNK).max(1),
        };
        let places = if columns { row } else { rows };
        let mut totals: Vec<Vec<f64>> = nodes
            .iter()
            .map(|&node| vec![start(self.operation(node).0); places])
            .collect();
        // Of columns each unit has a number of its own, so not all units are collected at once.
        let at_once = match columns {
            true => rayon::current_num_threads() * 4 * unit,
            false => usize::MAX,
        };
        self.in_bands(&wanted, 0..rows * row, unit, |program, band| {
            let lines: Vec<Line> = nodes.iter().map(|&n| self.line(program, n)).collect();
            let walk = Walk {
                program,
                options: self.options,
                lines: &lines,
                row,
            };
            for first in band.clone().step_by(at_once) {
                let end = band.end.min(first.saturating_add(at_once));
                let collected: Vec<Vec<Vec<f64>>> = (first..end)
                    .into_par_iter()
                    .step_by(unit)
                    .map_init(
                        || program.buffers(program.tile(self.options)),
                        |buffers, start| walk.unit(buffers, start..(start + unit).min(end)),
                    )
                    .collect::<Result<_, Error>>()?;
                for (number, unit_of) in collected.iter().enumerate() {
                    let place = if columns {
                        0
                    } else {
                        (first + number * unit) / row
                    };
                    for ((line, total), unit_of) in lines.iter().zip(&mut totals).zip(unit_of) {
                        add(line.op, &mut total[place..], unit_of);
                    }
                }
            }
            Ok(())
        })?;
        let of_node = |(&node, total): (&Node, Vec<f64>)| {
            // `+ 0.0` makes either zero `+0`.
            let mut values: Vec<f32> = total.iter().map(|&x| (x + 0.0) as f32).collect();
            elementwise::round(self.nodes[node as usize].working, &mut values);
            (node, Fact::Elements(Arc::new(values)))
        };
        Ok(nodes.iter().zip(totals).map(of_node).collect())
    }

    fn line(&self, program: &Program, node: Node) -> Line {
        let (op, inputs) = self.operation(node);
        Line {
            op,
            a: program.slot(inputs[0]),
            b: inputs.get(1).map(|&b| program.slot(b)),
        }
    }
}

fn is_column(op: Op) -> bool {
    matches!(op, Op::ColumnSum | Op::ColumnDot)
}

/// Adds what a unit has to the totals.
fn add(op: Op, totals: &mut [f64], unit: &[f64]) {
    for (total, &x) in totals.iter_mut().zip(unit) {
        *total = match op {
            Op::RowMax => f64::from(Extreme::Max.of(*total as f32, x as f32)),
            _ => *total + x,
        };
    }
}

/// The statistic of nothing.
fn start(op: Op) -> f64 {
    match op {
        Op::RowMax => f64::NEG_INFINITY,
        _ => 0.0,
    }
}

struct Walk<'a> {
    program: &'a Program,
    options: &'a Options,
    lines: &'a [Line],
    /// Elements of a row.
    row: usize,
}

impl Walk<'_> {
    /// What is collected from a stretch of elements: for each line, a number for each row that
    /// the stretch touches, or for each column.
    fn unit(&self, buffers: &mut Buffers<'_>, range: Range<usize>) -> Result<Vec<Vec<f64>>, Error> {
        self.options.check_interrupt()?;
        let first_row = range.start / self.row;
        let mut collected: Vec<Vec<f64>> = self
            .lines
            .iter()
            .map(|line| match is_column(line.op) {
                true => vec![0.0; self.row],
                false => vec![start(line.op); (range.end - 1) / self.row - first_row + 1],
            })
            .collect();
        let mut lanes = vec![[0.0f64; LANES]; self.lines.len()];
        let tile = self.program.tile(self.options);
        for block in range.clone().step_by(BLOCK) {
            let block_end = (block + BLOCK).min(range.end);
            for first in (block..block_end).step_by(tile) {
                let length = tile.min(block_end - first);
                self.program.run(buffers, first, length)?;
                for ((line, collected), lanes) in
                    self.lines.iter().zip(&mut collected).zip(&mut lanes)
                {
                    let a = buffers.tile(line.a, length);
                    let b = line.b.map(|slot| buffers.tile(slot, length));
                    if is_column(line.op) {
                        add_to_columns(collected, first % self.row, a, b);
                    } else {
                        self.rows(
                            line.op,
                            collected,
                            lanes,
                            first..first + length,
                            first_row,
                            a,
                            b,
                        );
                    }
                }
            }
        }
        Ok(collected)
    }

    /// Adds a tile to the rows that it touches.
    #[expect(
        clippy::too_many_arguments,
        reason = "the state of one loop, passed down once"
    )]
    fn rows(
        &self,
        op: Op,
        collected: &mut [f64],
        lanes: &mut [f64; LANES],
        range: Range<usize>,
        first_row: usize,
        a: &[f32],
        b: Option<&[f32]>,
    ) {
        let mut start = range.start;
        while start < range.end {
            let row = start / self.row;
            let row_end = (row + 1) * self.row;
            let end = row_end.min(range.end);
            let part = start - range.start..end - range.start;
            let (a, b) = (&a[part.clone()], b.map(|b| &b[part.clone()]));
            let total = &mut collected[row - first_row];
            if op == Op::RowMax {
                *total = f64::from(Extreme::Max.of(*total as f32, max_of(a)));
            } else {
                add_to_row(lanes, start % LANES, a, b);
                if end == row_end || end.is_multiple_of(BLOCK) {
                    *total += lanes.iter().sum::<f64>();
                    *lanes = [0.0; LANES];
                }
            }
            start = end;
        }
    }
}
