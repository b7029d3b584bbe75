//! Sums over the units that a randomisation test exchanges.

use rayon::prelude::*;

use crate::aggregate::BATCH;
use crate::error::Result;
use crate::philox::{Philox, Purpose};

/// Units whose subset sums are tabulated together: sixteen sums a group, so that summing a random subset of `n` units
/// costs `n / 4` additions and the table is only four times as large as the data.
const GROUP: usize = 4;
const SUBSETS: usize = 1 << GROUP;
const GROUPS_A_WORD: usize = u32::BITS as usize / GROUP;

/// For every group of four units, the sum over each of its sixteen subsets.
#[derive(Debug)]
pub(crate) struct SubsetSums {
    tables: Vec<f64>,
    width: usize,
    units: usize,
}

impl SubsetSums {
    /// Tabulates `rows`, a units × `width` matrix.
    pub(crate) fn new(rows: &[f64], width: usize) -> Self {
        let units = rows.len() / width;
        let mut tables = vec![0.0; units.div_ceil(GROUP) * SUBSETS * width];
        for (group, table) in tables.chunks_exact_mut(SUBSETS * width).enumerate() {
            for subset in 1..SUBSETS {
                // A subset is a smaller one, done before, and one more unit: its highest.
                let highest = subset.ilog2() as usize;
                let rest = subset & !(1 << highest);
                let unit = group * GROUP + highest;
                for column in 0..width {
                    let value = rows.get(unit * width + column).copied().unwrap_or(0.0);
                    table[subset * width + column] = table[rest * width + column] + value;
                }
            }
        }
        Self {
            tables,
            width,
            units,
        }
    }

    /// Writes the sum over the units that `mask` selects: each group's four bits in turn, lowest first.
    #[inline]
    fn sum(&self, mut mask: impl FnMut() -> u32, sums: &mut [f64]) {
        sums.fill(0.0);
        let mut word = 0;
        if self.width == 1 {
            let mut sum = 0.0;
            for (group, table) in self.tables.chunks_exact(SUBSETS).enumerate() {
                if group % GROUPS_A_WORD == 0 {
                    word = mask();
                }
                sum += table[word as usize % SUBSETS];
                word >>= GROUP;
            }
            sums[0] = sum;
            return;
        }
        let tables = self.tables.chunks_exact(SUBSETS * self.width);
        for (group, table) in tables.enumerate() {
            if group % GROUPS_A_WORD == 0 {
                word = mask();
            }
            let start = (word as usize % SUBSETS) * self.width;
            crate::statistics::add(sums, &table[start..start + self.width]);
            word >>= GROUP;
        }
    }
}

/// Which exchanges a randomisation test looks at.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Exchanges {
    /// All of them, each once.
    All {
        /// How many there are: a power of two.
        count: usize,
    },
    /// A random sample with replacement.
    Sample {
        /// How many are drawn.
        count: usize,
        /// Seed of the draws.
        seed: u64,
    },
}

impl Exchanges {
    /// All exchanges of `units` units if that takes no more than `resamples`, else a sample of that size.
    pub(crate) fn new(units: usize, resamples: usize, seed: u64) -> Self {
        match u32::try_from(units)
            .ok()
            .and_then(|n| 1usize.checked_shl(n))
        {
            Some(count) if count <= resamples => Self::All { count },
            _ => Self::Sample {
                count: resamples,
                seed,
            },
        }
    }

    pub(crate) fn count(self) -> usize {
        match self {
            Self::All { count } | Self::Sample { count, .. } => count,
        }
    }

    pub(crate) fn exact(self) -> bool {
        matches!(self, Self::All { .. })
    }

    /// (#extreme) / count if every exchange was looked at, else (1 + #extreme) / (count + 1): the observed arrangement
    /// is one of those possible, so a sampled p-value is never 0 (Phipson and Smyth 2010).
    pub(crate) fn p_value(self, extreme: usize) -> f64 {
        match self {
            Self::All { count } => extreme as f64 / count as f64,
            Self::Sample { count, .. } => (1 + extreme) as f64 / (count + 1) as f64,
        }
    }

    /// Writes what exchange number `index` moves, for each of several tables under the same exchange.
    fn moved(self, index: usize, tables: &[SubsetSums], sums: &mut [f64]) {
        let mut rest = sums;
        for table in tables {
            let (sums, others) = rest.split_at_mut(table.width);
            rest = others;
            match self {
                Self::All { .. } => {
                    let mut bits = index as u64;
                    table.sum(
                        || {
                            let word = bits as u32;
                            bits >>= u32::BITS;
                            word
                        },
                        sums,
                    );
                }
                Self::Sample { seed, .. } => {
                    let mut stream = Philox::new(seed, Purpose::Swap, index as u64);
                    table.sum(|| stream.next_u32(), sums);
                }
            }
        }
    }

    /// Calls `batch` on the moved sums of up to [`BATCH`] exchanges at a time (exchanges × total width), in parallel,
    /// and returns the results in order.
    pub(crate) fn batches<T: Send>(
        self,
        tables: &[SubsetSums],
        batch: impl Fn(&[f64]) -> Result<T> + Sync,
    ) -> Result<Vec<T>> {
        let width: usize = tables.iter().map(|table| table.width).sum();
        debug_assert!(tables.windows(2).all(|pair| pair[0].units == pair[1].units));
        (0..self.count().div_ceil(BATCH))
            .into_par_iter()
            .map(|number| {
                let first = number * BATCH;
                let count = BATCH.min(self.count() - first);
                let mut sums = vec![0.0; count * width];
                for (offset, sums) in sums.chunks_exact_mut(width).enumerate() {
                    self.moved(first + offset, tables, sums);
                }
                batch(&sums)
            })
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_subset_is_summed_once() {
        let rows: Vec<f64> = (0..7).flat_map(|i| [f64::from(1 << i), 1.0]).collect();
        let table = SubsetSums::new(&rows, 2);
        let exchanges = Exchanges::new(7, 128, 0);
        assert!(exchanges.exact());
        for subset in 0..128usize {
            let mut sums = [0.0; 2];
            exchanges.moved(subset, std::slice::from_ref(&table), &mut sums);
            assert_eq!(sums, [subset as f64, f64::from(subset.count_ones())]);
        }
    }

    // 2,000 subsets of 100 units: each unit is in Binomial(2000, 1/2) of them, sd 22.4; six sd is 134.
    #[test]
    fn sampled_subsets_hold_each_unit_half_the_time() {
        let mut rows = vec![0.0; 100 * 100];
        for unit in 0..100 {
            rows[unit * 100 + unit] = 1.0;
        }
        let table = SubsetSums::new(&rows, 100);
        let exchanges = Exchanges::new(100, 2000, 5);
        assert!(!exchanges.exact());
        let mut total = vec![0.0; 100];
        let mut sums = vec![0.0; 100];
        for index in 0..2000 {
            exchanges.moved(index, std::slice::from_ref(&table), &mut sums);
            crate::statistics::add(&mut total, &sums);
        }
        assert!(total.iter().all(|count| (count - 1000.0).abs() < 134.0));
    }

    #[test]
    fn one_column_and_several_agree() {
        let values: Vec<f64> = (0..90).map(|i| f64::from(i * i % 17)).collect();
        let doubled: Vec<f64> = values.iter().flat_map(|&v| [v, -v]).collect();
        let tables = [SubsetSums::new(&values, 1), SubsetSums::new(&doubled, 2)];
        let mut sums = [0.0; 3];
        Exchanges::new(90, 10, 1).moved(3, &tables, &mut sums);
        assert_eq!(sums, [sums[0], sums[0], -sums[0]]);
    }
}
