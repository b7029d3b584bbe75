//! Student's t for a mean of means, such as a score averaged over languages.

use crate::distribution::{student_quantile, student_sf};
use crate::error::{Result, StatsError, require_examples, require_fraction};
use crate::interval::{Interval, IntervalMethod};
use crate::paired_t::{PairedT, t_statistic};
use crate::statistics::dense_clusters;

/// Tests whether the unweighted mean of the strata's means is zero. Each stratum has its paired differences and the
/// cluster of each.
///
/// A cluster that is in several strata, such as the translations of one item, counts as one observation. Strata that
/// share a cluster, directly or through others, form a block; what a cluster adds to the mean of means is summed within
/// its block, and blocks are independent. The variance is the sum over blocks of
/// `G / (G - 1) * sum over clusters of (sum of residuals, each over its stratum's size and the number of strata)^2` with
/// `G` clusters in the block, and degrees of freedom follow from Satterthwaite's formula with `G - 1` for each block.
/// One stratum gives [`paired_t_clustered`](crate::paired_t_clustered), two without shared clusters Welch's test, and
/// items that are all in every stratum once the paired t test of their means.
///
/// Cochran, *Sampling Techniques* (1977), section 5.3, on means over strata; Welch, *Biometrika* 34 (1947) and
/// Satterthwaite, *Biometrics Bulletin* 2 (1946), on degrees of freedom.
///
/// # Errors
/// If there is no stratum, one is empty, a value is not finite, there is not one cluster a value, a block has fewer
/// than two clusters, or `level` is not between 0 and 1.
///
/// ```
/// use mergelab_stats::paired_t_stratified;
///
/// let german = ([0.2, 0.4, 0.0].as_slice(), [0, 1, 2].as_slice());
/// let english = ([0.5, 0.1].as_slice(), [3, 4].as_slice());
/// let test = paired_t_stratified(&[german, english], 0.95)?;
/// assert!((test.difference - 0.25).abs() < 1e-12);
/// # Ok::<(), mergelab_stats::StatsError>(())
/// ```
pub fn paired_t_stratified(strata: &[(&[f64], &[u32])], level: f64) -> Result<PairedT> {
    require_fraction("confidence level", level)?;
    if strata.is_empty() {
        return Err(StatsError::Empty {
            what: "list of strata",
        });
    }
    for (values, clusters) in strata {
        require_examples("the mean of a stratum", values, 1)?;
        if values.len() != clusters.len() {
            return Err(StatsError::Length {
                left: "clusters",
                left_length: clusters.len(),
                right: "values",
                right_length: values.len(),
            });
        }
    }
    let all: Vec<u32> = strata.iter().flat_map(|(_, c)| c.iter()).copied().collect();
    let (cluster_of, count) = dense_clusters(&all);
    let mut shares = vec![0.0; count];
    let mut blocks = Blocks::new(strata.len(), count);
    let weight = 1.0 / strata.len() as f64;
    let mut difference = 0.0;
    let mut next = cluster_of.iter();
    for (stratum, (values, _)) in strata.iter().enumerate() {
        let n = values.len() as f64;
        // Measured from the first value, so that equal values have exactly that mean.
        let mean = values[0] + values.iter().map(|value| value - values[0]).sum::<f64>() / n;
        difference += weight * mean;
        for (value, &cluster) in values.iter().zip(&mut next) {
            shares[cluster] += weight * (value - mean) / n;
            blocks.join(stratum, cluster);
        }
    }
    let (mut variance, mut uncertainty, mut degrees) = (0.0, 0.0, 0.0);
    for members in blocks.clusters() {
        let groups = members.len() as f64;
        if groups < 2.0 {
            return Err(StatsError::TooFew {
                what: "the t test over strata",
                needed: 2,
                unit: "examples or clusters in each stratum",
                found: members.len(),
            });
        }
        let squares: f64 = members.iter().map(|&c| shares[c] * shares[c]).sum();
        let own = groups / (groups - 1.0) * squares;
        variance += own;
        uncertainty += own * own / (groups - 1.0);
        degrees += groups - 1.0;
    }
    if variance > 0.0 {
        degrees = variance * variance / uncertainty;
    }
    let standard_error = f64::sqrt(variance);
    let t = t_statistic(difference, standard_error);
    let half = student_quantile((1.0 + level) / 2.0, degrees)? * standard_error;
    Ok(PairedT {
        difference,
        standard_error,
        t,
        degrees_of_freedom: degrees,
        p_value: (2.0 * student_sf(t.abs(), degrees)?).min(1.0),
        interval: Interval {
            low: difference - half,
            high: difference + half,
            level,
            method: IntervalMethod::StudentT,
        },
    })
}

