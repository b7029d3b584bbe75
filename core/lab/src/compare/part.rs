//! One measure in one language, ready for statistics: of one model, or of a model and a baseline on
//! the same examples.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use mergelab_abi::metric::Shape;
use mergelab_stats::{Mean, Statistics, StatsError};

use super::aggregate::{MetricSource, PluginMeasure, Shared};
use super::error::CompareError;
use super::grid::{Column, place};
use crate::reading::is_measure_of;

/// One measure in one language.
pub(super) struct Part<'a> {
    /// The systems' statistics, example by example: of one model, of a model and a baseline, or of
    /// the replicates of either.
    pub(super) systems: Vec<Statistics>,
    /// What each example is a translation or a part of: its cluster, or itself.
    pub(super) items: Vec<&'a str>,
    /// Whether clusters are declared and some hold more than one example.
    pub(super) clustered: bool,
    /// The measure as a function of summed statistics.
    pub(super) metric: Shared,
}

impl<'a> Part<'a> {
    /// The part of several systems, such as a model and a baseline, paired by the ids of their
    /// examples. They come in the order of the last one.
    pub(super) fn paired(
        columns: &[Column<'a>],
        source: &dyn MetricSource,
    ) -> Result<Self, CompareError> {
        let [others @ .., last] = columns else {
            return Err(CompareError::NoSystem);
        };
        let mut systems = Vec::with_capacity(columns.len());
        for column in others {
            let order = pair(column, last)?;
            systems.push(statistics(column, column.rows(order.into_iter()))?);
        }
        systems.push(statistics(last, last.rows(0..last.cell.ids.len()))?);
        let items = items(last);
        Ok(Self {
            clustered: clustered(last, &items),
            metric: metric(&columns[0], source)?,
            systems,
            items,
        })
    }

    pub(super) fn examples(&self) -> usize {
        self.items.len()
    }

    /// The clusters as numbers in the order of their names.
    pub(super) fn clusters(&self) -> Vec<u32> {
        let mut numbers: BTreeMap<&str, u32> = self.items.iter().map(|&item| (item, 0)).collect();
        for (number, value) in (0..).zip(numbers.values_mut()) {
            *value = number;
        }
        self.items.iter().map(|item| numbers[item]).collect()
    }

    /// The statistics of one system, with clusters where they are real.
    pub(super) fn system(&self, system: usize) -> Result<Statistics, StatsError> {
        let statistics = self.systems[system].clone();
        if self.clustered {
            statistics.with_clusters(self.clusters())
        } else {
            Ok(statistics)
        }
    }

    /// The first statistic of each example of one system: its score, where the measure is a mean.
    pub(super) fn scores(&self, system: usize) -> Vec<f64> {
        let statistics = &self.systems[system];
        (0..statistics.examples())
            .filter_map(|example| statistics.row(example)?.first().copied())
            .collect()
    }

    /// The model's score minus the baseline's on each example.
    pub(super) fn differences(&self) -> Vec<f64> {
        let (model, baseline) = (self.scores(0), self.scores(1));
        model.iter().zip(baseline).map(|(a, b)| a - b).collect()
    }

    /// Whether both systems have the same statistics on every example.
    pub(super) fn identical(&self) -> bool {
        self.systems.windows(2).all(|pair| pair[0] == pair[1])
    }
}

fn items<'a>(column: &Column<'a>) -> Vec<&'a str> {
    let names = column.cell.clusters.as_ref().unwrap_or(&column.cell.ids);
    names.iter().map(String::as_str).collect()
}

fn clustered(column: &Column<'_>, items: &[&str]) -> bool {
    let distinct: BTreeSet<_> = items.iter().collect();
    column.cell.clusters.is_some() && distinct.len() < items.len()
}

fn statistics(column: &Column<'_>, rows: Vec<f64>) -> Result<Statistics, CompareError> {
    if column.measure.shape == Shape::Binary
        && let Some(wrong) = rows.iter().position(|&score| score != 0.0 && score != 1.0)
    {
        return Err(CompareError::NotBinary {
            place: place(column.cell),
            measure: column.measure.name.clone(),
            example: column.cell.ids[wrong / column.measure.width.max(1)].clone(),
            value: rows[wrong],
        });
    }
    Statistics::new(rows, column.measure.width).map_err(|source| CompareError::Statistics {
        place: place(column.cell),
        measure: column.measure.name.clone(),
        source,
    })
}

fn metric(column: &Column<'_>, source: &dyn MetricSource) -> Result<Shared, CompareError> {
    let Column { cell, scores, .. } = *column;
    if column.measure.shape != Shape::Corpus {
        return Ok(Arc::new(Mean));
    }
    let metric = source
        .metric(&scores.metric, &scores.params, &cell.language, &cell.labels)
        .map_err(|source| CompareError::Metric {
            place: place(cell),
            metric: scores.metric.clone(),
            source,
        })?;
    let measures = metric.measures();
    let own = measures.get(column.index);
    if !own.is_some_and(|own| is_measure_of(column.measure, own)) {
        return Err(CompareError::Changed {
            place: place(cell),
            metric: scores.metric.clone(),
            measure: column.measure.name.clone(),
        });
    }
    Ok(Arc::new(PluginMeasure {
        metric,
        measure: column.index,
    }))
}

