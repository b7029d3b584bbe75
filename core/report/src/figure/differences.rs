//! Differences from a baseline with their intervals.

use super::{Figure, Grid, Section, apart, language_name};
use crate::{
    plot::{
        forest::{Estimate, Forest, Row},
        number::{decimals, fixed, p_value, signed},
    },
    run::{ALL, Difference, Run},
};

pub(super) fn section(run: &Run) -> Section {
    let Some(first) = run.baseline() else {
        return Section {
            id: "differences",
            title: "Differences",
            missing: Some(
                "No differences: the run has no comparisons with a baseline (significance.csv)."
                    .into(),
            ),
            ..Section::default()
        };
    };
    let of = |baseline: &str| -> Vec<Figure> {
        let tasks = run.tasks();
        let both = tasks.iter().flat_map(|task| {
            let overall = run.overall(task).map(|language| vec![language]);
            let each: Vec<&str> = run.languages(task);
            let each: Vec<&str> = each.into_iter().filter(|l| *l != ALL).collect();
            let each = (each.len() > 1).then_some(each);
            [overall, each].into_iter().flatten().map(|l| (*task, l))
        });
        both.filter_map(|(task, languages)| forest(run, baseline, task, &languages))
            .collect()
    };
    let others = run.baselines();
    let others = others.into_iter().filter(|name| *name != first);
    let more: Vec<(String, Vec<Figure>)> = others
        .map(|name| (format!("Differences from {name}"), of(name)))
        .filter(|(_, figures)| !figures.is_empty())
        .collect();
    let one = run.differences.first();
    let level = one.and_then(|d| d.level).unwrap_or(0.95) * 100.0;
    let mut intro = vec![format!(
        "A mark is a model's value minus the baseline's on the same examples, a line its {level:.0}% \
         interval. Right of 0 is better where higher is better. The interval is for this one \
         comparison; the verdict (colour and shape) is corrected for all comparisons of the figure's \
         family. So a line may leave out 0 where the verdict is undecided."
    )];
    if run.differences.iter().any(|d| d.margin.is_some()) {
        intro.push(
            "The shaded band is the margin that the manifest declares as too small to matter. A model is \
             equivalent where a test shows that its difference lies within the band; a mark that lies in \
             the band by itself shows nothing."
                .to_owned(),
        );
    }
    Section {
        id: "differences",
        title: "Differences",
        intro,
        figures: of(first),
        more,
        missing: None,
    }
}

fn forest(run: &Run, baseline: &str, task: &str, languages: &[&str]) -> Option<Figure> {
    let measure = run.measure(task)?;
    let single = languages.len() == 1;
    let find = |model: &str, language: &str| run.difference(baseline, model, task, language);
    let all: Vec<&Difference> = run
        .shown()
        .flat_map(|m| languages.iter().filter_map(move |l| find(&m.name, l)))
        .collect();
    let some = *all.first()?;
    let digits = decimals(all.iter().filter_map(|d| d.difference));
    let mut rows = Vec::new();
    let mut table = Vec::new();
    let mut before = None;
    for model in run.shown() {
        let found: Vec<Option<&Difference>> =
            languages.iter().map(|l| find(&model.name, l)).collect();
        let estimates: Vec<Option<Estimate>> = found
            .iter()
            .map(|d| d.and_then(|d| estimate(d, digits)))
            .collect();
        if estimates.iter().all(Option::is_none) {
            continue;
        }
        table.extend(found.iter().flatten().map(|d| line(d, digits)));
        rows.push(Row {
            label: model.name.clone(),
            apart: apart(before, model),
            estimates,
        });
        before = Some(model);
    }
    let count = rows.len();
    let margin = all.iter().find_map(|d| d.margin);
    let direction = match some.higher_is_better {
        true => ["worse", "better"],
        false => ["better", "worse"],
    };
    let place = match (languages, some.language.as_str()) {
        ([ALL], _) => "mean over languages".to_owned(),
        ([one], _) => (*one).to_owned(),
        _ => "each language".to_owned(),
    };
    let title = format!("{task}, {place}: {} minus {baseline}", measure.name);
    let correction = match some.correction.as_str() {
        "" | "none" => "uncorrected".to_owned(),
        name => {
            let m = some
                .family_size
                .map_or(String::new(), |m| format!(" of {m} comparisons"));
            format!("corrected by {name} in a family{m}")
        }
    };
    let sizes = (
        all.iter().map(|d| d.n).min().unwrap_or(0),
        all.iter().map(|d| d.n).max().unwrap_or(0),
    );
    let n = match sizes {
        (least, most) if least == most => least.to_string(),
        (least, most) => format!("{least} to {most}"),
    };
    let alpha = some
        .alpha
        .map_or(String::new(), |a| format!(", verdicts at {a}"));
    let panels = languages.iter().map(|l| language_name(l)).collect();
    Some(Figure {
        name: format!(
            "difference-{task}-from-{baseline}{}",
            if single { "" } else { "-by-language" }
        ),
        heading: title.clone(),
        notes: vec![format!(
            "n = {n}{}; {}; p {correction}{alpha}.",
            if single { "" } else { " in each language" },
            some.test.replace('_', " ")
        )],
        table: Grid {
            header: [
                "model",
                "language",
                "value",
                "difference",
                "interval",
                "adjusted p",
                "verdict",
                "detectable",
            ]
            .map(str::to_owned)
            .to_vec(),
            rows: table,
        },
        drawing: Forest {
            title,
            description: format!(
                "{count} models, each with its difference from {baseline} and an interval."
            ),
            panels,
            rows,
            margin,
            below: format!("difference of {}", measure.name),
            sides: direction.map(str::to_owned),
        }
        .draw(),
    })
}

/// A difference with its interval and verdict in words.
fn words(d: &Difference, digits: usize) -> Option<String> {
    let value = signed(d.difference?, digits);
    let interval = d.interval.map_or(String::new(), |(low, high)| {
        format!(" [{}, {}]", signed(low, digits), signed(high, digits))
    });
    let within = match d.within_margin && d.verdict.word() != "equivalent" {
        true => ", within the margin",
        false => "",
    };
    let identical = if d.identical { ", identical" } else { "" };
    Some(format!(
        "{value}{interval} {}{within}{identical}",
        d.verdict.word()
    ))
}

fn estimate(d: &Difference, digits: usize) -> Option<Estimate> {
    let text = words(d, digits)?;
    let p = d
        .p_adjusted
        .map_or(String::new(), |p| format!(", adjusted p {}", p_value(p)));
    Some(Estimate {
        value: d.difference?,
        interval: d.interval,
        verdict: d.verdict,
        title: format!("{}, {}: {text}{p}", d.model, language_name(&d.language)),
        text,
    })
}

fn line(d: &Difference, digits: usize) -> Vec<String> {
    let number = |value: Option<f64>| value.map_or("–".to_owned(), |v| fixed(v, digits));
    let interval = d.interval.map_or("–".to_owned(), |(low, high)| {
        format!("{} to {}", signed(low, digits), signed(high, digits))
    });
    vec![
        d.model.clone(),
        language_name(&d.language),
        number(d.value),
        d.difference.map_or("–".to_owned(), |v| signed(v, digits)),
        interval,
        d.p_adjusted
            .map_or("–".to_owned(), |p| p_value(p).replace("= ", "")),
        format!(
            "{}{}",
            d.verdict.word(),
            if d.within_margin { " ≈" } else { "" }
        ),
        number(d.detectable),
    ]
}
