//! What stages took, and what merging saves.

use super::{Figure, Grid, Section};
use crate::{
    plot::{
        bars::{Bars, Row},
        number::{count, fixed, seconds},
    },
    run::{Cost, Run, Saving},
};

pub(super) fn section(run: &Run) -> Section {
    let figures: Vec<Figure> = [savings(run), stages(run)].into_iter().flatten().collect();
    let missing = match (run.costs.is_empty(), run.savings.is_empty()) {
        (true, true) => Some("No costs: the run has no costs.csv.".to_owned()),
        (false, true) => Some(
            "No savings: they need a combined model and a merge, which this experiment does not have \
             both."
                .to_owned(),
        ),
        _ => None,
    };
    Section {
        id: "costs",
        title: "Costs and savings",
        intro: vec![],
        figures,
        more: vec![],
        missing,
    }
}

/// The method that savings are shown for: the first one.
pub(crate) fn method(run: &Run) -> Option<&str> {
    run.savings.first().map(|s| s.method.as_str())
}

fn savings(run: &Run) -> Option<Figure> {
    let method = method(run)?;
    let own = |s: &&Saving| s.method == method && s.unit == "wall_seconds";
    let kept = |s: &&Saving| {
        s.includes == "training+merge" || s.includes == "training+merge+evaluation+search"
    };
    // Adding a language has the same formula as updating it.
    let shown = run.savings.iter().filter(own).filter(kept);
    let shown = shown.filter(|s| s.formula != "add_language" && s.ratio.is_some());
    let most = run
        .savings
        .iter()
        .filter_map(|s| s.workers)
        .max()
        .unwrap_or(1);
    let shown: Vec<&Saving> = shown
        .filter(|s| s.formula != "initial_parallel_lpt" || s.workers == Some(most))
        .collect();
    let one = shown.first()?;
    let mut before: Option<&str> = None;
    let rows: Vec<Row> = shown
        .iter()
        .filter_map(|s| {
            let (ratio, merged, combined) = (s.ratio?, s.merged?, s.combined?);
            let what = match s.formula.as_str() {
                "initial_sequential" => "first training".to_owned(),
                "initial_parallel_lpt" => format!("first training, {most} workers"),
                _ if s.language == crate::run::ALL => "update of a language, mean".to_owned(),
                _ => format!("update of {}", s.language),
            };
            let search = s.includes.ends_with("search");
            let label = match search {
                true => format!("{what}, with search and tests"),
                false => what,
            };
            let interval = s.interval.map_or(String::new(), |(low, high)| {
                format!(" [{}, {}]", fixed(low, 2), fixed(high, 2))
            });
            let kind = if s.formula.starts_with("initial") {
                "initial"
            } else {
                s.language.as_str()
            };
            let apart = before.is_some_and(|b| b != kind);
            before = Some(kind);
            let text = format!(
                "{}×{interval}, {} / {}",
                fixed(ratio, 2),
                seconds(merged),
                seconds(combined)
            );
            Some(Row {
                title: format!("{label}: {text}"),
                label,
                apart,
                value: ratio,
                interval: s.interval,
                text,
                second: search,
            })
        })
        .collect();
    let replicates = one.replicates.unwrap_or(1);
    let mut notes = vec![format!(
        "Time of the experts' trainings and one merge with {method}, over the time of training the \
         combined model. Left of the line merging takes less. Adding a language costs as much as \
         updating it. The other methods and units (processor time, tokens, operations) are in \
         savings.csv."
    )];
    notes.push(match (one.level, replicates) {
        (Some(level), n) if n > 1 => format!(
            "Whiskers are {:.0}% intervals over {n} replicates; the few replicates make them wide.",
            level * 100.0
        ),
        _ => "Each way was timed once, so there is no interval.".to_owned(),
    });
    if let Some(note) = shown.iter().map(|s| &s.note).find(|n| !n.is_empty()) {
        notes.push(format!("Note of the table: {note}."));
    }
    let title = format!("Time with experts and {method}, over that of the combined model");
    Some(Figure {
        name: "savings".to_owned(),
        heading: title.clone(),
        notes,
        table: Grid {
            header: ["what", "ratio", "merged / combined"]
                .map(str::to_owned)
                .to_vec(),
            rows: rows
                .iter()
                .map(|r| {
                    let (ratio, times) = r.text.rsplit_once(", ").unwrap_or((&r.text, ""));
                    vec![r.label.clone(), ratio.to_owned(), times.to_owned()]
                })
                .collect(),
        },
        drawing: Bars {
            title,
            description: format!(
                "{} ratios of times; below 1 merging takes less.",
                rows.len()
            ),
            rows,
            below: "time with experts and a merge / time of the combined model".to_owned(),
            reference: Some((1.0, "as long as the combined model".to_owned())),
        }
        .draw(),
    })
}

