//! Cells by task, language and model, and the measures in them.

use std::collections::{BTreeMap, BTreeSet};

use mergelab_abi::metric::Measure;

use super::canonical::canonical;
use super::error::CompareError;
use crate::cell::{Cell, MetricScores};

/// The cells of an experiment. Tasks and languages are in the order of their names.
pub(super) struct Grid<'a> {
    pub(super) tasks: BTreeMap<&'a str, Task<'a>>,
    /// Models in the order in which the cells first name them.
    pub(super) models: Vec<&'a str>,
}

/// The cells of one task.
pub(super) struct Task<'a> {
    pub(super) languages: BTreeMap<&'a str, BTreeMap<&'a str, &'a Cell>>,
    /// The measures of the task, in the order in which its cells report them.
    pub(super) measures: Vec<TaskMeasure<'a>>,
}

/// A measure of a task: a metric, its parameters and the name that the measure has there.
pub(super) struct TaskMeasure<'a> {
    pub(super) metric: &'a str,
    pub(super) params: String,
    pub(super) measure: &'a Measure,
    /// The measure's name, with its preset and if need be its metric where several of the task's
    /// measures have the name.
    pub(super) label: String,
}

/// The statistics of one measure in one cell.
#[derive(Clone, Copy)]
pub(super) struct Column<'a> {
    pub(super) cell: &'a Cell,
    pub(super) scores: &'a MetricScores,
    pub(super) measure: &'a Measure,
    /// Which of the metric's measures it is.
    pub(super) index: usize,
    offset: usize,
    stride: usize,
}

/// Model, task and language in words, for errors.
pub(super) fn place(cell: &Cell) -> String {
    format!(
        "the model `{}` on the task `{}` in `{}`",
        cell.model, cell.task, cell.language
    )
}

impl<'a> Grid<'a> {
    pub(super) fn new(cells: &'a [Cell]) -> Result<Self, CompareError> {
        let mut tasks: BTreeMap<&str, Task<'_>> = BTreeMap::new();
        let mut models: Vec<&str> = Vec::new();
        let mut seen = BTreeSet::new();
        for cell in cells {
            check(cell)?;
            if seen.insert(cell.model.as_str()) {
                models.push(&cell.model);
            }
            let task = tasks.entry(&cell.task).or_insert_with(|| Task {
                languages: BTreeMap::new(),
                measures: Vec::new(),
            });
            let models = task.languages.entry(&cell.language).or_default();
            if models.insert(&cell.model, cell).is_some() {
                return Err(CompareError::Twice { place: place(cell) });
            }
            for scores in &cell.metrics {
                let params = canonical(&scores.params);
                for measure in &scores.measures {
                    let known = task.measures.iter().any(|known| {
                        known.metric == scores.metric
                            && known.params == params
                            && known.measure.name == measure.name
                    });
                    if !known {
                        task.measures.push(TaskMeasure {
                            metric: &scores.metric,
                            params: params.clone(),
                            measure,
                            label: String::new(),
                        });
                    }
                }
            }
        }
        for task in tasks.values_mut() {
            label(&mut task.measures);
        }
        Ok(Self { tasks, models })
    }
}

impl TaskMeasure<'_> {
    /// The measure's statistics in a cell, if the cell has any.
    pub(super) fn column<'a>(&self, cell: &'a Cell) -> Option<Column<'a>> {
        let scores = cell
            .metrics
            .iter()
            .find(|s| s.metric == self.metric && canonical(&s.params) == self.params)?;
        let index = scores
            .measures
            .iter()
            .position(|m| m.name == self.measure.name)?;
        let widths = |measures: &[Measure]| measures.iter().map(|m| m.width).sum();
        Some(Column {
            cell,
            scores,
            measure: &scores.measures[index],
            index,
            offset: widths(&scores.measures[..index]),
            stride: widths(&scores.measures),
        })
    }
}

impl Column<'_> {
    /// The statistics of the examples in the given order, row-major.
    pub(super) fn rows(&self, order: impl Iterator<Item = usize>) -> Vec<f64> {
        order
            .flat_map(|example| {
                let start = example * self.stride + self.offset;
                &self.scores.statistics[start..start + self.measure.width]
            })
            .copied()
            .collect()
    }
}

