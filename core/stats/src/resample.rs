//! Sums over the rows of bootstrap resamples, of many systems at once.

use crate::philox::{Philox, Purpose};
use crate::statistics::{Units, add};

/// Columns that are summed together. Eight doubles are one cache line, and the sums of two resamples fit in the
/// registers of every 64-bit processor.
const LANES: usize = 8;

/// Resamples of the units with replacement, as many as there are. Resample `r` holds the same units whatever the batch
/// that it is summed in, and every column is summed in the order of the draws.
pub(crate) struct Resampler<'a> {
    units: &'a Units,
    seed: u64,
    /// For each group of eight columns the rows of all units; empty where rows are narrower than a group.
    panels: Vec<Vec<[f64; LANES]>>,
}

impl<'a> Resampler<'a> {
    pub(crate) fn new(units: &'a Units, seed: u64) -> Self {
        let stride = units.width() * units.systems();
        let panel = |first: usize| -> Vec<[f64; LANES]> {
            (0..units.len())
                .map(|unit| {
                    let mut lanes = [0.0; LANES];
                    for (lane, value) in lanes.iter_mut().zip(&units.row(unit)[first..]) {
                        *lane = *value;
                    }
                    lanes
                })
                .collect()
        };
        let panels = if stride < LANES {
            Vec::new()
        } else {
            (0..stride).step_by(LANES).map(panel).collect()
        };
        Self {
            units,
            seed,
            panels,
        }
    }

    /// Writes the sums of the resamples `first..`, one row of all systems each, and returns how many examples each
    /// resample holds.
    pub(crate) fn fill(&self, first: usize, sums: &mut [f64]) -> Vec<f64> {
        let stride = self.units.width() * self.units.systems();
        if self.panels.is_empty() {
            let rows = sums.chunks_exact_mut(stride);
            return (first..)
                .zip(rows)
                .map(|(r, row)| self.one(r, row))
                .collect();
        }
        let count = sums.len() / stride;
        let drawn: Vec<Vec<u32>> = (first..first + count).map(|r| self.draw(r)).collect();
        for (number, panel) in self.panels.iter().enumerate() {
            let start = number * LANES;
            let width = LANES.min(stride - start);
            let mut write = |row: usize, lanes: [f64; LANES]| {
                let at = row * stride + start;
                sums[at..at + width].copy_from_slice(&lanes[..width]);
            };
            for (pair, drawn) in drawn.chunks(2).enumerate() {
                match drawn {
                    [a, b] => {
                        let [a, b] = sum_two(panel, a, b);
                        write(2 * pair, a);
                        write(2 * pair + 1, b);
                    }
                    [a] => write(2 * pair, sum_two(panel, a, a)[0]),
                    _ => {}
                }
            }
        }
        drawn
            .iter()
            .map(|units| {
                let sizes = units.iter().map(|&unit| self.units.sizes()[unit as usize]);
                sizes.sum()
            })
            .collect()
    }

    fn draw(&self, resample: usize) -> Vec<u32> {
        let mut stream = Philox::new(self.seed, Purpose::Bootstrap, resample as u64);
        // `Statistics::new` bounds the number of examples, hence of units, by u32::MAX.
        let bound = self.units.len() as u32;
        (0..bound).map(|_| stream.below(bound)).collect()
    }

    fn one(&self, resample: usize, sums: &mut [f64]) -> f64 {
        let mut stream = Philox::new(self.seed, Purpose::Bootstrap, resample as u64);
        let bound = self.units.len() as u32;
        let mut examples = 0.0;
        sums.fill(0.0);
        for _ in 0..bound {
            let unit = stream.below(bound) as usize;
            add(sums, self.units.row(unit));
            examples += self.units.sizes()[unit];
        }
        examples
    }
}

/// The sums of two resamples over eight columns. Two at once because one addition waits for the last.
#[inline]
fn sum_two(panel: &[[f64; LANES]], a: &[u32], b: &[u32]) -> [[f64; LANES]; 2] {
    let mut first = [0.0; LANES];
    let mut second = [0.0; LANES];
    for (&a, &b) in a.iter().zip(b) {
        let (a, b) = (&panel[a as usize], &panel[b as usize]);
        for lane in 0..LANES {
            first[lane] += a[lane];
            second[lane] += b[lane];
        }
    }
    [first, second]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Statistics;

    // Thirds, so that another order of additions would round differently.
    #[test]
    fn groups_of_columns_give_the_same_bits_as_rows() {
        let rows = (0..37 * 11u32).map(|i| f64::from(i * i % 17) / 3.0);
        let clusters = (0..37).map(|i| i / 2).collect();
        let statistics = Statistics::new(rows.collect(), 11)
            .and_then(|s| s.with_clusters(clusters))
            .unwrap();
        let units = Units::new(&[&statistics, &statistics]).unwrap();
        let resampler = Resampler::new(&units, 5);
        assert_eq!(resampler.panels.len(), 3);
        let mut sums = vec![1.0; 22 * 7];
        let examples = resampler.fill(3, &mut sums);
        for (row, (sums, examples)) in sums.chunks_exact(22).zip(examples).enumerate() {
            let mut expected = vec![0.0; 22];
            assert_eq!(resampler.one(3 + row, &mut expected), examples);
            assert_eq!(sums, expected);
        }
    }
}
