//! Files as rows: JSON Lines, CSV, TSV and Parquet, also compressed with gzip or zstd.
//!
//! The format is told by the name: `.jsonl`, `.ndjson` or `.json` (one object a line), `.csv`,
//! `.tsv`, `.parquet`, each also with `.gz` or `.zst` behind it.

mod delimited;
mod lines;
mod parquet;
mod pattern;

pub use delimited::Csv;
pub use mergelab_transfer::sha256;
pub(crate) use pattern::{matches, under};

use crate::error::DatasetError;
use mergelab_abi::{suggest::hint, task::Row};
use std::{
    collections::BTreeSet,
    fs::File,
    io::{BufReader, Read},
    path::Path,
};

/// Bytes that are read at a time.
const BUFFER: usize = 256 * 1024;

/// A row with its line, counted from 1 (the row's number in Parquet). An error about one line
/// leaves the rest readable where the format has lines.
pub(crate) type Numbered = Result<(u64, Row), DatasetError>;

/// The rows of a file. They do not borrow from it.
pub(crate) type FileRows = Box<dyn Iterator<Item = Numbered>>;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Format {
    Lines,
    Comma,
    Tab,
    Parquet,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Packing {
    None,
    Gzip,
    Zstd,
}

/// Endings and what they mean.
const FORMATS: [(&str, Format); 6] = [
    ("jsonl", Format::Lines),
    ("ndjson", Format::Lines),
    ("json", Format::Lines),
    ("csv", Format::Comma),
    ("tsv", Format::Tab),
    ("parquet", Format::Parquet),
];

fn format(path: &Path) -> Result<(Format, Packing), String> {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let (name, packing) = match name.rsplit_once('.') {
        Some((name, "gz")) => (name, Packing::Gzip),
        Some((name, "zst")) => (name, Packing::Zstd),
        _ => (name.as_ref(), Packing::None),
    };
    let ending = name.rsplit_once('.').map_or("", |(_, ending)| ending);
    let lower = ending.to_lowercase();
    match FORMATS.iter().find(|(known, _)| *known == lower) {
        Some((_, format)) => Ok((*format, packing)),
        None => Err(format!(
            "the format of a file is told by its name, and `.{ending}` is none that is read.{}",
            hint(ending, FORMATS.map(|(known, _)| known))
        )),
    }
}

/// Opens a file. `columns` are the fields that are wanted, where not all of them are.
pub(crate) fn open(
    path: &Path,
    csv: &Csv,
    columns: Option<&BTreeSet<String>>,
) -> Result<FileRows, DatasetError> {
    let problem = |message: String| DatasetError::File {
        file: path.to_owned(),
        message,
    };
    let (format, packing) = format(path).map_err(problem)?;
    let file = File::open(path).map_err(|e| problem(e.to_string()))?;
    if format == Format::Parquet {
        return parquet::rows(path, file, packing, columns);
    }
    let content = BufReader::with_capacity(BUFFER, unpacked(file, packing).map_err(problem)?);
    match format {
        Format::Comma => delimited::rows(path, content, csv, b','),
        Format::Tab => delimited::rows(path, content, csv, b'\t'),
        Format::Lines | Format::Parquet => Ok(Box::new(lines::Lines::new(path, content))),
    }
}

/// The file's content without its compression.
fn unpacked(file: File, packing: Packing) -> Result<Box<dyn Read>, String> {
    let content = BufReader::with_capacity(BUFFER, file);
    Ok(match packing {
        Packing::None => Box::new(content),
        Packing::Gzip => Box::new(flate2::bufread::MultiGzDecoder::new(content)),
        Packing::Zstd => {
            Box::new(zstd::stream::read::Decoder::with_buffer(content).map_err(|e| e.to_string())?)
        }
    })
}

#[cfg(test)]
mod tests;
