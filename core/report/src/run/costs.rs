//! `costs.csv` and `savings.csv`.

use super::table::Table;

/// What one stage cost.
#[derive(Debug, Clone)]
pub(crate) struct Cost {
    pub(crate) stage: String,
    pub(crate) name: String,
    pub(crate) wall_seconds: Option<f64>,
    pub(crate) cpu_seconds: Option<f64>,
    /// Most stages that ran beside it, itself included.
    pub(crate) jobs: Option<u64>,
}

/// What experts and a merge cost beside the combined model.
#[derive(Debug, Clone)]
pub(crate) struct Saving {
    pub(crate) formula: String,
    pub(crate) method: String,
    pub(crate) language: String,
    pub(crate) workers: Option<u64>,
    pub(crate) includes: String,
    pub(crate) unit: String,
    pub(crate) merged: Option<f64>,
    pub(crate) combined: Option<f64>,
    pub(crate) ratio: Option<f64>,
    pub(crate) interval: Option<(f64, f64)>,
    pub(crate) level: Option<f64>,
    pub(crate) replicates: Option<u64>,
    pub(crate) note: String,
}

pub(super) fn costs(table: &Table) -> Vec<Cost> {
    let rows = table.rows().map(|row| Cost {
        stage: row.text("stage"),
        name: row.text("name"),
        wall_seconds: row.number("wall_seconds"),
        cpu_seconds: row.number("cpu_seconds"),
        jobs: row.count("jobs"),
    });
    rows.collect()
}

pub(super) fn savings(table: &Table) -> Vec<Saving> {
    let rows = table.rows().map(|row| Saving {
        formula: row.text("formula"),
        method: row.text("method"),
        language: row.text("language"),
        workers: row.count("workers"),
        includes: row.text("includes"),
        unit: row.text("unit"),
        merged: row.number("merged"),
        combined: row.number("combined"),
        ratio: row.number("ratio"),
        interval: row.number("ratio_low").zip(row.number("ratio_high")),
        level: row.number("ci_level"),
        replicates: row.count("replicates"),
        note: row.text("note"),
    });
    rows.collect()
}