/// Which of the model's examples is each of the baseline's.
fn pair(model: &Column<'_>, baseline: &Column<'_>) -> Result<Vec<usize>, CompareError> {
    let (own, other) = (model.cell, baseline.cell);
    let differ = |difference: String| CompareError::Examples {
        place: place(own),
        baseline: other.model.clone(),
        difference,
    };
    if model.measure != baseline.measure {
        return Err(CompareError::Scores {
            place: place(own),
            baseline: other.model.clone(),
            metric: model.scores.metric.clone(),
            difference: format!("`{}` is declared differently", model.measure.name),
        });
    }
    if own.ids.len() != other.ids.len() {
        return Err(differ(format!(
            "one has {} examples, the other {}",
            own.ids.len(),
            other.ids.len()
        )));
    }
    let order: Vec<usize> = if own.ids == other.ids {
        (0..own.ids.len()).collect()
    } else {
        let positions: BTreeMap<&str, usize> =
            own.ids.iter().map(String::as_str).zip(0..).collect();
        if positions.len() < own.ids.len() {
            return Err(differ("ids are not unique and in another order".into()));
        }
        let found = |id: &String| {
            positions
                .get(id.as_str())
                .copied()
                .ok_or_else(|| differ(format!("it has no example `{id}`")))
        };
        other.ids.iter().map(found).collect::<Result<_, _>>()?
    };
    let cluster = |clusters: &Option<Vec<String>>, example: usize| {
        clusters.as_ref().map(|names| names[example].clone())
    };
    let moved = order
        .iter()
        .enumerate()
        .find(|&(theirs, &ours)| cluster(&own.clusters, ours) != cluster(&other.clusters, theirs));
    match moved {
        Some((theirs, _)) => Err(differ(format!(
            "the example `{}` is in another cluster",
            other.ids[theirs]
        ))),
        None => Ok(order),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cell::Cell;
    use crate::compare::fixture::{Source, binary, f1, mean};
    use crate::compare::grid::Grid;

    fn paired(model: Cell, baseline: Cell) -> Result<(Vec<f64>, bool, bool), CompareError> {
        let cells = [model, baseline];
        let grid = Grid::new(&cells)?;
        let measure = &grid.tasks["t"].measures[0];
        let columns = [measure.column(&cells[0]), measure.column(&cells[1])];
        let part = Part::paired(&columns.map(Option::unwrap), &Source)?;
        Ok((part.differences(), part.clustered, part.identical()))
    }

    #[test]
    fn examples_are_paired_by_id() {
        let mut model = mean("m", "t", "de", &[0.75, 0.5, 0.25]);
        model.ids.reverse();
        let (differences, clustered, identical) =
            paired(model, mean("joint", "t", "de", &[0.25, 0.5, 0.5])).unwrap();
        assert_eq!(differences, [0.0, 0.0, 0.25]);
        assert!(!clustered && !identical);
    }

    #[test]
    fn other_examples_are_an_error() {
        let joint = binary("joint", "t", "de", &[1, 0, 1]);
        let mut other = binary("m", "t", "de", &[1, 0, 1]);
        other.ids[1] = "de-77".into();
        let message = paired(other.clone(), joint.clone())
            .unwrap_err()
            .to_string();
        assert!(message.contains("it has no example `de-1`"), "{message}");
        assert!(
            message.contains("`m`") && message.contains("`joint`"),
            "{message}"
        );
        let fewer = binary("m", "t", "de", &[1, 0]);
        let message = paired(fewer, joint.clone()).unwrap_err().to_string();
        assert!(message.contains("2 examples, the other 3"), "{message}");
        other.ids = vec!["de-0".into(), "de-0".into(), "de-1".into()];
        let message = paired(other, joint).unwrap_err().to_string();
        assert!(message.contains("not unique"), "{message}");
    }

    #[test]
    fn clusters_must_agree_and_be_shared_to_count() {
        let with = |model: &str, clusters: [&str; 3]| {
            let mut cell = binary(model, "t", "de", &[1, 0, 1]);
            cell.clusters = Some(clusters.map(str::to_owned).to_vec());
            cell
        };
        let same = paired(with("m", ["a", "a", "b"]), with("j", ["a", "a", "b"])).unwrap();
        assert!(same.1 && same.2);
        let apart = paired(with("m", ["a", "b", "c"]), with("j", ["a", "b", "c"])).unwrap();
        assert!(!apart.1);
        let error = paired(with("m", ["a", "a", "b"]), with("j", ["a", "b", "b"]));
        assert!(error.is_err_and(|e| e.to_string().contains("`de-1` is in another cluster")));
    }

    #[test]
    fn scores_must_be_what_the_measure_says() {
        let mut half = binary("m", "t", "de", &[1, 0]);
        half.metrics[0].statistics[1] = 0.5;
        let error = paired(half, binary("j", "t", "de", &[1, 0])).unwrap_err();
        assert!(matches!(error, CompareError::NotBinary { value: 0.5, .. }));
        let mut preset = binary("m", "t", "de", &[1, 0]);
        preset.metrics[0].measures[0].preset = "accuracy/test@2".into();
        let error = paired(preset, binary("j", "t", "de", &[1, 0])).unwrap_err();
        assert!(matches!(error, CompareError::Scores { .. }));
        // The metric of today has two classes, the one that made these scores had one.
        let mut old = f1("m", "t", "de", &[0, 1], &[0, 0]);
        old.metrics[0].measures[0].preset = "f1/test@0".into();
        let mut joint = old.clone();
        joint.model = "joint".into();
        let error = paired(old, joint).unwrap_err();
        assert!(matches!(error, CompareError::Changed { .. }));
    }

    #[test]
    fn an_unknown_metric_says_where() {
        let mut cell = f1("m", "t", "de", &[0, 1], &[0, 0]);
        cell.metrics[0].metric = "chrf".into();
        let mut joint = cell.clone();
        joint.model = "joint".into();
        let error = paired(cell, joint).unwrap_err();
        assert!(error.to_string().contains("`chrf`"));
        assert!(matches!(error, CompareError::Metric { .. }));
    }
}
