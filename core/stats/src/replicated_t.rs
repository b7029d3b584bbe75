//! Student's t for means over replicates: both the test set and the training could have come out otherwise.

use serde::Serialize;

use crate::aggregate::{Aggregate, evaluate, observed};
use crate::bootstrap::leave_one_out;
use crate::distribution::{student_quantile, student_sf};
use crate::equivalence::Equivalence;
use crate::error::{Result, StatsError, require_fraction, require_positive};
use crate::interval::{Interval, IntervalMethod};
use crate::paired_t::t_statistic;
use crate::statistics::{Statistics, Units};

/// A difference of two means over replicates, with the two sources of its variance.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct ReplicatedT {
    /// Mean over the replicates of a, minus that over the replicates of b.
    pub difference: f64,
    /// Variance of the difference over other test sets.
    pub unit_variance: f64,
    /// Variance of the difference over other trainings, beyond what chance in the test set gives.
    pub replicate_variance: f64,
    /// Square root of the sum of both.
    pub standard_error: f64,
    /// Degrees of freedom of the sum, by Satterthwaite's approximation.
    pub degrees_of_freedom: f64,
    /// The difference in standard errors.
    pub t: f64,
    /// Two-sided p-value.
    pub p_value: f64,
    /// Examples, or clusters.
    pub units: usize,
}

impl ReplicatedT {
    /// The t interval of the difference.
    ///
    /// # Errors
    /// If `level` is not between 0 and 1.
    pub fn interval(&self, level: f64) -> Result<Interval> {
        require_fraction("confidence level", level)?;
        let quantile = student_quantile((1.0 + level) / 2.0, self.degrees_of_freedom)?;
        let half = quantile * self.standard_error;
        Ok(Interval {
            low: self.difference - half,
            high: self.difference + half,
            level,
            method: IntervalMethod::StudentT,
        })
    }

    /// Two one-sided t tests of the difference against ± `margin`.
    ///
    /// # Errors
    /// If `margin` is not above 0.
    pub fn equivalence(&self, margin: f64) -> Result<Equivalence> {
        require_positive("margin", margin)?;
        let p = |distance: f64| {
            let t = t_statistic(distance, self.standard_error);
            student_sf(t, self.degrees_of_freedom)
        };
        Ok(Equivalence::new(
            margin,
            p(margin + self.difference)?,
            p(margin - self.difference)?,
        ))
    }
}

