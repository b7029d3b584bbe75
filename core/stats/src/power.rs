//! How large a difference a test set can show, and how many examples a difference needs.
//!
//! All formulas are normal approximations for two-sided tests at level `alpha` that detect the effect with probability
//! `power`; 0.05 and 0.8 are customary. Use them with a standard deviation from development data: power computed from
//! the very difference just observed ("observed power") restates its p-value (Hoenig and Heisey 2001).

use crate::distribution::normal_quantile;
use crate::error::{Result, StatsError, require_examples, require_fraction, require_positive};
use crate::statistics::dense_clusters;

/// The smallest mean difference that `n` paired differences of standard deviation `sd` will show.
///
/// `(z_{1 - alpha/2} + z_power) sd / sqrt(n)`: 2.802 sd / sqrt(n) at alpha 0.05 and power 0.8. Divide `n` by the
/// [`design_effect`] if examples are clustered.
///
/// # Errors
/// If `sd` or `n` is not above 0, or `alpha` or `power` not between 0 and 1.
///
/// ```
/// let mde = mergelab_stats::minimum_detectable_effect(0.3, 900.0, 0.05, 0.8)?;
/// assert!((mde - 0.02802).abs() < 1e-5);
/// # Ok::<(), mergelab_stats::StatsError>(())
/// ```
pub fn minimum_detectable_effect(sd: f64, n: f64, alpha: f64, power: f64) -> Result<f64> {
    require_positive("standard deviation", sd)?;
    require_positive("number of examples", n)?;
    Ok(quantile_sum(alpha, power)? * sd / n.sqrt())
}

/// The smallest difference of two accuracies that `n` shared examples will show if the systems disagree, one right and
/// the other wrong, on a share `discordance` of them.
///
/// `(z_{1 - alpha/2} + z_power) sqrt(discordance / n)`. The variance of the paired difference is discordance -
/// difference^2, so this is an upper bound, tight for small differences. Card et al., "With little power comes great
/// responsibility" (EMNLP 2020), on why to print it.
///
/// # Errors
/// If `discordance` is not above 0 and at most 1, `n` is not above 0, or `alpha` or `power` not between 0 and 1.
pub fn minimum_detectable_accuracy_difference(
    discordance: f64,
    n: f64,
    alpha: f64,
    power: f64,
) -> Result<f64> {
    require_discordance(discordance)?;
    minimum_detectable_effect(discordance.sqrt(), n, alpha, power)
}

/// How many paired differences of standard deviation `sd` show a mean difference of `effect`.
///
/// [`minimum_detectable_effect`] solved for n and rounded up.
///
/// # Errors
/// If `effect` or `sd` is not above 0, or `alpha` or `power` not between 0 and 1.
pub fn sample_size(effect: f64, sd: f64, alpha: f64, power: f64) -> Result<u64> {
    require_positive("effect", effect)?;
    require_positive("standard deviation", sd)?;
    let root = quantile_sum(alpha, power)? * sd / effect;
    Ok((root * root).ceil() as u64)
}

/// How many shared examples McNemar's test needs to show a `difference` of accuracies at a share `discordance` of
/// examples on which the systems disagree.
///
/// `((z_{1 - alpha/2} sqrt(discordance) + z_power sqrt(discordance - difference^2)) / difference)^2`, rounded up.
/// Connor, *Biometrics* 43:207 (1987).
///
/// # Errors
/// If `difference` is not above 0 and at most `discordance`, which is at most 1, or `alpha` or `power` is not between
/// 0 and 1.
pub fn sample_size_accuracy(
    difference: f64,
    discordance: f64,
    alpha: f64,
    power: f64,
) -> Result<u64> {
    require_positive("difference", difference)?;
    require_discordance(discordance)?;
    require_fraction("alpha", alpha)?;
    require_fraction("power", power)?;
    if difference > discordance {
        return Err(StatsError::OutOfRange {
            name: "difference",
            value: difference,
            expected: "at most the share of examples on which the systems disagree",
        });
    }
    let under_null = normal_quantile(1.0 - alpha / 2.0) * discordance.sqrt();
    let under_alternative =
        normal_quantile(power) * (discordance - difference * difference).max(0.0).sqrt();
    let root = (under_null + under_alternative) / difference;
    Ok((root * root).ceil() as u64)
}

