//! Values, models down and languages across.

use super::{Figure, Grid, Section, apart, language_name};
use crate::{
    plot::{
        heat::{Cell, Heat, Row},
        number::{decimals, fixed, signed},
    },
    run::{ALL, Run, Verdict},
};

pub(super) fn section(run: &Run) -> Section {
    let figures: Vec<Figure> = run
        .tasks()
        .iter()
        .filter_map(|task| map(run, task))
        .collect();
    let intro = match run.baseline() {
        Some(baseline) => format!(
            "Numbers are values. Colours say how far a value is from {baseline} in the same column: blue \
             is better, orange is worse. ▲ and ▼ are significant after correction, ≈ is shown to differ \
             by less than the declared margin. A number without a mark is undecided, which is no sign of \
             equality."
        ),
        None => {
            "Numbers are values; colours say where a value lies among those of its column. Nothing \
                 was tested: the run has no baseline."
                .to_owned()
        }
    };
    Section {
        id: "values",
        title: "Values by language",
        missing: figures
            .is_empty()
            .then(|| "The run has no results.".to_owned()),
        intro: if figures.is_empty() {
            vec![]
        } else {
            vec![intro]
        },
        figures,
        more: vec![],
    }
}

fn map(run: &Run, task: &str) -> Option<Figure> {
    let measure = run.measure(task)?;
    let languages = run.languages(task);
    let baseline = run.baseline();
    let score = |model: &str, language: &str| run.score(model, task, language);
    let values = || {
        let all = run
            .shown()
            .flat_map(|m| languages.iter().map(move |l| (m, *l)));
        all.filter_map(|(m, l)| score(&m.name, l)?.value)
    };
    let digits = decimals(values());
    let one = run
        .scores
        .iter()
        .find(|s| s.task == task && s.measure == *measure)?;
    let sign = if one.higher_is_better { 1.0 } else { -1.0 };
    // How far a value is from what it is coloured by.
    let far = |model: &str, language: &str| -> Option<f64> {
        let own = score(model, language)?.value?;
        let other = score(baseline?, language)?.value?;
        Some(sign * (own - other))
    };
    let most = run
        .shown()
        .flat_map(|m| languages.iter().filter_map(move |l| far(&m.name, l)))
        .fold(0.0, |most: f64, d| most.max(d.abs()));
    let spread = |language: &str, value: f64| -> Option<f64> {
        let column = || run.shown().filter_map(|m| score(&m.name, language)?.value);
        let low = column().fold(f64::INFINITY, f64::min);
        let high = column().fold(f64::NEG_INFINITY, f64::max);
        let share = (value - low) / (high - low);
        share
            .is_finite()
            .then_some(if sign > 0.0 { share } else { 1.0 - share })
    };
    let mut rows = Vec::new();
    let mut table = Vec::new();
    let mut before = None;
    for model in run.shown() {
        let name = model.name.as_str();
        let mut line = vec![model.name.clone()];
        let cells: Vec<Option<Cell>> = languages
            .iter()
            .map(|language| {
                let score = score(name, language)?;
                let value = score.value?;
                let difference = baseline.and_then(|b| run.difference(b, name, task, language));
                let share = match baseline {
                    Some(_) if most > 0.0 => far(name, language).map(|d| d / most),
                    Some(_) => None,
                    None => spread(language, value),
                };
                let interval = score.interval.map_or(String::new(), |(low, high)| {
                    let (low, high) = (fixed(low, digits), fixed(high, digits));
                    format!(", interval {low} to {high}")
                });
                let beside = difference.and_then(|d| {
                    let by = signed(d.difference?, digits);
                    Some(format!("; {by} from {}: {}", d.baseline, d.verdict.word()))
                });
                Some(Cell {
                    text: fixed(value, digits),
                    verdict: difference.map(|d| d.verdict),
                    within: difference.is_some_and(|d| d.within_margin),
                    share,
                    title: format!(
                        "{name}, {}: {}{interval}, n = {}{}",
                        language_name(language),
                        fixed(value, digits),
                        score.n,
                        beside.unwrap_or_default()
                    ),
                })
            })
            .collect();
        if cells.iter().all(Option::is_none) {
            continue;
        }
        line.extend(cells.iter().map(|cell| match cell {
            Some(cell) => {
                let mark = cell.verdict.map_or("", Verdict::mark);
                let within = cell.within && mark != "≈";
                format!("{}{mark}{}", cell.text, if within { "≈" } else { "" })
            }
            None => "–".to_owned(),
        }));
        table.push(line);
        rows.push(Row {
            label: model.name.clone(),
            apart: apart(before, model),
            outlined: baseline == Some(name),
            cells,
        });
        before = Some(model);
    }
    let marked: usize = rows.iter().flat_map(|r| r.cells.iter().flatten()).count();
    let first = format!("{task}: {} by language", measure.name);
    let scale = match baseline {
        Some(baseline) if most > 0.0 => Some([
            format!("worse by {}", fixed(most, digits)),
            format!("as {baseline}"),
            format!("better by {}", fixed(most, digits)),
        ]),
        _ => None,
    };
    let direction = if one.higher_is_better {
        "higher is better"
    } else {
        "lower is better"
    };
    Some(Figure {
        name: format!("values-{task}"),
        heading: first.clone(),
        notes: vec![about(run, task, direction)],
        table: Grid {
            header: std::iter::once("model".to_owned())
                .chain(languages.iter().map(|l| language_name(l)))
                .collect(),
            rows: table,
        },
        drawing: Heat {
            title: first,
            description: format!(
                "{} models in {} columns, {marked} values; {direction}.",
                rows.len(),
                languages.len()
            ),
            columns: languages.iter().map(|l| language_name(l)).collect(),
            rows,
            scale,
            last_apart: languages.len() > 1 && languages.last() == Some(&ALL),
            below: String::new(),
        }
        .draw(),
    })
}

/// Examples, definition and direction of a task's measure.
fn about(run: &Run, task: &str, direction: &str) -> String {
    let Some(measure) = run.measure(task) else {
        return String::new();
    };
    let own = || {
        let all = run.scores.iter();
        all.filter(|s| s.task == task && s.measure == *measure && s.language != ALL)
    };
    let mut presets: Vec<&str> = own().map(|s| s.preset.as_str()).collect();
    presets.sort_unstable();
    presets.dedup();
    let mut datasets: Vec<&str> = own().map(|s| s.dataset.as_str()).collect();
    datasets.sort_unstable();
    datasets.dedup();
    let (least, most) = (own().map(|s| s.n).min(), own().map(|s| s.n).max());
    let n = match (least, most) {
        (Some(least), Some(most)) if least == most => format!("{least} examples per language"),
        (Some(least), Some(most)) => format!("{least} to {most} examples per language"),
        _ => String::new(),
    };
    let seeds = run.shown().map(|m| m.replicates.len()).max().unwrap_or(0);
    let mean = match seeds {
        0 => String::new(),
        seeds => format!(" Values of models with replicates are means over {seeds} seeds."),
    };
    format!(
        "{} as {} defines it, {direction}; {n} of {}.{mean}",
        measure.name,
        presets.join(", "),
        datasets.join(", ")
    )
}
