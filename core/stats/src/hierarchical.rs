//! The bootstrap with a level for each thing that could have come out otherwise: trainings, clusters, examples.

use serde::Serialize;

use crate::aggregate::Aggregate;
use crate::bootstrap::{Bootstrap, BootstrapOptions, run_with};
use crate::error::{Result, StatsError};
use crate::philox::{Philox, Purpose};
use crate::statistics::{Statistics, Units, add, clusters_of};

/// How a hierarchical bootstrap draws the replicates of the two sides.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum DrawnReplicates {
    /// Not at all: conclusions are about these trained models.
    Fixed,
    /// Each side on its own.
    #[default]
    Independent,
    /// Replicate i of one side goes with replicate i of the other, such as two merges of the same trained experts.
    Paired,
}

/// What a hierarchical bootstrap draws anew.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Levels {
    /// How replicates are drawn.
    pub replicates: DrawnReplicates,
    /// Whether clusters are drawn with replacement. If not they are strata, all of which every resample holds.
    pub clusters: bool,
    /// Whether examples are drawn with replacement within each cluster drawn.
    pub examples: bool,
}

impl Default for Levels {
    /// Replicates, each side on its own, and whole clusters.
    ///
    /// Whole clusters are enough where they are many: drawing examples within them as well adds their variance a second
    /// time, about 1/m of it for clusters of m.
    fn default() -> Self {
        Self {
            replicates: DrawnReplicates::Independent,
            clusters: true,
            examples: false,
        }
    }
}

/// Bootstrap interval of the mean over replicates `a` minus that over replicates `b`, or of the first alone if `b` is
/// empty, with a choice of the levels at which to resample.
///
/// Every resample draws clusters, then examples within each, the same ones for every replicate, as all of them answered
/// the same test set; and replicates. The metric is recomputed from the sums of each replicate. Without clusters every
/// example is a cluster of its own: `clusters` or `examples` then both mean the plain bootstrap.
///
/// Drawing from r replicates gives (r - 1)/r of the variance between trainings. With fewer than about ten, use
/// [`replicated_t`](crate::replicated_t).
///
/// Davison and Hinkley, *Bootstrap Methods and their Application* (1997), section 3.8; Saravanan, Berman and Sober,
/// "Application of the hierarchical bootstrap to multi-level data in neuroscience", *Neurons, Behavior, Data Analysis
/// and Theory* (2020).
///
/// # Errors
/// As [`bootstrap`](crate::bootstrap()); if `a` is empty, replicates are not on the same examples, sides that are drawn
/// as pairs differ in length, or no level is drawn.
///
/// ```
/// use mergelab_stats::{BootstrapOptions, DrawnReplicates, Levels, Mean, Statistics, hierarchical_bootstrap};
///
/// let run = |values: [f64; 6]| Statistics::from_values(values.to_vec())?.with_clusters(vec![0, 0, 1, 1, 2, 2]);
/// let a = [run([0.9, 0.8, 0.7, 0.9, 0.8, 0.6])?, run([0.8, 0.8, 0.6, 0.9, 0.7, 0.7])?];
/// let b = [run([0.5, 0.6, 0.6, 0.4, 0.7, 0.5])?, run([0.6, 0.6, 0.5, 0.5, 0.6, 0.4])?];
/// let levels = Levels { replicates: DrawnReplicates::Paired, clusters: true, examples: true };
/// let options = BootstrapOptions::default();
/// let result = hierarchical_bootstrap(&[&a[0], &a[1]], &[&b[0], &b[1]], &Mean, levels, &options)?;
/// assert!(result.interval.low > 0.0);
/// # Ok::<(), mergelab_stats::StatsError>(())
/// ```
pub fn hierarchical_bootstrap(
    a: &[&Statistics],
    b: &[&Statistics],
    aggregate: &dyn Aggregate,
    levels: Levels,
    options: &BootstrapOptions,
) -> Result<Bootstrap> {
    if a.is_empty() {
        return Err(StatsError::Empty {
            what: "list of replicates",
        });
    }
    if levels.replicates == DrawnReplicates::Paired && a.len() != b.len() {
        return Err(StatsError::Length {
            left: "replicates of a",
            left_length: a.len(),
            right: "replicates of b, drawn as pairs,",
            right_length: b.len(),
        });
    }
    let drawn = levels.clusters || levels.examples;
    if !drawn && levels.replicates == DrawnReplicates::Fixed {
        return Err(StatsError::Empty {
            what: "list of levels to resample",
        });
    }
    let systems: Vec<&Statistics> = a.iter().chain(b).copied().collect();
    let units = Units::of_examples(&systems)?;
    let clusters = clusters_of(systems[0]);
    let fill = |first: usize, sums: &mut [f64]| -> Vec<f64> {
        let rows = sums.chunks_exact_mut(units.width() * units.systems());
        let resample = |(resample, sums): (usize, &mut [f64])| {
            let mut stream = Philox::new(options.seed, Purpose::Bootstrap, resample as u64);
            draw(&units, &clusters, levels, &mut stream, sums)
        };
        (first..).zip(rows).map(resample).collect()
    };
    run_with(&units, aggregate, options, &fill, |resample, values| {
        let (a, b) = values.split_at(a.len());
        let Some(resample) = resample else {
            return mean(a) - mean(b);
        };
        let stream = &mut Philox::new(options.seed, Purpose::Replicates, resample as u64);
        match levels.replicates {
            DrawnReplicates::Fixed => mean(a) - mean(b),
            DrawnReplicates::Independent => drawn_mean(a, stream) - drawn_mean(b, stream),
            DrawnReplicates::Paired => {
                let differences: Vec<f64> = a.iter().zip(b).map(|(a, b)| a - b).collect();
                drawn_mean(&differences, stream)
            }
        }
    })
}

