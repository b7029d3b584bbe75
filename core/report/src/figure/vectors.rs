//! How the experts' task vectors lie to each other, and what merges make of them.

use super::{Figure, Grid, Section};
use crate::{
    plot::{
        heat::{Cell, Heat, Row},
        number::fixed,
        scatter,
    },
    run::{Pair, Run},
};
use std::collections::BTreeMap;

pub(super) fn section(run: &Run) -> Section {
    let figures: Vec<Figure> = [cosines(run), orthogonality(run)]
        .into_iter()
        .flatten()
        .collect();
    let missing = figures.is_empty().then(|| {
        "No geometry: the run has no pairs of experts (vectors.csv, orthogonality.csv).".to_owned()
    });
    Section {
        id: "vectors",
        title: "Task vectors",
        intro: vec![],
        figures,
        more: vec![],
        missing,
    }
}

/// A model's name without the number of its replicate.
fn group(run: &Run, name: &str) -> String {
    let model = run.model(name).and_then(|m| m.replicate_of.clone());
    model.unwrap_or_else(|| name.to_owned())
}

fn cosines(run: &Run) -> Option<Figure> {
    let mut names: Vec<String> = Vec::new();
    let mut pairs: BTreeMap<(String, String), Vec<&Pair>> = BTreeMap::new();
    for pair in &run.pairs {
        let (a, b) = (group(run, &pair.model), group(run, &pair.other));
        for name in [&a, &b] {
            if !names.contains(name) {
                names.push(name.clone());
            }
        }
        pairs.entry((a, b)).or_default().push(pair);
    }
    let most = pairs.values().map(Vec::len).max()?;
    let mean = |a: &String, b: &String| -> Option<(f64, Option<(f64, f64)>)> {
        let found = pairs
            .get(&(a.clone(), b.clone()))
            .or_else(|| pairs.get(&(b.clone(), a.clone())))?;
        let sum: f64 = found.iter().map(|p| p.cosine).sum();
        Some((sum / found.len() as f64, found[0].null))
    };
    let random = |cosine: f64, null: Option<(f64, f64)>| {
        null.is_some_and(|(low, high)| (low..=high).contains(&cosine))
    };
    let mut any_random = false;
    let rows: Vec<Row> = names
        .iter()
        .map(|own| Row {
            label: own.clone(),
            cells: names
                .iter()
                .map(|other| {
                    if own == other {
                        return Some(Cell {
                            text: "1".to_owned(),
                            share: Some(1.0),
                            title: format!("{own} with itself"),
                            ..Cell::default()
                        });
                    }
                    let (cosine, null) = mean(own, other)?;
                    let alike = random(cosine, null);
                    any_random |= alike;
                    Some(Cell {
                        text: format!("{}{}", fixed(cosine, 3), if alike { "°" } else { "" }),
                        share: Some(cosine),
                        title: format!("{own} and {other}: cosine {}", fixed(cosine, 4)),
                        ..Cell::default()
                    })
                })
                .collect(),
            ..Row::default()
        })
        .collect();
    let null = run.pairs.iter().find_map(|p| p.null);
    let mut notes = vec![
        "The cosine between what two experts learned: 1 is the same direction, 0 is at right angles, \
         below 0 they pull against each other. A high cosine says that the experts changed alike, not \
         that merging them keeps their skills."
            .to_owned(),
    ];
    if most > 1 {
        notes.push(format!("Each number is the mean over {most} replicates."));
    }
    if let Some((low, high)) = null {
        let beside = if any_random { " (marked °)" } else { "" };
        notes.push(format!(
            "Independent random vectors of this size would lie between {} and {}{beside}.",
            fixed(low, 4),
            fixed(high, 4)
        ));
    }
    let table = rows.iter().map(|row| {
        let cells = row.cells.iter().map(|cell| match cell {
            Some(cell) => cell.text.clone(),
            None => "–".to_owned(),
        });
        std::iter::once(row.label.clone()).chain(cells).collect()
    });
    let title = "Cosines of the experts' task vectors, whole models".to_owned();
    Some(Figure {
        name: "cosines".to_owned(),
        heading: title.clone(),
        notes,
        table: Grid {
            header: std::iter::once("expert".to_owned())
                .chain(names.iter().cloned())
                .collect(),
            rows: table.collect(),
        },
        drawing: Heat {
            title,
            description: format!(
                "A square of {} experts with the cosine of each pair.",
                names.len()
            ),
            columns: names.clone(),
            rows,
            scale: Some([
                "opposed, \u{2212}1".to_owned(),
                "0".to_owned(),
                "same, 1".to_owned(),
            ]),
            last_apart: false,
            below: String::new(),
        }
        .draw(),
    })
}

fn orthogonality(run: &Run) -> Option<Figure> {
    let drawing = scatter::orthogonality(&run.record.experiment, &run.points)?;
    let rows = run.points.iter().filter_map(|p| {
        let (gain, cosine) = (p.versus_expert?, p.mean_cosine?);
        Some(vec![
            p.merge.clone(),
            p.expert.clone(),
            p.task.clone(),
            p.language.clone(),
            p.measure.clone(),
            fixed(gain, 4),
            fixed(cosine, 4),
        ])
    });
    Some(Figure {
        name: "orthogonality".to_owned(),
        heading: "Gain over the expert, and how the expert lies to the others".to_owned(),
        notes: vec![
            "Each point is a merge in the language of one expert. Languages are few, so a slope that the \
             eye finds may be chance: correlations.csv has the correlations with their intervals."
                .to_owned(),
        ],
        table: Grid {
            header: ["merge", "expert", "task", "language", "measure", "gain", "mean cosine"]
                .map(str::to_owned)
                .to_vec(),
            rows: rows.collect(),
        },
        drawing,
    })
}