/// Compares the mean of any metric over replicates `a` with that over replicates `b`, or with 0 if `b` is empty.
///
/// All replicates answered the same examples; each side was trained on its own. The variance has two parts, as in
/// two-way clustered standard errors: that of the examples (or clusters), replicates averaged, and for each side that of
/// its replicates' values, less the share of it that comes from the examples, which the first part holds already. What an
/// example contributes to a value that is no mean is found by leaving it out. Degrees of freedom follow from
/// Satterthwaite's formula, so that with two or three replicates that differ much the test asks for much.
/// A side with one replicate adds no variance of training: conclusions are then about that very model.
///
/// Cameron, Gelbach and Miller, "Robust inference with multiway clustering", *JBES* 29:238 (2011); Satterthwaite,
/// *Biometrics Bulletin* 2:110 (1946); Efron and Stein, *Annals of Statistics* 9:586 (1981), on leaving one out.
///
/// # Errors
/// If `a` is empty, replicates are not on the same examples, there are fewer than two examples or clusters, or the
/// metric fails or has no value, also with an example left out.
///
/// ```
/// use mergelab_stats::{Mean, Statistics, replicated_t};
///
/// let run = |shift: f64| Statistics::from_values((0..40).map(|i| shift + f64::from(i * i % 7)).collect());
/// let (a, b) = ([run(0.1)?, run(0.3)?, run(0.2)?], [run(0.0)?, run(0.1)?, run(-0.1)?]);
/// let test = replicated_t(&[&a[0], &a[1], &a[2]], &[&b[0], &b[1], &b[2]], &Mean)?;
/// // The examples cancel, so this is Student's t of two samples of three.
/// assert!((test.degrees_of_freedom - 4.0).abs() < 1e-6);
/// assert!((test.t - 0.2 / (2.0f64 * 0.01 / 3.0).sqrt()).abs() < 1e-6);
/// # Ok::<(), mergelab_stats::StatsError>(())
/// ```
pub fn replicated_t(
    a: &[&Statistics],
    b: &[&Statistics],
    aggregate: &dyn Aggregate,
) -> Result<ReplicatedT> {
    if a.is_empty() {
        return Err(StatsError::Empty {
            what: "list of replicates",
        });
    }
    let systems: Vec<&Statistics> = a.iter().chain(b).copied().collect();
    let units = Units::new(&systems)?;
    let n = units.len();
    if n < 2 {
        return Err(StatsError::TooFew {
            what: "the variance over examples",
            needed: 2,
            unit: "examples or clusters",
            found: n,
        });
    }
    let (totals, examples) = units.totals();
    let values = evaluate(aggregate, &totals, &vec![examples; systems.len()])?;
    observed(&values)?;
    let left_out = leave_one_out(&units, aggregate, &|values, out: &mut Vec<f64>| {
        out.extend_from_slice(values);
    })?;
    if left_out.iter().any(|value| !value.is_finite()) {
        return Err(StatsError::Undefined {
            what: "the variance over examples",
            why: "the metric has no value with one example left out",
        });
    }
    let influence = Influence::new(&left_out, systems.len(), n);

    let (model, baseline) = values.split_at(a.len());
    let first = Side::new(model, &influence, 0);
    let second = Side::new(baseline, &influence, a.len());
    let unit_variance = {
        let each = |unit: usize| first.share(&influence, unit) - second.share(&influence, unit);
        let squares: f64 = (0..n).map(|unit| each(unit).powi(2)).sum();
        squares / (n as f64 * (n as f64 - 1.0))
    };
    let difference = first.mean - second.mean;
    let variance = unit_variance + first.extra + second.extra;
    let uncertainty = unit_variance.powi(2) / (n as f64 - 1.0)
        + first.extra.powi(2) / first.degrees
        + second.extra.powi(2) / second.degrees;
    let degrees_of_freedom = if variance > 0.0 {
        variance * variance / uncertainty
    } else {
        n as f64 - 1.0
    };
    let standard_error = variance.sqrt();
    let t = t_statistic(difference, standard_error);
    Ok(ReplicatedT {
        difference,
        unit_variance,
        replicate_variance: first.extra + second.extra,
        standard_error,
        degrees_of_freedom,
        t,
        p_value: (2.0 * student_sf(t.abs(), degrees_of_freedom)?).min(1.0),
        units: n,
    })
}

/// What each unit contributes to each system's value, times the number of units: for a mean, its own score minus the
/// mean.
struct Influence {
    /// Units × systems.
    rows: Vec<f64>,
    systems: usize,
}

impl Influence {
    fn new(left_out: &[f64], systems: usize, units: usize) -> Self {
        let mut means = vec![0.0; systems];
        for row in left_out.chunks_exact(systems) {
            for (mean, value) in means.iter_mut().zip(row) {
                *mean += value / units as f64;
            }
        }
        let rows = left_out
            .chunks_exact(systems)
            .flat_map(|row| row.iter().zip(&means))
            .map(|(value, mean)| (units as f64 - 1.0) * (mean - value))
            .collect();
        Self { rows, systems }
    }

    fn row(&self, unit: usize) -> &[f64] {
        &self.rows[unit * self.systems..(unit + 1) * self.systems]
    }
}

/// One side of the comparison.
struct Side {
    mean: f64,
    /// Variance of the mean over other trainings, beyond that of the examples.
    extra: f64,
    degrees: f64,
    range: std::ops::Range<usize>,
}

impl Side {
    fn new(values: &[f64], influence: &Influence, start: usize) -> Self {
        let r = values.len() as f64;
        let mean = values.iter().sum::<f64>() / r.max(1.0);
        let mut side = Self {
            mean,
            extra: 0.0,
            degrees: (r - 1.0).max(1.0),
            range: start..start + values.len(),
        };
        if values.len() < 2 {
            return side;
        }
        let between: f64 = values.iter().map(|v| (v - mean).powi(2)).sum::<f64>() / (r - 1.0);
        let units = influence.rows.len() / influence.systems;
        let residual: f64 = (0..units)
            .map(|unit| {
                let share = side.share(influence, unit);
                let own = &influence.row(unit)[side.range.clone()];
                own.iter().map(|x| (x - share).powi(2)).sum::<f64>()
            })
            .sum::<f64>()
            / ((units as f64 - 1.0) * (r - 1.0));
        side.extra = (between - residual / units as f64).max(0.0) / r;
        side
    }

