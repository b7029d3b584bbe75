//! What every example contributes to a metric, as rows that can be added up.

use std::collections::BTreeMap;

use crate::error::{Result, StatsError, require_finite};

/// Sufficient statistics of one system: a row of `width` numbers for each example.
///
/// A metric's value on a set of examples must depend only on the sum of their rows and on how many there are: a row is
/// one number for a mean of scores, the true positives, false positives and false negatives of each class for
/// macro-F1, the n-gram matches and lengths for BLEU. Resampling then costs additions, not a second scoring.
///
/// ```
/// use mergelab_stats::Statistics;
///
/// // Two examples, each with three statistics.
/// let statistics = Statistics::new(vec![1.0, 0.0, 2.0, 0.0, 1.0, 2.0], 3)?;
/// assert_eq!(statistics.examples(), 2);
/// assert_eq!(statistics.sums(), [1.0, 1.0, 4.0]);
/// # Ok::<(), mergelab_stats::StatsError>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct Statistics {
    rows: Vec<f64>,
    width: usize,
    clusters: Option<Vec<u32>>,
}

impl Statistics {
    /// Statistics from an examples × `width` matrix in row-major order.
    ///
    /// # Errors
    /// If there is no example, if `rows` is not a whole number of rows, or if a number is not finite.
    pub fn new(rows: Vec<f64>, width: usize) -> Result<Self> {
        if width == 0 || !rows.len().is_multiple_of(width) {
            return Err(StatsError::OutOfRange {
                name: "width",
                value: width as f64,
                expected: "a divisor of the number of statistics, 1 or more",
            });
        }
        if rows.is_empty() {
            return Err(StatsError::Empty { what: "statistics" });
        }
        if rows.len() / width > u32::MAX as usize {
            return Err(StatsError::OutOfRange {
                name: "number of examples",
                value: (rows.len() / width) as f64,
                expected: "at most 4,294,967,295",
            });
        }
        require_finite("statistics", &rows)?;
        Ok(Self {
            rows,
            width,
            clusters: None,
        })
    }

    /// Statistics of a metric that is the mean of one number an example, to use with [`Mean`](crate::Mean).
    ///
    /// # Errors
    /// As [`Statistics::new`].
    pub fn from_values(values: Vec<f64>) -> Result<Self> {
        Self::new(values, 1)
    }

    /// Groups examples that are not independent: `clusters[i]` is the cluster of example `i`.
    ///
    /// Examples drawn from one article, or the translations of one item, belong to one cluster. Clusters are then
    /// swapped, resampled and left out as wholes.
    ///
    /// # Errors
    /// If there is not one cluster an example.
    pub fn with_clusters(mut self, clusters: Vec<u32>) -> Result<Self> {
        if clusters.len() != self.examples() {
            return Err(StatsError::Length {
                left: "clusters",
                left_length: clusters.len(),
                right: "statistics",
                right_length: self.examples(),
            });
        }
        self.clusters = Some(clusters);
        Ok(self)
    }

    /// How many examples there are.
    pub fn examples(&self) -> usize {
        self.rows.len() / self.width
    }

    /// How many statistics an example has.
    pub fn width(&self) -> usize {
        self.width
    }

    /// The statistics of one example; `None` if there is no such example.
    pub fn row(&self, example: usize) -> Option<&[f64]> {
        self.rows.chunks_exact(self.width).nth(example)
    }

    /// The cluster of each example, if examples are clustered.
    pub fn clusters(&self) -> Option<&[u32]> {
        self.clusters.as_deref()
    }

    /// The statistics summed over all examples, in order.
    pub fn sums(&self) -> Vec<f64> {
        let mut sums = vec![0.0; self.width];
        for row in self.rows.chunks_exact(self.width) {
            add(&mut sums, row);
        }
        sums
    }
}

/// Adds `row` to `sums`, element by element.
#[inline]
pub(crate) fn add(sums: &mut [f64], row: &[f64]) {
    for (sum, value) in sums.iter_mut().zip(row) {
        *sum += value;
    }
}

/// What is exchanged, drawn or left out as a whole: an example, or a cluster of examples.
///
/// Each unit's row holds the statistics of all `systems` side by side, so that one draw serves them all.
#[derive(Debug, Clone)]
pub(crate) struct Units {
    rows: Vec<f64>,
    sizes: Vec<f64>,
    width: usize,
    systems: usize,
}

impl Units {
    /// The units that `systems` have in common.
    pub(crate) fn new(systems: &[&Statistics]) -> Result<Self> {
        let first = require_all_paired(systems)?;
        let (unit_of, units) = dense(first);
        Ok(Self::gather(systems, first.width, &unit_of, units))
    }

    /// One unit an example, whatever the clusters.
    pub(crate) fn of_examples(systems: &[&Statistics]) -> Result<Self> {
        let first = require_all_paired(systems)?;
        let unit_of: Vec<usize> = (0..first.examples()).collect();
        Ok(Self::gather(systems, first.width, &unit_of, unit_of.len()))
    }

    fn gather(systems: &[&Statistics], width: usize, unit_of: &[usize], units: usize) -> Self {
        let stride = width * systems.len();
        let mut rows = vec![0.0; units * stride];
        let mut sizes = vec![0.0; units];
        for (example, &unit) in unit_of.iter().enumerate() {
            sizes[unit] += 1.0;
            for (system, statistics) in systems.iter().enumerate() {
                let start = unit * stride + system * width;
                let row = &statistics.rows[example * width..(example + 1) * width];
                add(&mut rows[start..start + width], row);
            }
        }
        Self {
            rows,
            sizes,
            width,
            systems: systems.len(),
        }
    }

    pub(crate) fn len(&self) -> usize {
        self.sizes.len()
    }