/// Adds up one resample and returns how many examples it holds.
fn draw(
    units: &Units,
    clusters: &[Vec<usize>],
    levels: Levels,
    stream: &mut Philox,
    sums: &mut [f64],
) -> f64 {
    let mut examples = 0.0;
    for number in 0..clusters.len() {
        let members = if levels.clusters {
            &clusters[stream.below(clusters.len() as u32) as usize]
        } else {
            &clusters[number]
        };
        for &member in members {
            let example = if levels.examples && (members.len() > 1 || !levels.clusters) {
                members[stream.below(members.len() as u32) as usize]
            } else {
                member
            };
            add(sums, units.row(example));
        }
        examples += members.len() as f64;
    }
    examples
}

/// 0 for no values, so that a missing side subtracts nothing.
fn mean(values: &[f64]) -> f64 {
    values.iter().sum::<f64>() / values.len().max(1) as f64
}

/// The mean of as many values as there are, drawn with replacement.
fn drawn_mean(values: &[f64], stream: &mut Philox) -> f64 {
    let count = values.len() as u32;
    let sum: f64 = (0..count)
        .map(|_| values[stream.below(count) as usize])
        .sum();
    sum / f64::from(count.max(1))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Mean, paired_bootstrap, replicated_bootstrap};

    /// Ten clusters of four: a part that the cluster shares and one of each example's own.
    fn system(salt: u32, shift: f64) -> Statistics {
        let value =
            |i: u32| f64::from((i / 4 + salt) * 7 % 10) / 2.0 + f64::from(i * i * salt % 13) / 13.0;
        Statistics::from_values((0..40).map(|i| value(i) + shift).collect())
            .and_then(|s| s.with_clusters((0..40).map(|i| i / 4).collect()))
            .unwrap()
    }

    fn options() -> BootstrapOptions {
        BootstrapOptions {
            resamples: 4_000,
            seed: 5,
            ..Default::default()
        }
    }

    fn levels(replicates: DrawnReplicates, clusters: bool, examples: bool) -> Levels {
        Levels {
            replicates,
            clusters,
            examples,
        }
    }

    fn error(levels: Levels) -> f64 {
        let (a, b) = (system(3, 0.0), system(5, 0.0));
        hierarchical_bootstrap(&[&a], &[&b], &Mean, levels, &options())
            .unwrap()
            .standard_error
    }

    #[test]
    fn whole_clusters_are_the_cluster_bootstrap_and_replicates_the_replicated_one() {
        let runs = [system(3, 0.0), system(4, 0.2), system(5, 0.0)];
        let close = |a: &Bootstrap, b: &Bootstrap| {
            let pairs = a.draws.iter().zip(&b.draws);
            assert!(
                pairs.clone().all(|(a, b)| (a - b).abs() < 1e-12),
                "{a:?} {b:?}"
            );
        };
        let whole = levels(DrawnReplicates::Independent, true, false);
        let found = hierarchical_bootstrap(&[&runs[0]], &[&runs[2]], &Mean, whole, &options());
        close(
            &found.unwrap(),
            &paired_bootstrap(&runs[0], &runs[2], &Mean, &options()).unwrap(),
        );
        let (a, b) = ([&runs[0], &runs[1]], [&runs[2]]);
        let found = hierarchical_bootstrap(&a, &b, &Mean, whole, &options()).unwrap();
        close(
            &found,
            &replicated_bootstrap(&a, &b, &Mean, &options()).unwrap(),
        );
    }

    // The variance of a mean of drawn clusters, of drawn examples within fixed clusters, and of both. 6% is five
    // standard deviations of an sd of 4,000 draws.
    #[test]
    fn each_level_adds_its_own_variance() {
        let (a, b) = (system(3, 0.0), system(5, 0.0));
        let d: Vec<f64> = (0..40)
            .map(|i| a.row(i).unwrap()[0] - b.row(i).unwrap()[0])
            .collect();
        let mean = d.iter().sum::<f64>() / 40.0;
        let means: Vec<f64> = d.chunks(4).map(|c| c.iter().sum::<f64>() / 4.0).collect();
        let between: f64 = means.iter().map(|m| (m - mean).powi(2)).sum::<f64>() / 100.0;
        let squares = d.chunks(4).zip(&means);
        let within: f64 = squares
            .map(|(c, m)| c.iter().map(|x| (x - m).powi(2)).sum::<f64>() / 16.0)
            .sum::<f64>()
            / 100.0;
        for (clusters, examples, variance) in [
            (true, false, between),
            (false, true, within),
            (true, true, between + within),
        ] {
            let found = error(levels(DrawnReplicates::Fixed, clusters, examples));
            let ratio = found / variance.sqrt();
            assert!((ratio - 1.0).abs() < 0.06, "{clusters} {examples}: {ratio}");
        }
    }

    #[test]
    fn paired_replicates_cancel_what_they_share() {
        let shifts = [0.0, 0.5, 1.0, 2.0];
        let (a, b) = (shifts.map(|s| system(3, s)), shifts.map(|s| system(5, s)));
        let (a, b): (Vec<_>, Vec<_>) = (a.iter().collect(), b.iter().collect());
        let error = |replicates| {
            let levels = levels(replicates, true, false);
            hierarchical_bootstrap(&a, &b, &Mean, levels, &options())
                .unwrap()
                .standard_error
        };
        let paired = error(DrawnReplicates::Paired);
        assert!((paired - error(DrawnReplicates::Fixed)).abs() < 1e-12);
        assert!(error(DrawnReplicates::Independent) > 1.1 * paired);
    }

    #[test]
    fn refuses_what_cannot_be_drawn() {
        let a = system(3, 0.0);
        let draw = |a: &[&Statistics], b: &[&Statistics], levels| {
            hierarchical_bootstrap(a, b, &Mean, levels, &options())
        };
        assert!(draw(&[], &[&a], Levels::default()).is_err());
        assert!(draw(&[&a], &[&a], levels(DrawnReplicates::Fixed, false, false)).is_err());
        assert!(
            draw(
                &[&a, &a],
                &[&a],
                levels(DrawnReplicates::Paired, true, false)
            )
            .is_err()
        );
    }
}
