//! Causal attention of whole sequences on the CPU.
//!
//! One task computes the attention of the heads that share keys in one sequence, block by block of
//! queries: the weights of a block stay in the cache and are computed anew in the backward pass
//! (Dao et al., 2022, "FlashAttention", without its division of the keys). Slots that no query of
//! a block may attend to are left out, so about half of the products are never computed.

use burn::backend::Flex;
use burn::tensor::Tensor;
use faer::linalg::matmul::matmul;
use faer::{Accum, MatMut, MatRef, Par};
use pulp::Arch;
use rayon::prelude::*;

use super::Frame;
use super::rows::{View, build, dispatch};
use super::simd;

/// Queries in a block: their weights over a thousand slots fill a quarter of a megabyte.
const BLOCK: usize = 64;

/// Slots whose weighted values are summed at a time.
const PART: usize = 256;

/// Shapes of queries `[sequences, heads, tokens, width]` and keys `[sequences, groups, ..]`.
#[derive(Clone, Copy)]
struct Shape {
    heads: usize,
    groups: usize,
    tokens: usize,
    width: usize,
}

impl Shape {
    fn of(query: &Tensor<Flex, 4>, keys: &Tensor<Flex, 4>) -> Self {
        let [_, heads, tokens, width] = query.dims();
        Self {
            heads,
            groups: keys.dims()[1],
            tokens,
            width,
        }
    }

    /// Heads that share keys.
    fn shared(self) -> usize {
        self.heads / self.groups
    }

    /// Elements of the queries of the heads that share keys.
    fn of_queries(self) -> usize {
        self.shared() * self.tokens * self.width
    }

    fn of_keys(self) -> usize {
        self.tokens * self.width
    }

    /// The blocks of queries: for each the head, its first query, and how many it has. A single
    /// query that is left over joins the block before it: products of one row round differently.
    fn blocks(self) -> impl Iterator<Item = (usize, usize, usize)> {
        let count = (self.tokens.saturating_sub(2) / BLOCK + 1).max(1);
        (0..self.shared()).flat_map(move |head| {
            (0..count).map(move |block| {
                let start = block * BLOCK;
                let end = if block + 1 == count {
                    self.tokens
                } else {
                    start + BLOCK
                };
                (head, start, end - start)
            })
        })
    }
}

fn matrix(elements: &[f32], rows: usize, columns: usize) -> MatRef<'_, f32> {
    MatRef::from_row_major_slice(&elements[..rows * columns], rows, columns)
}

fn matrix_mut(elements: &mut [f32], rows: usize, columns: usize) -> MatMut<'_, f32> {
    MatMut::from_row_major_slice_mut(&mut elements[..rows * columns], rows, columns)
}

fn product(out: MatMut<'_, f32>, sum: Accum, a: MatRef<'_, f32>, b: MatRef<'_, f32>) {
    matmul(out, sum, a, b, 1.0, Par::Seq);
}

/// Softmax of `scale * row` in place; the logarithm of the sum of `exp(scale * row)`.
#[inline(always)]
fn softmax(row: &mut [f32], scale: f32) -> f32 {
    for value in row.iter_mut() {
        *value *= scale;
    }
    let greatest = simd::max(row);
    greatest + simd::softmax_scaled(row, 1.0).ln()
}

/// A block of queries of one head, and the keys and values from slot 0 on.
struct Block<'a> {
    query: &'a [f32],
    keys: &'a [f32],
    values: &'a [f32],
    /// Queries.
    count: usize,
    /// Slots that the last query attends to, and those before them.
    slots: usize,
    width: usize,
    /// Row of the first query in the frame.
    row: usize,
}