/// How many paired differences of standard deviation `sd` show equivalence within `margin` if the systems are equal.
///
/// `(z_{1 - alpha} + z_{(1 + power)/2})^2 sd^2 / margin^2`, rounded up, for two one-sided tests each at `alpha`. Julious,
/// *Statistics in Medicine* 23:1921 (2004).
///
/// # Errors
/// If `margin` or `sd` is not above 0, or `alpha` or `power` not between 0 and 1.
pub fn sample_size_equivalence(margin: f64, sd: f64, alpha: f64, power: f64) -> Result<u64> {
    require_positive("margin", margin)?;
    require_positive("standard deviation", sd)?;
    require_fraction("alpha", alpha)?;
    require_fraction("power", power)?;
    let quantiles = normal_quantile(1.0 - alpha) + normal_quantile((1.0 + power) / 2.0);
    let root = quantiles * sd / margin;
    Ok((root * root).ceil() as u64)
}

/// How many paired differences of standard deviation `sd` show that a system is not worse by `margin` or more, if the two
/// are equal.
///
/// `(z_{1 - alpha} + z_power)^2 sd^2 / margin^2`, rounded up, for one one-sided test. Julious (2004).
///
/// # Errors
/// If `margin` or `sd` is not above 0, or `alpha` or `power` not between 0 and 1.
pub fn sample_size_non_inferiority(margin: f64, sd: f64, alpha: f64, power: f64) -> Result<u64> {
    require_positive("margin", margin)?;
    require_positive("standard deviation", sd)?;
    require_fraction("alpha", alpha)?;
    require_fraction("power", power)?;
    let root = (normal_quantile(1.0 - alpha) + normal_quantile(power)) * sd / margin;
    Ok((root * root).ceil() as u64)
}

/// By how much clusters of mean size `cluster_size` inflate the variance of a mean: `1 + (cluster_size - 1) icc`.
///
/// Kish, *Survey Sampling* (1965).
///
/// # Errors
/// If `cluster_size` is below 1 or `icc` not between -1 and 1.
pub fn design_effect(cluster_size: f64, icc: f64) -> Result<f64> {
    if !(cluster_size >= 1.0 && cluster_size.is_finite()) {
        return Err(StatsError::OutOfRange {
            name: "cluster size",
            value: cluster_size,
            expected: "a finite number, 1 or more",
        });
    }
    if !(-1.0..=1.0).contains(&icc) {
        return Err(StatsError::OutOfRange {
            name: "intraclass correlation",
            value: icc,
            expected: "a number from -1 to 1",
        });
    }
    Ok(1.0 + (cluster_size - 1.0) * icc)
}

/// The correlation of values that share a cluster, by one-way analysis of variance.
///
/// `(MSB - MSW) / (MSB + (m - 1) MSW)` with `m = (n - sum of squared sizes / n) / (clusters - 1)` for unequal clusters.
/// Can be slightly negative. Donner, *International Statistical Review* 54:67 (1986).
///
/// # Errors
/// If there are fewer than two clusters, every cluster holds one value, a value is not finite, all values are equal, or
/// there is not one cluster a value.
pub fn intraclass_correlation(values: &[f64], clusters: &[u32]) -> Result<f64> {
    require_examples("the intraclass correlation", values, 3)?;
    if clusters.len() != values.len() {
        return Err(StatsError::Length {
            left: "clusters",
            left_length: clusters.len(),
            right: "values",
            right_length: values.len(),
        });
    }
    let (cluster_of, count) = dense_clusters(clusters);
    if count < 2 {
        return Err(StatsError::TooFew {
            what: "the intraclass correlation",
            needed: 2,
            unit: "clusters",
            found: count,
        });
    }
    if count == values.len() {
        return Err(StatsError::Undefined {
            what: "the intraclass correlation",
            why: "every cluster holds a single value",
        });
    }
    let n = values.len() as f64;
    let mean = values.iter().sum::<f64>() / n;
    let mut sizes = vec![0.0; count];
    let mut sums = vec![0.0; count];
    for (value, &cluster) in values.iter().zip(&cluster_of) {
        sizes[cluster] += 1.0;
        sums[cluster] += value;
    }
    let between: f64 = sums
        .iter()
        .zip(&sizes)
        .map(|(sum, size)| size * (sum / size - mean).powi(2))
        .sum();
    let within: f64 = values
        .iter()
        .zip(&cluster_of)
        .map(|(value, &cluster)| (value - sums[cluster] / sizes[cluster]).powi(2))
        .sum();
    let groups = count as f64;
    let between = between / (groups - 1.0);
    let within = within / (n - groups);
    let size = (n - sizes.iter().map(|size| size * size).sum::<f64>() / n) / (groups - 1.0);
    let denominator = between + (size - 1.0) * within;
    if denominator > 0.0 {
        Ok((between - within) / denominator)
    } else {
        Err(StatsError::Undefined {
            what: "the intraclass correlation",
            why: "all values are equal",
        })
    }
}