    pub(crate) fn width(&self) -> usize {
        self.width
    }

    pub(crate) fn systems(&self) -> usize {
        self.systems
    }

    /// How many examples each unit holds.
    pub(crate) fn sizes(&self) -> &[f64] {
        &self.sizes
    }

    /// The statistics of all systems on one unit, side by side.
    #[inline]
    pub(crate) fn row(&self, unit: usize) -> &[f64] {
        let stride = self.width * self.systems;
        &self.rows[unit * stride..(unit + 1) * stride]
    }

    /// The statistics of one system on one unit.
    #[inline]
    pub(crate) fn system_row(&self, unit: usize, system: usize) -> &[f64] {
        &self.row(unit)[system * self.width..(system + 1) * self.width]
    }

    /// The sums over all units of each system, side by side, and the number of examples.
    pub(crate) fn totals(&self) -> (Vec<f64>, f64) {
        let mut sums = vec![0.0; self.width * self.systems];
        for unit in 0..self.len() {
            add(&mut sums, self.row(unit));
        }
        (sums, self.sizes.iter().sum())
    }
}

/// The unit of each example, and how many units there are. Clusters are numbered by their label, so that the order of
/// the examples does not decide which random numbers a cluster meets.
fn dense(statistics: &Statistics) -> (Vec<usize>, usize) {
    let Some(clusters) = &statistics.clusters else {
        let examples = statistics.examples();
        return ((0..examples).collect(), examples);
    };
    dense_clusters(clusters)
}

/// Clusters renumbered 0, 1, ... in the order of their labels, and how many there are.
pub(crate) fn dense_clusters(clusters: &[u32]) -> (Vec<usize>, usize) {
    let mut number: BTreeMap<u32, usize> = clusters.iter().map(|&label| (label, 0)).collect();
    for (position, unit) in number.values_mut().enumerate() {
        *unit = position;
    }
    let unit_of = clusters.iter().map(|label| number[label]).collect();
    (unit_of, number.len())
}

/// The examples of each cluster; each on its own if there are no clusters.
pub(crate) fn clusters_of(statistics: &Statistics) -> Vec<Vec<usize>> {
    let (unit_of, units) = dense(statistics);
    let mut members = vec![Vec::new(); units];
    for (example, unit) in unit_of.into_iter().enumerate() {
        members[unit].push(example);
    }
    members
}

fn require_all_paired<'a>(systems: &[&'a Statistics]) -> Result<&'a Statistics> {
    let first = *systems.first().ok_or(StatsError::Empty {
        what: "list of systems",
    })?;
    for other in &systems[1..] {
        require_paired(first, other)?;
    }
    Ok(first)
}

fn require_paired(a: &Statistics, b: &Statistics) -> Result<()> {
    if a.width != b.width {
        return Err(StatsError::Width {
            a: a.width,
            b: b.width,
        });
    }
    if a.examples() != b.examples() {
        return Err(StatsError::Length {
            left: "system a",
            left_length: a.examples(),
            right: "system b",
            right_length: b.examples(),
        });
    }
    let differ = match (&a.clusters, &b.clusters) {
        (Some(a), Some(b)) => a.iter().zip(b).position(|(a, b)| a != b),
        (None, None) => None,
        _ => Some(0),
    };
    match differ {
        Some(example) => Err(StatsError::Clusters { example }),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn refuses_what_is_not_a_matrix() {
        assert!(matches!(
            Statistics::new(vec![], 2),
            Err(StatsError::Empty { .. })
        ));
        assert!(matches!(
            Statistics::new(vec![1.0], 0),
            Err(StatsError::OutOfRange { .. })
        ));
        assert!(matches!(
            Statistics::new(vec![1.0; 3], 2),
            Err(StatsError::OutOfRange { .. })
        ));
        assert!(matches!(
            Statistics::new(vec![1.0, f64::NAN], 1),
            Err(StatsError::NotFinite { index: 1, .. })
        ));
    }

    #[test]
    fn clusters_become_units() {
        let a = Statistics::new(vec![1.0, 10.0, 2.0, 20.0, 4.0, 40.0], 2)
            .and_then(|a| a.with_clusters(vec![9, 3, 9]))
            .unwrap();
        let units = Units::new(&[&a, &a]).unwrap();
        assert_eq!(units.len(), 2);
        assert_eq!(units.sizes(), [1.0, 2.0]);
        assert_eq!(units.row(0), [2.0, 20.0, 2.0, 20.0]);
        assert_eq!(units.system_row(1, 1), [5.0, 50.0]);
        assert_eq!(units.totals(), (vec![7.0, 70.0, 7.0, 70.0], 3.0));
    }

    #[test]
    fn refuses_what_is_not_paired() {
        let a = Statistics::from_values(vec![1.0, 2.0]).unwrap();
        let longer = Statistics::from_values(vec![1.0, 2.0, 3.0]).unwrap();
        let wider = Statistics::new(vec![1.0; 4], 2).unwrap();
        let clustered = a.clone().with_clusters(vec![0, 1]).unwrap();
        let other = a.clone().with_clusters(vec![0, 0]).unwrap();
        assert!(matches!(
            Units::new(&[&a, &longer]),
            Err(StatsError::Length { .. })
        ));
        assert!(matches!(
            Units::new(&[&a, &wider]),
            Err(StatsError::Width { .. })
        ));
        assert!(matches!(
            Units::new(&[&a, &clustered]),
            Err(StatsError::Clusters { example: 0 })
        ));
        assert!(matches!(
            Units::new(&[&other, &clustered]),
            Err(StatsError::Clusters { example: 1 })
        ));
        assert!(a.with_clusters(vec![1]).is_err());
    }
}
