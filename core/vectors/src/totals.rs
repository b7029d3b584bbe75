//! Sums over the entries of a tensor, or of many: everything but the ranks follows from them.

use crate::largest::SHARES;
use crate::null;

/// The common entries of two models' largest ones.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Overlap {
    /// Entries among the largest of both.
    pub(crate) common: u64,
    /// The size of the smaller set.
    pub(crate) smaller: u64,
    /// Mean and variance of `common` for random sets of the same sizes.
    pub(crate) mean: f64,
    pub(crate) variance: f64,
}

impl Overlap {
    pub(crate) fn new(common: u64, a: u64, b: u64, entries: u64) -> Overlap {
        let (mean, variance) = null::common(a, b, entries);
        Overlap {
            common,
            smaller: a.min(b),
            mean,
            variance,
        }
    }
}

/// Sums of one tensor or of several together.
#[derive(Clone, Debug)]
pub(crate) struct Totals {
    /// Entries of a task vector.
    pub(crate) entries: u64,
    /// Squares of the base's entries.
    pub(crate) base: f64,
    /// Squares of each task vector's entries.
    pub(crate) squares: Vec<f64>,
    /// Of each pair: products of their entries.
    pub(crate) dots: Vec<f64>,
    /// Of each pair: entries that are not zero in both.
    pub(crate) both: Vec<u64>,
    /// Of each pair: those among them with differing signs.
    pub(crate) conflicts: Vec<u64>,
    /// Of each pair: one overlap for each share.
    pub(crate) overlaps: Vec<[Overlap; SHARES.len()]>,
}

/// The pairs of `models` models: (0, 1), (0, 2), (1, 2), ...
pub(crate) fn pairs(models: usize) -> impl Iterator<Item = (usize, usize)> {
    (0..models).flat_map(|j| (0..j).map(move |i| (i, j)))
}

impl Totals {
    pub(crate) fn new(models: usize) -> Totals {
        let pairs = pairs(models).count();
        Totals {
            entries: 0,
            base: 0.0,
            squares: vec![0.0; models],
            dots: vec![0.0; pairs],
            both: vec![0; pairs],
            conflicts: vec![0; pairs],
            overlaps: vec![Default::default(); pairs],
        }
    }

    /// Adds another's sums. In f64 the order matters, so callers keep one.
    pub(crate) fn add(&mut self, other: &Totals) {
        fn sum<T: Copy + std::ops::AddAssign>(to: &mut [T], from: &[T]) {
            to.iter_mut().zip(from).for_each(|(to, from)| *to += *from);
        }
        self.entries += other.entries;
        self.base += other.base;
        sum(&mut self.squares, &other.squares);
        sum(&mut self.dots, &other.dots);
        sum(&mut self.both, &other.both);
        sum(&mut self.conflicts, &other.conflicts);
        for (to, from) in self.overlaps.iter_mut().zip(&other.overlaps) {
            for (to, from) in to.iter_mut().zip(from) {
                to.common += from.common;
                to.smaller += from.smaller;
                to.mean += from.mean;
                to.variance += from.variance;
            }
        }
    }
}
