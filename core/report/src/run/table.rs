//! A CSV table, read by the names of its columns.

use super::ReportError;
use std::{collections::HashMap, path::Path};

/// A table of a run. Columns that it does not have read as empty, so that runs of other versions
/// can be read as far as they go.
#[derive(Debug, Clone, Default)]
pub(crate) struct Table {
    columns: HashMap<String, usize>,
    rows: Vec<csv::StringRecord>,
}

impl Table {
    /// Reads a table; `None` where the file is not there.
    pub(crate) fn read(path: &Path) -> Result<Option<Self>, ReportError> {
        let problem = |e: csv::Error| ReportError::Unreadable {
            path: path.to_owned(),
            message: e.to_string(),
        };
        if !path.is_file() {
            return Ok(None);
        }
        let mut reader = csv::ReaderBuilder::new()
            .flexible(true)
            .from_path(path)
            .map_err(problem)?;
        let header = reader.headers().map_err(problem)?;
        let columns = header.iter().enumerate();
        let columns = columns.map(|(i, name)| (name.to_owned(), i)).collect();
        let rows = reader
            .records()
            .collect::<Result<_, _>>()
            .map_err(problem)?;
        Ok(Some(Self { columns, rows }))
    }

    pub(crate) fn rows(&self) -> impl Iterator<Item = Row<'_>> {
        self.rows.iter().map(|fields| Row {
            columns: &self.columns,
            fields,
        })
    }

    /// Names of the columns that begin with a prefix, in order, with the prefix taken off.
    pub(crate) fn columns(&self, prefix: &str) -> Vec<String> {
        let mut found: Vec<(usize, String)> = self
            .columns
            .iter()
            .filter_map(|(name, i)| Some((*i, name.strip_prefix(prefix)?.to_owned())))
            .collect();
        found.sort();
        found.into_iter().map(|(_, name)| name).collect()
    }
}

/// One row.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Row<'a> {
    columns: &'a HashMap<String, usize>,
    fields: &'a csv::StringRecord,
}

impl Row<'_> {
    fn raw(&self, column: &str) -> &str {
        let place = self.columns.get(column);
        place.and_then(|i| self.fields.get(*i)).unwrap_or("")
    }

    /// A text. The apostrophe that keeps spreadsheets from running it is taken off.
    pub(crate) fn text(&self, column: &str) -> String {
        let raw = self.raw(column);
        match raw.strip_prefix('\'') {
            Some(rest) if rest.starts_with(['=', '+', '-', '@', '\t', '\r']) => rest.to_owned(),
            _ => raw.to_owned(),
        }
    }

    /// A number; `None` where there is none, or none that is finite.
    pub(crate) fn number(&self, column: &str) -> Option<f64> {
        let number: f64 = self.raw(column).parse().ok()?;
        number.is_finite().then_some(number)
    }

    pub(crate) fn count(&self, column: &str) -> Option<u64> {
        self.raw(column).parse().ok()
    }

    pub(crate) fn flag(&self, column: &str) -> Option<bool> {
        self.raw(column).parse().ok()
    }
}
