//! Several systems against one reference, with the family-wise error controlled by resampling.

use serde::Serialize;

use crate::aggregate::{Aggregate, evaluate, observed};
use crate::error::{Result, StatsError, require_resamples};
use crate::randomisation::TIE;
use crate::statistics::{Statistics, Units};
use crate::swap::{Exchanges, SubsetSums};

/// One system of a [`max_t`] family.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct FamilyComparison {
    /// Value of the system minus value of the reference.
    pub difference: f64,
    /// Two-sided p-value of this comparison on its own.
    pub p_value: f64,
    /// Two-sided p-value adjusted for all comparisons of the family.
    pub p_adjusted: f64,
}

/// Compares each system with `reference` by approximate randomisation under shared exchanges.
///
/// Every exchange applies to all comparisons at once, so the adjusted p-value of comparison j is the share of exchanges
/// whose *largest* absolute difference reaches |D_j|. Merges of the same experts make similar errors; this correction
/// knows it, where Holm's must assume the worst. It needs one metric on one set of examples: correct a family that spans
/// data sets with [`holm`](crate::holm). The rules for counting are those of
/// [`approximate_randomisation`](crate::approximate_randomisation).
///
/// Westfall and Young, *Resampling-Based Multiple Testing* (1993), the single-step maxT procedure. Strong control needs
/// subset pivotality: the exchanges of true nulls must not depend on which others are false.
///
/// # Errors
/// If there is no system, the systems are not paired with the reference, the metric fails or has no value on the
/// examples, or `resamples` is 0.
pub fn max_t(
    reference: &Statistics,
    systems: &[&Statistics],
    aggregate: &dyn Aggregate,
    resamples: usize,
    seed: u64,
) -> Result<Vec<FamilyComparison>> {
    require_resamples(resamples)?;
    if systems.is_empty() {
        return Err(StatsError::Empty {
            what: "list of systems",
        });
    }
    let all: Vec<&Statistics> = std::iter::once(reference)
        .chain(systems.iter().copied())
        .collect();
    let units = Units::new(&all)?;
    let (width, family) = (units.width(), systems.len());
    let (totals, examples) = units.totals();
    let values = evaluate(aggregate, &totals, &vec![examples; all.len()])?;
    observed(&values)?;
    let differences: Vec<f64> = values[1..].iter().map(|value| value - values[0]).collect();
    let largest = values
        .iter()
        .fold(0.0f64, |max, value| max.max(value.abs()));
    let thresholds: Vec<f64> = differences
        .iter()
        .map(|difference| difference.abs() - TIE * largest)
        .collect();

    // The exchanges are shared, so a unit is left out only if no system differs from the reference on it.
    let differing: Vec<usize> = (0..units.len())
        .filter(|&unit| {
            (1..all.len()).any(|s| units.system_row(unit, s) != units.system_row(unit, 0))
        })
        .collect();
    let tables: Vec<SubsetSums> = (1..all.len())
        .map(|system| {
            let mut changes = Vec::with_capacity(differing.len() * width);
            for &unit in &differing {
                let reference = units.system_row(unit, 0);
                let system = units.system_row(unit, system);
                changes.extend(reference.iter().zip(system).map(|(r, s)| r - s));
            }
            SubsetSums::new(&changes, width)
        })
        .collect();
    let exchanges = Exchanges::new(differing.len(), resamples, seed);
    let counted = exchanges.batches(&tables, |moved| {
        let count = moved.len() / (width * family);
        let mut sums = Vec::with_capacity(2 * moved.len());
        for (row, moved) in moved.chunks_exact(width).enumerate() {
            let system = 1 + row % family;
            let total = &totals[system * width..(system + 1) * width];
            sums.extend(total.iter().zip(moved).map(|(total, moved)| total + moved));
        }
        for moved in moved.chunks_exact(width) {
            sums.extend(
                totals[..width]
                    .iter()
                    .zip(moved)
                    .map(|(total, m)| total - m),
            );
        }
        let values = evaluate(aggregate, &sums, &vec![examples; 2 * count * family])?;
        let (systems, references) = values.split_at(count * family);
        let mut extreme = vec![(0usize, 0usize); family];
        for (systems, references) in systems.chunks(family).zip(references.chunks(family)) {
            // A comparison without a value is as extreme as can be, so it can only raise p-values.
            let size = |index: usize| {
                let difference = systems[index] - references[index];
                if difference.is_finite() {
                    difference.abs()
                } else {
                    f64::INFINITY
                }
            };
            let max = (0..family).map(size).fold(0.0, f64::max);
            for (index, (own, adjusted)) in extreme.iter_mut().enumerate() {
                *own += usize::from(size(index) >= thresholds[index]);
                *adjusted += usize::from(max >= thresholds[index]);
            }
        }
        Ok(extreme)
    })?;
    Ok(differences
        .iter()
        .enumerate()
        .map(|(index, &difference)| {
            let (own, adjusted) = counted
                .iter()
                .map(|batch| batch[index])
                .fold((0, 0), |sum, batch| (sum.0 + batch.0, sum.1 + batch.1));
            FamilyComparison {
                difference,
                p_value: exchanges.p_value(own),
                p_adjusted: exchanges.p_value(adjusted),
            }
        })
        .collect())
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
        let family = max_t(&reference, &[&system], &Mean, 1000, 3).unwrap();
        let single = approximate_randomisation(&system, &reference, &Mean, 1000, 3).unwrap();
        assert_eq!(family[0].p_value, single.p_value);
        assert_eq!(family[0].p_adjusted, single.p_value);
        assert_eq!(family[0].difference, single.difference);
    }

    #[test]
    fn copies_of_a_system_cost_nothing_where_holm_multiplies() {
        let reference = values(&[0.0; 8]);
        let system = values(&[1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0]);
        let family = max_t(&reference, &[&system, &system, &system], &Mean, 1000, 3).unwrap();
        let raw: Vec<f64> = family.iter().map(|c| c.p_value).collect();
        assert_eq!(raw, [2.0 / 256.0; 3]);
        assert!(family.iter().all(|c| c.p_adjusted == 2.0 / 256.0));
        assert_eq!(holm(&raw).unwrap(), [6.0 / 256.0; 3]);
    }

    #[test]
    fn an_empty_family_is_an_error() {
        assert!(max_t(&values(&[1.0]), &[], &Mean, 10, 0).is_err());
    }
}
