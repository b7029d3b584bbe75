//! Values over a parameter that the manifest varies, such as the density.

use super::{Figure, Grid, Section, language_name};
use crate::{
    plot::{
        curves::{Curves, Panel, Point, Series},
        number::{decimals, fixed},
    },
    run::{ALL, OWN_EXPERT, Run, Score},
};
use std::collections::BTreeSet;

pub(super) fn section(run: &Run) -> Section {
    let mut figures = Vec::new();
    let mut more = Vec::new();
    for parameter in &run.varied {
        figures.extend(overall(run, parameter));
        let each: Vec<Figure> = run
            .tasks()
            .iter()
            .filter_map(|task| by_language(run, parameter, task))
            .collect();
        if !each.is_empty() {
            more.push((format!("Curves over {parameter} in each language"), each));
        }
    }
    let missing = figures.is_empty().then(|| {
        "No curves: the manifest varies no parameter with two values at least that are evaluated on the \
         tested split."
            .to_owned()
    });
    let intro = match missing {
        Some(_) => vec![],
        None => vec![
            "A line is a merge method, a point one setting, a ribbon the interval of its value on the \
             examples. Dotted lines are models without the parameter. All settings were tested on the \
             same examples: the best point of a line is chosen by what it is judged by, and so too good \
             as an estimate. Ribbons that overlap do not say that two values are alike: differences are \
             tested pairwise above."
                .to_owned(),
        ],
    };
    Section {
        id: "curves",
        title: "Curves over parameters",
        intro,
        figures,
        more,
        missing,
    }
}

/// One panel for each task, over its languages.
fn overall(run: &Run, parameter: &str) -> Option<Figure> {
    let panels: Vec<(String, Panel)> = run
        .tasks()
        .iter()
        .filter_map(|task| {
            let language = run.overall(task)?;
            let place = match language {
                ALL => "mean over languages".to_owned(),
                one => one.to_owned(),
            };
            let name = format!("{task}, {place}");
            Some((
                language.to_owned(),
                panel(run, parameter, task, language, name)?,
            ))
        })
        .collect();
    figure(run, parameter, &format!("over-{parameter}"), "", panels)
}

/// One panel for each language.
fn by_language(run: &Run, parameter: &str, task: &str) -> Option<Figure> {
    let languages = run.languages(task);
    if languages.len() < 2 {
        return None;
    }
    let panels = languages
        .iter()
        .filter(|l| **l != ALL)
        .filter_map(|language| {
            let name = format!("{task}, {language}");
            Some((
                (*language).to_owned(),
                panel(run, parameter, task, language, name)?,
            ))
        });
    let name = format!("over-{parameter}-{task}-by-language");
    figure(
        run,
        parameter,
        &name,
        &format!("{task}: "),
        panels.collect(),
    )
}

fn figure(
    run: &Run,
    parameter: &str,
    name: &str,
    before: &str,
    panels: Vec<(String, Panel)>,
) -> Option<Figure> {
    let lines = || panels.iter().flat_map(|(_, p)| &p.series);
    if panels.is_empty() {
        return None;
    }
    let mut series: Vec<String> = Vec::new();
    // In the order of the manifest, so that a method has one colour in all figures of a parameter.
    for model in run.shown() {
        let method = model.method.clone().unwrap_or_default();
        if lines().any(|s| s.name == method) && !series.contains(&method) {
            series.push(method);
        }
    }
    let digits = decimals(lines().flat_map(|s| s.points.iter().map(|p| p.value)));
    let table = panels.iter().flat_map(|(language, panel)| {
        panel.series.iter().flat_map(move |series| {
            series.points.iter().map(move |point| {
                let interval = point.interval.map_or("–".to_owned(), |(low, high)| {
                    format!("{} to {}", fixed(low, digits), fixed(high, digits))
                });
                vec![
                    series.name.clone(),
                    panel.name.clone(),
                    language_name(language),
                    point.at.to_string(),
                    fixed(point.value, digits),
                    interval,
                ]
            })
        })
    });
    let title = format!("{before}values over {parameter}");
    Some(Figure {
        name: name.to_owned(),
        heading: title.clone(),
        notes: vec![],
        table: Grid {
            header: [
                "method", "panel", "language", parameter, "value", "interval",
            ]
            .map(str::to_owned)
            .to_vec(),
            rows: table.collect(),
        },
        drawing: Curves {
            description: format!(
                "{} panels with {} methods: values over {parameter}, with intervals.",
                panels.len(),
                series.len()
            ),
            title,
            below: parameter.to_owned(),
            panels: panels.into_iter().map(|(_, panel)| panel).collect(),
            series,
        }
        .draw(),
    })
}

/// The curves of a task in a language. Methods whose other parameters vary too are left to the
/// tables, as a line through them would join settings that differ in more than this parameter.
fn panel(run: &Run, parameter: &str, task: &str, language: &str, name: String) -> Option<Panel> {
    let measure = run.measure(task)?;
    let own = |score: &&Score| {
        score.task == task && score.language == language && score.measure == *measure
    };
    let shown: BTreeSet<&str> = run.shown().map(|m| m.name.as_str()).collect();
    let scores: Vec<&Score> = run
        .scores
        .iter()
        .filter(own)
        .filter(|s| shown.contains(s.model.as_str()))
        .collect();
    let mut series: Vec<Series> = Vec::new();
    for score in &scores {
        let (Some(at), Some(value)) = (score.varied.get(parameter), score.value) else {
            continue;
        };
        let own = match series.iter_mut().position(|s| s.name == score.method) {
            Some(place) => place,
            None => {
                series.push(Series {
                    name: score.method.clone(),
                    points: vec![],
                });
                series.len() - 1
            }
        };
        series[own].points.push(Point {
            at: *at,
            value,
            interval: score.interval,
            title: format!("{}: {}", score.model, fixed(value, 4)),
        });
    }
    for series in &mut series {
        series.points.sort_by(|a, b| a.at.total_cmp(&b.at));
    }
    series.retain(|s| s.points.len() > 1 && s.points.windows(2).all(|p| p[0].at < p[1].at));
    if series.is_empty() {
        return None;
    }
    let references = run
        .shown()
        .filter(|m| {
            let role = ["combined", "base", OWN_EXPERT].contains(&m.role.as_str());
            role || run.baseline() == Some(&m.name)
        })
        .filter_map(|m| Some((m.name.clone(), run.score(&m.name, task, language)?.value?)));
    Some(Panel {
        name,
        measure: measure.name.clone(),
        series,
        references: references.collect(),
    })
}
