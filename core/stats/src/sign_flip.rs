//! The paired permutation test of a mean difference.

use crate::error::{Result, require_examples, require_resamples};
use crate::randomisation::{RandomisationTest, Tally};
use crate::statistics::{Statistics, Units};
use crate::swap::{Exchanges, SubsetSums};

/// Tests whether the mean of paired differences `d` is zero by flipping each sign with probability one half.
///
/// Exchanging the two systems on an example flips the sign of its difference, so this is
/// [`approximate_randomisation`](crate::approximate_randomisation) for a metric that is a mean, and gives the same
/// p-value for the same seed. Zero differences are left out, which changes nothing; if the `m` others allow no more
/// than `resamples` sign patterns, all `2^m` are enumerated and p is the exact share, else
/// `p = (1 + #{|T| >= |D|}) / (resamples + 1)`. All differences zero gives p = 1.
///
/// Fisher, *The Design of Experiments* (1935), section 21; Noreen (1989).
///
/// # Errors
/// If `d` is empty or not finite, or `resamples` is 0.
///
/// ```
/// let test = mergelab_stats::sign_flip(&[0.1, 0.2, 0.3, -0.1, 0.4], 10_000, 0)?;
/// assert_eq!(test.p_value, 6.0 / 32.0);
/// # Ok::<(), mergelab_stats::StatsError>(())
/// ```
pub fn sign_flip(d: &[f64], resamples: usize, seed: u64) -> Result<RandomisationTest> {
    require_examples("paired differences", d, 1)?;
    flip(
        &Units::new(&[&Statistics::from_values(d.to_vec())?])?,
        resamples,
        seed,
    )
}

/// As [`sign_flip`], flipping the signs of each cluster's differences together.
///
/// # Errors
/// As [`sign_flip`], and if there is not one cluster a difference.
pub fn sign_flip_clustered(
    d: &[f64],
    clusters: &[u32],
    resamples: usize,
    seed: u64,
) -> Result<RandomisationTest> {
    require_examples("paired differences", d, 1)?;
    let statistics = Statistics::from_values(d.to_vec())?.with_clusters(clusters.to_vec())?;
    flip(&Units::new(&[&statistics])?, resamples, seed)
}

fn flip(units: &Units, resamples: usize, seed: u64) -> Result<RandomisationTest> {
    require_resamples(resamples)?;
    let (totals, examples) = units.totals();
    let total = totals[0];
    let differing: Vec<f64> = (0..units.len())
        .map(|unit| units.row(unit)[0])
        .filter(|&sum| sum != 0.0)
        .collect();
    // Sums of the same numbers under other signs differ by rounding: about eps * sqrt(n) * sum |d|.
    let magnitude: f64 = differing.iter().map(|d| d.abs()).sum();
    let tie = 4.0 * f64::EPSILON * (differing.len() as f64).sqrt() * magnitude;

    let table = SubsetSums::new(&differing, 1);
    let exchanges = Exchanges::new(differing.len(), resamples, seed);
    let counted = exchanges.batches(std::slice::from_ref(&table), |flipped| {
        let mut tally = Tally::default();
        for flipped in flipped {
            tally.count(total - 2.0 * flipped, total.abs() - tie);
        }
        Ok(tally)
    })?;
    let tally: Tally = counted.into_iter().sum();
    Ok(RandomisationTest {
        difference: total / examples,
        p_value: exchanges.p_value(tally.extreme),
        exact: exchanges.exact(),
        resamples: exchanges.count(),
        extreme: tally.extreme,
        undefined: 0,
        units: units.len(),
        differing_units: differing.len(),
        seed,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn zeros_do_not_change_the_p_value() {
        let d = [0.5, -0.25, 1.0, 0.75];
        let padded: Vec<f64> = d.iter().flat_map(|&d| [d, 0.0, 0.0]).collect();
        let without = sign_flip(&d, 1000, 0).unwrap();
        let with = sign_flip(&padded, 1000, 0).unwrap();
        assert_eq!(without.p_value, with.p_value);
        assert!(with.exact);
        assert_eq!((with.units, with.differing_units), (12, 4));
    }

    #[test]
    fn ties_that_differ_by_rounding_are_ties() {
        // Every pattern with two minus signs ties with the observed one, whatever the order of the additions.
        let d = [0.1, 0.1, 0.1, -0.1, 0.1, -0.1, 0.1];
        // |sum| >= 0.3 in units of 0.1: sums are 7 - 2k; |7 - 2k| >= 3 for k in {0, 1, 2, 5, 6, 7}.
        let expected = f64::from(2 * (1 + 7 + 21)) / 128.0;
        assert_eq!(sign_flip(&d, 1000, 0).unwrap().p_value, expected);
    }

    #[test]
    fn degenerate_inputs() {
        assert_eq!(sign_flip(&[0.0; 4], 10, 0).unwrap().p_value, 1.0);
        assert_eq!(sign_flip(&[2.0], 10, 0).unwrap().p_value, 1.0);
        assert!(sign_flip(&[], 10, 0).is_err());
        assert!(sign_flip(&[f64::NAN], 10, 0).is_err());
        assert!(sign_flip(&[1.0], 0, 0).is_err());
        assert!(sign_flip_clustered(&[1.0, 2.0], &[0], 10, 0).is_err());
    }

    // Exact p-value 0.03125 needs all 6 signs alike; 20,000 draws of it have sd 0.0012, five sd is 0.0062.
    #[test]
    fn sampling_approaches_enumeration() {
        let d = [1.0, 2.0, 3.0, 4.0, 5.0, 6.0];
        let exact = sign_flip(&d, 64, 0).unwrap();
        assert!(exact.exact);
        assert_eq!(exact.p_value, 2.0 / 64.0);
        let many: Vec<f64> = d.iter().flat_map(|&d| [d, -d, d]).collect();
        let enumerated = sign_flip(&many, 1 << 18, 0).unwrap();
        let sampled = sign_flip(&many, 20_000, 0).unwrap();
        assert!(enumerated.exact && !sampled.exact);
        let p = enumerated.p_value;
        let sd = (p * (1.0 - p) / 20_000.0).sqrt();
        assert!((p - sampled.p_value).abs() < 5.0 * sd + 1.0 / 20_001.0);
    }
}
