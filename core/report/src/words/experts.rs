//! Merges beside each language's own expert.

use super::{counted, list, verdicts};
use crate::{
    plot::number::{fixed, signed},
    run::{Run, Verdict},
};

/// What the tests say where experts are baselines, and how values lie where they are not.
pub(super) fn lines(run: &Run) -> Vec<String> {
    if let Some(own) = run.own_expert() {
        return verdicts::lines(run, own);
    }
    let mut lines = Vec::new();
    let tested: Vec<&str> = run
        .baselines()
        .into_iter()
        .filter(|name| run.model(name).is_some_and(|m| m.is("expert")))
        .collect();
    for task in run.tasks() {
        lines.extend(against_tested(run, &tested, task));
        if tested.is_empty() {
            lines.extend(values(run, task));
        }
    }
    if tested.is_empty() && !lines.is_empty() {
        lines.push(
            "These differences are not tested and have no intervals: no expert is a baseline. With \
             `own-expert` among the manifest's baselines they are tested, also as a mean over languages."
                .to_owned(),
        );
    }
    lines
}

/// Merges in the languages of experts that are baselines.
fn against_tested(run: &Run, experts: &[&str], task: &str) -> Option<String> {
    let mut of: [Vec<String>; 4] = Default::default();
    for expert in experts {
        let Some(model) = run.model(expert) else {
            continue;
        };
        for language in &model.languages {
            for merge in run.shown().filter(|m| m.is("merge")) {
                let Some(d) = run.difference(expert, &merge.name, task, language) else {
                    continue;
                };
                of[match d.verdict {
                    Verdict::Better => 0,
                    Verdict::Worse => 1,
                    Verdict::Equivalent => 2,
                    Verdict::Inconclusive => 3,
                }]
                .push(format!("{} in {language}", merge.name));
            }
        }
    }
    let all: usize = of.iter().map(Vec::len).sum();
    if all == 0 {
        return None;
    }
    let words = [
        "better than",
        "worse than",
        "equivalent to",
        "undecided beside",
    ];
    let parts: Vec<String> = of
        .iter()
        .zip(words)
        .filter(|(own, _)| !own.is_empty())
        .map(|(own, word)| {
            let names: Vec<&str> = own.iter().map(String::as_str).collect();
            let who = match names.len() < all && names.len() <= 3 {
                true => format!(" ({})", list(&names)),
                false => String::new(),
            };
            format!("{} {word} the expert{who}", names.len())
        })
        .collect();
    Some(format!(
        "{task}: of {} of a merge in an expert's language, {}.",
        counted(all, "comparison", "comparisons"),
        parts.join(", ")
    ))
}

/// The merge that loses least to the experts, by value.
fn values(run: &Run, task: &str) -> Option<String> {
    let measure = run.measure(task)?;
    let mut merges: Vec<(&str, Vec<f64>)> = Vec::new();
    for point in &run.points {
        let own = point.task == task
            && point.metric == measure.metric
            && point.parameters == measure.parameters
            && point.measure == measure.name;
        let (true, Some(gain)) = (own, point.versus_expert) else {
            continue;
        };
        match merges.iter_mut().find(|(name, _)| *name == point.merge) {
            Some((_, gains)) => gains.push(gain),
            None => merges.push((&point.merge, vec![gain])),
        }
    }
    let mean = |gains: &[f64]| gains.iter().sum::<f64>() / gains.len() as f64;
    let (name, gains) = merges
        .iter()
        .rev()
        .max_by(|a, b| mean(&a.1).total_cmp(&mean(&b.1)))?;
    let low = gains.iter().copied().fold(f64::INFINITY, f64::min);
    let high = gains.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    let gain = mean(gains);
    let verb = if gain < 0.0 {
        "loses least"
    } else {
        "gains most"
    };
    let range = match gains.len() {
        1 => String::new(),
        n => format!(
            " (from {} to {} over {n} languages)",
            signed(low, 3),
            signed(high, 3)
        ),
    };
    Some(format!(
        "{task}: {name} {verb} beside the language's own expert, {} {} on average{range}.",
        fixed(gain.abs(), 3),
        if gain < 0.0 { "worse" } else { "better" },
    ))
}
