//! `rankings.csv`.

use super::{ALL, table::Table};

/// Models ranked over pairs of task and language, or over the languages of the only task.
#[derive(Debug, Clone)]
pub(crate) struct Ranking {
    /// The models with a value in every block, the best mean rank first.
    pub(crate) models: Vec<Ranked>,
    /// Pairs of task and language.
    pub(crate) blocks: u64,
    /// p-value of: all models have the same mean rank.
    pub(crate) p_value: Option<f64>,
    /// Nemenyi's critical difference.
    pub(crate) critical_difference: Option<f64>,
    /// Level of groups and critical difference.
    pub(crate) alpha: f64,
    /// What to keep in mind, or why nothing is ranked.
    pub(crate) note: String,
}

/// A ranked model.
#[derive(Debug, Clone)]
pub(crate) struct Ranked {
    pub(crate) model: String,
    pub(crate) rank: f64,
    /// Numbers of the groups without a significant difference that it is in.
    pub(crate) groups: Vec<u64>,
}

/// The ranking over everything; `None` where the table has none.
pub(super) fn ranking(table: &Table) -> Option<Ranking> {
    let scope = table.rows().any(|row| row.text("task") == ALL);
    let rows: Vec<_> = table
        .rows()
        .filter(|row| !scope || row.text("task") == ALL)
        .collect();
    let first = rows.first()?;
    // Several tasks without a ranking over all of them are nothing to draw in one figure.
    if rows
        .iter()
        .any(|row| row.text("task") != first.text("task"))
    {
        return None;
    }
    let mut models: Vec<Ranked> = rows
        .iter()
        .filter_map(|row| {
            let groups = row.text("cliques");
            Some(Ranked {
                model: row.text("model"),
                rank: row.number("average_rank")?,
                groups: groups.split(';').filter_map(|n| n.parse().ok()).collect(),
            })
        })
        .collect();
    models.sort_by(|a, b| a.rank.total_cmp(&b.rank));
    Some(Ranking {
        models,
        blocks: first.count("blocks").unwrap_or(0),
        p_value: first.number("friedman_p"),
        critical_difference: first.number("critical_difference"),
        alpha: first.number("alpha").unwrap_or(0.05),
        note: first.text("note"),
    })
}
