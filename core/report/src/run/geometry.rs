//! `vectors.csv` and `orthogonality.csv`.

use super::table::Table;

/// A pair of experts, whole models.
#[derive(Debug, Clone)]
pub(crate) struct Pair {
    pub(crate) model: String,
    pub(crate) other: String,
    pub(crate) cosine: f64,
    /// Where independent random vectors lie.
    pub(crate) null: Option<(f64, f64)>,
}

/// A merge in the language of one of its experts.
#[derive(Debug, Clone)]
pub(crate) struct Point {
    pub(crate) merge: String,
    pub(crate) method: String,
    pub(crate) expert: String,
    pub(crate) task: String,
    pub(crate) language: String,
    pub(crate) metric: String,
    pub(crate) parameters: String,
    pub(crate) measure: String,
    /// Gain over the expert; above 0 the merge is better.
    pub(crate) versus_expert: Option<f64>,
    pub(crate) mean_cosine: Option<f64>,
    pub(crate) mean_sign_conflict: Option<f64>,
}

pub(super) fn pairs(table: &Table) -> Vec<Pair> {
    let whole = table
        .rows()
        .filter(|row| row.text("scope") == "model" && row.text("quantity") == "cosine");
    whole
        .filter_map(|row| {
            Some(Pair {
                model: row.text("model"),
                other: row.text("other"),
                cosine: row.number("value")?,
                null: row.number("null_low").zip(row.number("null_high")),
            })
        })
        .collect()
}

pub(super) fn points(table: &Table) -> Vec<Point> {
    let rows = table.rows().map(|row| Point {
        merge: row.text("merge"),
        method: row.text("method"),
        expert: row.text("expert"),
        task: row.text("task"),
        language: row.text("language"),
        metric: row.text("metric"),
        parameters: row.text("metric_parameters"),
        measure: row.text("measure"),
        versus_expert: row.number("versus_expert"),
        mean_cosine: row.number("mean_cosine"),
        mean_sign_conflict: row.number("mean_sign_conflict"),
    });
    rows.collect()
}
