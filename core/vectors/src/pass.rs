//! Passes over the tiles of a tensor: reading them, and summing over them.
//!
//! Tiles have a fixed length and their f64 sums are added in their order, so results do not depend
//! on the number of threads. Counts are integers, whose order does not matter.

use std::ops::Range;

use rayon::prelude::*;

use crate::VectorError;
use crate::input::Inputs;
use crate::largest::Histogram;
use crate::spectrum::read_base;
use crate::totals::{Totals, pairs};

/// Elements read at a time; with five models they stay in a core's cache.
pub(crate) const TILE: usize = 1 << 14;

/// Runs of tiles, each for one thread.
pub(crate) fn runs(elements: usize) -> Vec<Range<usize>> {
    let tiles = elements.div_ceil(TILE);
    let per_run = tiles.div_ceil(rayon::current_num_threads() * 2).max(1);
    let step = per_run * TILE;
    (0..elements)
        .step_by(step)
        .map(|start| start..elements.min(start + step))
        .collect()
}

/// One tile of every task vector.
pub(crate) struct Tile<'a> {
    pub(crate) base: &'a [f32],
    pub(crate) vectors: &'a [Vec<f32>],
}

/// Calls `visit` with each tile of the run.
pub(crate) fn each_tile(
    inputs: &Inputs,
    tensor: &str,
    run: Range<usize>,
    mut visit: impl FnMut(Tile<'_>),
) -> Result<(), VectorError> {
    let mut base = Vec::new();
    let mut vectors = vec![Vec::new(); inputs.models.len()];
    let end = run.end;
    for start in run.step_by(TILE) {
        let range = start..end.min(start + TILE);
        base.resize(range.len(), 0.0);
        read_base(inputs, tensor, start, &mut base)?;
        for (model, vector) in inputs.models.iter().zip(&mut vectors) {
            vector.resize(range.len(), 0.0);
            model.read(tensor, range.clone(), &base, vector)?;
        }
        visit(Tile {
            base: &base,
            vectors: &vectors,
        });
    }
    Ok(())
}

/// The sums of a tensor, and a histogram of each task vector's magnitudes.
pub(crate) fn sums(
    inputs: &Inputs,
    tensor: &str,
    elements: usize,
) -> Result<(Totals, Vec<Histogram>), VectorError> {
    let models = inputs.models.len();
    let parts: Vec<(Vec<Totals>, Vec<Histogram>)> = runs(elements)
        .into_par_iter()
        .map(|run| {
            let mut tiles = Vec::new();
            let mut histograms = vec![Histogram::coarse(); models];
            each_tile(inputs, tensor, run, |tile| {
                tiles.push(of_tile(&tile));
                for (histogram, vector) in histograms.iter_mut().zip(tile.vectors) {
                    histogram.count_coarse(vector);
                }
            })?;
            Ok((tiles, histograms))
        })
        .collect::<Result<_, VectorError>>()?;
    let mut totals = Totals::new(models);
    let mut histograms = vec![Histogram::coarse(); models];
    for (tiles, part) in &parts {
        tiles.iter().for_each(|tile| totals.add(tile));
        for (histogram, part) in histograms.iter_mut().zip(part) {
            histogram.add(part);
        }
    }
    Ok((totals, histograms))
}

fn of_tile(tile: &Tile<'_>) -> Totals {
    let mut totals = Totals::new(tile.vectors.len());
    totals.entries = tile.base.len() as u64;
    totals.base = dot(tile.base, tile.base);
    for (square, vector) in totals.squares.iter_mut().zip(tile.vectors) {
        *square = dot(vector, vector);
    }
    for (pair, (i, j)) in pairs(tile.vectors.len()).enumerate() {
        let (a, b) = (&tile.vectors[i], &tile.vectors[j]);
        totals.dots[pair] = dot(a, b);
        for (a, b) in a.iter().zip(b) {
            let both = *a != 0.0 && *b != 0.0;
            totals.both[pair] += u64::from(both);
            totals.conflicts[pair] += u64::from(both && (*a < 0.0) != (*b < 0.0));
        }
    }
    totals
}

/// Products are exact in f64. Eight sums side by side, so that the loop vectorises.
fn dot(a: &[f32], b: &[f32]) -> f64 {
    let mut sums = [0.0f64; 8];
    let (a_chunks, a_rest) = a.as_chunks::<8>();
    let (b_chunks, b_rest) = b.as_chunks::<8>();
    for (a, b) in a_chunks.iter().zip(b_chunks) {
        for ((sum, a), b) in sums.iter_mut().zip(a).zip(b) {
            *sum += f64::from(*a) * f64::from(*b);
        }
    }
    let rest = a_rest.iter().zip(b_rest);
    let rest: f64 = rest.map(|(a, b)| f64::from(*a) * f64::from(*b)).sum();
    sums.iter().sum::<f64>() + rest
}
