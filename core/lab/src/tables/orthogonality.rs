//! `orthogonality.csv` and `correlations.csv`.

use super::field::Field;
use super::schema::{CORRELATIONS, ORTHOGONALITY, VERSION, header};
use super::write::{Row, Table};
use crate::orthogonality::{Association, Point};
use mergelab_stats::Interval;

/// The table of all points, in the order given.
pub fn orthogonality(experiment: &str, points: &[Point]) -> Table {
    let rows = points.iter().map(|point| point_row(experiment, point));
    Table::new(header(ORTHOGONALITY, &[]), rows.collect())
}

/// The table of all associations, in the order given. `level` is the coverage of their intervals.
pub fn correlations(experiment: &str, associations: &[Association], level: f64) -> Table {
    let rows = associations
        .iter()
        .map(|association| association_row(experiment, association, level));
    Table::new(header(CORRELATIONS, &[]), rows.collect())
}

fn point_row(experiment: &str, point: &Point) -> Row {
    let float = |number: Option<f64>| Field::maybe(number, Field::Float);
    let measure = &point.measure;
    let mut notes = Vec::new();
    for (missing, note) in [
        (point.merge_value.is_none(), "the merge has no value"),
        (point.expert_value.is_none(), "the expert has no value"),
        (point.base_value.is_none(), "the base has no value"),
        (
            point.mean_cosine.is_none(),
            "no geometry: there is no other expert, or its vectors were not compared",
        ),
    ] {
        if missing {
            notes.push(note);
        }
    }
    let fields = [
        ("schema", Field::Integer(VERSION)),
        ("experiment", Field::text(experiment)),
        ("merge", Field::text(&point.merge)),
        ("method", Field::text(&point.method)),
        ("expert", Field::text(&point.expert)),
        ("task", Field::text(&point.task)),
        ("dataset", Field::text(&point.dataset)),
        ("language", Field::text(&point.language)),
        ("metric", Field::text(&point.metric)),
        ("metric_parameters", Field::plain(&point.metric_parameters)),
        ("preset", Field::text(&measure.preset)),
        ("measure", Field::text(&measure.name)),
        ("higher_is_better", Field::Boolean(measure.higher_is_better)),
        ("n", Field::count(point.n)),
        ("merge_value", float(point.merge_value)),
        ("expert_value", float(point.expert_value)),
        ("base_value", float(point.base_value)),
        ("versus_expert", float(point.versus_expert)),
        ("versus_base", float(point.versus_base)),
        ("mean_cosine", float(point.mean_cosine)),
        ("mean_sign_conflict", float(point.mean_sign_conflict)),
        ("mean_overlap_top10", float(point.mean_overlap)),
        ("relative_norm", float(point.relative_norm)),
        ("replicates", Field::count(point.replicates)),
        ("note", Field::plain(notes.join("; "))),
    ];
    fields.map(|(name, field)| (name.to_owned(), field)).into()
}

fn association_row(experiment: &str, found: &Association, level: f64) -> Row {
    let float = |number: Option<f64>| Field::maybe(number, Field::Float);
    let low = |interval: Option<Interval>| float(interval.map(|i| i.low));
    let high = |interval: Option<Interval>| float(interval.map(|i| i.high));
    let method = found.pearson_interval.map(|_| "bootstrap");
    let fields = [
        ("schema", Field::Integer(VERSION)),
        ("experiment", Field::text(experiment)),
        ("merge", Field::text(&found.merge)),
        ("task", Field::text(&found.task)),
        ("metric", Field::text(&found.metric)),
        ("metric_parameters", Field::plain(&found.metric_parameters)),
        ("preset", Field::text(&found.measure.preset)),
        ("measure", Field::text(&found.measure.name)),
        ("predictor", Field::plain(found.predictor.name())),
        ("outcome", Field::plain(found.outcome.name())),
        ("n", Field::count(found.n)),
        ("pearson", float(found.pearson)),
        ("pearson_low", low(found.pearson_interval)),
        ("pearson_high", high(found.pearson_interval)),
        ("spearman", float(found.spearman)),
        ("spearman_low", low(found.spearman_interval)),
        ("spearman_high", high(found.spearman_interval)),
        ("ci_level", Field::Float(level)),
        ("ci_method", Field::maybe(method, Field::plain)),
        ("note", Field::plain(&found.note)),
    ];
    fields.map(|(name, field)| (name.to_owned(), field)).into()
}
