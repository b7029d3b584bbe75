//! The rows of `results.csv` by what they are about.

use super::{
    Past, PastError,
    folder::{read as read_file, unreadable},
};
use serde::Deserialize;
use std::{collections::BTreeMap, fmt};

/// What a value is about.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
pub(super) struct Place {
    pub(super) model: String,
    pub(super) task: String,
    pub(super) language: String,
    pub(super) metric: String,
    pub(super) metric_parameters: String,
    pub(super) measure: String,
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{} of {} on {} in {}",
            self.measure, self.model, self.task, self.language
        )
    }
}

/// What there is to know about a value beside its predictions.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub(super) struct ResultRow {
    pub(super) dataset: String,
    pub(super) preset: String,
    pub(super) cell_key: String,
    /// Whether a selection chose the model; a candidate that it did not choose was never tested.
    #[serde(default)]
    selected: Option<bool>,
}

/// A name in a table without the apostrophe that keeps spreadsheets from running it.
fn name(text: &str) -> String {
    match text.strip_prefix('\'') {
        Some(rest) if rest.starts_with(['=', '+', '-', '@', '\t', '\r']) => rest.to_owned(),
        _ => text.to_owned(),
    }
}

pub(super) fn read(run: &Past) -> Result<BTreeMap<Place, ResultRow>, PastError> {
    let file = run.folder.join("results.csv");
    let text = read_file(&file)?;
    let mut rows = BTreeMap::new();
    let mut reader = csv::Reader::from_reader(text.as_bytes());
    let header = reader.headers().map_err(unreadable(&file))?.clone();
    for record in reader.records() {
        let record = record.map_err(unreadable(&file))?;
        let mut place: Place = record
            .deserialize(Some(&header))
            .map_err(unreadable(&file))?;
        for text in [
            &mut place.model,
            &mut place.task,
            &mut place.language,
            &mut place.metric,
            &mut place.measure,
        ] {
            *text = name(text);
        }
        let row: ResultRow = record
            .deserialize(Some(&header))
            .map_err(unreadable(&file))?;
        if row.selected == Some(false) {
            continue;
        }
        // Results come before values on the split that a selection looked at.
        rows.entry(place).or_insert(row);
    }
    Ok(rows)
}

/// A row of a table: fields by column, names without the apostrophe that guards spreadsheets.
pub(crate) type Fields = BTreeMap<String, String>;

/// The header and the rows of a table of the run.
///
/// # Errors
/// It is missing or damaged.
pub(crate) fn table(run: &Past, file: &str) -> Result<(Vec<String>, Vec<Fields>), PastError> {
    let file = run.folder.join(file);
    let text = read_file(&file)?;
    let mut reader = csv::Reader::from_reader(text.as_bytes());
    let header = reader.headers().map_err(unreadable(&file))?;
    let header: Vec<String> = header.iter().map(str::to_owned).collect();
    let mut rows = Vec::new();
    for record in reader.records() {
        let record = record.map_err(unreadable(&file))?;
        let fields = header.iter().zip(&record);
        rows.push(fields.map(|(c, f)| (c.clone(), name(f))).collect());
    }
    Ok((header, rows))
}

#[cfg(test)]
mod tests {
    #[test]
    fn names_read_back() {
        assert_eq!(super::name("'-en"), "-en");
        assert_eq!(super::name("'quoted'"), "'quoted'");
        assert_eq!(super::name("ties"), "ties");
    }
}
