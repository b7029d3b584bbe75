//! Splits: the files that they are in, and the ones that are made by group.

mod files;
mod made;
mod threshold;

pub use files::DataFile;
pub use made::{Made, Part};
pub(crate) use threshold::Thresholds;

use crate::card::Card;
use mergelab_toml::{
    reader::Reader,
    source::{Located, ManifestError},
};
use std::collections::BTreeMap;

/// Name of the table that says how splits are made.
const MADE: &str = "made";

/// One split of a dataset.
#[derive(Debug, Clone)]
pub struct Split {
    /// Its name.
    pub name: String,
    /// Its files, relative to [`Card::root`]. `{code}` stands for the set's own code of a
    /// language; `*` and `**` are as in shells.
    pub files: Vec<String>,
    /// SHA-256 that the card declares for its only file, in hex.
    pub sha256: Option<String>,
    /// Rows that the card declares.
    pub rows: Option<u64>,
    /// Rows of each language that the card declares.
    pub rows_per_language: BTreeMap<String, u64>,
    /// Which part of the files' rows it is, for splits that are made.
    pub part: Option<Part>,
}

impl Split {
    /// Whether each language has files of its own.
    pub fn is_by_language(&self) -> bool {
        self.files.iter().any(|file| file.contains("{code}"))
    }
}

pub(crate) fn read_all(
    reader: &Reader<'_>,
    card: &Card,
) -> Result<BTreeMap<String, Split>, ManifestError> {
    let mut splits = BTreeMap::new();
    let Some(tables) = reader.table("splits")? else {
        return Err(reader.error(reader.span(), "the card has no [splits.NAME]."));
    };
    for key in tables.keys() {
        let Some(table) = tables.table(&key.value)? else {
            continue;
        };
        if key.value == MADE {
            for split in made::read(&table, card)? {
                splits.insert(split.name.clone(), split);
            }
            table.finish()?;
            continue;
        }
        let files = files(&table, card)?;
        let mut rows_per_language = BTreeMap::new();
        if let Some(counts) = table.table("rows_per_language")? {
            for language in counts.keys() {
                if let Some(count) = counts.whole(&language.value)? {
                    rows_per_language.insert(language.value, count);
                }
            }
            counts.finish()?;
        }
        let split = Split {
            name: key.value.clone(),
            sha256: sha256(&table, &files)?,
            files: files.into_iter().map(|f| f.value).collect(),
            rows: table.whole("rows")?,
            rows_per_language,
            part: None,
        };
        table.finish()?;
        if splits.insert(key.value.clone(), split).is_some() {
            return Err(tables.error(key.span, twice(&key.value)));
        }
    }
    if splits.is_empty() {
        return Err(reader.error(reader.span(), "the card has no [splits.NAME]."));
    }
    if let Some(table) = tables.table(MADE)? {
        // A made split that has files of its own as well would be replaced by either.
        let also = |name: &&String| tables.keys().iter().any(|key| key.value == **name);
        if let Some(name) = splits.keys().find(also)
            && splits[name].part.is_some()
        {
            return Err(table.error(table.span(), twice(name)));
        }
    }
    Ok(splits)
}

fn twice(name: &str) -> String {
    format!("the split `{name}` has files, and [splits.made] makes one of that name too.")
}

/// `file` or `files`. What nothing fetches must be there.
fn files(table: &Reader<'_>, card: &Card) -> Result<Vec<Located<String>>, ManifestError> {
    let (file, files) = (table.text("file")?, table.texts("files")?);
    let files = match (file, files) {
        (Some(file), None) => vec![file],
        (None, Some(files)) => files,
        (None, None) => return Err(table.missing("file")),
        (Some(file), Some(_)) => {
            return Err(table.error(file.span, "a split has `file` or `files`, not both."));
        }
    };
    for file in &files {
        let parts = file.value.split('/');
        if card.origin.from.is_some() && parts.clone().any(|part| matches!(part, "" | "." | "..")) {
            let message = "files of a source are named from its top, without `.` and `..`.";
            return Err(table.error(file.span.clone(), message));
        }
        let fetched = card.origin.from.is_some() || card.origin.fetch.is_some();
        let path = card.root().join(&file.value);
        if !fetched && !file.value.contains(['*', '{']) && !path.is_file() {
            return Err(table.error(
                file.span.clone(),
                format!(
                    "there is no file {}. If the set is fetched, run its fetch script first.",
                    path.display()
                ),
            ));
        }
    }
    Ok(files)
}

fn sha256(table: &Reader<'_>, files: &[Located<String>]) -> Result<Option<String>, ManifestError> {
    let Some(sha256) = table.text("sha256")? else {
        return Ok(None);
    };
    let one = matches!(files, [one] if !one.value.contains(['*', '{']));
    if !one {
        let message = "`sha256` is for a split of one file. Hashes of several stand in the table \
                       [sha256], by file.";
        return Err(table.error(sha256.span, message));
    }
    Ok(Some(sha256.value))
}