impl Block<'_> {
    /// Writes the attended values and the logarithms of the sums that the weights were divided by.
    /// What it writes for a query depends on that query and its slots alone, to the bit.
    fn attend(
        &self,
        [weights, out, logs]: [&mut [f32]; 3],
        scale: f32,
        frame: &Frame<Flex>,
        arch: Arch,
    ) {
        let (count, slots, width) = (self.count, self.slots, self.width);
        let query = matrix(self.query, count, width);
        let keys = matrix(self.keys, slots, width);
        let scores = matrix_mut(weights, count, slots);
        product(scores, Accum::Replace, query, keys.transpose());
        let block = &mut weights[..count * slots];
        dispatch(
            arch,
            #[inline(always)]
            || {
                let rows = block.chunks_exact_mut(slots).zip(logs.iter_mut());
                for (token, (weights, log)) in rows.enumerate() {
                    let seen = frame.visible(self.row + token);
                    let (before, rest) = weights.split_at_mut(seen.start);
                    let (seen, after) = rest.split_at_mut(seen.len());
                    *log = softmax(seen, scale);
                    before.fill(0.0);
                    after.fill(0.0);
                }
            },
        );
        // In parts of one size: how a longer sum is divided would depend on its length, and so a
        // text's bits on the texts that it is padded to.
        for part in (0..slots).step_by(PART) {
            let size = PART.min(slots - part);
            if size == 1 && part > 0 {
                // As a product of more slots would: one slot alone takes another route.
                let value = &self.values[part * width..][..width];
                let rows = block.chunks_exact(slots).zip(out.chunks_exact_mut(width));
                for (weights, out) in rows {
                    for (out, value) in out.iter_mut().zip(value) {
                        *out += weights[part] * value;
                    }
                }
                continue;
            }
            let sum = if part == 0 {
                Accum::Replace
            } else {
                Accum::Add
            };
            let weights = matrix(block, count, slots).subcols(part, size);
            let values = matrix(self.values, slots, width).subrows(part, size);
            product(matrix_mut(out, count, width), sum, weights, values);
        }
    }
}

/// The attended values, `[sequences, heads, tokens, width]`, and the logarithms of the sums that
/// the weights were divided by, `[sequences, heads, tokens, 1]`.
pub(super) fn forward(
    query: &Tensor<Flex, 4>,
    keys: &Tensor<Flex, 4>,
    values: &Tensor<Flex, 4>,
    scale: f32,
    frame: &Frame<Flex>,
) -> (Tensor<Flex, 4>, Tensor<Flex, 4>) {
    let shape = Shape::of(query, keys);
    let (tokens, width) = (shape.tokens, shape.width);
    let views = (View::of(query), View::of(keys), View::of(values));
    let (query, keys, values) = (views.0.elements(), views.1.elements(), views.2.elements());
    let mut out = vec![0.0f32; query.len()];
    let mut logs = vec![0.0f32; query.len() / width];
    let arch = Arch::new();
    out.par_chunks_mut(shape.of_queries())
        .zip(logs.par_chunks_mut(shape.shared() * tokens))
        .enumerate()
        .for_each(|(task, (out, logs))| {
            let query = &query[task * shape.of_queries()..];
            let keys = &keys[task * shape.of_keys()..];
            let values = &values[task * shape.of_keys()..];
            let mut weights = vec![0.0f32; (BLOCK + 1).min(tokens) * tokens];
            for (head, first, count) in shape.blocks() {
                let row = head * tokens + first;
                let block = Block {
                    query: &query[row * width..],
                    keys,
                    values,
                    count,
                    slots: first + count,
                    width,
                    row: task / shape.groups * tokens + first,
                };
                let out = &mut out[row * width..][..count * width];
                let logs = &mut logs[row..][..count];
                block.attend([&mut weights, out, logs], scale, frame, arch);
            }
        });
    let [sequences, heads] = [out.len() / (shape.heads * tokens * width), shape.heads];
    (
        build(out, [sequences, heads, tokens, width]),
        build(logs, [sequences, heads, tokens, 1]),
    )
}

/// The attended values of queries that follow on keys and values in a cache: see
/// [`attend_beyond`](super::Kernels::attend_beyond). They have the bits that
/// [`forward`] gives them when it reads the whole texts.
pub(super) fn beyond(
    query: &Tensor<Flex, 4>,
    own: [&Tensor<Flex, 4>; 2],
    cached: [&Tensor<Flex, 4>; 2],
    owners: &[usize],
    scale: f32,
    frame: &Frame<Flex>,
) -> Tensor<Flex, 4> {
    let shape = Shape::of(query, own[0]);
    let (tokens, width, groups) = (shape.tokens, shape.width, shape.groups);
    let [_, _, room, _] = cached[0].dims();
    let dims = query.dims();
    let query = View::of(query);
    let (own, cached) = (own.map(View::of), cached.map(View::of));
    let query = query.elements();
    let mut out = vec![0.0f32; query.len()];
    let arch = Arch::new();
    out.par_chunks_mut(shape.of_queries())
        .enumerate()
        .for_each_init(
            || [Vec::new(), Vec::new(), Vec::new()],
            |[keys, values, weights], (task, out)| {
                let (sequence, group) = (task / groups, task % groups);
                let start = frame.positions[sequence * tokens] as usize;
                for (whole, (cached, own)) in [&mut *keys, values]
                    .into_iter()
                    .zip(cached.iter().zip(&own))
                {
                    let before = (owners[sequence] * groups + group) * room * width;
                    whole.clear();
                    whole.extend_from_slice(&cached.elements()[before..][..start * width]);
                    let after = task * shape.of_keys();
                    whole.extend_from_slice(&own.elements()[after..][..tokens * width]);
                }
                weights.resize((BLOCK + 1).min(tokens) * (start + tokens), 0.0);
                let mut logs = [0.0f32; BLOCK + 1];
                let query = &query[task * shape.of_queries()..];
                for (head, first, count) in shape.blocks() {
                    let row = head * tokens + first;
                    let block = Block {
                        query: &query[row * width..],
                        keys,
                        values,
                        count,
                        slots: start + first + count,
                        width,
                        row: sequence * tokens + first,
                    };
                    let out = &mut out[row * width..][..count * width];
                    block.attend([weights, out, &mut logs[..count]], scale, frame, arch);
                }
            },
        );
    build(out, dims)
}

