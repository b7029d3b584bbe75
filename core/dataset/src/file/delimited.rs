//! CSV and TSV: every value is a text, under the name in the first line.

use super::FileRows;
use crate::error::DatasetError;
use mergelab_abi::task::Row;
use mergelab_toml::{reader::Reader, source::ManifestError};
use serde_json::Value;
use std::{io::Read, path::Path};

/// How CSV and TSV files are written: `[csv]` of a card.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Csv {
    /// What stands between values, where it is not what the file's name says.
    pub delimiter: Option<u8>,
    /// Whether `"` quotes values.
    pub quote: bool,
    /// Names of the columns, where the file has no line with them.
    pub columns: Option<Vec<String>>,
}

impl Default for Csv {
    fn default() -> Self {
        Self {
            delimiter: None,
            quote: true,
            columns: None,
        }
    }
}

impl Csv {
    pub(crate) fn read(reader: &Reader<'_>) -> Result<Self, ManifestError> {
        let Some(table) = reader.table("csv")? else {
            return Ok(Self::default());
        };
        let delimiter = match table.text("delimiter")? {
            None => None,
            Some(text) => match text.value.as_bytes() {
                [byte] => Some(*byte),
                _ => {
                    let message = "`delimiter` is one ASCII sign, such as `;`.";
                    return Err(table.error(text.span, message));
                }
            },
        };
        let columns = table.texts("columns")?;
        let csv = Self {
            delimiter,
            quote: table.flag("quote")?.unwrap_or(true),
            columns: columns.map(|c| c.into_iter().map(|c| c.value).collect()),
        };
        table.finish()?;
        Ok(csv)
    }
}

pub(super) fn rows(
    path: &Path,
    content: impl Read + 'static,
    csv: &Csv,
    delimiter: u8,
) -> Result<FileRows, DatasetError> {
    let path = path.to_owned();
    let mut reader = csv::ReaderBuilder::new()
        .delimiter(csv.delimiter.unwrap_or(delimiter))
        .quoting(csv.quote)
        .has_headers(csv.columns.is_none())
        .from_reader(content);
    let names: Vec<String> = match &csv.columns {
        Some(columns) => columns.clone(),
        None => {
            let names = reader.headers().map_err(|e| DatasetError::Line {
                file: path.clone(),
                line: 1,
                message: told(&e),
            })?;
            names.iter().map(str::to_owned).collect()
        }
    };
    let rows = reader.into_records().map(move |record| {
        let problem = |line: u64, message: String| DatasetError::Line {
            file: path.clone(),
            line,
            message,
        };
        let record = record.map_err(|e| {
            let line = e.position().map_or(0, csv::Position::line);
            problem(line, told(&e))
        })?;
        let line = record.position().map_or(0, csv::Position::line);
        if record.len() != names.len() {
            let (found, wanted) = (record.len(), names.len());
            return Err(problem(
                line,
                format!("has {found} values, and there are {wanted} columns"),
            ));
        }
        let values = record.iter().map(Value::from);
        Ok((line, Row::from_iter(names.iter().cloned().zip(values))))
    });
    Ok(Box::new(rows))
}

/// The error without its place, which the message has already.
fn told(error: &csv::Error) -> String {
    match error.kind() {
        csv::ErrorKind::UnequalLengths {
            expected_len, len, ..
        } => format!("has {len} values, and there are {expected_len} columns"),
        csv::ErrorKind::Utf8 { err, .. } => {
            format!("the value in column {} is no UTF-8 text", err.field() + 1)
        }
        csv::ErrorKind::Io(e) => e.to_string(),
        _ => error.to_string(),
    }
}
