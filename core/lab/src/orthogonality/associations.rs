//! Correlation, over languages, of geometry with what a merge gains or loses.

use super::Point;
use crate::compare::Settings;
use mergelab_abi::metric::Measure;
use mergelab_stats::{Correlation, FEWEST_FOR_INTERVAL, Interval};
use rayon::prelude::*;

/// What may say how well a language survives a merge.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Predictor {
    /// Mean cosine with the other experts.
    MeanCosine,
    /// Mean sign conflict with the other experts.
    MeanSignConflict,
}

/// What the merge gains or loses.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// Beside the language's expert.
    VersusExpert,
    /// Beside the base.
    VersusBase,
}

impl Predictor {
    /// The word in tables.
    pub fn name(self) -> &'static str {
        match self {
            Self::MeanCosine => "mean_cosine",
            Self::MeanSignConflict => "mean_sign_conflict",
        }
    }

    /// Its value at a point.
    pub fn of(self, point: &Point) -> Option<f64> {
        match self {
            Self::MeanCosine => point.mean_cosine,
            Self::MeanSignConflict => point.mean_sign_conflict,
        }
    }
}

impl Outcome {
    /// The word in tables.
    pub fn name(self) -> &'static str {
        match self {
            Self::VersusExpert => "versus_expert",
            Self::VersusBase => "versus_base",
        }
    }

    /// Its value at a point.
    pub fn of(self, point: &Point) -> Option<f64> {
        match self {
            Self::VersusExpert => point.versus_expert,
            Self::VersusBase => point.versus_base,
        }
    }
}

/// The correlation over the languages of one merge, by one measure on one task.
#[derive(Debug, Clone, PartialEq)]
pub struct Association {
    /// Name of the merge.
    pub merge: String,
    /// Name of the task.
    pub task: String,
    /// Id of the metric.
    pub metric: String,
    /// The metric's parameters.
    pub metric_parameters: String,
    /// The measure.
    pub measure: Measure,
    /// What may predict.
    pub predictor: Predictor,
    /// What may follow.
    pub outcome: Outcome,
    /// Points: languages and their experts.
    pub n: usize,
    /// Pearson's r.
    pub pearson: Option<f64>,
    /// Its bootstrap interval.
    pub pearson_interval: Option<Interval>,
    /// Spearman's rho.
    pub spearman: Option<f64>,
    /// Its bootstrap interval.
    pub spearman_interval: Option<Interval>,
    /// How much the points can say.
    pub note: String,
}

/// The associations of all merges, in the order of their first points.
pub fn associations(points: &[Point], settings: &Settings) -> Vec<Association> {
    let mut groups: Vec<Vec<&Point>> = Vec::new();
    for point in points {
        let same = |a: &Point| {
            (&a.merge, &a.task, &a.metric) == (&point.merge, &point.task, &point.metric)
                && a.metric_parameters == point.metric_parameters
                && a.measure.name == point.measure.name
        };
        match groups.iter_mut().find(|group| same(group[0])) {
            Some(group) => group.push(point),
            None => groups.push(vec![point]),
        }
    }
    let mut jobs = Vec::new();
    for group in &groups {
        for predictor in [Predictor::MeanCosine, Predictor::MeanSignConflict] {
            for outcome in [Outcome::VersusExpert, Outcome::VersusBase] {
                jobs.push((group, predictor, outcome));
            }
        }
    }
    jobs.par_iter()
        .map(|(group, predictor, outcome)| association(group, *predictor, *outcome, settings))
        .collect()
}

fn association(
    group: &[&Point],
    predictor: Predictor,
    outcome: Outcome,
    settings: &Settings,
) -> Association {
    let (x, y): (Vec<f64>, Vec<f64>) = group
        .iter()
        .filter_map(|point| Some((predictor.of(point)?, outcome.of(point)?)))
        .unzip();
    let mut notes = Vec::new();
    let mut of = |correlation: Correlation| match correlation.of(&x, &y) {
        Ok(value) => Some(value),
        Err(error) => {
            notes.push(error.to_string());
            None
        }
    };
    let (pearson, spearman) = (of(Correlation::Pearson), of(Correlation::Spearman));
    notes.dedup();
    let interval = |correlation: Correlation| {
        correlation
            .interval(&x, &y, settings.resamples, settings.seed, settings.level)
            .ok()
    };
    if pearson.is_some() {
        let n = x.len();
        notes.push(match n < FEWEST_FOR_INTERVAL {
            true => format!("{n} languages are too few for an interval, and say next to nothing"),
            false => format!("over {n} languages: a hint, whatever the interval"),
        });
    }
    let first = group[0];
    Association {
        merge: first.merge.clone(),
        task: first.task.clone(),
        metric: first.metric.clone(),
        metric_parameters: first.metric_parameters.clone(),
        measure: first.measure.clone(),
        predictor,
        outcome,
        n: x.len(),
        pearson,
        pearson_interval: interval(Correlation::Pearson),
        spearman,
        spearman_interval: interval(Correlation::Spearman),
        note: notes.join("; "),
    }
}
