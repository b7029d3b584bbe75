//! Several systems against their references, with the family-wise error controlled by resampling.

use serde::Serialize;

use crate::aggregate::{Aggregate, evaluate, observed};
use crate::error::{Result, StatsError, require_resamples};
use crate::randomisation::TIE;
use crate::statistics::{Statistics, Units};
use crate::swap::{Exchanges, SubsetSums};

/// One comparison of a [`max_t`] family.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct FamilyComparison {
    /// Value of the system minus value of its reference.
    pub difference: f64,
    /// Two-sided p-value of this comparison on its own.
    pub p_value: f64,
    /// Two-sided p-value adjusted for all comparisons of the family.
    pub p_adjusted: f64,
}

/// Compares each system with its reference by approximate randomisation under shared exchanges; `pairs` holds a system
/// and its reference each. They may have one reference in common.
///
/// Every exchange applies to all comparisons at once. The comparison with the largest absolute difference D gets as its
/// adjusted p-value the share of exchanges whose largest absolute difference over *all* comparisons reaches |D|; the next
/// one the share whose largest over those that are left reaches its own, but no less than the one before; and so on.
/// Merges of the same experts make similar errors; this correction knows it, where Holm's must assume the worst. It needs
/// one metric on one set of examples: correct a family that spans data sets with [`holm`](crate::holm). Differences are
/// compared as they are, so a comparison with a much larger spread than the others makes theirs less powerful. The rules
/// for counting are those of [`approximate_randomisation`](crate::approximate_randomisation).
///
/// The step-down maxT procedure: Westfall and Young, *Resampling-Based Multiple Testing* (1993), algorithm 4.1; Ge,
/// Dudoit and Speed, *TEST* 12 (2003), box 2. It bounds the chance of any false finding, whichever hypotheses are true,
/// under subset pivotality: the exchanges of true nulls must not depend on which others are false. They do not, as an
/// exchange of one pair moves no other. Under a true null the examples' differences of all such pairs must be jointly
/// symmetric, as they are where the systems' answers to an example are exchangeable.
///
/// # Errors
/// If there is no pair, the systems are not on the same examples, the metric fails or has no value on them, or
/// `resamples` is 0.
pub fn max_t(
    pairs: &[[&Statistics; 2]],
    aggregate: &dyn Aggregate,
    resamples: usize,
    seed: u64,
) -> Result<Vec<FamilyComparison>> {
    require_resamples(resamples)?;
    if pairs.is_empty() {
        return Err(StatsError::Empty {
            what: "list of systems",
        });
    }
    let family = Family::new(pairs, aggregate)?;
    let order = family.largest_first();
    let exchanges = Exchanges::new(family.differing.len(), resamples, seed);
    let counted = exchanges.batches(&family.tables(), |moved| {
        let mut counts = vec![Extreme::default(); pairs.len()];
        for sizes in family.sizes(moved, aggregate)?.chunks_exact(pairs.len()) {
            let mut largest: f64 = 0.0;
            for &index in order.iter().rev() {
                largest = largest.max(sizes[index]);
                counts[index].alone += usize::from(sizes[index] >= family.thresholds[index]);
                counts[index].in_family += usize::from(largest >= family.thresholds[index]);
            }
        }
        Ok(counts)
    })?;
    let total = |read: fn(&Extreme) -> usize, index: usize| -> f64 {
        exchanges.p_value(counted.iter().map(|counts| read(&counts[index])).sum())
    };
    let mut found: Vec<FamilyComparison> = family
        .differences
        .iter()
        .enumerate()
        .map(|(index, &difference)| FamilyComparison {
            difference,
            p_value: total(|e| e.alone, index),
            p_adjusted: total(|e| e.in_family, index),
        })
        .collect();
    let mut least: f64 = 0.0;
    for &index in &order {
        least = least.max(found[index].p_adjusted);
        found[index].p_adjusted = least;
    }
    Ok(found)
}

/// In how many exchanges a comparison, and the largest of those that are no larger than it, is as extreme as observed.
#[derive(Debug, Clone, Copy, Default)]
struct Extreme {
    alone: usize,
    in_family: usize,
}