/// What a stage is for, in the order that they are shown in.
fn purpose(run: &Run, cost: &Cost) -> (usize, &'static str) {
    let role = run.model(&cost.name).map(|m| m.role.as_str());
    match (cost.stage.as_str(), role) {
        ("pretrain", _) => (0, "train the base"),
        ("train", Some("base")) => (0, "train the base"),
        ("train", Some("expert")) => (1, "train experts"),
        ("train", Some("combined")) => (2, "train the combined model"),
        ("train", _) => (3, "train other models"),
        ("merge", _) => (4, "merge"),
        ("generate", _) => (5, "answer the examples"),
        ("score", _) => (6, "score the answers"),
        ("vectors", _) => (7, "compare task vectors"),
        _ => (8, "other stages"),
    }
}

fn stages(run: &Run) -> Option<Figure> {
    let mut groups: Vec<(usize, &str, usize, f64, f64)> = Vec::new();
    for cost in &run.costs {
        let Some(wall) = cost.wall_seconds else {
            continue;
        };
        let (order, name) = purpose(run, cost);
        let processors = cost.cpu_seconds.unwrap_or(0.0);
        match groups.iter_mut().find(|g| g.0 == order) {
            Some(group) => {
                group.2 += 1;
                group.3 += wall;
                group.4 += processors;
            }
            None => groups.push((order, name, 1, wall, processors)),
        }
    }
    groups.sort_by_key(|g| g.0);
    if groups.is_empty() {
        return None;
    }
    let longest = groups.iter().map(|g| g.3).fold(0.0, f64::max);
    let (unit, name) = match longest {
        s if s < 120.0 => (1.0, "seconds"),
        s if s < 7200.0 => (60.0, "minutes"),
        _ => (3600.0, "hours"),
    };
    let rows: Vec<Row> = groups
        .iter()
        .map(|(_, what, stages, wall, processors)| {
            let text = format!(
                "{}, {} of processors, {}",
                seconds(*wall),
                seconds(*processors),
                match stages {
                    1 => "1 stage".to_owned(),
                    n => format!("{} stages", count(*n as u64)),
                }
            );
            Row {
                label: (*what).to_owned(),
                value: wall / unit,
                title: format!("{what}: {text}"),
                text,
                ..Row::default()
            }
        })
        .collect();
    let mut notes = vec![
        "Wall time of all stages of a kind, added up, replicates and all settings included. Stages whose \
         results were there before count with what they took when they were made."
            .to_owned(),
    ];
    let jobs = run.costs.iter().filter_map(|c| c.jobs).max().unwrap_or(1);
    if jobs > 1 {
        notes.push(format!(
            "Up to {jobs} stages ran side by side: wall times are longer than those of a stage alone, \
             and their sum is longer than the run."
        ));
    }
    let title = "What the run took".to_owned();
    let table = groups.iter().map(|(_, what, stages, wall, processors)| {
        vec![
            (*what).to_owned(),
            count(*stages as u64),
            fixed(*wall, 2),
            fixed(*processors, 2),
        ]
    });
    Some(Figure {
        name: "costs".to_owned(),
        heading: title.clone(),
        notes,
        table: Grid {
            header: ["what", "stages", "wall seconds", "processor seconds"]
                .map(str::to_owned)
                .to_vec(),
            rows: table.collect(),
        },
        drawing: Bars {
            title,
            description: format!("{} kinds of stages with their wall times.", groups.len()),
            rows,
            below: format!("wall time in {name}"),
            reference: None,
        }
        .draw(),
    })
}
