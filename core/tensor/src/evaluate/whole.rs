//! Nodes that are computed as a whole and kept in memory.

use super::{Fact, Schedule};
use crate::CHUNK;
use crate::error::Error;
use crate::graph::Kind;
use crate::kernels::elementwise;
use crate::linear_algebra::{self, Matrix, decompose};
use crate::program::{Buffers, Program};
use crate::session::Options;
use mergelab_abi::ops::{Node, Op};
use rayon::prelude::*;
use std::sync::Arc;

impl Schedule<'_> {
    /// Computes a node whose operands can be read, and others that come with it.
    pub(super) fn whole(&self, node: Node) -> Result<Vec<(Node, Fact)>, Error> {
        let recorded = &self.nodes[node as usize];
        let Kind::Operation {
            op,
            inputs,
            integers,
            ..
        } = &recorded.kind
        else {
            return self.stored(node);
        };
        let elements = match op {
            Op::RowRank | Op::RankedKeepMask => return self.ranked_as_a_whole(node),
            Op::SvdU | Op::SvdS | Op::SvdV | Op::QrQ | Op::QrR => {
                return self.decomposition(node, *op, inputs[0]);
            }
            Op::MatMul => {
                let (a, b) = (self.elements(inputs[0]), self.elements(inputs[1]));
                linear_algebra::product(
                    self.matrix(inputs[0], &a),
                    self.matrix(inputs[1], &b),
                    [integers[0] == 1, integers[1] == 1],
                )
            }
            Op::Transpose => {
                let a = self.elements(inputs[0]);
                linear_algebra::transpose(self.matrix(inputs[0], &a))
            }
            Op::Concat => {
                let axis = integers[0] as usize;
                let parts: Vec<Arc<Vec<f32>>> = inputs.iter().map(|&n| self.elements(n)).collect();
                let outer: usize = recorded.shape[..axis].iter().product();
                let mut to = Vec::with_capacity(recorded.len);
                for place in 0..outer {
                    for part in &parts {
                        let length = part.len() / outer;
                        to.extend_from_slice(&part[place * length..(place + 1) * length]);
                    }
                }
                to
            }
            Op::Narrow => {
                let (axis, start) = (integers[0] as usize, integers[1] as usize);
                let from = &self.nodes[inputs[0] as usize].shape;
                let a = self.elements(inputs[0]);
                let inner: usize = from[axis + 1..].iter().product();
                let places = start * inner..(start + recorded.shape[axis]) * inner;
                a.chunks((from[axis] * inner).max(1))
                    .flat_map(|part| &part[places.clone()])
                    .copied()
                    .collect()
            }
            _ => return self.stored(node),
        };
        Ok(vec![(node, self.rounded(node, elements))])
    }

    fn rounded(&self, node: Node, mut elements: Vec<f32>) -> Fact {
        elementwise::round(self.nodes[node as usize].working, &mut elements);
        Fact::Elements(Arc::new(elements))
    }

    /// A node that is computed element by element.
    fn stored(&self, node: Node) -> Result<Vec<(Node, Fact)>, Error> {
        let mut to = vec![0.0; self.nodes[node as usize].len];
        self.in_bands(&[node], 0..to.len(), CHUNK, |program, band| {
            let slot = program.slot(node);
            let fill = |buffers: &mut Buffers<'_>, (chunk, out): (usize, &mut [f32])| {
                self.options.check_interrupt()?;
                let first = band.start + chunk * CHUNK;
                fill(program, slot, self.options, buffers, first, out)
            };
            to[band.clone()]
                .par_chunks_mut(CHUNK)
                .enumerate()
                .try_for_each_init(|| program.buffers(program.tile(self.options)), fill)
        })?;
        Ok(vec![(node, Fact::Elements(Arc::new(to)))])
    }

    /// The decomposition that `node` is a factor of, and others that can be computed, on all
    /// threads. Each is computed by one.
    fn decomposition(&self, node: Node, op: Op, of: Node) -> Result<Vec<(Node, Fact)>, Error> {
        let mut tasks = vec![(op, of)];
        let is_qr = |op: Op| matches!(op, Op::QrQ | Op::QrR);
        for other in self.demand.ready(super::Role::Whole) {
            if tasks.len() >= rayon::current_num_threads() {
                break;
            }
            if let Kind::Operation { op, inputs, .. } = &self.nodes[other as usize].kind
                && other > node
                && matches!(op, Op::SvdU | Op::SvdS | Op::SvdV | Op::QrQ | Op::QrR)
                && !tasks
                    .iter()
                    .any(|&(task, of)| of == inputs[0] && is_qr(task) == is_qr(*op))
            {
                tasks.push((*op, inputs[0]));
            }
        }
        let results: Vec<Result<Vec<(Node, Fact)>, Error>> = tasks
            .into_par_iter()
            .with_max_len(1)
            .map(|(op, of)| {
                let elements = self.elements(of);
                let parts = decompose(op, self.matrix(of, &elements)).map_err(|problem| {
                    Error::Decomposition {
                        operation: op.name(),
                        shape: self.nodes[of as usize].shape.clone(),
                        problem,
                    }
                })?;
                Ok(self.wanted(of, parts))
            })
            .collect();
        let mut known = Vec::new();
        for result in results {
            known.extend(result?);
        }
        Ok(known)
    }

    /// The factors that the target needs.
    fn wanted(&self, of: Node, parts: Vec<(Op, Vec<f32>)>) -> Vec<(Node, Fact)> {
        let mut known = Vec::new();
        for (part, elements) in parts {
            let is_part = |node: &&Node| {
                matches!(&self.nodes[**node as usize].kind, Kind::Operation { op, .. } if *op == part)
                    && self.demand.misses(**node)
            };
            // Equal operations are recorded once.
            if let Some(&node) = self.demand.users(of).iter().find(is_part) {
                known.push((node, self.rounded(node, elements)));
            }
        }
        known
    }

    /// Elements of a node that is in memory.
    fn elements(&self, node: Node) -> Arc<Vec<f32>> {
        match self.facts.get(&node) {
            Some(fact) => fact.elements(self.nodes[node as usize].len),
            None => unreachable!("node {node} is read before it is in memory"),
        }
    }

    fn matrix<'e>(&self, node: Node, data: &'e [f32]) -> Matrix<'e> {
        let shape = &self.nodes[node as usize].shape;
        Matrix {
            rows: shape[0],
            columns: shape[1],
            data,
        }
    }
}

/// Computes elements from `first` on, tile by tile.
pub(super) fn fill(
    program: &Program,
    slot: usize,
    options: &Options,
    buffers: &mut Buffers<'_>,
    first: usize,
    out: &mut [f32],
) -> Result<(), Error> {
    let (tile, end) = (program.tile(options), first + out.len());
    // Tiles start at multiples of 16.
    let mut start = first / 16 * 16;
    while start < end {
        let length = tile.min(end - start);
        program.run(buffers, start, length)?;
        let skip = first.saturating_sub(start);
        let to = start + skip - first;
        out[to..to + length - skip].copy_from_slice(&buffers.tile(slot, length)[skip..]);
        start += length;
    }
    Ok(())
}