/// What is exchanged: systems and references in turn, with their statistics summed over units.
struct Family {
    units: Units,
    totals: Vec<f64>,
    examples: f64,
    differences: Vec<f64>,
    /// From which size on an exchanged difference is as extreme as the observed one.
    thresholds: Vec<f64>,
    /// Units on which some pair differs. Exchanges are shared, so only the others are left out.
    differing: Vec<usize>,
}

impl Family {
    fn new(pairs: &[[&Statistics; 2]], aggregate: &dyn Aggregate) -> Result<Self> {
        let units = Units::new(pairs.as_flattened())?;
        let (totals, examples) = units.totals();
        let values = evaluate(aggregate, &totals, &vec![examples; units.systems()])?;
        observed(&values)?;
        let differences: Vec<f64> = values.chunks_exact(2).map(|v| v[0] - v[1]).collect();
        let largest = values
            .iter()
            .fold(0.0f64, |max, value| max.max(value.abs()));
        let thresholds = differences
            .iter()
            .map(|difference| difference.abs() - TIE * largest)
            .collect();
        let differs = |&unit: &usize| {
            (0..pairs.len())
                .any(|p| units.system_row(unit, 2 * p) != units.system_row(unit, 2 * p + 1))
        };
        Ok(Self {
            differing: (0..units.len()).filter(differs).collect(),
            units,
            totals,
            examples,
            differences,
            thresholds,
        })
    }

    /// The comparisons, that with the largest absolute difference first.
    fn largest_first(&self) -> Vec<usize> {
        let mut order: Vec<usize> = (0..self.differences.len()).collect();
        let size = |index: usize| self.differences[index].abs();
        order.sort_by(|&a, &b| size(b).total_cmp(&size(a)));
        order
    }

    /// For each pair what an exchange of a unit adds to the system and takes from the reference.
    fn tables(&self) -> Vec<SubsetSums> {
        let width = self.units.width();
        (0..self.differences.len())
            .map(|pair| {
                let mut changes = Vec::with_capacity(self.differing.len() * width);
                for &unit in &self.differing {
                    let system = self.units.system_row(unit, 2 * pair);
                    let reference = self.units.system_row(unit, 2 * pair + 1);
                    changes.extend(reference.iter().zip(system).map(|(r, s)| r - s));
                }
                SubsetSums::new(&changes, width)
            })
            .collect()
    }

