//! Vocabularies: which token is which row of an embedding.
//!
//! Models whose tokenizers differ are merged after their embeddings and output heads were brought
//! into the order of one vocabulary: [`Tokenizer`] reads and builds vocabularies, [`Aligned`]
//! gathers the rows.

mod aligned;
mod error;
mod union;

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use serde_json::Value;

pub use aligned::{Aligned, Row};
pub use error::{AlignError, TokenizerError};

/// Name of the file that a vocabulary is read from.
pub(crate) const FILE: &str = "tokenizer.json";

/// A Hugging Face `tokenizer.json`, as far as tokens and their ids go.
#[derive(Debug, Clone)]
pub struct Tokenizer {
    path: PathBuf,
    json: Value,
    ids: HashMap<String, usize>,
    /// One more than the highest id.
    len: usize,
}

impl Tokenizer {
    /// Reads the `tokenizer.json` of a folder.
    ///
    /// # Errors
    /// When there is none, or it is not one.
    pub fn open(dir: &Path) -> Result<Tokenizer, TokenizerError> {
        let path = dir.join(FILE);
        match std::fs::read(&path) {
            Ok(bytes) => Self::parse(&bytes, &path),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                Err(TokenizerError::Missing {
                    dir: dir.to_owned(),
                })
            }
            Err(source) => Err(TokenizerError::Io { path, source }),
        }
    }

    /// Reads the text of a `tokenizer.json`. `path` is for messages.
    ///
    /// # Errors
    /// When it is not one.
    pub fn parse(bytes: &[u8], path: &Path) -> Result<Tokenizer, TokenizerError> {
        let bad = |reason: String| TokenizerError::Bad {
            path: path.to_owned(),
            reason,
        };
        let json: Value =
            serde_json::from_slice(bytes).map_err(|error| bad(format!("not JSON: {error}")))?;
        Self::from_json(json, path).map_err(bad)
    }

    fn from_json(json: Value, path: &Path) -> Result<Tokenizer, String> {
        let mut ids = HashMap::new();
        match &json["model"]["vocab"] {
            // BPE, WordPiece, WordLevel: ids by token.
            Value::Object(vocab) => {
                for (token, id) in vocab {
                    ids.insert(token.clone(), index(id, token)?);
                }
            }
            // Unigram: (token, score), the id is the place.
            Value::Array(vocab) => {
                for (id, entry) in vocab.iter().enumerate() {
                    let token = entry.get(0).and_then(Value::as_str);
                    let token = token
                        .ok_or_else(|| format!("entry {id} of its vocabulary has no token"))?;
                    ids.insert(token.to_owned(), id);
                }
            }
            _ => return Err("its `model` has no `vocab`".to_owned()),
        }
        for added in json["added_tokens"].as_array().into_iter().flatten() {
            let token = added["content"].as_str();
            let token = token.ok_or_else(|| format!("the added token {added} has no `content`"))?;
            ids.insert(token.to_owned(), index(&added["id"], token)?);
        }
        let len = ids.values().max().map_or(0, |last| last + 1);
        Ok(Tokenizer {
            path: path.to_owned(),
            json,
            ids,
            len,
        })
    }

    /// The file that it was read from.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Rows that an embedding needs: one more than the highest id.
    pub fn len(&self) -> usize {
        self.len
    }

    /// Whether there are no tokens.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// The id of a token.
    pub fn id(&self, token: &str) -> Option<usize> {
        self.ids.get(token).copied()
    }

    /// The tokens in the order of their ids. Where two have one id, both are there.
    pub fn tokens(&self) -> Vec<(usize, &str)> {
        let tokens = self.ids.iter().map(|(token, id)| (*id, token.as_str()));
        let mut tokens: Vec<_> = tokens.collect();
        tokens.sort_unstable();
        tokens
    }

    /// Tokens that the other one lacks or numbers otherwise, in the order of their ids.
    pub fn differs_from(&self, other: &Tokenizer) -> Vec<&str> {
        let tokens = self.tokens().into_iter();
        tokens
            .filter(|(id, token)| other.id(token) != Some(*id))
            .map(|(_, token)| token)
            .collect()
    }

    /// Whether both have the same tokens with the same ids.
    pub fn same_vocabulary(&self, other: &Tokenizer) -> bool {
        self.ids == other.ids
    }

    /// The content of the `tokenizer.json`.
    pub fn json(&self) -> &Value {
        &self.json
    }
}

/// Far above any vocabulary; more rows could not be allocated.
const MOST: u64 = 1 << 32;

fn index(id: &Value, token: &str) -> Result<usize, String> {
    id.as_u64()
        .filter(|id| *id < MOST)
        .and_then(|id| usize::try_from(id).ok())
        .ok_or_else(|| format!("the id of {token:?} is {id}, which is no row number"))
}

#[cfg(test)]
mod tests;
