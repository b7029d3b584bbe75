//! The bootstrap of a mean of values over strata, such as a score averaged over languages.

use crate::aggregate::Aggregate;
use crate::bootstrap::{
    Bootstrap, BootstrapInterval, BootstrapOptions, bootstrap, paired_bootstrap, refuse_undefined,
    standard_deviation,
};
use crate::error::{Result, StatsError};
use crate::interval::{bca_interval, percentile_interval};
use crate::statistics::Statistics;

/// One stratum of a [`stratified_bootstrap`].
pub struct Stratum<'a> {
    /// The system.
    pub a: &'a Statistics,
    /// The system that it is compared with on the same examples, if any.
    pub b: Option<&'a Statistics>,
    /// The metric.
    pub aggregate: &'a dyn Aggregate,
    /// Seed of the stratum's draws: they must differ, as strata are drawn independently.
    pub seed: u64,
}

/// Bootstrap interval of the unweighted mean over strata of a metric's value, or of the difference of two systems.
///
/// Each stratum is resampled on its own, so that every resample has as many examples of it as the test set. Where
/// strata share items, which must then be drawn together, this is not the bootstrap to use. `options.seed` is only
/// recorded.
///
/// The acceleration of a BCa interval is a sixth of the sum over all units of `(l / n)^3` over the power 3/2 of the sum
/// of `(l / n)^2`, with `l` a unit's influence on the mean and `n` the units of its stratum. Davison and Hinkley,
/// *Bootstrap Methods and their Application* (1997), section 3.2 and, for the acceleration, 5.4.2.
///
/// # Errors
/// As [`bootstrap`](crate::bootstrap()) of each stratum, and if there is none.
pub fn stratified_bootstrap(
    strata: &[Stratum<'_>],
    options: &BootstrapOptions,
) -> Result<Bootstrap> {
    if strata.is_empty() {
        return Err(StatsError::Empty {
            what: "list of strata",
        });
    }
    let each = strata
        .iter()
        .map(|stratum| {
            let options = BootstrapOptions {
                seed: stratum.seed,
                ..*options
            };
            match stratum.b {
                None => bootstrap(stratum.a, stratum.aggregate, &options),
                Some(b) => paired_bootstrap(stratum.a, b, stratum.aggregate, &options),
            }
        })
        .collect::<Result<Vec<_>>>()?;
    let weight = 1.0 / each.len() as f64;
    // Strata are drawn independently, so it does not matter which draws are put together where one has lost some that
    // left the metric without a value.
    let defined = each.iter().map(|own| own.draws.len()).min().unwrap_or(0);
    let undefined = options.resamples - defined;
    refuse_undefined(undefined, options.resamples)?;
    let draws: Vec<f64> = (0..defined)
        .map(|draw| each.iter().map(|own| own.draws[draw] * weight).sum())
        .collect();
    let estimate = each.iter().map(|own| own.estimate * weight).sum();
    let jackknife: Vec<f64> = each.iter().flat_map(|own| moved(own, weight)).collect();
    let interval = match options.interval {
        BootstrapInterval::Percentile => percentile_interval(&draws, options.level)?,
        BootstrapInterval::Bca => bca_interval(&draws, estimate, &jackknife, options.level)?,
    };
    Ok(Bootstrap {
        estimate,
        interval,
        standard_error: standard_deviation(&draws),
        resamples: options.resamples,
        undefined,
        units: each.iter().map(|own| own.units).sum(),
        seed: options.seed,
        draws,
        jackknife,
    })
}

/// How far the mean over strata moves against each unit of one stratum, times the units over one fewer: minus its
/// influence over the units.
fn moved(own: &Bootstrap, weight: f64) -> Vec<f64> {
    let n = own.jackknife.len() as f64;
    let mean = own.jackknife.iter().sum::<f64>() / n;
    let scale = weight * (n - 1.0) / n;
    own.jackknife
        .iter()
        .map(|value| scale * (value - mean))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{IntervalMethod, Mean};

    fn values(size: u32, salt: u32) -> Statistics {
        let skewed = (0..size).map(|i| f64::from(i * i * salt % 23).powi(2) / 500.0);
        Statistics::from_values(skewed.collect()).unwrap()
    }

    fn options(interval: BootstrapInterval) -> BootstrapOptions {
        BootstrapOptions {
            resamples: 4_000,
            seed: 5,
            interval,
            ..Default::default()
        }
    }

    fn stratum(a: &Statistics, seed: u64) -> Stratum<'_> {
        Stratum {
            a,
            b: None,
            aggregate: &Mean,
            seed,
        }
    }

    #[test]
    fn one_stratum_is_the_plain_bootstrap() {
        let a = values(40, 3);
        for interval in [BootstrapInterval::Percentile, BootstrapInterval::Bca] {
            let found = stratified_bootstrap(&[stratum(&a, 5)], &options(interval)).unwrap();
            let plain = bootstrap(&a, &Mean, &options(interval)).unwrap();
            assert_eq!(found.draws, plain.draws);
            assert!((found.interval.low - plain.interval.low).abs() < 1e-9);
            assert!((found.interval.high - plain.interval.high).abs() < 1e-9);
        }
    }

    // 4,000 draws give a standard error to 1.1%; 6% is five of that.
    #[test]
    fn strata_add_their_variances_and_their_skewness() {
        let (a, b) = (values(40, 3), values(90, 7));
        let own = |s: &Statistics| bootstrap(s, &Mean, &options(BootstrapInterval::Bca)).unwrap();
        let found = stratified_bootstrap(
            &[stratum(&a, 1), stratum(&b, 2)],
            &options(BootstrapInterval::Bca),
        )
        .unwrap();
        let expected = own(&a).standard_error.hypot(own(&b).standard_error) / 2.0;
        let ratio = found.standard_error / expected;
        assert!((ratio - 1.0).abs() < 0.06, "{ratio}");
        assert_eq!(found.interval.method, IntervalMethod::Bca);
        assert_eq!(found.units, 130);
        // The influences of a mean are its values less their mean: sums of squares and cubes by hand.
        let influence = |s: &Statistics, power: i32| -> f64 {
            let n = s.examples() as f64;
            let mean = s.sums()[0] / n;
            let each = (0..s.examples()).filter_map(|i| s.row(i));
            each.map(|row| ((row[0] - mean) / n / 2.0).powi(power))
                .sum()
        };
        for power in [2, 3] {
            let sum: f64 = found.jackknife.iter().map(|m| (-m).powi(power)).sum();
            let expected = influence(&a, power) + influence(&b, power);
            assert!(
                (sum / expected - 1.0).abs() < 1e-9,
                "{power}: {sum} {expected}"
            );
        }
    }

    #[test]
    fn refuses_nothing_and_what_a_stratum_refuses() {
        let one = Statistics::from_values(vec![1.0]).unwrap();
        let options = options(BootstrapInterval::Percentile);
        assert!(stratified_bootstrap(&[], &options).is_err());
        assert!(stratified_bootstrap(&[stratum(&one, 1)], &options).is_err());
    }
}