/// Which strata are connected by clusters that they share.
struct Blocks {
    /// The block of each stratum.
    block: Vec<usize>,
    /// A stratum that holds each cluster.
    holder: Vec<Option<usize>>,
}

impl Blocks {
    fn new(strata: usize, clusters: usize) -> Self {
        Self {
            block: (0..strata).collect(),
            holder: vec![None; clusters],
        }
    }

    fn join(&mut self, stratum: usize, cluster: usize) {
        let holder = *self.holder[cluster].get_or_insert(stratum);
        let (from, to) = (self.block[stratum], self.block[holder]);
        if from != to {
            for block in &mut self.block {
                if *block == from {
                    *block = to;
                }
            }
        }
    }

    /// The clusters of each block, in the order of the strata.
    fn clusters(&self) -> Vec<Vec<usize>> {
        let mut members = vec![Vec::new(); self.block.len()];
        for (cluster, holder) in self.holder.iter().enumerate() {
            if let Some(stratum) = holder {
                members[self.block[*stratum]].push(cluster);
            }
        }
        members.retain(|clusters| !clusters.is_empty());
        members
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{paired_t, paired_t_clustered};

    #[test]
    fn one_stratum_is_the_clustered_test() {
        let d = [0.3, 0.9, 0.1, 0.6, -0.2];
        let clusters = [0, 0, 1, 2, 2];
        let found = paired_t_stratified(&[(&d, &clusters)], 0.9).unwrap();
        let plain = paired_t_clustered(&d, &clusters, 0.9).unwrap();
        assert!((found.p_value - plain.p_value).abs() < 1e-12);
        assert!((found.interval.low - plain.interval.low).abs() < 1e-12);
        assert_eq!(found.degrees_of_freedom.round(), plain.degrees_of_freedom);
    }

    #[test]
    fn translations_are_one_observation() {
        let (de, en) = ([0.2, 0.4, -0.1, 0.7], [0.1, 0.9, -0.3, 0.2]);
        let means: Vec<f64> = de.iter().zip(&en).map(|(a, b)| (a + b) / 2.0).collect();
        let once = paired_t(&means, 0.95).unwrap();
        let clusters = [5, 6, 7, 8];
        let found = paired_t_stratified(&[(&de, &clusters), (&en, &clusters)], 0.95).unwrap();
        assert!((found.p_value - once.p_value).abs() < 1e-12);
        assert!((found.interval.high - once.interval.high).abs() < 1e-12);
    }

    // The first and the last stratum share one cluster each with the middle one.
    #[test]
    fn strata_are_connected_through_others() {
        let values = [0.1, 0.5];
        let strata: [(&[f64], &[u32]); 3] =
            [(&values, &[0, 1]), (&values, &[1, 2]), (&values, &[2, 3])];
        let found = paired_t_stratified(&strata, 0.95).unwrap();
        assert_eq!(found.degrees_of_freedom.round(), 3.0);
        assert!((found.difference - 0.3).abs() < 1e-12);
    }

    #[test]
    fn no_difference_is_no_evidence_and_a_constant_one_is_certain() {
        let with = |value: f64| {
            let values = [value; 3];
            paired_t_stratified(&[(&values, &[0, 1, 2]), (&values, &[3, 4, 5])], 0.95).unwrap()
        };
        assert_eq!(with(0.0).p_value, 1.0);
        assert_eq!(with(0.25).p_value, 0.0);
        assert_eq!(with(0.25).degrees_of_freedom, 4.0);
    }

    #[test]
    fn refuses_too_little() {
        let two: (&[f64], &[u32]) = (&[0.1, 0.2], &[0, 1]);
        assert!(paired_t_stratified(&[], 0.95).is_err());
        assert!(paired_t_stratified(&[two, (&[0.1], &[2])], 0.95).is_err());
        assert!(paired_t_stratified(&[two, (&[0.1], &[2, 3])], 0.95).is_err());
        assert!(paired_t_stratified(&[two], 1.0).is_err());
    }
}
