//! Reading rows.

use crate::{Card, Split};
use mergelab_abi::task::Row;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use sha2::{Digest as _, Sha256};
use std::{
    collections::BTreeMap,
    io::BufRead,
    path::{Path, PathBuf},
};

/// Rows of one language of one split, in file order.
#[derive(Debug, Clone, PartialEq)]
pub struct Slice {
    /// The examples.
    pub examples: Vec<Example>,
    /// BLAKE3 over the examples, in hex: the slice's content key.
    pub hash: String,
}

/// One example.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Example {
    /// Its id: the card's `id` field, or the line's number in the file.
    pub id: String,
    /// Which examples it belongs together with.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cluster: Option<String>,
    /// Its fields, under the names that tasks ask for.
    pub row: Row,
}

/// What is wrong with a dataset's rows.
#[derive(Debug, thiserror::Error)]
pub enum DatasetError {
    /// The file cannot be read.
    #[error("{}: {message}", file.display())]
    File {
        /// The file.
        file: PathBuf,
        /// Why.
        message: String,
    },
    /// A line is no JSON object.
    #[error("{}:{line}: {message}", file.display())]
    Line {
        /// The file.
        file: PathBuf,
        /// The line, counted from 1.
        line: usize,
        /// What is wrong.
        message: String,
    },
    /// There is no row of a language.
    #[error(
        "{}: no row of the language `{language}`. The file's rows have: {found}",
        file.display()
    )]
    Empty {
        /// The file.
        file: PathBuf,
        /// The language.
        language: String,
        /// The languages that the rows have.
        found: String,
    },
    /// The card has no such split.
    #[error("{0}")]
    Split(String),
}

/// The rows of one split, by language.
#[derive(Debug, Clone)]
pub struct SplitRows {
    file: PathBuf,
    by_language: BTreeMap<String, Vec<Example>>,
}

impl SplitRows {
    /// Reads a split.
    ///
    /// # Errors
    /// A file that cannot be read, or a line that is no object or has no language.
    pub fn read(card: &Card, split: &str) -> Result<Self, DatasetError> {
        let split = card.split(split).map_err(DatasetError::Split)?;
        let content = std::fs::read(&split.file).map_err(|e| DatasetError::File {
            file: split.file.clone(),
            message: e.to_string(),
        })?;
        check_hash(split, &content)?;
        let mut by_language: BTreeMap<String, Vec<Example>> = BTreeMap::new();
        for (number, line) in content.lines().enumerate() {
            let problem = |message: String| DatasetError::Line {
                file: split.file.clone(),
                line: number + 1,
                message,
            };
            let line = line.map_err(|e| problem(e.to_string()))?;
            if line.trim().is_empty() {
                continue;
            }
            let raw: Row = serde_json::from_str(&line)
                .map_err(|e| problem(format!("is no JSON object: {e}")))?;
            let language = language(card, &raw).map_err(problem)?;
            by_language
                .entry(language)
                .or_default()
                .push(example(card, raw, number + 1));
        }
        Ok(Self {
            file: split.file.clone(),
            by_language,
        })
    }

    /// The rows of one language: the first `limit` ones, or all.
    ///
    /// # Errors
    /// There is no row of the language.
    pub fn slice(&self, language: &str, limit: Option<usize>) -> Result<Slice, DatasetError> {
        let all = self
            .by_language
            .get(language)
            .ok_or_else(|| DatasetError::Empty {
                file: self.file.clone(),
                language: language.to_owned(),
                found: if self.by_language.is_empty() {
                    "no rows at all".to_owned()
                } else {
                    let languages: Vec<&str> =
                        self.by_language.keys().map(String::as_str).collect();
                    languages.join(", ")
                },
            })?;
        let examples = all[..limit.unwrap_or(all.len()).min(all.len())].to_vec();
        let hash = hash(&examples);
        Ok(Slice { examples, hash })
    }

    /// The file.
    pub fn file(&self) -> &Path {
        &self.file
    }
}

/// A card that declares a hash speaks of one file, and no other is taken for it.
fn check_hash(split: &Split, content: &[u8]) -> Result<(), DatasetError> {
    let Some(declared) = &split.sha256 else {
        return Ok(());
    };
    let found: String = Sha256::digest(content)
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect();
    if found.eq_ignore_ascii_case(declared) {
        return Ok(());
    }
    Err(DatasetError::File {
        file: split.file.clone(),
        message: format!(
            "has the SHA-256 {found}, and the card declares {declared}. If the change is meant, \
             write the new one into the card or take `sha256` out of it"
        ),
    })
}

