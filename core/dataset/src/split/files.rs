//! The files of a split on this machine.

use super::Split;
use crate::{card::Card, error::DatasetError, file};
use std::path::PathBuf;

/// A file with rows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DataFile {
    /// Where it lies.
    pub path: PathBuf,
    /// Its name under [`Card::root`], with `/`.
    pub name: String,
    /// The set's own code of the language of its rows, where each language has its own files.
    pub code: Option<String>,
}

impl Card {
    /// The files of a split that are there, in order: by language as the card lists them, then by
    /// pattern, then by name.
    pub fn files(&self, split: &Split, language: Option<&str>) -> Vec<DataFile> {
        let root = self.root();
        let starred = split.files.iter().any(|file| file.contains('*'));
        let listed = match starred {
            true => file::under(&root),
            false => Vec::new(),
        };
        let mut found: Vec<DataFile> = Vec::new();
        for (pattern, code) in self.patterns(split, language) {
            let names: Vec<String> = match pattern.contains('*') {
                true => listed
                    .iter()
                    .filter(|name| file::matches(&pattern, name))
                    .cloned()
                    .collect(),
                false => vec![pattern],
            };
            for name in names {
                let path = root.join(&name);
                let known = found.iter().any(|file| file.name == name);
                if !known && path.is_file() {
                    found.push(DataFile {
                        path,
                        name,
                        code: code.clone(),
                    });
                }
            }
        }
        found
    }

    /// Patterns of a split's files with `{code}` filled in, each with its code.
    pub fn patterns(&self, split: &Split, language: Option<&str>) -> Vec<(String, Option<String>)> {
        if !split.is_by_language() {
            return split.files.iter().map(|f| (f.clone(), None)).collect();
        }
        let languages: Vec<&str> = match language {
            Some(language) => vec![language],
            None => self.languages.iter().map(String::as_str).collect(),
        };
        let codes = languages.into_iter().flat_map(|l| self.codes_of(l));
        codes
            .flat_map(|code| {
                let fill = |f: &String| (f.replace("{code}", code), Some(code.to_owned()));
                split.files.iter().map(fill).collect::<Vec<_>>()
            })
            .collect()
    }

    /// The error for files that are not there.
    pub fn missing(&self, split: &Split, language: Option<&str>) -> DatasetError {
        let pattern = self.patterns(split, language).into_iter().next();
        let file = self.root().join(pattern.unwrap_or_default().0);
        let help = match (&self.origin.from, &self.origin.fetch) {
            (Some(_), _) => format!("Run `mergelab dataset fetch {}` first.", self.name),
            (None, Some(script)) => {
                format!("Run {} first.", self.folder().join(script).display())
            }
            (None, None) => "Paths in a card are relative to its folder.".to_owned(),
        };
        DatasetError::Missing { file, help }
    }

    /// The SHA-256 that the card declares for a file.
    pub fn pinned<'a>(&'a self, split: &'a Split, file: &DataFile) -> Option<&'a str> {
        let own = split.sha256.as_ref();
        own.or_else(|| self.sha256.get(&file.name))
            .map(String::as_str)
    }
}
