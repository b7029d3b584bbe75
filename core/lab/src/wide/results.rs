//! The rows of `results.csv`, by the names of its columns.

use super::error::WideError;
use crate::past::{Past, table};
use mergelab_abi::suggest::hint;
use std::collections::{BTreeMap, BTreeSet};

/// One row: fields by column, names without the apostrophe that guards spreadsheets.
pub(super) type ResultRow = BTreeMap<String, String>;

/// The table.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Results {
    header: Vec<String>,
    pub(super) rows: Vec<ResultRow>,
}

/// A table of the run.
///
/// # Errors
/// It is missing or damaged.
pub(super) fn read(run: &Past, file: &str) -> Result<Results, WideError> {
    let (header, rows) = table(run, file)?;
    Ok(Results { header, rows })
}

impl Results {
    /// A column of the table; a parameter may go without `param_`.
    ///
    /// # Errors
    /// There is none.
    pub(super) fn column(&self, place: &'static str, asked: &str) -> Result<String, WideError> {
        let known = || self.header.iter().map(String::as_str);
        [asked.to_owned(), format!("param_{asked}")]
            .into_iter()
            .find(|name| known().any(|column| column == name))
            .ok_or_else(|| WideError::Unknown {
                place,
                what: "column",
                name: asked.to_owned(),
                hint: hint(asked, known().collect::<Vec<_>>()),
            })
    }

    /// Keeps the rows that have one of these values in this column.
    ///
    /// # Errors
    /// An unknown column, or a value that no row has.
    pub(super) fn keep(
        &mut self,
        place: &'static str,
        column: &str,
        values: &[String],
    ) -> Result<(), WideError> {
        let column = self.column(place, column)?;
        let known: BTreeSet<String> = self.rows.iter().map(|row| row[&column].clone()).collect();
        if let Some(value) = values.iter().find(|value| !known.contains(*value)) {
            return Err(WideError::Unknown {
                place,
                what: "value",
                name: value.clone(),
                hint: hint(value, known.iter().map(String::as_str)),
            });
        }
        self.rows.retain(|row| values.contains(&row[&column]));
        Ok(())
    }
}

/// A field, or nothing where the table has no such column.
pub(super) fn field<'a>(row: &'a ResultRow, column: &str) -> &'a str {
    row.get(column).map_or("", String::as_str)
}

/// A number, where the field holds one.
pub(super) fn number(row: &ResultRow, column: &str) -> Option<f64> {
    field(row, column).parse().ok()
}