fn quantile_sum(alpha: f64, power: f64) -> Result<f64> {
    require_fraction("alpha", alpha)?;
    require_fraction("power", power)?;
    Ok(normal_quantile(1.0 - alpha / 2.0) + normal_quantile(power))
}

fn require_discordance(discordance: f64) -> Result<()> {
    if discordance > 0.0 && discordance <= 1.0 {
        Ok(())
    } else {
        Err(StatsError::OutOfRange {
            name: "discordance",
            value: discordance,
            expected: "a share of examples, above 0 and at most 1",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    // Percentage points for a discordance of 0.10, to the digit printed.
    #[test]
    fn detectable_accuracy_differences() {
        for (n, points) in [(250.0, 5.6), (500.0, 4.0), (1000.0, 2.8), (2000.0, 2.0)] {
            let mde = minimum_detectable_accuracy_difference(0.1, n, 0.05, 0.8).unwrap();
            assert!((mde * 100.0 - points).abs() < 0.05, "{n}: {mde}");
        }
    }

    #[test]
    fn sample_size_inverts_the_detectable_effect() {
        let n = sample_size(0.02, 0.3, 0.05, 0.8).unwrap();
        let at = |n: u64| minimum_detectable_effect(0.3, n as f64, 0.05, 0.8).unwrap();
        assert!(at(n) <= 0.02 && at(n - 1) > 0.02);
    }

    #[test]
    fn connors_size_is_a_little_below_the_bound() {
        let exact = sample_size_accuracy(0.04, 0.1, 0.05, 0.8).unwrap();
        let bound = sample_size(0.04, 0.1f64.sqrt(), 0.05, 0.8).unwrap();
        assert!(exact < bound && exact > bound * 9 / 10, "{exact} {bound}");
    }

    #[test]
    fn one_side_needs_fewer_examples_than_two() {
        let one = sample_size_non_inferiority(0.02, 0.3, 0.05, 0.8).unwrap();
        let two = sample_size_equivalence(0.02, 0.3, 0.05, 0.8).unwrap();
        // (1.645 + 0.842)^2 and (1.645 + 1.282)^2 times 225.
        assert_eq!((one, two), (1392, 1927));
        assert!(sample_size_non_inferiority(0.0, 0.3, 0.05, 0.8).is_err());
    }

    #[test]
    fn clusters_of_copies_are_perfectly_correlated() {
        let icc = intraclass_correlation(&[1.0, 1.0, 3.0, 3.0], &[0, 0, 1, 1]).unwrap();
        assert!((icc - 1.0).abs() < 1e-15);
        assert_eq!(design_effect(4.0, icc).unwrap(), 4.0);
    }

    #[test]
    fn refuses_bad_input() {
        assert!(minimum_detectable_effect(0.0, 10.0, 0.05, 0.8).is_err());
        assert!(minimum_detectable_effect(1.0, f64::NAN, 0.05, 0.8).is_err());
        assert!(minimum_detectable_accuracy_difference(1.1, 10.0, 0.05, 0.8).is_err());
        assert!(sample_size(0.1, 1.0, 0.05, 1.0).is_err());
        assert!(sample_size_accuracy(0.2, 0.1, 0.05, 0.8).is_err());
        assert!(sample_size_equivalence(-0.1, 1.0, 0.05, 0.8).is_err());
        assert!(design_effect(0.5, 0.1).is_err());
        assert!(design_effect(2.0, f64::NAN).is_err());
        assert!(intraclass_correlation(&[1.0; 4], &[0, 0, 1, 1]).is_err());
        assert!(intraclass_correlation(&[1.0, 2.0, 3.0], &[0, 1, 2]).is_err());
    }
}