fn language(card: &Card, raw: &Row) -> Result<String, String> {
    match (raw.get(card.field("language")), &card.languages[..]) {
        (Some(Value::String(own)), _) => Ok(own.clone()),
        (Some(other), _) => Err(format!("the language should be a text, not {other}")),
        (None, [only]) => Ok(only.clone()),
        (None, _) => Err(format!(
            "has no field `{}`, and the card lists several languages",
            card.field("language")
        )),
    }
}

fn example(card: &Card, raw: Row, line: usize) -> Example {
    let text = |value: &Value| match value {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    };
    let id = raw
        .get(card.field("id"))
        .map_or_else(|| line.to_string(), text);
    let cluster = card.cluster.as_ref().and_then(|c| raw.get(c)).map(text);
    let mut row = Row::new();
    for (name, own) in &card.fields {
        if let Some(value) = raw.get(own) {
            row.insert(name.clone(), value.clone());
        }
    }
    // A card without a mapping means that the file already has the tasks' names.
    if card.fields.is_empty() {
        row = raw;
    }
    Example { id, cluster, row }
}

fn hash(examples: &[Example]) -> String {
    let mut hasher = blake3::Hasher::new();
    for example in examples {
        // Values that came from JSON go back to JSON.
        let line = serde_json::to_vec(example).unwrap_or_default();
        hasher.update(&(line.len() as u64).to_le_bytes());
        hasher.update(&line);
    }
    hasher.finalize().to_hex().to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn set(folder: &Path, rows: &str) -> Card {
        std::fs::write(folder.join("test.jsonl"), rows).expect("writes");
        std::fs::write(
            folder.join("card.toml"),
            "schema = 1\nname = \"small\"\nlanguages = [\"de\", \"fr\"]\ncluster = \"pair\"\n\
             [fields]\ntext = \"sentence\"\nlanguage = \"lang\"\nid = \"key\"\n\
             [splits.test]\nfile = \"test.jsonl\"\n",
        )
        .expect("writes");
        Card::read(folder).expect("a valid card")
    }

    #[test]
    fn rows_are_filtered_mapped_and_hashed() {
        let folder = tempfile::tempdir().expect("a folder");
        let de = r#"{"key": 1, "pair": "p", "lang": "de", "sentence": "ja"}"#;
        let fr = r#"{"key": 2, "pair": "p", "lang": "fr", "sentence": "oui"}"#;
        let card = set(folder.path(), &format!("{de}\n{fr}\n"));
        let read = |card: &Card| {
            let rows = SplitRows::read(card, "test").expect("rows");
            rows.slice("de", None).expect("German rows")
        };
        let slice = read(&card);
        assert_eq!(slice.examples.len(), 1);
        assert_eq!(slice.examples[0].id, "1");
        assert_eq!(slice.examples[0].cluster.as_deref(), Some("p"));
        assert_eq!(slice.examples[0].row["text"], "ja");
        // A change in French leaves the German slice's hash alone.
        let card = set(
            folder.path(),
            &format!("{de}\n{}\n", fr.replace("oui", "non")),
        );
        let again = read(&card);
        assert_eq!(slice.hash, again.hash);
    }

    #[test]
    fn errors_name_the_file_and_line() {
        let folder = tempfile::tempdir().expect("a folder");
        let message = |rows: &str, language: &str| {
            let card = set(folder.path(), rows);
            SplitRows::read(&card, "test")
                .and_then(|rows| rows.slice(language, None))
                .expect_err("refused")
                .to_string()
        };
        assert!(message("", "de").ends_with("The file's rows have: no rows at all"));
        assert!(message("{\"lang\": \"fr\"}\n", "de").contains("no row of the language `de`"));
        assert!(message("\n[1]\n", "de").contains("test.jsonl:2: is no JSON object"));
        assert!(message("{\"lang\": 3}\n", "de").contains("test.jsonl:1: the language"));
    }

    #[test]
    fn a_file_that_the_card_does_not_mean_is_refused() {
        let folder = tempfile::tempdir().expect("a folder");
        set(folder.path(), "{\"lang\": \"de\"}\n");
        let card = folder.path().join("card.toml");
        let text = std::fs::read_to_string(&card).expect("a card");
        let read = |hash: &str| {
            std::fs::write(&card, format!("{text}sha256 = \"{hash}\"\n")).expect("writes");
            SplitRows::read(&Card::read(folder.path()).expect("a valid card"), "test")
        };
        // sha256sum of the line above.
        let right = Sha256::digest(b"{\"lang\": \"de\"}\n");
        let right: String = right.iter().map(|b| format!("{b:02X}")).collect();
        assert!(read(&right).is_ok());
        let error = read("00").expect_err("refused").to_string();
        assert!(error.contains("the card declares 00"), "{error}");
    }
}
