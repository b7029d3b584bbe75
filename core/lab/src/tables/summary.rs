//! The summary for people: who is better where, against the first baseline.

use std::collections::{BTreeMap, BTreeSet};

use mergelab_stats::Verdict;

use super::Experiment;
use super::layout::{Format, set};
use crate::compare::{ALL_LANGUAGES, Comparison, Value};

/// One block for each task: models down, languages across, the task's first tested measure, and a
/// mark on each value that says how it compares with the first baseline. Replicates are shown as
/// their mean.
pub fn summary(
    experiment: &Experiment<'_>,
    values: &[Value],
    comparisons: &[Comparison],
    format: Format,
) -> String {
    let baseline = comparisons.first().map(|c| c.baseline.as_str());
    let mut tasks: BTreeMap<&str, Vec<&Value>> = BTreeMap::new();
    let replicate = |name: &str| {
        let label = experiment.models.iter().find(|m| m.name == name);
        label.is_some_and(|l| l.replicate_of.is_some())
    };
    let shown = |value: &&Value| value.measure.tested && !replicate(&value.model);
    for value in values.iter().filter(shown) {
        let shown = tasks.entry(&value.task).or_default();
        if shown.first().is_none_or(|first| same_measure(first, value)) {
            shown.push(value);
        }
    }
    let mut blocks: Vec<String> = tasks
        .values()
        .map(|values| block(experiment, values, comparisons, baseline, format))
        .collect();
    if let (Some(first), false) = (comparisons.first(), blocks.is_empty()) {
        blocks.push(legend(first, comparisons, format));
    }
    blocks.join("\n")
}

fn same_measure(a: &Value, b: &Value) -> bool {
    a.metric == b.metric
        && a.metric_parameters == b.metric_parameters
        && a.measure.name == b.measure.name
}

fn block(
    experiment: &Experiment<'_>,
    values: &[&Value],
    comparisons: &[Comparison],
    baseline: Option<&str>,
    format: Format,
) -> String {
    let Some(first) = values.first() else {
        return String::new();
    };
    let by_place: BTreeMap<(&str, &str), &Value> = values
        .iter()
        .map(|value| ((value.model.as_str(), value.language.as_str()), *value))
        .collect();
    let languages: BTreeSet<&str> = by_place.keys().map(|(_, language)| *language).collect();
    let mut languages: Vec<&str> = languages.into_iter().collect();
    languages.sort_by_key(|language| *language == ALL_LANGUAGES);

    let largest = values.iter().filter_map(|v| v.value).map(f64::abs);
    let decimals = if largest.fold(0.0, f64::max) <= 1.0 {
        3
    } else {
        2
    };
    let marks: BTreeMap<(&str, &str), &str> = comparisons
        .iter()
        .filter(|c| Some(c.baseline.as_str()) == baseline && c.task == first.task)
        .filter(|c| c.metric == first.metric && c.measure.name == first.measure.name)
        .filter(|c| c.metric_parameters == first.metric_parameters)
        .map(|c| ((c.model.as_str(), c.language.as_str()), mark(c)))
        .collect();
    let width = marks.values().map(|m| m.chars().count()).max().unwrap_or(0);

    let number = |model: &str, language: &str| {
        let value = by_place.get(&(model, language))?.value?;
        Some(format!("{value:.decimals$}"))
    };
    // The best of each column as it is printed, so that what looks equal is treated equally.
    let best: BTreeMap<&str, String> = languages
        .iter()
        .filter_map(|&language| {
            let printed = experiment
                .models
                .iter()
                .filter_map(|m| number(&m.name, language));
            let rank = |text: &String| text.parse::<f64>().unwrap_or(f64::NAN);
            let better = |a: &String, b: &String| rank(a).total_cmp(&rank(b));
            let best = if first.measure.higher_is_better {
                printed.max_by(better)
            } else {
                printed.min_by(better)
            };
            best.map(|best| (language, best))
        })
        .collect();

    let mut header = vec!["model".to_owned()];
    header.extend(languages.iter().map(|&language| match language {
        ALL_LANGUAGES => format!("mean{}", " ".repeat(pad(width, format))),
        language => format!("{language}{}", " ".repeat(pad(width, format))),
    }));
    let mut rows = Vec::new();
    for model in experiment.models {
        let name = model.name.as_str();
        if !by_place.keys().any(|(known, _)| *known == name) {
            continue;
        }
        let said: Vec<String> = [
            (!model.replicates.is_empty()).then(|| format!("{} seeds", model.replicates.len())),
            (baseline == Some(name)).then(|| "baseline".to_owned()),
        ]
        .into_iter()
        .flatten()
        .collect();
        let mut row = vec![match &said[..] {
            [] => name.to_owned(),
            said => format!("{name} ({})", said.join(", ")),
        }];
        for &language in &languages {
            let mark = marks.get(&(name, language)).copied().unwrap_or("");
            let text = match (number(name, language), format) {
                (None, _) => "–".to_owned(),
                (Some(text), Format::Markdown) if best.get(language) == Some(&text) => {
                    format!("**{text}**")
                }
                (Some(text), _) => text,
            };
            let fill = pad(width, format).saturating_sub(mark.chars().count());
            row.push(format!("{text}{mark}{}", " ".repeat(fill)));
        }
        rows.push(row);
    }
    format!(
        "{}\n\n{}",
        title(first, values, format),
        set(&header, &rows, format)
    )
}

