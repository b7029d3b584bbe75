//! What is compared: which columns of which cells.

use std::collections::BTreeMap;

use super::ALL_LANGUAGES;
use super::error::CompareError;
use super::grid::{Column, Task, TaskMeasure, place};
use crate::cell::{Cell, ModelLabel};

/// A comparison to make.
pub(super) struct Job<'a> {
    /// Names of the model and the baseline.
    pub(super) names: [&'a str; 2],
    pub(super) task: &'a str,
    pub(super) measure: &'a TaskMeasure<'a>,
    /// Model and baseline by language, each with its replicates.
    pub(super) columns: Vec<[Vec<Column<'a>>; 2]>,
    pub(super) language: &'a str,
}

/// Adds the comparisons of a model and a baseline on a task: by every tested measure in each language where both have it,
/// and over all languages where both have it in each and there are several.
pub(super) fn add_jobs<'a>(
    jobs: &mut Vec<Job<'a>>,
    name: &'a str,
    task: &'a Task<'a>,
    models: [&'a ModelLabel; 2],
) -> Result<(), CompareError> {
    let measures = || task.measures.iter().filter(|m| m.measure.tested);
    let names = models.map(|label| label.name.as_str());
    let job = |measure, columns, language| Job {
        names,
        task: name,
        measure,
        columns,
        language,
    };
    for (&language, cells) in &task.languages {
        for measure in measures() {
            if let Some(columns) = pair(measure, cells, models)? {
                jobs.push(job(measure, vec![columns], language));
            }
        }
    }
    if task.languages.len() > 1 {
        for measure in measures() {
            let columns = task
                .languages
                .values()
                .map(|cells| pair(measure, cells, models))
                .collect::<Result<Option<Vec<_>>, _>>()?;
            if let Some(columns) = columns {
                jobs.push(job(measure, columns, ALL_LANGUAGES));
            }
        }
    }
    Ok(())
}

/// The measure of all replicates of both models. None where one has no cell or none has the
/// measure.
fn pair<'a>(
    measure: &TaskMeasure<'_>,
    cells: &BTreeMap<&'a str, &'a Cell>,
    models: [&ModelLabel; 2],
) -> Result<Option<[Vec<Column<'a>>; 2]>, CompareError> {
    let own = |label: &ModelLabel| -> Option<Vec<&'a Cell>> {
        let cell = |name: &String| cells.get(name.as_str()).copied();
        match &label.replicates[..] {
            [] => Some(vec![cell(&label.name)?]),
            names => names.iter().map(cell).collect(),
        }
    };
    let (Some(model), Some(baseline)) = (own(models[0]), own(models[1])) else {
        return Ok(None);
    };
    let columns = |cells: &[&'a Cell]| -> Vec<Column<'a>> {
        cells
            .iter()
            .filter_map(|cell| measure.column(cell))
            .collect()
    };
    let found = [columns(&model), columns(&baseline)];
    let whole = [
        found[0].len() == model.len(),
        found[1].len() == baseline.len(),
    ];
    let difference = match whole {
        [true, true] => return Ok(Some(found)),
        _ if found.iter().all(Vec::is_empty) => return Ok(None),
        [_, false] => format!("only the first has `{}`", measure.label),
        [false, _] => format!("only the baseline has `{}`", measure.label),
    };
    Err(CompareError::Scores {
        place: place(model[0]),
        baseline: models[1].name.clone(),
        metric: measure.metric.to_owned(),
        difference,
    })
}