/// Errors unless everything in a cell is as long as its list of examples.
fn check(cell: &Cell) -> Result<(), CompareError> {
    let examples = cell.ids.len();
    let size = |what: &str, expected, found| CompareError::Size {
        place: place(cell),
        what: what.to_owned(),
        expected,
        found,
    };
    if let Some(clusters) = &cell.clusters
        && clusters.len() != examples
    {
        return Err(size("clusters", examples, clusters.len()));
    }
    let mut seen = BTreeSet::new();
    for scores in &cell.metrics {
        let width: usize = scores.measures.iter().map(|m| m.width).sum();
        if scores.statistics.len() != examples * width {
            let what = format!("statistics of `{}`, {width} an example", scores.metric);
            return Err(size(&what, examples, scores.statistics.len()));
        }
        if !seen.insert((&scores.metric, canonical(&scores.params))) {
            return Err(CompareError::MetricTwice {
                place: place(cell),
                metric: scores.metric.clone(),
            });
        }
    }
    Ok(())
}

/// Gives every measure a label of its own.
fn label(measures: &mut [TaskMeasure<'_>]) {
    let spellings: [fn(&TaskMeasure<'_>) -> String; 3] = [
        |m| m.measure.name.clone(),
        |m| format!("{}@{}", m.measure.name, m.measure.preset),
        |m| format!("{}@{}{}", m.measure.name, m.metric, m.params),
    ];
    for spelling in spellings {
        let spelled: Vec<String> = measures.iter().map(spelling).collect();
        for (index, measure) in measures.iter_mut().enumerate() {
            let unique = spelled.iter().filter(|s| **s == spelled[index]).count() == 1;
            if measure.label.is_empty() && unique {
                measure.label.clone_from(&spelled[index]);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::compare::fixture::{binary, cell, mean, scores};
    use mergelab_abi::metric::Shape;

    #[test]
    fn columns_of_one_metric_lie_side_by_side() {
        let mut cell = cell("m", "t", "de", 2);
        let mut both = scores("x", Shape::Mean, 1, vec![1.0, 10.0, 11.0, 2.0, 20.0, 21.0]);
        both.measures.push(Measure {
            name: "wide".into(),
            shape: Shape::Corpus,
            width: 2,
            ..both.measures[0].clone()
        });
        cell.metrics = vec![both];
        let cells = [cell];
        let grid = Grid::new(&cells).unwrap();
        let measures = &grid.tasks["t"].measures;
        let column = |i: usize| measures[i].column(&cells[0]).unwrap();
        assert_eq!(column(0).rows([0, 1].into_iter()), [1.0, 2.0]);
        assert_eq!(column(1).rows([1, 0].into_iter()), [20.0, 21.0, 10.0, 11.0]);
        assert_eq!(column(1).index, 1);
    }

    #[test]
    fn measures_of_one_name_are_told_apart() {
        let mut cell = mean("m", "t", "de", &[0.5, 0.6]);
        let mut other = cell.metrics[0].clone();
        other.params.insert("stem".into(), true.into());
        cell.metrics.push(other.clone());
        other.params.insert("stem".into(), false.into());
        other.measures[0].preset = "rouge/other".into();
        cell.metrics.push(other);
        let cells = [cell];
        let grid = Grid::new(&cells).unwrap();
        let labels: Vec<_> = grid.tasks["t"].measures.iter().map(|m| &m.label).collect();
        assert_eq!(
            labels,
            [
                "rouge1@rouge{}",
                "rouge1@rouge{\"stem\":true}",
                "rouge1@rouge/other"
            ]
        );
    }

    #[test]
    fn cells_that_do_not_fit_are_refused() {
        let good = binary("m", "t", "de", &[1, 0]);
        let twice = [good.clone(), good.clone()];
        assert!(matches!(Grid::new(&twice), Err(CompareError::Twice { .. })));
        let mut short = good.clone();
        short.metrics[0].statistics.pop();
        assert!(matches!(
            Grid::new(&[short]),
            Err(CompareError::Size { found: 1, .. })
        ));
        let mut clusters = good.clone();
        clusters.clusters = Some(vec!["a".into()]);
        assert!(matches!(
            Grid::new(&[clusters]),
            Err(CompareError::Size { found: 1, .. })
        ));
        let mut metric = good;
        metric.metrics.push(metric.metrics[0].clone());
        assert!(matches!(
            Grid::new(&[metric]),
            Err(CompareError::MetricTwice { .. })
        ));
    }
}
