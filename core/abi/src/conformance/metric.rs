//! Checks of metrics.

use super::{Finding, UNKNOWN_PARAMETER, description, sample_params};
use crate::{
    PluginError, PluginInfo,
    metric::{Case, Metric, MetricSetup, Shape},
    task::{Likelihood, Prediction, Reference, ScoredChoice},
};
use serde_json::json;

/// A metric that is checked.
pub struct Subject<'a> {
    /// What it says about itself.
    pub info: &'a PluginInfo,
    /// How to make it.
    pub open: &'a dyn Fn(MetricSetup) -> Result<Box<dyn Metric>, PluginError>,
}

/// Runs every check.
pub fn check(subject: &Subject<'_>) -> Vec<Finding> {
    type Check = fn(&Subject<'_>) -> Result<(), String>;
    let checks: [(&'static str, Check); 6] = [
        ("description", |s| description(s.info)),
        ("parameters", parameters),
        ("measures", measures),
        ("scores", scores),
        ("example_order", example_order),
        ("perfect", perfect),
    ];
    checks
        .map(|(check, run)| Finding {
            check,
            result: run(subject),
        })
        .to_vec()
}

const LABELS: [&str; 3] = ["negative", "neutral", "positive"];

/// The labels as scored choices, one of them the likeliest by `lead`.
fn choices(likeliest: &str, lead: f64) -> Vec<ScoredChoice> {
    LABELS
        .map(|label| ScoredChoice {
            label: label.to_owned(),
            likelihood: Likelihood::of(
                label,
                if label == likeliest {
                    -0.5
                } else {
                    -0.5 - lead
                },
                2,
            ),
        })
        .to_vec()
}

/// Right, wrong and invalid outputs, with texts and likelihoods so that every metric has something
/// to compare.
fn cases() -> Vec<Case> {
    let texts = [
        "the cat sat on the mat",
        "a dog ran in the park today",
        "rain is expected in the north",
    ];
    (0..12)
        .map(|i| {
            let label = LABELS[i % 3];
            let said = match i % 4 {
                3 => None,
                2 => Some(LABELS[(i + 1) % 3]),
                _ => Some(label),
            };
            Case {
                prediction: Prediction {
                    output: said.map_or(String::new(), |_| texts[(i / 2) % 3].to_owned()),
                    label: said.map(str::to_owned),
                    choices: said.map_or(Vec::new(), |said| choices(said, 1.0)),
                    likelihood: Some(Likelihood::of(texts[i % 3], -10.0 - i as f64, 7)),
                },
                reference: Reference {
                    texts: vec![texts[i % 3].to_owned()],
                    label: Some(label.to_owned()),
                },
            }
        })
        .collect()
}

impl Subject<'_> {
    fn setup(&self) -> MetricSetup {
        MetricSetup {
            params: sample_params(&self.info.parameters),
            language: "en".to_owned(),
            labels: LABELS.map(str::to_owned).to_vec(),
        }
    }

    fn metric(&self) -> Result<Box<dyn Metric>, String> {
        (self.open)(self.setup()).map_err(|e| format!("it cannot be made with its defaults: {e}"))
    }

    /// Values of all measures over these cases.
    fn values(&self, cases: &[Case]) -> Result<Vec<f64>, String> {
        let metric = self.metric()?;
        let measures = metric.measures();
        let width: usize = measures.iter().map(|m| m.width).sum();
        let scores = metric.score(cases).map_err(|e| e.to_string())?;
        let mut sums = vec![0.0; width];
        for row in scores.chunks(width) {
            sums.iter_mut().zip(row).for_each(|(s, v)| *s += v);
        }
        let mut start = 0;
        let mut values = Vec::new();
        for (i, measure) in measures.iter().enumerate() {
            let part = &sums[start..start + measure.width];
            start += measure.width;
            let value = metric
                .aggregate(i, part, cases.len() as f64)
                .map_err(|e| e.to_string())?;
            values.extend(value);
        }
        Ok(values)
    }
}

fn parameters(subject: &Subject<'_>) -> Result<(), String> {
    let mut setup = subject.setup();
    setup.params.insert(UNKNOWN_PARAMETER.to_owned(), json!(1));
    match (subject.open)(setup) {
        Err(_) => Ok(()),
        Ok(_) => Err(format!(
            "it accepted the unknown parameter `{UNKNOWN_PARAMETER}`"
        )),
    }
}

fn measures(subject: &Subject<'_>) -> Result<(), String> {
    let measures = subject.metric()?.measures();
    if measures.is_empty() {
        return Err("it reports no measure".to_owned());
    }
    for (i, measure) in measures.iter().enumerate() {
        if measures[..i].iter().any(|m| m.name == measure.name) {
            return Err(format!("two measures are called `{}`", measure.name));
        }
        if measure.preset.is_empty() {
            return Err(format!("`{}` names no preset", measure.name));
        }
        if measure.shape != Shape::Corpus && measure.width != 1 {
            return Err(format!(
                "`{}` is a mean of examples and has {} statistics instead of 1",
                measure.name, measure.width
            ));
        }
    }
    Ok(())
}

fn scores(subject: &Subject<'_>) -> Result<(), String> {
    let metric = subject.metric()?;
    let measures = metric.measures();
    let width: usize = measures.iter().map(|m| m.width).sum();
    let cases = cases();
    let scores = metric
        .score(&cases)
        .map_err(|e| format!("it refused plain cases: {e}"))?;
    if scores.len() != cases.len() * width {
        return Err(format!(
            "{} cases of {width} statistics gave {} numbers",
            cases.len(),
            scores.len()
        ));
    }
    if scores.iter().any(|v| !v.is_finite()) {
        return Err("a statistic is not finite".to_owned());
    }
    if metric.score(&cases).as_ref() != Ok(&scores) {
        return Err("the same cases were scored in two ways".to_owned());
    }
    let one: Vec<f64> = cases
        .iter()
        .map(|c| metric.score(std::slice::from_ref(c)))
        .collect::<Result<Vec<_>, _>>()
        .map_err(|e| e.to_string())?
        .concat();
    if one != scores {
        return Err("a case's statistics depend on the cases beside it".to_owned());
    }
    let mut start = 0;
    for measure in &measures {
        if measure.shape == Shape::Binary
            && scores
                .chunks(width)
                .any(|row| row[start] != 0.0 && row[start] != 1.0)
        {
            return Err(format!(
                "`{}` is binary and gave another value",
                measure.name
            ));
        }
        start += measure.width;
    }
    Ok(())
}

fn example_order(subject: &Subject<'_>) -> Result<(), String> {
    let mut cases = cases();
    let wanted = subject.values(&cases)?;
    cases.reverse();
    let found = subject.values(&cases)?;
    // Sums in another order: f64 rounding of a dozen numbers.
    match found
        .iter()
        .zip(&wanted)
        .find(|(a, b)| (*a - *b).abs() > 1e-12)
    {
        None => Ok(()),
        Some((a, b)) => Err(format!(
            "the cases in reverse order gave {a} instead of {b}"
        )),
    }
}

/// No output is better than the reference itself.
fn perfect(subject: &Subject<'_>) -> Result<(), String> {
    let given = cases();
    let right: Vec<Case> = given
        .iter()
        .map(|c| Case {
            prediction: Prediction {
                output: c.reference.texts[0].clone(),
                label: c.reference.label.clone(),
                choices: c
                    .reference
                    .label
                    .iter()
                    .flat_map(|l| choices(l, 50.0))
                    .collect(),
                likelihood: Some(Likelihood::of(&c.reference.texts[0], 0.0, 7)),
            },
            reference: c.reference.clone(),
        })
        .collect();
    let (some, all) = (subject.values(&given)?, subject.values(&right)?);
    for ((measure, some), all) in subject.metric()?.measures().iter().zip(some).zip(all) {
        let worse = if measure.higher_is_better {
            all < some
        } else {
            all > some
        };
        if worse {
            return Err(format!(
                "`{}` gives {all} to the references themselves and {some} to other outputs",
                measure.name
            ));
        }
    }
    Ok(())
}
