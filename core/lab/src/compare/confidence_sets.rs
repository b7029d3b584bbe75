//! Which models may be the best on a task in a language.

use mergelab_stats::{
    JointBootstrap, Statistics, StatsError, joint_bootstrap, model_confidence_set,
};
use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use super::aggregate::MetricSource;
use super::error::{CompareError, unless_undefined};
use super::grid::{Column, Grid, TaskMeasure, place};
use super::part::Part;
use super::settings::Settings;
use super::stream::stream;
use crate::cell::{Cell, ModelLabel};

/// A model's place in the model confidence set of a task, language and measure.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Membership {
    /// Name of the model.
    pub model: String,
    /// Name of the task.
    pub task: String,
    /// Name of the dataset.
    pub dataset: String,
    /// Language of the examples.
    pub language: String,
    /// Id of the metric.
    pub metric: String,
    /// The metric's parameters, as [`canonical`](super::canonical) JSON.
    pub metric_parameters: String,
    /// Name of the measure.
    pub measure: String,
    /// Number of examples.
    pub n: usize,
    /// Number of models compared.
    pub models: usize,
    /// The model's value, the mean over its replicates.
    pub value: Option<f64>,
    /// Largest level at which the set leaves it out.
    pub p_value: Option<f64>,
    /// Whether it is in the set. None where there is none.
    pub member: Option<bool>,
    /// One minus the probability that the set holds the best model.
    pub alpha: f64,
    /// Bootstrap resamples.
    pub resamples: usize,
    /// Seed of the draws.
    pub seed: u64,
    /// Why a number is missing.
    pub note: String,
}

struct Job<'a> {
    task: &'a str,
    language: &'a str,
    measure: &'a TaskMeasure<'a>,
    /// Each model with its replicates.
    models: Vec<(&'a str, Vec<Column<'a>>)>,
}

/// The model confidence set of every task, language and tested measure with two models or more.
///
/// Trivial outputs take no part; a model that was trained several times counts by the mean over its
/// replicates, taken as they are. Rows are by task, language, measure and then in the order of
/// `labels`.
///
/// # Errors
/// Settings out of range, cells that do not fit their list of examples, or a metric that fails.
pub fn confidence_sets(
    cells: &[Cell],
    labels: &[ModelLabel],
    source: &dyn MetricSource,
    settings: &Settings,
) -> Result<Vec<Membership>, CompareError> {
    settings.check()?;
    let grid = Grid::new(cells)?;
    let mut jobs = Vec::new();
    for (&task, of_task) in &grid.tasks {
        for (&language, cells) in &of_task.languages {
            for measure in of_task.measures.iter().filter(|m| m.measure.tested) {
                let columns = |label: &ModelLabel| -> Option<Vec<Column<'_>>> {
                    let names = match &label.replicates[..] {
                        [] => std::slice::from_ref(&label.name),
                        names => names,
                    };
                    let column = |name: &String| measure.column(cells.get(name.as_str())?);
                    names.iter().map(column).collect()
                };
                let models: Vec<_> = labels
                    .iter()
                    .filter(|l| l.role.competes() && l.replicate_of.is_none())
                    .filter_map(|label| Some((label.name.as_str(), columns(label)?)))
                    .collect();
                if models.len() > 1 {
                    jobs.push(Job {
                        task,
                        language,
                        measure,
                        models,
                    });
                }
            }
        }
    }
    let rows: Vec<Vec<Membership>> = jobs
        .par_iter()
        .map(|job| memberships(job, source, settings))
        .collect::<Result<_, _>>()?;
    Ok(rows.concat())
}

