//! The row, and the cells that it is computed from.

use super::ReplicateError;
use crate::{
    compare::ALL_LANGUAGES,
    past::{Fields, Past, table},
};
use mergelab_abi::suggest::nearest;

/// A row of `results.csv` with those that it is the mean of.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Row {
    pub(super) fields: Fields,
    /// The rows with predictions: itself, or one a language and replicate.
    pub(super) cells: Vec<Fields>,
}

/// Finds a row by its name.
///
/// # Errors
/// There is none, or the table is of a version without names.
pub(super) fn find(run: &Past, name: &str) -> Result<Row, ReplicateError> {
    let (header, rows) = table(run, "results.csv")?;
    let refuse = |message: String| Err(ReplicateError::Row(message));
    let file = run.folder.join("results.csv");
    if !header.iter().any(|column| column == "row") {
        return refuse(format!(
            "{} has no column `row`: the run was made by an earlier version of mergelab. Run it \
             again to have it",
            file.display()
        ));
    }
    let found = rows.iter().find(|row| row["row"] == name);
    let Some(fields) = found.cloned() else {
        let hint = nearest(name, rows.iter().map(|row| row["row"].as_str()));
        let hint = hint.map(|near| format!(" Did you mean `{near}`?"));
        return refuse(format!(
            "{} has no row `{name}`: its column `row` names them.{}",
            file.display(),
            hint.unwrap_or_default()
        ));
    };
    let same = |row: &Fields| {
        ["task", "split", "metric", "metric_parameters", "measure"]
            .iter()
            .all(|column| row[*column] == fields[*column])
    };
    let model = |row: &Fields| {
        row["model"] == fields["model"]
            || (row["replicate_of"] == fields["model"] && fields["replicates"] != "1")
    };
    let language =
        |row: &Fields| row["language"] == fields["language"] || fields["language"] == ALL_LANGUAGES;
    let cells: Vec<Fields> = match fields["cell_key"].is_empty() {
        false => vec![fields.clone()],
        true => rows
            .into_iter()
            .filter(|row| !row["cell_key"].is_empty())
            .filter(|row| same(row) && model(row) && language(row))
            .collect(),
    };
    if cells.is_empty() {
        return refuse(format!(
            "the row `{name}` is a mean, and {} has no row that it is the mean of",
            file.display()
        ));
    }
    Ok(Row { fields, cells })
}

impl Row {
    /// Content keys of the cells.
    pub(super) fn cell_keys(&self) -> Vec<&str> {
        self.cells
            .iter()
            .map(|row| row["cell_key"].as_str())
            .collect()
    }

    /// What the row says, in words.
    pub(super) fn about(&self) -> String {
        let row = &self.fields;
        let language = match row["language"].as_str() {
            ALL_LANGUAGES => "over all languages".to_owned(),
            language => format!("in {language}"),
        };
        format!(
            "{} of {} on {} ({}) {language}: {}",
            row["measure"], row["model"], row["task"], row["split"], row["value"]
        )
    }
}
