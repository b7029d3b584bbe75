//! `prompts.csv`.

use super::Experiment;
use super::field::Field;
use super::schema::{PROMPTS, VERSION, header};
use super::write::{Row, Table, TableError};
use crate::compare::Value;

/// A task that is evaluated with several prompts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Prompts {
    /// Its name, which is that of its first prompt.
    pub task: String,
    /// Names of the task with its other prompts.
    pub others: Vec<String>,
}

impl Prompts {
    fn has(&self, task: &str) -> bool {
        self.task == task || self.others.iter().any(|other| other == task)
    }
}

/// How much a model's values differ between the prompts of a task: in the order of the tasks, then
/// as `values` has those of the first prompt.
///
/// # Errors
/// A value of a model that the experiment does not have.
pub fn prompts(
    experiment: &Experiment<'_>,
    tasks: &[Prompts],
    values: &[Value],
) -> Result<Table, TableError> {
    let mut rows = Vec::new();
    for task in tasks {
        for first in values.iter().filter(|value| value.task == task.task) {
            let same = values
                .iter()
                .filter(|value| task.has(&value.task) && is_same_but_prompt(value, first));
            rows.push(row(experiment, task, first, same)?);
        }
    }
    Ok(Table::new(header(PROMPTS, &[]), rows))
}

fn is_same_but_prompt(a: &Value, b: &Value) -> bool {
    let place = |value: &Value| (value.split.clone(), value.selection);
    a.model == b.model
        && a.language == b.language
        && a.metric == b.metric
        && a.metric_parameters == b.metric_parameters
        && a.measure.name == b.measure.name
        && place(a) == place(b)
}

fn row<'a>(
    experiment: &Experiment<'_>,
    task: &Prompts,
    first: &Value,
    same: impl Iterator<Item = &'a Value>,
) -> Result<Row, TableError> {
    let (_, model) = experiment.model(&first.model)?;
    let found: Vec<(&str, f64)> = same
        .filter_map(|value| Some((value.task.as_str(), value.value?)))
        .collect();
    let count = found.len() as f64;
    let mean = found.iter().map(|(_, value)| value).sum::<f64>() / count;
    let squares = found.iter().map(|(_, value)| (value - mean).powi(2));
    let sd = (squares.sum::<f64>() / (count - 1.0)).sqrt();
    let least = found.iter().copied().min_by(|a, b| a.1.total_cmp(&b.1));
    // The first of equal ones, as for the smallest.
    let most = found
        .iter()
        .rev()
        .copied()
        .max_by(|a, b| a.1.total_cmp(&b.1));
    let note = if found.len() <= task.others.len() {
        format!(
            "{} of {} prompts have no value",
            task.others.len() + 1 - found.len(),
            task.others.len() + 1
        )
    } else {
        String::new()
    };
    let number = |value: f64, least: usize| {
        Field::maybe((found.len() >= least).then_some(value), Field::Float)
    };
    let fields = [
        ("schema", Field::Integer(VERSION)),
        ("experiment", Field::text(experiment.name)),
        ("model", Field::text(&first.model)),
        ("role", Field::plain(model.role.name())),
        ("task", Field::text(&task.task)),
        ("language", Field::text(&first.language)),
        ("metric", Field::text(&first.metric)),
        ("metric_parameters", Field::plain(&first.metric_parameters)),
        ("measure", Field::text(&first.measure.name)),
        ("prompts", Field::count(found.len())),
        ("mean", number(mean, 1)),
        ("sd", number(sd, 2)),
        ("min", Field::maybe(least, |(_, value)| Field::Float(value))),
        ("max", Field::maybe(most, |(_, value)| Field::Float(value))),
        (
            "prompt_min",
            Field::maybe(least, |(name, _)| Field::text(name)),
        ),
        (
            "prompt_max",
            Field::maybe(most, |(name, _)| Field::text(name)),
        ),
        ("note", Field::text(note)),
    ];
    Ok(fields.map(|(name, field)| (name.to_owned(), field)).into())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cell::Role;
    use crate::compare::fixture::{Source, mean, model, settings};
    use crate::compare::values;

    #[test]
    fn the_spread_is_over_the_prompts_of_one_task() {
        let cells = [
            mean("m", "t", "de", &[0.5, 0.5]),
            mean("m", "t@a", "de", &[0.9, 0.9]),
            mean("m", "t@b", "de", &[0.1, 0.1]),
            mean("m", "other", "de", &[0.0, 0.0]),
        ];
        let models = [model("m", Role::Base)];
        let all = values(&cells, &models, &Source, &settings()).unwrap();
        let experiment = Experiment {
            name: "e",
            models: &models,
        };
        let others = ["t@a", "t@b", "t@c"].map(str::to_owned).to_vec();
        let tasks = [Prompts {
            task: "t".into(),
            others,
        }];
        let table = prompts(&experiment, &tasks, &all).unwrap();
        assert_eq!(table.rows.len(), 1);
        let field = |name: &str| {
            let at = table.header.iter().position(|column| column == name);
            table.rows[0][at.unwrap()].as_str()
        };
        assert_eq!((field("task"), field("prompts")), ("t", "3"));
        assert_eq!(
            (field("mean"), field("min"), field("max")),
            ("0.5", "0.1", "0.9")
        );
        assert_eq!((field("prompt_min"), field("prompt_max")), ("t@b", "t@a"));
        // sqrt((0.16 + 0.16) / 2).
        assert_eq!(field("sd"), "0.4");
        assert_eq!(field("note"), "1 of 4 prompts have no value");
    }
}
