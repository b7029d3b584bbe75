//! Models that were trained several times: how far would the mean move with other examples and other trainings?

use crate::aggregate::Aggregate;
use crate::bootstrap::{Bootstrap, BootstrapOptions, run};
use crate::error::{Result, StatsError};
use crate::philox::{Philox, Purpose};
use crate::statistics::{Statistics, Units};

/// Bootstrap of the mean value of replicates `a`, or of its difference to that of replicates `b` where there are any.
///
/// A replicate is the same model trained with another seed; all answered the same examples. Every resample draws
/// examples, or clusters, with replacement, the same ones for all replicates, and replicates with replacement, `a` and
/// `b` each on its own. So the draws vary with both what was asked and how training went (the two-level bootstrap of
/// Davison and Hinkley, *Bootstrap Methods and their Application*, 1997, section 3.8, with crossed levels).
///
/// Drawing from r replicates gives (r - 1)/r of the variance between trainings, so with two or three of them the
/// interval is too narrow, though wider than one that takes the trainings as given. A side with one replicate adds no
/// variance of training.
///
/// # Errors
/// As [`bootstrap`](crate::bootstrap()), if the replicates are not paired, and if `a` is empty.
///
/// ```
/// use mergelab_stats::{BootstrapOptions, Mean, Statistics, replicated_bootstrap};
///
/// let first = Statistics::from_values(vec![0.9, 0.8, 0.7, 0.9, 0.8, 0.6])?;
/// let second = Statistics::from_values(vec![0.5, 0.6, 0.6, 0.4, 0.7, 0.5])?;
/// let options = BootstrapOptions::default();
/// let both = replicated_bootstrap(&[&first, &second], &[], &Mean, &options)?;
/// assert!((both.estimate - 2.0 / 3.0).abs() < 1e-12);
/// # Ok::<(), mergelab_stats::StatsError>(())
/// ```
pub fn replicated_bootstrap(
    a: &[&Statistics],
    b: &[&Statistics],
    aggregate: &dyn Aggregate,
    options: &BootstrapOptions,
) -> Result<Bootstrap> {
    if a.is_empty() {
        return Err(StatsError::Empty {
            what: "list of replicates",
        });
    }
    let systems: Vec<&Statistics> = a.iter().chain(b).copied().collect();
    let units = Units::new(&systems)?;
    run(&units, aggregate, options, |resample, values| {
        let (a, b) = values.split_at(a.len());
        match resample {
            None => mean(a) - mean(b),
            Some(resample) => {
                let stream = &mut Philox::new(options.seed, Purpose::Replicates, resample as u64);
                drawn(a, stream) - drawn(b, stream)
            }
        }
    })
}

/// 0 for no values, so that a missing side subtracts nothing.
fn mean(values: &[f64]) -> f64 {
    values.iter().sum::<f64>() / values.len().max(1) as f64
}

/// The mean of as many values as there are, drawn with replacement.
fn drawn(values: &[f64], stream: &mut Philox) -> f64 {
    let count = values.len() as u32;
    let sum: f64 = (0..count)
        .map(|_| values[stream.below(count) as usize])
        .sum();
    sum / f64::from(count.max(1))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Mean, bootstrap, paired_bootstrap};

    fn shifted(by: f64) -> Statistics {
        let values = (0..40).map(|i| f64::from(i * i % 23) / 23.0 + by);
        Statistics::from_values(values.collect()).unwrap()
    }

    fn options() -> BootstrapOptions {
        BootstrapOptions {
            resamples: 4_000,
            seed: 5,
            ..Default::default()
        }
    }

    // One replicate leaves nothing to draw: the numbers are those of the plain bootstraps.
    #[test]
    fn one_replicate_is_the_plain_bootstrap() {
        let (a, b) = (shifted(0.0), shifted(0.3));
        let single = replicated_bootstrap(&[&a], &[], &Mean, &options()).unwrap();
        assert_eq!(single, bootstrap(&a, &Mean, &options()).unwrap());
        let pair = replicated_bootstrap(&[&a], &[&b], &Mean, &options()).unwrap();
        assert_eq!(pair, paired_bootstrap(&a, &b, &Mean, &options()).unwrap());
    }

    // Replicates that are the same but for a constant: the examples cancel in the difference, and what is left is the
    // variance of a mean of three drawn from the three constants. 6% is five standard deviations of an sd of 4,000.
    #[test]
    fn replicates_add_their_variance() {
        let shifts = [0.0, 0.1, 0.5];
        let replicates = shifts.map(shifted);
        let a: Vec<&Statistics> = replicates.iter().collect();
        let fixed = shifted(0.2);
        let found = replicated_bootstrap(&a, &[&fixed], &Mean, &options()).unwrap();
        let variance = shifts.iter().map(|s| (s - 0.2f64).powi(2)).sum::<f64>() / 3.0;
        let expected = (variance / 3.0).sqrt();
        assert!(found.estimate.abs() < 1e-12);
        assert!((found.standard_error / expected - 1.0).abs() < 0.06);
        // Both sides have that variance, each on its own.
        let both = replicated_bootstrap(&a, &a, &Mean, &options()).unwrap();
        let ratio = both.standard_error / (expected * 2.0f64.sqrt());
        assert!((ratio - 1.0).abs() < 0.06, "{ratio}");
        // Of one side alone the examples add theirs.
        let alone = replicated_bootstrap(&a, &[], &Mean, &options()).unwrap();
        let items = bootstrap(&fixed, &Mean, &options()).unwrap().standard_error;
        let ratio = alone.standard_error / expected.hypot(items);
        assert!((ratio - 1.0).abs() < 0.06, "{ratio}");
    }

    #[test]
    fn no_replicates_are_an_error() {
        assert!(replicated_bootstrap(&[], &[], &Mean, &options()).is_err());
    }
}
