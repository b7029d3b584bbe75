//! The mean over replicates: one model trained with several seeds, alone or against a baseline.
//!
//! A single language is a mean over one language here, so one path serves all rows.

use mergelab_abi::metric::Shape;
use mergelab_stats::{
    Aggregate, AggregateError, Bootstrap, DrawnReplicates, Interval, IntervalMethod, Levels,
    ReplicatedT, Statistics, StatsError, approximate_randomisation, hierarchical_bootstrap,
    normal_quantile, replicated_t, sign_flip, value,
};
use std::collections::BTreeMap;

use super::aggregate::MacroAverage;
use super::choice::IntervalChoice;
use super::dominance::FEWEST_TRAININGS;
use super::error::unless_undefined;
use super::macro_average::{encode, items, metric};
use super::names::CiMethod;
use super::over_items::{Over, OverItems, meant, name, other_interval, ranks};
use super::paired::{Outcome, Plan};
use super::part::Part;

/// The mean over one model's replicates, which are all systems of the parts.
pub(super) fn mean(parts: &[Part<'_>]) -> Result<f64, StatsError> {
    Replicates::new(parts)?.mean(0..systems(parts))
}

/// The interval of that mean over examples and replicates, and how many items it is from.
pub(super) fn interval(
    parts: &[Part<'_>],
    plan: &Plan<'_>,
) -> Result<(Interval, CiMethod, usize), StatsError> {
    let replicates = Replicates::new(parts)?;
    let all: Vec<&Statistics> = replicates.systems.iter().collect();
    let variance = replicated_t(&all, &[], &replicates.metric)?;
    if plan.chosen.interval == Some(IntervalChoice::StudentT) {
        let interval = variance.interval(plan.settings.level)?;
        return Ok((interval, CiMethod::ReplicatedT, variance.units));
    }
    let draws = items_drawn(&all, &[], &replicates.metric, plan)?;
    let (interval, method) = widened(&draws, &variance)?;
    Ok((interval, method, draws.units))
}

/// The bootstrap over items, the replicates as they are.
fn items_drawn(
    a: &[&Statistics],
    b: &[&Statistics],
    metric: &MacroAverage,
    plan: &Plan<'_>,
) -> Result<Bootstrap, StatsError> {
    let levels = Levels {
        replicates: DrawnReplicates::Fixed,
        clusters: true,
        examples: false,
    };
    hierarchical_bootstrap(a, b, metric, levels, &plan.bootstrap())
}

/// The bootstrap interval over items, stretched from its estimate as the variance over replicates
/// asks for; Student's t interval where the items have no variance to stretch.
fn widened(draws: &Bootstrap, variance: &ReplicatedT) -> Result<(Interval, CiMethod), StatsError> {
    let interval = draws.interval;
    let method = match interval.method {
        IntervalMethod::Bca => CiMethod::ReplicatedBootstrapBca,
        _ => CiMethod::ReplicatedBootstrap,
    };
    if variance.replicate_variance == 0.0 {
        return Ok((interval, method));
    }
    let student = variance.interval(interval.level)?;
    // Where the bootstrap varies less than rounding does, there is no shape to keep.
    if draws.standard_error <= 1e-9 * variance.standard_error {
        return Ok((student, CiMethod::ReplicatedT));
    }
    let normal = normal_quantile((1.0 + interval.level) / 2.0) * draws.standard_error;
    let factor = (student.high - student.low) / 2.0 / normal;
    let stretched = |end: f64| draws.estimate + factor * (end - draws.estimate);
    let interval = Interval {
        low: stretched(interval.low),
        high: stretched(interval.high),
        ..interval
    };
    Ok((interval, method))
}

/// Compares the means over the replicates of a model, the first `models` systems, and of a
/// baseline, the others.
///
/// The p-value is the larger of two: that of a test over the examples, replicates averaged, which
/// takes the trainings as given or draws from very few of them, and that of a t test over examples and
/// replicates, which has the degrees of freedom that few replicates leave. The equivalence test is of
/// that t too.
pub(super) fn compare(
    parts: &[Part<'_>],
    models: usize,
    shape: Shape,
    plan: &Plan<'_>,
) -> Result<Outcome, StatsError> {
    let replicates = Replicates::new(parts)?;
    let (test, replaced) = meant(plan.chosen.test, shape, Over::Replicates);
    let mut found = Outcome::new(name(test, true, Over::Replicates), replicates.items.len());
    found.notes.extend(replaced);
    let all: Vec<&Statistics> = replicates.systems.iter().collect();
    let (model, baseline) = all.split_at(models);
    let variance = replicated_t(model, baseline, &replicates.metric);
    let tested = replicates.tested(test, parts, models, plan);
    if let Some((p_value, exact, ranked)) = unless_undefined(tested, &mut found.notes)?.flatten() {
        found.test = name(test, ranked, Over::Replicates);
        found.p_value = Some(p_value);
        found.exact = exact;
    }
    let values = replicates
        .mean(0..models)
        .and_then(|a| Ok([a, replicates.mean(models..systems(parts))?]));
    let Some(values) = unless_undefined(values, &mut found.notes)? else {
        return Ok(found);
    };
    found.values = Some(values);
    found.difference = Some(values[0] - values[1]);
    if plan.settings.dominance && model.len().min(baseline.len()) >= FEWEST_TRAININGS {
        let of = |side: &[&Statistics]| -> Result<Vec<f64>, StatsError> {
            let each = side.iter().map(|system| value(system, &replicates.metric));
            each.collect()
        };
        let both = of(model).and_then(|a| Ok([a, of(baseline)?]));
        found.trainings = unless_undefined(both, &mut found.notes)?;
    }
    if let Some(variance) = unless_undefined(variance, &mut found.notes)? {
        if test == OverItems::Student {
            found.p_value = Some(variance.p_value);
            found.exact = true;
        } else if found.p_value.is_some_and(|p| variance.p_value > p) {
            found.p_value = Some(variance.p_value);
            found.exact = false;
        }
        found.detectable = plan.detectable(variance.standard_error)?;
        plan.margins(&mut found, |margin| variance.equivalence(margin))?;
        let draws = items_drawn(model, baseline, &replicates.metric, plan);
        if let Some(draws) = unless_undefined(draws, &mut found.notes)? {
            found.interval = Some(widened(&draws, &variance)?);
            found.standardise(&Bootstrap {
                standard_error: variance.standard_error,
                ..draws
            });
        }
        if plan.chosen.interval == Some(IntervalChoice::StudentT) {
            let interval = variance.interval(plan.settings.level)?;
            found.interval = Some((interval, CiMethod::ReplicatedT));
        }
    }
    let other = other_interval(plan.chosen.interval, Over::Replicates);
    found.notes.extend(other);
    Ok(found)
}

fn systems(parts: &[Part<'_>]) -> usize {
    parts.first().map_or(0, |part| part.systems.len())
}

/// The systems of some parts, one row an item.
struct Replicates<'a> {
    items: BTreeMap<&'a str, usize>,
    systems: Vec<Statistics>,
    metric: MacroAverage,
}

impl<'a> Replicates<'a> {
    fn new(parts: &[Part<'a>]) -> Result<Self, StatsError> {
        let items = items(parts);
        Ok(Self {
            systems: (0..systems(parts))
                .map(|system| encode(parts, &items, system))
                .collect::<Result<_, _>>()?,
            metric: metric(parts),
            items,
        })
    }

    /// The p-value of a test over items, whether it is free of Monte-Carlo error, and of ranks whether
    /// they are exact. None for the t test, which the caller has.
    fn tested(
        &self,
        test: OverItems,
        parts: &[Part<'_>],
        models: usize,
        plan: &Plan<'_>,
    ) -> Result<Option<(f64, bool, bool)>, StatsError> {
        let resamples = plan.settings.resamples;
        let shares = || shares(parts, &self.items, models);
        Ok(match test {
            OverItems::Signs => {
                let test = sign_flip(&shares(), resamples, plan.seed)?;
                Some((test.p_value, test.exact, true))
            }
            OverItems::Ranks => {
                let (test, exact) = ranks(&shares())?;
                Some((test.p_value, true, exact))
            }
            OverItems::Exchange => {
                let (model, baseline, metric) = self.exchangeable(models)?;
                let seed = plan.seed;
                let test = approximate_randomisation(&model, &baseline, &metric, resamples, seed)?;
                Some((test.p_value, test.exact, true))
            }
            OverItems::Student => None,
            OverItems::Bootstrap => {
                let all: Vec<&Statistics> = self.systems.iter().collect();
                let (model, baseline) = all.split_at(models);
                let (levels, options) = (Levels::default(), plan.bootstrap());
                let draws =
                    hierarchical_bootstrap(model, baseline, &self.metric, levels, &options)?;
                Some((draws.p_shift(), false, true))
            }
        })
    }

    fn mean(&self, systems: std::ops::Range<usize>) -> Result<f64, StatsError> {
        let count = systems.len().max(1) as f64;
        let mut sum = 0.0;
        for system in &self.systems[systems] {
            sum += value(system, &self.metric)?;
        }
        Ok(sum / count)
    }

    /// Both sides as one system each, with the replicates side by side, and the mean of the measure
    /// over them. Each side is repeated as often as makes both equally wide.
    fn exchangeable(
        &self,
        models: usize,
    ) -> Result<(Statistics, Statistics, Blocks<'_>), StatsError> {
        let (model, baseline) = self.systems.split_at(models);
        let blocks = least_common_multiple(model.len(), baseline.len());
        let width = model.first().map_or(1, Statistics::width);
        let side = |replicates: &[Statistics]| {
            let rows: Vec<f64> = (0..self.items.len())
                .flat_map(|item| (0..blocks).map(move |block| (item, block)))
                .flat_map(|(item, block)| {
                    replicates[block % replicates.len()]
                        .row(item)
                        .unwrap_or(&[])
                })
                .copied()
                .collect();
            Statistics::new(rows, blocks * width)
        };
        let metric = Blocks {
            metric: &self.metric,
            width,
        };
        Ok((side(model)?, side(baseline)?, metric))
    }
}

fn least_common_multiple(a: usize, b: usize) -> usize {
    let (a, b) = (a.max(1), b.max(1));
    (1..=b).map(|n| n * a).find(|n| n % b == 0).unwrap_or(a * b)
}

/// The mean of a metric over blocks of statistics that lie side by side.
struct Blocks<'a> {
    metric: &'a MacroAverage,
    width: usize,
}

impl Aggregate for Blocks<'_> {
    fn values(&self, sums: &[f64], counts: &[f64], out: &mut [f64]) -> Result<(), AggregateError> {
        let stride = sums.len() / counts.len().max(1);
        let blocks = stride / self.width;
        out.fill(0.0);
        let mut values = vec![0.0; counts.len()];
        for block in 0..blocks {
            let gathered: Vec<f64> = sums
                .chunks_exact(stride)
                .flat_map(|row| &row[block * self.width..][..self.width])
                .copied()
                .collect();
            self.metric.values(&gathered, counts, &mut values)?;
            for (mean, value) in out.iter_mut().zip(&values) {
                *mean += value / blocks as f64;
            }
        }
        Ok(())
    }
}

/// What each item contributes to the difference of the two means, times the number of items, as
/// [`macro_average`](super::macro_average) has it for one model.
fn shares(parts: &[Part<'_>], items: &BTreeMap<&str, usize>, models: usize) -> Vec<f64> {
    let mut shares = vec![0.0; items.len()];
    for part in parts {
        let weight = items.len() as f64 / (parts.len() * part.examples()) as f64;
        for system in 0..part.systems.len() {
            let sign = if system < models {
                1.0 / models as f64
            } else {
                -1.0 / (part.systems.len() - models) as f64
            };
            for (item, score) in part.items.iter().zip(part.scores(system)) {
                shares[items[item]] += weight * sign * score;
            }
        }
    }
    shares
}

#[cfg(test)]
mod tests;
