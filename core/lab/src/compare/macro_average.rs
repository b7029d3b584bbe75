//! The unweighted mean of a measure over languages, of one model or of a model and a baseline.

use std::collections::{BTreeMap, BTreeSet};

use mergelab_abi::metric::Shape;
use mergelab_stats::{
    Bootstrap, IntervalMethod, PairedT, Statistics, StatsError, Stratum, approximate_randomisation,
    bootstrap, paired_bootstrap, paired_t_stratified, sign_flip, stratified_bootstrap,
    tost_bootstrap, value,
};

use super::aggregate::MacroAverage;
use super::choice::IntervalChoice;
use super::error::unless_undefined;
use super::names::CiMethod;
use super::over_items::{Over, OverItems, meant, name, other_interval, ranks};
use super::paired::{Outcome, Plan};
use super::part::Part;
use super::stream::stream;

/// Compares two systems on the mean over languages. Every language has one part.
///
/// All examples of an item are exchanged together, in every language. Where languages share no
/// item this exchanges them independently.
pub(super) fn compare(
    parts: &[Part<'_>],
    shape: Shape,
    plan: &Plan<'_>,
) -> Result<Outcome, StatsError> {
    let items = items(parts);
    let metric = metric(parts);
    let systems = [encode(parts, &items, 0)?, encode(parts, &items, 1)?];
    let resamples = plan.settings.resamples;
    let (test, replaced) = meant(plan.chosen.test, shape, Over::Languages);
    let mut found = Outcome::new(name(test, true, Over::Languages), items.len());
    found.notes.extend(replaced);
    let (draws, method) = draws(parts, plan);
    let draws = unless_undefined(draws, &mut found.notes)?;
    let t_test = || student(parts, plan, Part::differences);
    // The p-value, whether it is free of Monte-Carlo error, and of ranks whether they are exact.
    let tested = match test {
        OverItems::Signs => sign_flip(&shares(parts, &items), resamples, plan.seed)
            .map(|test| Some((test.p_value, test.exact, true))),
        OverItems::Ranks => {
            ranks(&shares(parts, &items)).map(|(test, exact)| Some((test.p_value, true, exact)))
        }
        OverItems::Exchange => {
            let [a, b] = &systems;
            approximate_randomisation(a, b, &metric, resamples, plan.seed)
                .map(|test| Some((test.p_value, test.exact, true)))
        }
        OverItems::Student => t_test().map(|test| Some((test.p_value, true, true))),
        OverItems::Bootstrap => Ok(draws.as_ref().map(|draws| (draws.p_shift(), false, true))),
    };
    if let Some((p_value, exact, ranked)) = unless_undefined(tested, &mut found.notes)?.flatten() {
        found.test = name(test, ranked, Over::Languages);
        found.p_value = Some(p_value);
        found.exact = exact;
    }
    let values = value(&systems[0], &metric).and_then(|a| Ok([a, value(&systems[1], &metric)?]));
    let Some(values) = unless_undefined(values, &mut found.notes)? else {
        return Ok(found);
    };
    found.values = Some(values);
    found.difference = Some(values[0] - values[1]);
    if let Some(draws) = draws {
        found.interval = Some((draws.interval, method));
        found.standardise(&draws);
        found.detectable = plan.detectable(draws.standard_error)?;
        plan.margins(&mut found, |margin| tost_bootstrap(&draws, margin))?;
    }
    if plan.chosen.interval == Some(IntervalChoice::StudentT) {
        let interval = unless_undefined(t_test(), &mut found.notes)?;
        found.interval = interval.map(|test| (test.interval, CiMethod::MacroT));
    }
    let other = other_interval(plan.chosen.interval, Over::Languages);
    found.notes.extend(other);
    Ok(found)
}

/// Student's t of the mean over languages of the values that `of` gives.
pub(super) fn student<'a>(
    parts: &[Part<'a>],
    plan: &Plan<'_>,
    of: impl Fn(&Part<'a>) -> Vec<f64>,
) -> Result<PairedT, StatsError> {
    let items = items(parts);
    let strata: Vec<(Vec<f64>, Vec<u32>)> = parts
        .iter()
        .map(|part| {
            // `Statistics::new` bounds the number of examples, hence of items, by u32::MAX.
            let clusters = part.items.iter().map(|item| items[item] as u32);
            (of(part), clusters.collect())
        })
        .collect();
    let strata: Vec<(&[f64], &[u32])> = strata.iter().map(|(v, c)| (&v[..], &c[..])).collect();
    paired_t_stratified(&strata, plan.settings.level)
}

/// The mean over languages of one model's values.
pub(super) fn mean(parts: &[Part<'_>]) -> Result<f64, StatsError> {
    value(&encode(parts, &items(parts), 0)?, &metric(parts))
}

/// The bootstrap of one model's mean over languages, or of the difference of two.
///
/// Items that languages share are resampled with all their examples. Where no two languages share
/// one, each is resampled on its own, so that every resample has as many examples of a language as
/// the test set.
pub(super) fn draws(
    parts: &[Part<'_>],
    plan: &Plan<'_>,
) -> (Result<Bootstrap, StatsError>, CiMethod) {
    let items = items(parts);
    let distinct: usize = parts
        .iter()
        .map(|part| part.items.iter().collect::<BTreeSet<_>>().len())
        .sum();
    if distinct > items.len() {
        let draws = joint(parts, &items, plan);
        let method = match &draws {
            Ok(draws) if draws.interval.method == IntervalMethod::Bca => {
                CiMethod::JointBootstrapBca
            }
            _ => CiMethod::JointBootstrap,
        };
        (draws, method)
    } else {
        let draws = stratified(parts, plan);
        let method = match &draws {
            Ok(draws) if draws.interval.method == IntervalMethod::Bca => {
                CiMethod::StratifiedBootstrapBca
            }
            _ => CiMethod::StratifiedBootstrap,
        };
        (draws, method)
    }
}

fn joint(
    parts: &[Part<'_>],
    items: &BTreeMap<&str, usize>,
    plan: &Plan<'_>,
) -> Result<Bootstrap, StatsError> {
    let systems = parts.first().map_or(0, |part| part.systems.len());
    let metric = metric(parts);
    let first = encode(parts, items, 0)?;
    if systems == 1 {
        return bootstrap(&first, &metric, &plan.bootstrap());
    }
    let second = encode(parts, items, 1)?;
    paired_bootstrap(&first, &second, &metric, &plan.bootstrap())
}

fn stratified(parts: &[Part<'_>], plan: &Plan<'_>) -> Result<Bootstrap, StatsError> {
    let systems = parts
        .iter()
        .map(|part| {
            let second = (part.systems.len() > 1).then(|| part.system(1));
            Ok((part.system(0)?, second.transpose()?))
        })
        .collect::<Result<Vec<_>, StatsError>>()?;
    let strata: Vec<Stratum<'_>> = systems
        .iter()
        .zip(parts)
        .enumerate()
        .map(|(number, ((a, b), part))| Stratum {
            a,
            b: b.as_ref(),
            aggregate: part.metric.as_ref(),
            seed: stream(plan.seed, &[&number.to_string()]),
        })
        .collect();
    stratified_bootstrap(&strata, &plan.bootstrap())
}

/// All items of all languages, numbered in the order of their names.
pub(super) fn items<'a>(parts: &[Part<'a>]) -> BTreeMap<&'a str, usize> {
    let all = parts.iter().flat_map(|part| part.items.iter().copied());
    let mut items: BTreeMap<&str, usize> = all.map(|item| (item, 0)).collect();
    for (number, value) in items.values_mut().enumerate() {
        *value = number;
    }
    items
}

pub(super) fn metric(parts: &[Part<'_>]) -> MacroAverage {
    MacroAverage {
        languages: parts
            .iter()
            .map(|part| (part.systems[0].width(), part.metric.clone()))
            .collect(),
    }
}

/// One row an item: for each language its summed statistics and how many examples it has there, as
/// [`MacroAverage`] reads them.
pub(super) fn encode(
    parts: &[Part<'_>],
    items: &BTreeMap<&str, usize>,
    system: usize,
) -> Result<Statistics, StatsError> {
    let stride: usize = parts.iter().map(|p| p.systems[system].width() + 1).sum();
    let mut rows = vec![0.0; items.len() * stride];
    let mut offset = 0;
    for part in parts {
        let statistics = &part.systems[system];
        let width = statistics.width();
        for (example, item) in part.items.iter().enumerate() {
            let block = &mut rows[items[item] * stride + offset..][..width + 1];
            for (sum, value) in block.iter_mut().zip(statistics.row(example).unwrap_or(&[])) {
                *sum += value;
            }
            block[width] += 1.0;
        }
        offset += width + 1;
    }
    Statistics::new(rows, stride)
}

/// What each item contributes to the difference of two means over languages, times the number of
/// items: the mean of these numbers is the difference.
fn shares(parts: &[Part<'_>], items: &BTreeMap<&str, usize>) -> Vec<f64> {
    let mut shares = vec![0.0; items.len()];
    for part in parts {
        let weight = items.len() as f64 / (parts.len() * part.examples()) as f64;
        for (item, difference) in part.items.iter().zip(part.differences()) {
            shares[items[item]] += weight * difference;
        }
    }
    shares
}

#[cfg(test)]
mod tests;