/// Gradients with regard to queries, keys and values.
pub(super) fn backward(
    dout: &Tensor<Flex, 4>,
    [query, keys, values]: [&Tensor<Flex, 4>; 3],
    logs: &Tensor<Flex, 4>,
    scale: f32,
    frame: &Frame<Flex>,
) -> [Tensor<Flex, 4>; 3] {
    let shape = Shape::of(query, keys);
    let (tokens, width) = (shape.tokens, shape.width);
    let (of_queries, of_keys) = (shape.of_queries(), shape.of_keys());
    let dims = [query.dims(), keys.dims(), values.dims()];
    let views = [dout, query, keys, values, logs].map(View::of);
    let [dout, query, keys, values, logs] = [0, 1, 2, 3, 4].map(|at| views[at].elements());
    let mut dquery = vec![0.0f32; query.len()];
    let mut dkeys = vec![0.0f32; keys.len()];
    let mut dvalues = vec![0.0f32; values.len()];
    let arch = Arch::new();
    dquery
        .par_chunks_mut(of_queries)
        .zip(dkeys.par_chunks_mut(of_keys))
        .zip(dvalues.par_chunks_mut(of_keys))
        .enumerate()
        .for_each(|(task, ((dquery, dkeys), dvalues))| {
            let (query, dout) = (&query[task * of_queries..], &dout[task * of_queries..]);
            let (keys, values) = (&keys[task * of_keys..], &values[task * of_keys..]);
            let logs = &logs[task * shape.shared() * tokens..];
            let mut weights = vec![0.0f32; (BLOCK + 1).min(tokens) * tokens];
            let mut dscores = vec![0.0f32; (BLOCK + 1).min(tokens) * tokens];
            for (head, first, count) in shape.blocks() {
                let row = head * tokens + first;
                let slots = first + count;
                let query = matrix(&query[row * width..], count, width);
                let dout = matrix(&dout[row * width..], count, width);
                let (keys, values) = (matrix(keys, slots, width), matrix(values, slots, width));
                let scores = matrix_mut(&mut weights, count, slots);
                product(scores, Accum::Replace, query, keys.transpose());
                let dweights = matrix_mut(&mut dscores, count, slots);
                product(dweights, Accum::Replace, dout, values.transpose());
                dispatch(
                    arch,
                    #[inline(always)]
                    || {
                        let rows = weights
                            .chunks_exact_mut(slots)
                            .zip(dscores.chunks_exact_mut(slots));
                        for (token, (weights, dscores)) in rows.take(count).enumerate() {
                            let seen = frame.visible(task / shape.groups * tokens + first + token);
                            let log = logs[row + token];
                            for unseen in [0..seen.start, seen.end..slots] {
                                weights[unseen.clone()].fill(0.0);
                                dscores[unseen].fill(0.0);
                            }
                            let (weights, dscores) =
                                (&mut weights[seen.clone()], &mut dscores[seen]);
                            for weight in weights.iter_mut() {
                                *weight = simd::exp(*weight * scale - log);
                            }
                            let along = simd::dot(weights, dscores);
                            for (dscore, weight) in dscores.iter_mut().zip(weights) {
                                *dscore = (*dscore - along) * *weight * scale;
                            }
                        }
                    },
                );
                let (weights, dscores) = (
                    matrix(&weights, count, slots),
                    matrix(&dscores, count, slots),
                );
                let dkeys = matrix_mut(dkeys, slots, width);
                let dvalues = matrix_mut(dvalues, slots, width);
                product(dvalues, Accum::Add, weights.transpose(), dout);
                product(dkeys, Accum::Add, dscores.transpose(), query);
                let dquery = matrix_mut(&mut dquery[row * width..], count, width);
                product(dquery, Accum::Replace, dscores, keys);
            }
        });
    [
        build(dquery, dims[0]),
        build(dkeys, dims[1]),
        build(dvalues, dims[2]),
    ]
}
