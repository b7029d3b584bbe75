//! Values alone, without intervals: what a selection looks at.

use mergelab_stats::value;

use super::aggregate::MetricSource;
use super::error::{CompareError, unless_undefined};
use super::grid::{Grid, place};
use super::part::Part;
use crate::cell::Cell;

/// What one model scores by one measure on one task in one language.
#[derive(Debug, Clone, PartialEq)]
pub struct Point {
    /// Name of the model.
    pub model: String,
    /// Name of the task.
    pub task: String,
    /// Language of the examples.
    pub language: String,
    /// Id of the metric.
    pub metric: String,
    /// The metric's parameters, as [`canonical`](super::canonical) JSON.
    pub metric_parameters: String,
    /// Name of the measure.
    pub measure: String,
    /// The value. None where the metric has none on these examples.
    pub value: Option<f64>,
}

/// The value of every measure in every cell.
///
/// # Errors
/// Cells that do not fit their list of examples, or a metric that fails.
pub fn points(cells: &[Cell], source: &dyn MetricSource) -> Result<Vec<Point>, CompareError> {
    let grid = Grid::new(cells)?;
    let mut points = Vec::new();
    for task in grid.tasks.values() {
        for cells in task.languages.values() {
            for (model, cell) in cells {
                for measure in &task.measures {
                    let Some(column) = measure.column(cell) else {
                        continue;
                    };
                    let part = Part::paired(&[column], source)?;
                    let found = value(&part.systems[0], part.metric.as_ref());
                    let found = unless_undefined(found, &mut Vec::new()).map_err(|source| {
                        CompareError::Statistics {
                            place: place(cell),
                            measure: measure.measure.name.clone(),
                            source,
                        }
                    })?;
                    points.push(Point {
                        model: (*model).to_owned(),
                        task: cell.task.clone(),
                        language: cell.language.clone(),
                        metric: measure.metric.to_owned(),
                        metric_parameters: measure.params.clone(),
                        measure: measure.measure.name.clone(),
                        value: found,
                    });
                }
            }
        }
    }
    Ok(points)
}

#[cfg(test)]
mod tests {
    use super::points;
    use crate::compare::fixture::{Source, f1, mean};

    #[test]
    fn means_and_corpus_measures_have_their_value() {
        let cells = [
            mean("m", "t", "de", &[0.25, 0.75]),
            f1("m", "u", "de", &[0, 1], &[0, 1]),
        ];
        let found = points(&cells, &Source).unwrap();
        let named: Vec<_> = found
            .iter()
            .map(|p| (p.measure.as_str(), p.value))
            .collect();
        assert_eq!(
            named,
            [
                ("rouge1", Some(0.5)),
                ("f1_macro", Some(1.0)),
                ("share_yes", Some(0.5))
            ]
        );
    }
}
