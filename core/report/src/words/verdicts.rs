//! Merges beside a baseline.

use super::{counted, list};
use crate::{
    plot::number::{decimals, fixed, p_value},
    run::{ALL, Difference, Run, Verdict},
};

/// Differences of the merges from a baseline on a task as a whole.
pub(super) fn merges<'a>(run: &'a Run, baseline: &str, task: &str) -> Vec<&'a Difference> {
    let Some(language) = run.overall(task) else {
        return vec![];
    };
    run.shown()
        .filter(|m| m.is("merge"))
        .filter_map(|m| run.difference(baseline, &m.name, task, language))
        .collect()
}

/// For each task how many merges are better, worse, equivalent and undecided, and how the best of
/// them stands.
pub(super) fn lines(run: &Run, baseline: &str) -> Vec<String> {
    let tasks = run.tasks();
    let each = tasks.iter().filter_map(|task| {
        let found = merges(run, baseline, task);
        let count = count(run, task, baseline, &found)?;
        let best = best(&found).and_then(|d| sentence(run, d, found.len()));
        Some(
            format!("{count} {}", best.unwrap_or_default())
                .trim_end()
                .to_owned(),
        )
    });
    each.collect()
}

/// The counts alone.
pub(super) fn counts(run: &Run, baseline: &str) -> Vec<String> {
    let tasks = run.tasks();
    let each = tasks
        .iter()
        .filter_map(|task| count(run, task, baseline, &merges(run, baseline, task)));
    each.collect()
}

fn count(run: &Run, task: &str, baseline: &str, found: &[&Difference]) -> Option<String> {
    let first = found.first()?;
    let measure = &first.measure.name;
    let place = match first.language.as_str() {
        ALL => {
            let languages = run.languages(task).len() - 1;
            format!("mean over {}", counted(languages, "language", "languages"))
        }
        one => one.to_owned(),
    };
    let of = |verdict: Verdict| -> Vec<&str> {
        let own = found.iter().filter(|d| d.verdict == verdict);
        own.map(|d| d.model.as_str()).collect()
    };
    let verb = |n: usize| if n == 1 { "is" } else { "are" };
    let start = format!("{task} ({measure}, {place}, n = {}):", first.n);
    let mut parts = Vec::new();
    for (verdict, words) in [
        (Verdict::Better, format!("better than {baseline}")),
        (Verdict::Worse, format!("worse than {baseline}")),
        (
            Verdict::Equivalent,
            "shown to be equivalent within the margin".to_owned(),
        ),
        (Verdict::Inconclusive, "undecided".to_owned()),
    ] {
        let names = of(verdict);
        if names.is_empty() {
            continue;
        }
        // Who they are matters where they are few, and where they are not all.
        let who = match names.len() < found.len() && names.len() <= 4 {
            true => format!(" ({})", list(&names)),
            false => String::new(),
        };
        if names.len() == found.len() {
            let all = match names.len() {
                1 => format!("the merge {} is", names[0]),
                n => format!("all {n} merges are"),
            };
            return Some(format!("{start} {all} {words}."));
        }
        let number = names.len();
        parts.push(format!("{number} {} {words}{who}", verb(number)));
    }
    Some(format!(
        "{start} of {} {}.",
        counted(found.len(), "merge", "merges"),
        parts.join(", ")
    ))
}

/// The merge with the best value.
fn best<'a>(found: &[&'a Difference]) -> Option<&'a Difference> {
    let rank = |d: &Difference| -> f64 {
        let value = d.value.unwrap_or(f64::NAN);
        if d.higher_is_better { value } else { -value }
    };
    let known = found.iter().filter(|d| d.value.is_some());
    known.copied().max_by(|a, b| {
        // Of equals the first in the manifest counts.
        rank(a)
            .total_cmp(&rank(b))
            .then(std::cmp::Ordering::Greater)
    })
}

fn sentence(run: &Run, d: &Difference, of: usize) -> Option<String> {
    let (value, difference) = (d.value?, d.difference?);
    let digits = decimals([value, difference].into_iter());
    let side = match difference {
        x if x > 0.0 => "above",
        x if x < 0.0 => "below",
        _ => "away from",
    };
    let interval = d.interval.map_or(String::new(), |(low, high)| {
        let level = d.level.unwrap_or(0.95) * 100.0;
        format!(
            " ({level:.0}% interval of the difference {} to {})",
            fixed(low, digits),
            fixed(high, digits)
        )
    });
    let replicates = run.model(&d.model).map_or(0, |m| m.replicates.len());
    let over = match replicates {
        0 => String::new(),
        n => format!(", mean over {n} seeds"),
    };
    let which = if of == 1 {
        format!("{} has", d.model)
    } else {
        format!("The best value of a merge is {}'s:", d.model)
    };
    let p = d
        .p_adjusted
        .map_or(String::new(), |p| format!(", adjusted p {}", p_value(p)));
    let decided = match (d.verdict, d.within_margin) {
        (_, _) if d.identical => "It answers every example alike.".to_owned(),
        (Verdict::Better | Verdict::Worse, true) => format!(
            "It is {}{p}, and shown to be by less than the margin: real, and too small to matter by \
             the manifest.",
            d.verdict.word()
        ),
        (Verdict::Better | Verdict::Worse, false) => format!("It is {}{p}.", d.verdict.word()),
        (Verdict::Equivalent, _) => format!(
            "It is equivalent: a test shows that it differs by less than {}.",
            d.margin.map_or("the margin".to_owned(), |m| fixed(m, digits))
        ),
        (Verdict::Inconclusive, _) => {
            "Whether it is better or worse is undecided: any difference in the interval fits what was \
             seen."
                .to_owned()
        }
    };
    Some(format!(
        "{which} {}{over}, {} {side} {}{interval}. {decided}",
        fixed(value, digits),
        fixed(difference.abs(), digits),
        d.baseline
    ))
}