fn memberships(
    job: &Job<'_>,
    source: &dyn MetricSource,
    settings: &Settings,
) -> Result<Vec<Membership>, CompareError> {
    let first = job.models[0].1[0];
    let label = &job.measure.label;
    let seed = stream(settings.seed, &["mcs", job.task, job.language, label]);
    let columns: Vec<Column<'_>> = job.models.iter().flat_map(|(_, c)| c).copied().collect();
    let mut notes = Vec::new();
    let joint = match Part::paired(&columns, source) {
        Ok(part) => {
            let joint = drawn(job, &part, settings, seed);
            unless_undefined(joint, &mut notes).map_err(|source| CompareError::Statistics {
                place: place(first.cell),
                measure: first.measure.name.clone(),
                source,
            })?
        }
        // Comparisons pair models with a baseline; here all must have answered the same examples.
        Err(error @ (CompareError::Examples { .. } | CompareError::Scores { .. })) => {
            notes.push(error.to_string());
            None
        }
        Err(error) => return Err(error),
    };
    let set = joint
        .as_ref()
        .map(|joint| model_confidence_set(joint, settings.alpha, first.measure.higher_is_better))
        .transpose()
        .map_err(|source| CompareError::Statistics {
            place: place(first.cell),
            measure: first.measure.name.clone(),
            source,
        })?;
    let row = |(number, (model, columns)): (usize, &(&str, Vec<Column<'_>>))| Membership {
        model: (*model).to_owned(),
        task: job.task.to_owned(),
        dataset: columns[0].cell.dataset.clone(),
        language: job.language.to_owned(),
        metric: job.measure.metric.to_owned(),
        metric_parameters: job.measure.params.clone(),
        measure: first.measure.name.clone(),
        n: columns[0].cell.ids.len(),
        models: job.models.len(),
        value: joint.as_ref().map(|joint| joint.estimates[number]),
        p_value: set.as_ref().map(|set| set.p_values[number]),
        member: set.as_ref().map(|set| set.members[number]),
        alpha: settings.alpha,
        resamples: settings.resamples,
        seed,
        note: notes.join("; "),
    };
    Ok(job.models.iter().enumerate().map(row).collect())
}

fn drawn(
    job: &Job<'_>,
    part: &Part<'_>,
    settings: &Settings,
    seed: u64,
) -> Result<JointBootstrap, StatsError> {
    let systems: Vec<Statistics> = (0..part.systems.len())
        .map(|system| part.system(system))
        .collect::<Result<_, _>>()?;
    let all: Vec<&Statistics> = systems.iter().collect();
    let joint = joint_bootstrap(&all, part.metric.as_ref(), settings.resamples, seed)?;
    let mut next = 0;
    let groups: Vec<Vec<usize>> = job
        .models
        .iter()
        .map(|(_, replicates)| {
            let start = next;
            next += replicates.len();
            (start..next).collect()
        })
        .collect();
    joint.means(&groups)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cell::Role;
    use crate::compare::fixture::{Source, f1, mean, model, models, noise, settings};

    #[test]
    fn the_set_holds_the_best_and_what_is_like_it() {
        let joint = noise(80, 1);
        let shifted = |by: f64, salt: usize| -> Vec<f64> {
            let own = noise(80, salt);
            joint
                .iter()
                .zip(own)
                .map(|(x, e)| x + by + 0.2 * (e - 0.5))
                .collect()
        };
        let mut cells = vec![
            mean("joint", "t", "de", &joint),
            mean("same", "t", "de", &joint),
            mean("bad", "t", "de", &shifted(-0.3, 3)),
        ];
        for model in ["joint", "same", "bad"] {
            let gold = [0, 1].repeat(20);
            cells.push(f1(model, "u", "de", &gold, &gold));
        }
        let labels = models(&["same", "bad"]);
        let found = confidence_sets(&cells, &labels, &Source, &settings()).unwrap();
        let members = |task: &str| -> Vec<_> {
            let rows = found.iter().filter(|m| m.task == task);
            rows.map(|m| (m.model.as_str(), m.member)).collect()
        };
        assert_eq!(
            members("t"),
            [
                ("joint", Some(true)),
                ("same", Some(true)),
                ("bad", Some(false))
            ]
        );
        // Models that answer alike are never told apart.
        assert!(
            found
                .iter()
                .filter(|m| m.task == "u")
                .all(|m| m.p_value == Some(1.0))
        );
        assert_eq!(members("u").len(), 3);
    }

    #[test]
    fn replicates_count_by_their_mean_and_other_examples_leave_a_note() {
        let mut group = model("m", Role::Merge);
        group.replicates = vec!["m 1".into(), "m 2".into()];
        let labels = [model("joint", Role::Combined), group];
        let mut cells = vec![
            mean("joint", "t", "de", &noise(30, 1)),
            mean("m 1", "t", "de", &noise(30, 2)),
            mean("m 2", "t", "de", &noise(30, 3)),
        ];
        let found = confidence_sets(&cells, &labels, &Source, &settings()).unwrap();
        let mean_of = |salt| noise(30, salt).iter().sum::<f64>() / 30.0;
        let expected = (mean_of(2) + mean_of(3)) / 2.0;
        assert!((found[1].value.unwrap() - expected).abs() < 1e-12);
        cells[0].ids[3] = "other".into();
        let found = confidence_sets(&cells, &labels, &Source, &settings()).unwrap();
        assert_eq!(found[0].member, None);
        assert!(found[0].note.contains("no example"), "{}", found[0].note);
    }
}
