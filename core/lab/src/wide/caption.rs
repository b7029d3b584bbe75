//! What the values are, and what the marks mean.

use super::{baseline::Test, best::Standing, build::Build, layout::About, results::field};
use crate::{
    compare::{ALL_LANGUAGES, Correction},
    past::Past,
};
use std::collections::{BTreeMap, BTreeSet};

/// The caption, sentence by sentence.
pub(super) fn sentences(build: &Build<'_>, run: &Past) -> Vec<String> {
    let mut all = measures(&build.shown.places);
    let settings = &run.record.statistics;
    // Max-T is over the models of a baseline; what is not worse than the best is found by Holm's.
    let correction = match settings.correction {
        Correction::MaxT => Correction::Holm,
        own => own,
    };
    let correction = correction.name();
    let standings = build.standings;
    let mut tests = standings.tests.clone();
    if standings.tests.is_empty() {
        all.push("Bold: best of its column; nothing was tested against it.".to_owned());
    } else {
        let unknown = standings.of.values().any(|s| *s == Standing::Unknown);
        let untested = match unknown {
            true => " What could not be tested against it is not bold.",
            false => "",
        };
        all.push(format!(
            "Bold: best of its column, and all that are not shown to be worse than it ({} over the \
             models and languages of a task; m = {}).{untested}",
            level(correction, settings.alpha, '>'),
            span(&standings.families)
        ));
    }
    if let Some(baseline) = build.baseline {
        tests.extend(build.tests().map(|test| test.test.clone()));
        all.extend(against(build, baseline));
    }
    if !tests.is_empty() {
        all.push(format!("Tests: {}.", words(&tests)));
    }
    let kinds: BTreeSet<String> = build
        .shown
        .places
        .iter()
        .map(|about| about.place.language.clone())
        .collect();
    if kinds.contains(ALL_LANGUAGES) {
        all.push("mean: unweighted mean over languages.".to_owned());
    }
    if build.options.worst {
        all.push("worst: the worst language, found after the fact and not tested.".to_owned());
    }
    if let Some(model) = &build.options.deltas {
        all.push(format!(
            "\u{394}: minus {model}, in the measure's own unit."
        ));
    }
    let seeds: BTreeSet<usize> = build
        .shown
        .models
        .iter()
        .filter_map(|row| field(row, "replicates").parse().ok())
        .filter(|n| *n > 1)
        .collect();
    if !seeds.is_empty() {
        all.push(format!(
            "Models with seeds: the mean over {} trainings.",
            span(&seeds)
        ));
    }
    all
}

/// Task, measure, definition, direction and size of each.
fn measures(places: &[About]) -> Vec<String> {
    let mut known: Vec<&About> = Vec::new();
    for about in places {
        if !known.iter().any(|k| k.place.same_measure(&about.place)) {
            known.push(about);
        }
    }
    let say = |about: &&About| {
        let own = || places.iter().filter(|o| o.place.same_measure(&about.place));
        let single = || own().filter(|o| o.place.language != ALL_LANGUAGES);
        let presets: BTreeSet<&str> = match single().count() {
            0 => own().map(|o| o.preset.as_str()).collect(),
            _ => single().map(|o| o.preset.as_str()).collect(),
        };
        let sizes: BTreeSet<usize> = match single().count() {
            0 => own().flat_map(|o| [o.n.0, o.n.1]).collect(),
            _ => single().flat_map(|o| [o.n.0, o.n.1]).collect(),
        };
        let per = match single().count() {
            0 | 1 => "",
            _ => " per language",
        };
        let direction = if about.higher_is_better {
            "higher is better"
        } else {
            "lower is better"
        };
        format!(
            "{}: {} ({}), {direction}, n = {}{per}.",
            about.place.task,
            about.place.measure,
            presets.into_iter().collect::<Vec<_>>().join(", "),
            span(&sizes)
        )
    };
    known.iter().map(say).collect()
}

fn against(build: &Build<'_>, baseline: &str) -> Vec<String> {
    let tests: Vec<&Test> = build.tests().collect();
    let Some(first) = tests.first() else {
        return vec![format!("Nothing was tested against {baseline}.")];
    };
    let families: BTreeSet<usize> = tests.iter().map(|test| test.family_size).collect();
    let mut all = vec![format!(
        "\u{2020}: differs from {baseline} ({}; m = {}).",
        level(&first.correction, first.alpha, '\u{2264}'),
        span(&families)
    )];
    let margins: BTreeMap<&str, f64> = build
        .against
        .iter()
        .filter_map(|((_, place), test)| Some((place.measure.as_str(), test.margin?)))
        .filter(|(measure, _)| {
            let mut places = build.shown.places.iter();
            places.any(|about| about.place.measure == *measure)
        })
        .collect();
    let said: Vec<String> = margins
        .iter()
        .map(|(measure, margin)| format!("{measure} {margin}"))
        .collect();
    if !said.is_empty() {
        all.push(format!(
            "\u{2248}: shown to differ from {baseline} by less than the declared margin ({}; alpha = \
             {}).",
            said.join(", "),
            first.alpha
        ));
    }
    all.push("No mark: inconclusive, which is no sign of equality.".to_owned());
    all
}

fn level(correction: &str, alpha: f64, sign: char) -> String {
    match correction {
        "none" => format!("uncorrected p {sign} {alpha}"),
        name => format!("{name}-adjusted p {sign} {alpha}"),
    }
}

/// One number, or the smallest and the largest.
fn span(numbers: &BTreeSet<usize>) -> String {
    match (numbers.first(), numbers.last()) {
        (Some(least), Some(most)) if least != most => format!("{least} to {most}"),
        (Some(one), _) => one.to_string(),
        _ => "0".to_owned(),
    }
}

/// Names of tests in words.
fn words(names: &BTreeSet<String>) -> String {
    let say = |name: &String| {
        [
            ("mcnemar_exact", "exact McNemar"),
            ("mcnemar_mid_p", "mid-p McNemar"),
            ("sign_flip", "sign-flip permutation"),
            ("approximate_randomisation", "approximate randomisation"),
            ("_clustered", " of clusters"),
            ("_macro", " over languages"),
            ("_replicated", " with replicates"),
            ("_", " "),
        ]
        .iter()
        .fold(name.clone(), |text, (from, to)| text.replace(from, to))
    };
    names.iter().map(say).collect::<Vec<_>>().join(", ")
}
