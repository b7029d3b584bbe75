//! Dataset cards: one TOML file beside the data.

mod keys;
mod record;
mod source;

pub use keys::KEYS;
pub use record::Record;
pub use source::Origin;

use crate::{
    field::{self, Field},
    file::Csv,
    split::{self, Split},
};
use mergelab_abi::suggest::hint;
use mergelab_toml::{
    reader::Reader,
    source::{ManifestError, SourceFile, read_toml},
};
use serde_json::{Map, Value};
use std::{
    collections::{BTreeMap, BTreeSet},
    path::{Path, PathBuf},
    sync::Arc,
};

/// A dataset card.
#[derive(Debug, Clone)]
pub struct Card {
    /// The card's file.
    pub source: Arc<SourceFile>,
    /// Name of the dataset.
    pub name: String,
    /// Name for people.
    pub title: Option<String>,
    /// What it is.
    pub description: String,
    /// Version of the data.
    pub version: Option<String>,
    /// Licence of the data.
    pub licence: Option<String>,
    /// What to cite.
    pub citation: Option<String>,
    /// Whether its texts were generated from templates.
    pub generated: bool,
    /// Id of the task that its fields fit.
    pub task: Option<String>,
    /// Languages, as BCP 47 codes.
    pub languages: Vec<String>,
    /// Our code for each code of the set's own that differs.
    pub codes: BTreeMap<String, String>,
    /// What rows that belong together share, such as translations of one item.
    pub cluster: Option<Field>,
    /// The label set, for classification.
    pub labels: Vec<String>,
    /// Where each field that tasks ask for comes from.
    pub fields: BTreeMap<String, Field>,
    /// The field whose parallel lists become one row each.
    pub explode: Option<String>,
    /// Fields of the tasks without which a row is left out.
    pub skip_empty: Vec<String>,
    /// Ids of rows that are left out.
    pub skip_ids: BTreeSet<String>,
    /// Parameters of the task for this set, such as its prompts; a manifest's come before them.
    pub params: Map<String, Value>,
    /// How CSV and TSV files are written.
    pub csv: Csv,
    /// Where the files are from.
    pub origin: Origin,
    /// SHA-256 by file, in hex.
    pub sha256: BTreeMap<String, String>,
    /// Splits by name.
    pub splits: BTreeMap<String, Split>,
}

impl Card {
    /// Reads a card: a TOML file, or a folder with a `card.toml`.
    ///
    /// # Errors
    /// What is wrong with it, with file and line.
    pub fn read(path: &Path) -> Result<Self, ManifestError> {
        let file = if path.is_dir() {
            path.join("card.toml")
        } else {
            path.to_owned()
        };
        read_toml(&file, Self::from_reader)
    }

    fn from_reader(reader: &Reader<'_>) -> Result<Self, ManifestError> {
        match reader.whole("schema")? {
            Some(1) => {}
            Some(other) => {
                return Err(reader.error(
                    reader.span_of("schema"),
                    format!("the card has schema {other}; this mergelab reads schema 1."),
                ));
            }
            None => return Err(reader.missing("schema")),
        }
        let list = |key: &str| -> Result<Vec<String>, ManifestError> {
            let found = reader.texts(key)?.unwrap_or_default();
            Ok(found.into_iter().map(|t| t.value).collect())
        };
        let word = |key: &str| -> Result<Option<String>, ManifestError> {
            Ok(reader.text(key)?.map(|t| t.value))
        };
        let origin = Origin::read(reader)?;
        let mut card = Self {
            source: Arc::clone(reader.file()),
            name: reader.required_text("name")?.value,
            title: word("title")?,
            description: word("description")?.unwrap_or_default(),
            version: word("version")?,
            licence: word("licence")?,
            citation: word("citation")?,
            generated: reader.flag("generated")?.unwrap_or(false),
            task: word("task")?,
            languages: list("languages")?,
            codes: texts(reader, "language_codes")?,
            cluster: Field::read(reader, "cluster")?,
            labels: list("labels")?,
            fields: field::read_all(reader, "fields")?,
            explode: word("explode")?,
            skip_empty: list("skip_empty")?,
            skip_ids: list("skip_ids")?.into_iter().collect(),
            params: reader.json_table("params")?.value,
            csv: Csv::read(reader)?,
            origin,
            sha256: texts(reader, "sha256")?,
            splits: BTreeMap::new(),
        };
        card.know_codes(reader)?;
        card.splits = split::read_all(reader, &card)?;
        Ok(card)
    }

    /// A code that stands for a language which the card does not list is a slip of the pen.
    fn know_codes(&self, reader: &Reader<'_>) -> Result<(), ManifestError> {
        let listed = |language: &&String| !self.languages.contains(*language);
        let Some(language) = self.codes.values().find(listed) else {
            return Ok(());
        };
        let known = self.languages.iter().map(String::as_str);
        Err(reader.error(
            reader.span_of("language_codes"),
            format!(
                "`{language}` is not among the card's `languages`.{}",
                hint(language, known.collect::<Vec<_>>())
            ),
        ))
    }

    /// The split of this name.
    ///
    /// # Errors
    /// There is none; names the nearest.
    pub fn split(&self, name: &str) -> Result<&Split, String> {
        self.splits.get(name).ok_or_else(|| {
            format!(
                "the dataset `{}` has no split `{name}`.{}",
                self.name,
                hint(name, self.splits.keys().map(String::as_str))
            )
        })
    }

    /// Folder of the card.
    pub fn folder(&self) -> &Path {
        self.source.path.parent().unwrap_or(Path::new(""))
    }

    /// Folder that the files of splits lie in: the card's, or `data` in it for what is fetched.
    pub fn root(&self) -> PathBuf {
        match self.origin.from {
            Some(_) => self.folder().join("data"),
            None => self.folder().to_owned(),
        }
    }

    /// Our code of a language that the set calls `code`.
    pub fn language<'a>(&'a self, code: &'a str) -> &'a str {
        self.codes.get(code).map_or(code, String::as_str)
    }

    /// The set's own codes of a language: what stands in `[language_codes]`, or the code itself.
    pub fn codes_of<'a>(&'a self, language: &'a str) -> Vec<&'a str> {
        let own = self.codes.iter().filter(|(_, ours)| *ours == language);
        let own: Vec<&str> = own.map(|(code, _)| code.as_str()).collect();
        match own.is_empty() {
            true => vec![language],
            false => own,
        }
    }

    /// Names of the fields of a file that the card reads; `None` where it reads all of them.
    pub(crate) fn columns(&self, split: &Split) -> Option<BTreeSet<String>> {
        if self.fields.is_empty() {
            return None;
        }
        let mut columns = BTreeSet::new();
        for name in ["id", "language"] {
            if !self.fields.contains_key(name) {
                columns.insert(name.to_owned());
            }
        }
        let by = split.part.as_ref().and_then(|p| p.made.by.as_ref());
        let fields = self.fields.values().chain(&self.cluster).chain(by);
        for field in fields {
            field.columns(&mut columns);
        }
        columns.extend(self.explode.clone());
        Some(columns)
    }
}

/// A table of texts.
fn texts(reader: &Reader<'_>, key: &str) -> Result<BTreeMap<String, String>, ManifestError> {
    let mut texts = BTreeMap::new();
    if let Some(table) = reader.table(key)? {
        for key in table.keys() {
            if let Some(text) = table.text(&key.value)? {
                texts.insert(key.value, text.value);
            }
        }
        table.finish()?;
    }
    Ok(texts)
}