/// Room for marks, so that numbers stand under each other.
fn pad(width: usize, format: Format) -> usize {
    match format {
        Format::Text => width,
        Format::Markdown => 0,
    }
}

fn title(first: &Value, values: &[&Value], format: Format) -> String {
    let sizes = values
        .iter()
        .filter(|v| v.language != ALL_LANGUAGES)
        .map(|v| v.n);
    let n = match (sizes.clone().min(), sizes.max()) {
        (Some(least), Some(most)) if least == most => format!("n = {least} per language"),
        (Some(least), Some(most)) => format!("n = {least} to {most} per language"),
        _ => String::new(),
    };
    let direction = if first.measure.higher_is_better {
        "higher is better"
    } else {
        "lower is better"
    };
    // A preset may name the language that it segments.
    let presets: BTreeSet<&str> = values
        .iter()
        .filter(|v| v.language != ALL_LANGUAGES)
        .map(|v| v.measure.preset.as_str())
        .collect();
    let preset = presets.into_iter().collect::<Vec<_>>().join(", ");
    let (task, measure) = (&first.task, &first.measure.name);
    match format {
        Format::Text => format!("{task}: {measure} ({preset}), {direction}, {n}"),
        Format::Markdown => format!("**{task}**: `{measure}` ({preset}), {direction}, {n}"),
    }
}

fn mark(comparison: &Comparison) -> &'static str {
    match (comparison.verdict, comparison.within_margin) {
        (Verdict::Better, false) => "▲",
        (Verdict::Better, true) => "▲≈",
        (Verdict::Worse, false) => "▼",
        (Verdict::Worse, true) => "▼≈",
        (Verdict::Equivalent, _) => "≈",
        (Verdict::Inconclusive, _) => "",
    }
}

fn legend(first: &Comparison, comparisons: &[Comparison], format: Format) -> String {
    let correction = match first.correction.name() {
        "none" => "uncorrected p".to_owned(),
        name => format!("{name}-adjusted p"),
    };
    let mut text = format!(
        "▲ better, ▼ worse than {} ({correction} ≤ {}).",
        first.baseline, first.alpha
    );
    if comparisons.iter().any(|c| c.margin.is_some()) {
        text.push_str(" ≈ shown to differ by less than the declared margin.");
    }
    text.push_str(" No mark: inconclusive, which is no sign of equality.");
    if format == Format::Markdown {
        text.push_str(" Bold: best of the column.");
    }
    text.push('\n');
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::compare::fixture::{Source, binary, models};
    use crate::compare::{Settings, comparisons, values};

    fn experiment(format: Format, margin: bool) -> String {
        let right = |model: &str, language: &str, range: std::ops::Range<usize>| {
            let scores: Vec<u8> = (0..40).map(|i| u8::from(range.contains(&i))).collect();
            binary(model, "topics", language, &scores)
        };
        let cells = [
            right("joint", "de", 0..20),
            right("joint", "en", 0..20),
            right("ties", "de", 0..40),
            right("ties", "en", 0..5),
            right("same|", "de", 0..20),
            right("same|", "en", 1..21),
            right("de", "de", 0..30),
        ];
        let models = models(&["ties", "same|", "de"]);
        let mut settings = Settings {
            baselines: vec!["joint".into()],
            resamples: 2_000,
            ..Settings::default()
        };
        if margin {
            settings.margins.insert("accuracy".into(), 0.15);
        }
        let values = values(&cells, &[], &Source, &settings).unwrap();
        let found = comparisons(&cells, &models, &Source, &settings).unwrap();
        let experiment = Experiment {
            name: "first",
            models: &models,
        };
        summary(&experiment, &values, &found, format)
    }

    #[test]
    fn text_for_a_terminal() {
        let expected = "\
topics: accuracy (accuracy/test@1), higher is better, n = 40 per language

model                de      en    mean
joint (baseline)  0.500   0.500   0.500
ties              1.000▲  0.125▼  0.562
same|             0.500   0.500   0.500
de                0.750▲      –       –

▲ better, ▼ worse than joint (holm-adjusted p ≤ 0.05). No mark: inconclusive, which is no sign of equality.
";
        assert_eq!(experiment(Format::Text, false), expected);
    }

    #[test]
    fn markdown_for_a_readme() {
        let expected = "\
**topics**: `accuracy` (accuracy/test@1), higher is better, n = 40 per language

| model            |         de |         en |      mean |
| ---------------- | ---------: | ---------: | --------: |
| joint (baseline) |      0.500 |  **0.500** |     0.500 |
| ties             | **1.000**▲ |     0.125▼ | **0.562** |
| same\\|           |     0.500≈ | **0.500**≈ |    0.500≈ |
| de               |     0.750▲ |          – |         – |

▲ better, ▼ worse than joint (holm-adjusted p ≤ 0.05). ≈ shown to differ by less than the declared margin. No mark: inconclusive, which is no sign of equality. Bold: best of the column.
";
        // The one example that each has alone is no evidence against a margin of six.
        assert_eq!(experiment(Format::Markdown, true), expected);
    }

    #[test]
    fn nothing_gives_nothing() {
        let experiment = Experiment {
            name: "first",
            models: &[],
        };
        assert_eq!(summary(&experiment, &[], &[], Format::Text), "");
    }
}
