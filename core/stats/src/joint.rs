//! One bootstrap of many systems: every resample holds the same examples for all of them.

use serde::Serialize;

use crate::aggregate::{Aggregate, evaluate, observed};
use crate::bootstrap::{refuse_undefined, rows};
use crate::error::{Result, StatsError, require_finite, require_resamples};
use crate::resample::Resampler;
use crate::statistics::{Statistics, Units};

/// The values of many systems on the same examples, and on the same resamples of them.
///
/// What [`model_confidence_set`](crate::model_confidence_set) needs; the difference of any two systems is a paired
/// bootstrap.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct JointBootstrap {
    /// Each system's value on the examples themselves.
    pub estimates: Vec<f64>,
    /// Resamples drawn.
    pub resamples: usize,
    /// Resamples on which some system had no value. They are left out of the draws.
    pub undefined: usize,
    /// One row of values per resample, in the order drawn.
    #[serde(skip)]
    draws: Vec<f64>,
}

impl JointBootstrap {
    /// From values that were drawn elsewhere: `draws` holds one row a resample, each with one value per system.
    ///
    /// # Errors
    /// If there is no system or no resample, the draws are not whole rows, or a number is not finite.
    pub fn from_draws(estimates: Vec<f64>, draws: Vec<f64>) -> Result<Self> {
        if estimates.is_empty() {
            return Err(StatsError::Empty {
                what: "list of systems",
            });
        }
        if !draws.len().is_multiple_of(estimates.len()) {
            return Err(StatsError::Length {
                left: "a row of draws",
                left_length: draws.len() % estimates.len(),
                right: "list of systems",
                right_length: estimates.len(),
            });
        }
        require_finite("values", &estimates)?;
        require_finite("bootstrap draws", &draws)?;
        let resamples = draws.len() / estimates.len();
        require_resamples(resamples)?;
        Ok(Self {
            estimates,
            resamples,
            undefined: 0,
            draws,
        })
    }

    /// How many systems there are.
    pub fn systems(&self) -> usize {
        self.estimates.len()
    }

    /// The values of all systems on each resample.
    pub fn rows(&self) -> impl ExactSizeIterator<Item = &[f64]> {
        self.draws.chunks_exact(self.systems())
    }

    /// The same with the mean of each group of systems in the place of its members, such as the replicates of a model.
    ///
    /// # Errors
    /// If there is no group, one is empty, or one names a system that does not exist.
    pub fn means(&self, groups: &[Vec<usize>]) -> Result<Self> {
        if groups.is_empty() || groups.iter().any(Vec::is_empty) {
            return Err(StatsError::Empty {
                what: "group of systems",
            });
        }
        if let Some(&system) = groups.iter().flatten().find(|&&s| s >= self.systems()) {
            return Err(StatsError::OutOfRange {
                name: "system of a group",
                value: system as f64,
                expected: "below the number of systems",
            });
        }
        let mean = |values: &[f64]| -> Vec<f64> {
            let of = |group: &Vec<usize>| {
                group.iter().map(|&s| values[s]).sum::<f64>() / group.len() as f64
            };
            groups.iter().map(of).collect()
        };
        Ok(Self {
            estimates: mean(&self.estimates),
            draws: self.rows().flat_map(mean).collect(),
            ..*self
        })
    }
}

/// Draws examples, or clusters, with replacement and computes every system's value on each resample.
///
/// Resample r of system s is that of [`bootstrap`](crate::bootstrap()) with the same seed. The cost per resample,
/// example and system is one addition for each statistic of the metric.
///
/// # Errors
/// As [`bootstrap`](crate::bootstrap()), and if there is no system or the systems are not paired.
pub fn joint_bootstrap(
    systems: &[&Statistics],
    aggregate: &dyn Aggregate,
    resamples: usize,
    seed: u64,
) -> Result<JointBootstrap> {
    require_resamples(resamples)?;
    let units = Units::new(systems)?;
    if units.len() < 2 {
        return Err(StatsError::TooFew {
            what: "the bootstrap",
            needed: 2,
            unit: "examples or clusters",
            found: units.len(),
        });
    }
    let (totals, examples) = units.totals();
    let estimates = evaluate(aggregate, &totals, &vec![examples; systems.len()])?;
    observed(&estimates)?;
    let resampler = Resampler::new(&units, seed);
    let draws = rows(
        &units,
        aggregate,
        resamples,
        &|first, sums: &mut [f64]| resampler.fill(first, sums),
        &|_, values, out: &mut Vec<f64>| {
            if values.iter().all(|value| value.is_finite()) {
                out.extend_from_slice(values);
            }
        },
    )?;
    let undefined = resamples - draws.len() / systems.len();
    refuse_undefined(undefined, resamples)?;
    Ok(JointBootstrap {
        estimates,
        resamples,
        undefined,
        draws,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{BootstrapOptions, EachRow, Mean, bootstrap, paired_bootstrap};

    fn system(step: u32) -> Statistics {
        let rows = (0..60 * 3u32).map(|i| f64::from(i * step % 11) / 3.0);
        Statistics::new(rows.collect(), 3).unwrap()
    }

    // One path sums many columns at once, the other few: the bits are the same.
    #[test]
    fn each_system_has_its_own_bootstrap() {
        let metric = EachRow(|s: &[f64], _: f64| s[0] / (1.0 + s[1] + s[2]));
        let systems: Vec<Statistics> = [3, 5, 7, 9].map(system).into();
        let all: Vec<&Statistics> = systems.iter().collect();
        let joint = joint_bootstrap(&all, &metric, 300, 8).unwrap();
        let options = BootstrapOptions {
            resamples: 300,
            seed: 8,
            ..Default::default()
        };
        for (s, system) in systems.iter().enumerate() {
            let alone = bootstrap(system, &metric, &options).unwrap();
            let own: Vec<f64> = joint.rows().map(|row| row[s]).collect();
            assert_eq!((joint.estimates[s], own), (alone.estimate, alone.draws));
        }
        let pair = paired_bootstrap(&systems[1], &systems[2], &metric, &options).unwrap();
        let differences: Vec<f64> = joint.rows().map(|row| row[1] - row[2]).collect();
        assert_eq!(differences, pair.draws);
    }

    #[test]
    fn groups_are_averaged() {
        let joint = JointBootstrap::from_draws(vec![1.0, 3.0, 5.0], vec![1.0; 6]).unwrap();
        let means = joint.means(&[vec![0, 1], vec![2]]).unwrap();
        assert_eq!(means.estimates, [2.0, 5.0]);
        assert_eq!(means.rows().len(), 2);
        assert!(joint.means(&[vec![3]]).is_err());
        assert!(joint.means(&[vec![]]).is_err());
    }

    #[test]
    fn refuses_bad_input() {
        assert!(joint_bootstrap(&[], &Mean, 10, 0).is_err());
        assert!(joint_bootstrap(&[&system(3)], &Mean, 0, 0).is_err());
        assert!(JointBootstrap::from_draws(vec![1.0, 2.0], vec![1.0; 3]).is_err());
        assert!(JointBootstrap::from_draws(vec![1.0], vec![f64::NAN]).is_err());
        assert!(JointBootstrap::from_draws(vec![1.0], vec![]).is_err());
    }
}