    /// The absolute differences of all pairs under each of some exchanges.
    fn sizes(&self, moved: &[f64], aggregate: &dyn Aggregate) -> Result<Vec<f64>> {
        let width = self.units.width();
        let pairs = self.differences.len();
        let mut sums = Vec::with_capacity(2 * moved.len());
        for (row, moved) in moved.chunks_exact(width).enumerate() {
            let start = 2 * (row % pairs) * width;
            let both = &self.totals[start..start + 2 * width];
            let (system, reference) = both.split_at(width);
            sums.extend(system.iter().zip(moved).map(|(total, m)| total + m));
            sums.extend(reference.iter().zip(moved).map(|(total, m)| total - m));
        }
        let counts = vec![self.examples; sums.len() / width];
        let values = evaluate(aggregate, &sums, &counts)?;
        let size = |both: &[f64]| {
            let difference = both[0] - both[1];
            // A comparison without a value is as extreme as can be, so it can only raise p-values.
            if difference.is_finite() {
                difference.abs()
            } else {
                f64::INFINITY
            }
        };
        Ok(values.chunks_exact(2).map(size).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Mean, approximate_randomisation, holm};

    fn values(values: &[f64]) -> Statistics {
        Statistics::from_values(values.to_vec()).unwrap()
    }

    #[test]
    fn a_family_of_one_is_approximate_randomisation() {
        let reference = values(&[0.0, 1.0, 0.5, 0.0, 0.0, 1.0]);
        let system = values(&[1.0, 1.0, 1.0, 0.5, 0.25, 0.5]);
        let family = max_t(&[[&system, &reference]], &Mean, 1000, 3).unwrap();
        let single = approximate_randomisation(&system, &reference, &Mean, 1000, 3).unwrap();
        assert_eq!(family[0].p_value, single.p_value);
        assert_eq!(family[0].p_adjusted, single.p_value);
        assert_eq!(family[0].difference, single.difference);
    }

    #[test]
    fn copies_of_a_system_cost_nothing_where_holm_multiplies() {
        let reference = values(&[0.0; 8]);
        let system = values(&[1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0]);
        let family = max_t(&[[&system, &reference]; 3], &Mean, 1000, 3).unwrap();
        let raw: Vec<f64> = family.iter().map(|c| c.p_value).collect();
        assert_eq!(raw, [2.0 / 256.0; 3]);
        assert!(family.iter().all(|c| c.p_adjusted == 2.0 / 256.0));
        assert_eq!(holm(&raw).unwrap(), [6.0 / 256.0; 3]);
    }

    /// Differences on seven examples of four comparisons with one reference, as they come from the systems.
    const DIFFERENCES: [[f64; 7]; 4] = [
        [5.0, 6.0, 4.0, 7.0, 5.5, 6.5, 3.0],
        [1.0, -0.5, 2.0, 1.5, 0.25, 1.0, 0.75],
        [-1.0, 0.5, 0.25, -2.0, 1.5, 0.0, -0.75],
        [0.5, 0.75, -0.25, 1.0, 0.5, -0.125, 0.25],
    ];

    // The closure principle: a comparison is found if every intersection that holds it is, each tested by its largest
    // difference. Step-down is its short form, and Westfall and Young prove the two equal under subset pivotality.
    #[test]
    fn stepping_down_is_the_closed_test_of_the_largest_difference() {
        let reference = values(&[0.0; 7]);
        let systems = DIFFERENCES.map(|d| values(&d));
        let pairs: Vec<[&Statistics; 2]> = systems.iter().map(|s| [s, &reference]).collect();
        let found = max_t(&pairs, &Mean, 128, 0).unwrap();
        let size = |system: usize, signs: usize| -> f64 {
            let terms = DIFFERENCES[system].iter().enumerate();
            let sum: f64 = terms
                .map(|(i, d)| if signs >> i & 1 == 1 { -d } else { *d })
                .sum();
            (sum / 7.0).abs()
        };
        let largest = |subset: usize, signs: usize| -> f64 {
            let members = (0..4).filter(|s| subset >> s & 1 == 1);
            members.map(|s| size(s, signs)).fold(0.0, f64::max)
        };
        for (system, found) in found.iter().enumerate() {
            let p = |subset: usize| -> f64 {
                let observed = largest(subset, 0) - 1e-12;
                let extreme = (0..128).filter(|&signs| largest(subset, signs) >= observed);
                extreme.count() as f64 / 128.0
            };
            let closed = (1..16usize)
                .filter(|subset| subset >> system & 1 == 1)
                .map(p)
                .fold(0.0, f64::max);
            assert_eq!(found.p_adjusted, closed, "system {system}");
        }
        // In one step the large first difference would hide the second one.
        let single = (0..128)
            .filter(|&signs| largest(15, signs) >= size(1, 0) - 1e-12)
            .count();
        assert!(found[1].p_adjusted < single as f64 / 128.0);
    }

    #[test]
    fn each_pair_may_have_a_reference_of_its_own() {
        let reference = values(&[0.0; 7]);
        let systems = DIFFERENCES.map(|d| values(&d));
        // The same differences from other values.
        let bases = [1.0, 2.0, 3.0, 4.0].map(|by| values(&[by; 7]));
        let shifted: Vec<Statistics> = DIFFERENCES
            .iter()
            .zip([1.0, 2.0, 3.0, 4.0])
            .map(|(d, by)| values(&d.map(|x| x + by)))
            .collect();
        let shared: Vec<[&Statistics; 2]> = systems.iter().map(|s| [s, &reference]).collect();
        let own: Vec<[&Statistics; 2]> = shifted.iter().zip(&bases).map(|(s, b)| [s, b]).collect();
        let p = |pairs: &[[&Statistics; 2]]| -> Vec<f64> {
            let found = max_t(pairs, &Mean, 128, 0).unwrap();
            found.iter().map(|c| c.p_adjusted).collect()
        };
        assert_eq!(p(&shared), p(&own));
    }

    #[test]
    fn an_empty_family_is_an_error() {
        assert!(max_t(&[], &Mean, 10, 0).is_err());
    }
}
