//! Which of many systems may be the best?

use serde::Serialize;

use crate::error::{Result, require_fraction};
use crate::joint::JointBootstrap;

/// A set of systems that holds the best one with probability 1 - alpha.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ConfidenceSet {
    /// For each system the largest level at which it is still left out: members have a p-value above alpha.
    pub p_values: Vec<f64>,
    /// Whether each system is in the set.
    pub members: Vec<bool>,
    /// The systems in the order in which they were eliminated, the last one being the best.
    pub order: Vec<usize>,
    /// One minus the probability that the set holds the best system.
    pub alpha: f64,
}

/// The model confidence set: what is left when the worst system is dropped for as long as a test says that the systems
/// left are not equally good.
///
/// The test statistic is T_max: the largest distance of a system below the mean of those left, in bootstrap standard
/// errors, compared with its bootstrap distribution. A system's p-value is the largest p-value of the tests up to its
/// elimination, counting the observed arrangement as one of those possible; that of the best is 1. Systems that are
/// alike on every example are never separated. Where test data say little the set is large: that is its message.
///
/// Hansen, Lunde and Nason, "The model confidence set", *Econometrica* 79:453 (2011), section 3.1.2.
///
/// # Errors
/// If `alpha` is not between 0 and 1.
///
/// ```
/// use mergelab_stats::{Mean, Statistics, joint_bootstrap, model_confidence_set};
///
/// let scores = |shift: f64| Statistics::from_values((0..50).map(|i| shift + f64::from(i * i % 13)).collect());
/// let (good, same, bad) = (scores(3.0)?, scores(3.0)?, scores(0.0)?);
/// let joint = joint_bootstrap(&[&good, &bad, &same], &Mean, 1_000, 0)?;
/// let set = model_confidence_set(&joint, 0.05, true)?;
/// assert_eq!(set.members, [true, false, true]);
/// # Ok::<(), mergelab_stats::StatsError>(())
/// ```
pub fn model_confidence_set(
    joint: &JointBootstrap,
    alpha: f64,
    higher_is_better: bool,
) -> Result<ConfidenceSet> {
    require_fraction("alpha", alpha)?;
    let sign = if higher_is_better { -1.0 } else { 1.0 };
    let losses: Vec<f64> = joint.estimates.iter().map(|value| sign * value).collect();
    // One row a system, so that dropping one costs nothing.
    let errors: Vec<Vec<f64>> = (0..joint.systems())
        .map(|s| joint.rows().map(|row| sign * row[s] - losses[s]).collect())
        .collect();
    let mut left: Vec<usize> = (0..joint.systems()).collect();
    let mut p_values = vec![1.0; joint.systems()];
    let mut order = Vec::with_capacity(joint.systems());
    let mut highest = 0.0f64;
    while left.len() > 1 {
        let (worst, p) = test(&left, &losses, &errors);
        highest = highest.max(p);
        let system = left.remove(worst);
        p_values[system] = highest;
        order.push(system);
    }
    order.extend(left);
    let members = p_values.iter().map(|&p| p > alpha).collect();
    Ok(ConfidenceSet {
        p_values,
        members,
        order,
        alpha,
    })
}

/// Which of the systems left is the worst, and the p-value of all of them being equally good.
fn test(left: &[usize], losses: &[f64], errors: &[Vec<f64>]) -> (usize, f64) {
    let count = left.len() as f64;
    let resamples = errors[left[0]].len();
    let mut mean_errors = vec![0.0; resamples];
    for &system in left {
        for (mean, error) in mean_errors.iter_mut().zip(&errors[system]) {
            *mean += error / count;
        }
    }
    let mean_loss = left.iter().map(|&s| losses[s]).sum::<f64>() / count;
    let scale = left.iter().fold(0.0f64, |max, &s| max.max(losses[s].abs()));
    let mut largest = vec![f64::NEG_INFINITY; resamples];
    let (mut worst, mut observed) = (0, f64::NEG_INFINITY);
    for (place, &system) in left.iter().enumerate() {
        let own = errors[system].iter().zip(&mean_errors);
        let variance = own.map(|(e, mean)| (e - mean).powi(2)).sum::<f64>() / resamples as f64;
        let sd = variance.sqrt();
        let distance = losses[system] - mean_loss;
        // A system that never moves against the others: on it there is nothing to test unless it is apart from them.
        let still = sd <= 1e-12 * scale;
        let statistic = match () {
            () if !still => distance / sd,
            () if distance.abs() <= 1e-12 * scale => 0.0,
            () => distance * f64::INFINITY,
        };
        if statistic > observed {
            (worst, observed) = (place, statistic);
        }
        for ((largest, error), mean) in largest.iter_mut().zip(&errors[system]).zip(&mean_errors) {
            let draw = if still { 0.0 } else { (error - mean) / sd };
            *largest = largest.max(draw);
        }
    }
    let extreme = largest.iter().filter(|&&draw| draw >= observed).count();
    (worst, (1 + extreme) as f64 / (1 + resamples) as f64)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Mean, Statistics, joint_bootstrap};

    fn set(systems: &[Vec<f64>], higher: bool) -> ConfidenceSet {
        let systems: Vec<Statistics> = systems
            .iter()
            .map(|s| Statistics::from_values(s.clone()).unwrap())
            .collect();
        let all: Vec<&Statistics> = systems.iter().collect();
        let joint = joint_bootstrap(&all, &Mean, 999, 1).unwrap();
        model_confidence_set(&joint, 0.1, higher).unwrap()
    }

    fn scores(shift: f64, salt: u32) -> Vec<f64> {
        let noise = (0..80u32).map(|i| f64::from((i + salt) * (i + 3 * salt + 1) % 19) / 19.0);
        noise.map(|x| x + shift).collect()
    }

    #[test]
    fn identical_systems_all_stay_with_p_one() {
        let found = set(&[scores(0.0, 1), scores(0.0, 1), scores(0.0, 1)], true);
        assert_eq!(found.p_values, [1.0; 3]);
        assert_eq!(found.members, [true; 3]);
    }

    #[test]
    fn the_worst_goes_first_and_direction_counts() {
        let systems = [scores(0.0, 1), scores(2.0, 2), scores(1.0, 5)];
        let up = set(&systems, true);
        assert_eq!(
            (up.order.as_slice(), up.members.as_slice()),
            (&[0, 2, 1][..], &[false, true, false][..])
        );
        let down = set(&systems, false);
        assert_eq!(down.members, [true, false, false]);
        assert_eq!(up.p_values[1], 1.0);
    }

    #[test]
    fn a_constant_gap_is_certain() {
        let found = set(&[vec![1.0; 20], vec![0.5; 20]], true);
        assert_eq!(found.members, [true, false]);
        assert_eq!(found.p_values[1], 1.0 / 1000.0);
    }

    #[test]
    fn one_system_is_the_set() {
        let found = set(&[scores(0.0, 1)], true);
        assert_eq!((found.members, found.order), (vec![true], vec![0]));
    }
}