    /// What a unit contributes to the mean over the side's replicates; 0 for an empty side.
    fn share(&self, influence: &Influence, unit: usize) -> f64 {
        let own = &influence.row(unit)[self.range.clone()];
        own.iter().sum::<f64>() / own.len().max(1) as f64
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{EachRow, Mean, clustered_standard_error, paired_t};

    fn system(salt: u32, shift: f64) -> Statistics {
        let values = (0..30u32).map(|i| f64::from(i * i * salt % 17) / 17.0 + shift);
        Statistics::from_values(values.collect()).unwrap()
    }

    #[test]
    fn one_replicate_each_is_the_paired_t_test() {
        let (a, b) = (system(3, 0.1), system(5, 0.0));
        let d: Vec<f64> = (0..30)
            .map(|i| a.row(i).unwrap()[0] - b.row(i).unwrap()[0])
            .collect();
        let test = replicated_t(&[&a], &[&b], &Mean).unwrap();
        let plain = paired_t(&d, 0.9).unwrap();
        assert!((test.p_value - plain.p_value).abs() < 1e-10);
        assert!((test.standard_error - plain.standard_error).abs() < 1e-12);
        assert!((test.interval(0.9).unwrap().low - plain.interval.low).abs() < 1e-7);
        assert_eq!(test.degrees_of_freedom.round(), 29.0);
        // The same in clusters of equal size, where leaving one out is exact.
        let clusters: Vec<u32> = (0..30).map(|i| i / 3).collect();
        let [a, b] = [a, b].map(|s| s.with_clusters(clusters.clone()).unwrap());
        let test = replicated_t(&[&a], &[&b], &Mean).unwrap();
        let expected = clustered_standard_error(&d, &clusters).unwrap();
        assert_eq!(test.units, 10);
        assert!((test.standard_error - expected.standard_error).abs() < 1e-12);
    }

    // Replicates that differ by noise on the examples alone have no variance of their own beyond that noise.
    #[test]
    fn noise_on_the_examples_is_not_counted_twice() {
        // Each value is i or i + 1 in turn: both replicates have one mean.
        let flip = |odd: u32| {
            let values = (0..40u32).map(|i| f64::from(i / 2 % 5) + f64::from((i + odd) % 2));
            Statistics::from_values(values.collect()).unwrap()
        };
        let test = replicated_t(&[&flip(0), &flip(1)], &[], &Mean).unwrap();
        assert_eq!(test.replicate_variance, 0.0);
        assert_eq!(test.degrees_of_freedom.round(), 39.0);
    }

    #[test]
    fn any_metric_has_a_variance() {
        // A ratio of sums against itself trained anew: the linear approximation of its variance, by hand.
        let rows = |salt: u32| {
            let rows = (0..60u32).flat_map(|i| [f64::from(i * salt % 7), f64::from(3 + i * i % 5)]);
            Statistics::new(rows.collect(), 2).unwrap()
        };
        let ratio = EachRow(|s: &[f64], _: f64| s[0] / s[1]);
        let a = rows(3);
        let test = replicated_t(&[&a], &[], &ratio).unwrap();
        let sums = a.sums();
        let r = sums[0] / sums[1];
        let squares: f64 = (0..60)
            .map(|i| a.row(i).unwrap())
            .map(|x| (x[0] - r * x[1]).powi(2))
            .sum();
        let linear = squares.sqrt() / sums[1];
        assert!((test.standard_error / linear - 1.0).abs() < 0.02);
    }

    #[test]
    fn equal_sides_are_no_evidence_and_equivalent_by_any_margin() {
        let a = [system(3, 0.0), system(5, 0.0)];
        let all: Vec<&Statistics> = a.iter().collect();
        assert_eq!(replicated_t(&all, &all, &Mean).unwrap().p_value, 1.0);
        let same = replicated_t(&all[..1], &all[..1], &Mean).unwrap();
        assert_eq!((same.p_value, same.standard_error), (1.0, 0.0));
        assert_eq!(same.equivalence(0.01).unwrap().p_value, 0.0);
        assert!(same.equivalence(0.0).is_err());
    }

    #[test]
    fn refuses_too_little() {
        let one = Statistics::from_values(vec![1.0]).unwrap();
        assert!(replicated_t(&[], &[], &Mean).is_err());
        assert!(replicated_t(&[&one], &[], &Mean).is_err());
    }
}
