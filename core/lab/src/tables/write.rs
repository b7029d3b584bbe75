//! Tables as CSV files.

use std::fs::File;
use std::io::Write;
use std::path::{Path, PathBuf};

use super::field::Field;

/// Why a table could not be made or written.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TableError {
    /// A row about a model that the experiment does not have.
    #[error(
        "there is a result of the model `{model}`, which is no model of this experiment.{hint}"
    )]
    Model {
        /// The name.
        model: String,
        /// The nearest name, or all names.
        hint: String,
    },
    /// A row that does not fit the header.
    #[error("a row could not be written as CSV")]
    Csv(#[from] csv::Error),
    /// A file could not be written.
    #[error("{} could not be written: check the folder's permissions and the free space", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        source: std::io::Error,
    },
}

/// One row: a field for each column, with the column's name.
pub(super) type Row = Vec<(String, Field)>;

/// A table in memory.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Table {
    /// Names of the columns.
    pub header: Vec<String>,
    /// The fields of each row, as CSV writes them before quoting.
    pub rows: Vec<Vec<String>>,
}

impl Table {
    /// A table from its columns and rows, the last column of which is the note. A number that is
    /// NaN or infinite becomes an empty field with a note.
    pub(super) fn new(header: Vec<String>, rows: Vec<Row>) -> Self {
        let rows = rows.into_iter().map(written).collect();
        Self { header, rows }
    }

    /// The table as CSV: UTF-8 without a byte order mark, commas, quotes where RFC 4180 needs them,
    /// lines that end with a line feed.
    ///
    /// # Errors
    /// A row that does not have one field for each column.
    pub fn to_csv(&self) -> Result<Vec<u8>, TableError> {
        let mut writer = csv::WriterBuilder::new().from_writer(Vec::new());
        writer.write_record(&self.header)?;
        for row in &self.rows {
            writer.write_record(row)?;
        }
        writer
            .into_inner()
            .map_err(|error| TableError::Csv(error.into_error().into()))
    }

    /// Writes the table as CSV under a temporary name beside `path`, and renames it once it is on
    /// disk.
    ///
    /// # Errors
    /// What the file system refuses, and as [`Table::to_csv`].
    pub fn write(&self, path: &Path) -> Result<(), TableError> {
        let bytes = self.to_csv()?;
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        let temporary = path.with_file_name(format!(".{name}.tmp-{}", std::process::id()));
        File::create(&temporary)
            .and_then(|mut file| {
                file.write_all(&bytes)?;
                file.sync_all()
            })
            .and_then(|()| std::fs::rename(&temporary, path))
            .inspect_err(|_| {
                // The error to report is the one that stopped the write.
                let _ = std::fs::remove_file(&temporary);
            })
            .map_err(|source| TableError::Io {
                path: path.to_owned(),
                source,
            })
    }
}

fn written(row: Row) -> Vec<String> {
    let mut notes = Vec::new();
    let mut fields: Vec<String> = row
        .iter()
        .map(|(column, field)| {
            field.written().unwrap_or_else(|| {
                notes.push(format!("{column} is not a finite number"));
                String::new()
            })
        })
        .collect();
    if let Some(note) = fields.last_mut() {
        if !note.is_empty() {
            notes.insert(0, std::mem::take(note));
        }
        *note = notes.join("; ");
    }
    fields
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table() -> Table {
        let row = vec![
            ("name".to_owned(), Field::text("a, \"b\"\nc")),
            ("value".to_owned(), Field::Float(f64::NAN)),
            ("note".to_owned(), Field::text("few")),
        ];
        Table::new(
            ["name", "value", "note"].map(str::to_owned).to_vec(),
            vec![row],
        )
    }

    #[test]
    fn missing_numbers_are_empty_and_noted() {
        assert_eq!(
            table().rows[0][1..],
            ["", "few; value is not a finite number"]
        );
    }

    #[test]
    fn csv_reads_back_and_replaces_the_file_whole() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("results.csv");
        std::fs::write(&path, "old").unwrap();
        table().write(&path).unwrap();
        let mut reader = csv::Reader::from_path(&path).unwrap();
        assert_eq!(reader.headers().unwrap(), vec!["name", "value", "note"]);
        let rows: Vec<csv::StringRecord> = reader.records().map(Result::unwrap).collect();
        assert_eq!(rows[0], table().rows[0]);
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1);
    }

    #[test]
    fn a_missing_folder_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let error = table()
            .write(&folder.path().join("no/results.csv"))
            .unwrap_err();
        assert!(error.to_string().contains("no/results.csv"));
    }
}
