//! How far trainings with other seeds lie apart.

use super::{Figure, Grid, Section, apart};
use crate::{
    plot::{
        number::{decimals, fixed},
        strip::{Row, Strip, Strips},
    },
    run::{ALL, Run},
};

pub(super) fn section(run: &Run) -> Section {
    let any = run.shown().any(|m| !m.replicates.is_empty());
    let figure = any.then(|| figure(run)).flatten();
    let missing = figure.is_none().then(|| {
        "No spread over seeds: the manifest has no `seeds`, so each model was trained once. Nothing here \
         says how far another training would move a number."
            .to_owned()
    });
    let intro = match missing {
        Some(_) => vec![],
        None => vec![
            "A dot is one training with its own seed, on the same examples. Where the dots of two models \
             mix, what one training shows may be its seed's. Two or three dots say little about how far \
             further ones would lie apart."
                .to_owned(),
        ],
    };
    Section {
        id: "seeds",
        title: "Spread over seeds",
        intro,
        figures: figure.into_iter().collect(),
        more: vec![],
        missing,
    }
}

fn figure(run: &Run) -> Option<Figure> {
    let tasks: Vec<(&str, &str)> = run
        .tasks()
        .into_iter()
        .filter_map(|task| Some((task, run.overall(task)?)))
        .collect();
    let all = || {
        let models = run.shown().flat_map(|m| &m.replicates);
        let each = models.flat_map(|m| tasks.iter().map(move |(t, l)| (m, *t, *l)));
        each.filter_map(|(m, t, l)| run.score(m, t, l)?.value)
    };
    let digits = decimals(all());
    let mut rows = Vec::new();
    let mut table = Vec::new();
    let mut before = None;
    for model in run.shown().filter(|m| !m.replicates.is_empty()) {
        let strips: Vec<Option<Strip>> = tasks
            .iter()
            .map(|(task, language)| {
                let values: Vec<(f64, String)> = model
                    .replicates
                    .iter()
                    .filter_map(|name| {
                        let value = run.score(name, task, language)?.value?;
                        Some((value, format!("{name}: {}", fixed(value, digits))))
                    })
                    .collect();
                let mean = run.score(&model.name, task, language)?.value?;
                (!values.is_empty()).then_some(Strip { values, mean })
            })
            .collect();
        if strips.iter().all(Option::is_none) {
            continue;
        }
        for ((task, _), strip) in tasks.iter().zip(&strips) {
            let Some(strip) = strip else { continue };
            let low = strip
                .values
                .iter()
                .map(|v| v.0)
                .fold(f64::INFINITY, f64::min);
            let high = strip
                .values
                .iter()
                .map(|v| v.0)
                .fold(f64::NEG_INFINITY, f64::max);
            let values = strip.values.iter().map(|v| fixed(v.0, digits));
            table.push(vec![
                model.name.clone(),
                (*task).to_owned(),
                fixed(strip.mean, digits),
                values.collect::<Vec<_>>().join(", "),
                fixed(high - low, digits),
            ]);
        }
        rows.push(Row {
            label: model.name.clone(),
            apart: apart(before, model),
            strips,
        });
        before = Some(model);
    }
    if rows.is_empty() {
        return None;
    }
    let title = "Replicates of each model".to_owned();
    let panels = tasks.iter().map(|(task, language)| {
        let measure = run.measure(task).map_or("", |m| m.name.as_str());
        let place = match *language {
            ALL => "mean over languages",
            one => one,
        };
        ((*task).to_owned(), format!("{measure}, {place}"))
    });
    Some(Figure {
        name: "seeds".to_owned(),
        heading: title.clone(),
        notes: vec![],
        table: Grid {
            header: ["model", "task", "mean", "replicates", "widest gap"]
                .map(str::to_owned)
                .to_vec(),
            rows: table,
        },
        drawing: Strips {
            title,
            description: format!(
                "{} models, each with the values of its replicates and their mean.",
                rows.len()
            ),
            panels: panels.collect(),
            rows,
        }
        .draw(),
    })
}
