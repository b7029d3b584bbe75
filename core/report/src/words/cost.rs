//! What merging saves.

use crate::{
    plot::number::{count, fixed, seconds},
    run::{ALL, Run, Saving},
};

pub(super) fn lines(run: &Run) -> Vec<String> {
    let mut lines = total(run).into_iter().collect::<Vec<_>>();
    let Some(method) = run.savings.first().map(|s| s.method.as_str()) else {
        if !run.costs.is_empty() {
            lines.push(
                "Nothing can be said of savings: they need a combined model and a merge."
                    .to_owned(),
            );
        }
        return lines;
    };
    let find = |formula: &str, language: &str, workers: Option<u64>, includes: &str| {
        run.savings.iter().find(|s| {
            s.method == method
                && s.unit == "wall_seconds"
                && s.formula == formula
                && s.language == language
                && s.includes == includes
                && (workers.is_none() || s.workers == workers)
        })
    };
    let most = run.savings.iter().filter_map(|s| s.workers).max();
    let told = [
        (
            find("initial_sequential", "", None, "training+merge"),
            format!("The first time, experts one after another and a merge with {method} take"),
        ),
        (
            find("initial_parallel_lpt", "", most, "training+merge"),
            format!(
                "With {} workers side by side it would be",
                most.unwrap_or(1)
            ),
        ),
        (
            find("update_language", ALL, None, "training+merge"),
            "To update or add a language, its expert and a merge take on average".to_owned(),
        ),
        (
            find(
                "update_language",
                ALL,
                None,
                "training+merge+evaluation+search",
            ),
            "With the evaluation, and the search for the merge's setting, an update takes"
                .to_owned(),
        ),
    ];
    lines.extend(
        told.into_iter()
            .filter_map(|(s, start)| sentence(s?, &start)),
    );
    lines
}

fn sentence(saving: &Saving, start: &str) -> Option<String> {
    let ratio = saving.ratio?;
    let interval = match (saving.interval, saving.replicates) {
        (Some((low, high)), Some(n)) => format!(
            " ({:.0}% interval {} to {} over {n} replicates)",
            saving.level.unwrap_or(0.95) * 100.0,
            fixed(low, 2),
            fixed(high, 2)
        ),
        _ => " (timed once, no interval)".to_owned(),
    };
    // An interval on both sides of 1 does not say which way is shorter.
    let open = saving
        .interval
        .is_some_and(|(low, high)| low < 1.0 && high > 1.0);
    let end = match open {
        true => " Which of both takes less is not decided by that.",
        false => "",
    };
    Some(format!(
        "{start} {}, the combined model {}: {} times as long{interval}.{end}",
        seconds(saving.merged?),
        seconds(saving.combined?),
        fixed(ratio, 2)
    ))
}

/// All stages together.
fn total(run: &Run) -> Option<String> {
    let wall = run.costs.iter().filter_map(|c| c.wall_seconds);
    if run.costs.is_empty() {
        return None;
    }
    let processors: f64 = run.costs.iter().filter_map(|c| c.cpu_seconds).sum();
    Some(format!(
        "The {} stages of the run took {} of wall time added up, and {} of processor time.",
        count(run.costs.len() as u64),
        seconds(wall.sum()),
        seconds(processors)
    ))
}
