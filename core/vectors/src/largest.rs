//! The largest entries of task vectors, and how many of them two models share.
//!
//! The bits of a non-negative float are ordered as its value, so the kth largest magnitude is
//! found by counting the upper 16 bits in one pass and the lower 16 in another.

use rayon::prelude::*;

use crate::VectorError;
use crate::input::Inputs;
use crate::pass::{each_tile, runs};
use crate::totals::{Overlap, pairs};

/// The shares of entries that count as the largest.
pub const SHARES: [f64; 3] = [0.01, 0.10, 0.20];

/// Sizes of the sets of largest entries, and of their intersections.
struct Sets {
    /// Of each model.
    sizes: Vec<[u64; SHARES.len()]>,
    /// Of each pair.
    common: Vec<[u64; SHARES.len()]>,
}

/// Counts of magnitudes.
#[derive(Clone, Debug)]
pub(crate) struct Histogram {
    counts: Vec<u64>,
}

fn magnitude(value: f32) -> u32 {
    value.to_bits() & 0x7fff_ffff
}

impl Histogram {
    /// Of the upper halves.
    pub(crate) fn coarse() -> Histogram {
        Histogram {
            counts: vec![0; 1 << 15],
        }
    }

    /// Of the lower halves, where the upper ones are given.
    fn fine() -> Histogram {
        Histogram {
            counts: vec![0; 1 << 16],
        }
    }

    pub(crate) fn count_coarse(&mut self, values: &[f32]) {
        for value in values {
            self.counts[(magnitude(*value) >> 16) as usize] += 1;
        }
    }

    pub(crate) fn add(&mut self, other: &Histogram) {
        for (to, from) in self.counts.iter_mut().zip(&other.counts) {
            *to += from;
        }
    }

    /// The bin that the `k`th largest lies in, and how many lie above that bin.
    fn bin_of(&self, k: u64) -> (u32, u64) {
        let mut above = 0;
        for (bin, count) in self.counts.iter().enumerate().rev() {
            if above + count >= k {
                return (bin as u32, above);
            }
            above += count;
        }
        (0, above)
    }
}

/// The overlaps of each pair's largest entries, for each share.
///
/// A set is all entries at least as large as the kth largest, k the share of the entries rounded
/// up, without zeros; ties make it larger than k.
pub(crate) fn overlaps(
    inputs: &Inputs,
    tensor: &str,
    elements: usize,
    coarse: &[Histogram],
) -> Result<Vec<[Overlap; SHARES.len()]>, VectorError> {
    let models = inputs.models.len();
    let counts = SHARES.map(|share| ((share * elements as f64).ceil() as u64).max(1));
    let bins: Vec<[(u32, u64); SHARES.len()]> = coarse
        .iter()
        .map(|histogram| counts.map(|k| histogram.bin_of(k)))
        .collect();

    let empty = || vec![[(); SHARES.len()].map(|()| Histogram::fine()); models];
    let parts: Vec<_> = runs(elements)
        .into_par_iter()
        .map(|run| {
            let mut fine = empty();
            each_tile(inputs, tensor, run, |tile| {
                for ((fine, bins), vector) in fine.iter_mut().zip(&bins).zip(tile.vectors) {
                    for value in vector {
                        let bits = magnitude(*value);
                        for (fine, (bin, _)) in fine.iter_mut().zip(bins) {
                            if bits >> 16 == *bin {
                                fine.counts[(bits & 0xffff) as usize] += 1;
                            }
                        }
                    }
                }
            })?;
            Ok(fine)
        })
        .collect::<Result<Vec<_>, VectorError>>()?;
    let mut fine = empty();
    for part in &parts {
        for (to, from) in fine.iter_mut().flatten().zip(part.iter().flatten()) {
            to.add(from);
        }
    }
    drop(parts);
    let thresholds: Vec<[u32; SHARES.len()]> = fine
        .iter()
        .zip(&bins)
        .map(|(fine, bins)| {
            std::array::from_fn(|s| {
                let (bin, above) = bins[s];
                let (low, _) = fine[s].bin_of(counts[s].saturating_sub(above).max(1));
                // Zeros are never among the largest.
                (bin << 16 | low).max(1)
            })
        })
        .collect();
    drop(fine);

    let count = pairs(models).count();
    let parts: Vec<Sets> = runs(elements)
        .into_par_iter()
        .map(|run| {
            let mut sets = Sets {
                sizes: vec![[0; SHARES.len()]; models],
                common: vec![[0; SHARES.len()]; count],
            };
            each_tile(inputs, tensor, run, |tile| {
                for share in 0..SHARES.len() {
                    // One share's thresholds, by model.
                    let limits: Vec<u32> = thresholds.iter().map(|of| of[share]).collect();
                    let is_large = |model: usize, value: f32| magnitude(value) >= limits[model];
                    for (model, vector) in tile.vectors.iter().enumerate() {
                        let large = vector.iter().map(|v| u64::from(is_large(model, *v)));
                        sets.sizes[model][share] += large.sum::<u64>();
                    }
                    for (pair, (i, j)) in pairs(models).enumerate() {
                        let both = tile.vectors[i].iter().zip(&tile.vectors[j]);
                        let both = both.map(|(a, b)| u64::from(is_large(i, *a) & is_large(j, *b)));
                        sets.common[pair][share] += both.sum::<u64>();
                    }
                }
            })?;
            Ok(sets)
        })
        .collect::<Result<_, VectorError>>()?;
    let total = |read: &dyn Fn(&Sets) -> u64| parts.iter().map(read).sum::<u64>();
    Ok(pairs(models)
        .enumerate()
        .map(|(pair, (i, j))| {
            std::array::from_fn(|s| {
                let common = total(&|sets| sets.common[pair][s]);
                let size = |model: usize| total(&|sets| sets.sizes[model][s]);
                Overlap::new(common, size(i), size(j), elements as u64)
            })
        })
        .collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_bin_of_the_kth_largest() {
        let mut histogram = Histogram::coarse();
        histogram.count_coarse(&[0.0, -3.0, 1.0, 1.0, 2.0]);
        let bin = |value: f32| value.to_bits() >> 16;
        assert_eq!(histogram.bin_of(1), (bin(3.0), 0));
        assert_eq!(histogram.bin_of(2), (bin(2.0), 1));
        assert_eq!(histogram.bin_of(3), (bin(1.0), 2));
        assert_eq!(histogram.bin_of(4), (bin(1.0), 2));
        assert_eq!(histogram.bin_of(5), (0, 4));
    }
}
