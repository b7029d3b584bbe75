//! Dataset cards: one TOML file beside the data.

use mergelab_abi::suggest::hint;
use mergelab_toml::{
    reader::Reader,
    source::{ManifestError, SourceFile, read_toml},
};
use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
    sync::Arc,
};

/// One split of a dataset.
#[derive(Debug, Clone)]
pub struct Split {
    /// The file, JSON lines.
    pub file: PathBuf,
    /// SHA-256 that the card declares, in hex.
    pub sha256: Option<String>,
    /// Rows that the card declares.
    pub rows: Option<u64>,
}

/// A dataset card.
#[derive(Debug)]
pub struct Card {
    /// The card's file.
    pub source: Arc<SourceFile>,
    /// Name of the dataset.
    pub name: String,
    /// What it is.
    pub description: String,
    /// Whether its texts were generated from templates.
    pub generated: bool,
    /// Id of the task that its fields fit.
    pub task: Option<String>,
    /// Languages, as BCP 47 codes.
    pub languages: Vec<String>,
    /// Field that says which rows belong together, such as translations of one item.
    pub cluster: Option<String>,
    /// The label set, for classification.
    pub labels: Vec<String>,
    /// Name of the file's field for each field that tasks ask for.
    pub fields: BTreeMap<String, String>,
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
        let card = Self {
            source: Arc::clone(reader.file()),
            name: reader.required_text("name")?.value,
            description: word("description")?.unwrap_or_default(),
            generated: reader.flag("generated")?.unwrap_or(false),
            task: word("task")?,
            languages: list("languages")?,
            cluster: word("cluster")?,
            labels: list("labels")?,
            fields: fields(reader)?,
            splits: splits(reader)?,
        };
        // Told to people, not used by the program.
        for key in ["title", "licence", "citation", "version"] {
            reader.text(key)?;
        }
        reader.json_table("source")?;
        if card.splits.is_empty() {
            return Err(reader.error(reader.span(), "the card has no [splits.NAME]."));
        }
        Ok(card)
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

    /// The file's name for a field that tasks ask for.
    pub fn field<'a>(&'a self, name: &'a str) -> &'a str {
        self.fields.get(name).map_or(name, String::as_str)
    }
}

fn fields(reader: &Reader<'_>) -> Result<BTreeMap<String, String>, ManifestError> {
    let mut fields = BTreeMap::new();
    if let Some(table) = reader.table("fields")? {
        for key in table.keys() {
            if let Some(name) = table.text(&key.value)? {
                fields.insert(key.value, name.value);
            }
        }
        table.finish()?;
    }
    Ok(fields)
}

fn splits(reader: &Reader<'_>) -> Result<BTreeMap<String, Split>, ManifestError> {
    let mut splits = BTreeMap::new();
    let Some(tables) = reader.table("splits")? else {
        return Ok(splits);
    };
    for key in tables.keys() {
        let Some(table) = tables.table(&key.value)? else {
            continue;
        };
        let file = table.required_text("file")?;
        let split = Split {
            file: reader.file().resolve(&file.value),
            sha256: table.text("sha256")?.map(|t| t.value),
            rows: table.whole("rows")?,
        };
        // A reader may rely on the counts; the rows themselves are what counts here.
        table.json_table("rows_per_language")?;
        table.finish()?;
        if !split.file.is_file() {
            return Err(table.error(
                file.span,
                format!(
                    "there is no file {}. If the set is fetched, run its fetch script first.",
                    split.file.display()
                ),
            ));
        }
        splits.insert(key.value, split);
    }
    Ok(splits)
}
