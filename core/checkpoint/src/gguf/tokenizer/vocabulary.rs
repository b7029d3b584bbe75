//! Tokens, their kinds, and which of them are special.

use std::collections::{BTreeSet, HashMap};

use super::refuse;
use crate::gguf::{GgufError, GgufFile};

/// Kinds of tokens, as GGUF numbers them (from SentencePiece).
mod kind {
    pub(super) const NORMAL: i64 = 1;
    pub(super) const UNKNOWN: i64 = 2;
    pub(super) const CONTROL: i64 = 3;
    pub(super) const USER_DEFINED: i64 = 4;
    pub(super) const UNUSED: i64 = 5;
    pub(super) const BYTE: i64 = 6;
}

/// The stand-in for a space in SentencePiece.
pub(super) const SPACE: char = '\u{2581}';

/// The tokens of a file.
pub(super) struct Vocabulary {
    /// By id.
    pub(super) tokens: Vec<String>,
    kinds: Vec<i64>,
    /// The first id of each token.
    pub(super) ids: HashMap<String, usize>,
    pub(super) bos: Option<usize>,
    pub(super) eos: Option<usize>,
    pub(super) unknown: Option<usize>,
    pub(super) padding: Option<usize>,
    /// Other tokens that end a turn or a message.
    pub(super) ends: Vec<usize>,
    pub(super) notes: Vec<String>,
    special: BTreeSet<usize>,
}

impl Vocabulary {
    /// `pieces`: whether the tokens are SentencePiece's, in which a run of spaces that the user
    /// defined is written with real spaces by llama.cpp's converter.
    pub(super) fn read(file: &GgufFile, pieces: bool) -> Result<Vocabulary, GgufError> {
        let metadata = file.metadata();
        let key = "tokenizer.ggml.tokens";
        let tokens = metadata
            .strings(key)?
            .ok_or_else(|| metadata.missing(key))?;
        let key = "tokenizer.ggml.token_type";
        let kinds = match metadata.integers(key)? {
            Some(kinds) if kinds.len() == tokens.len() => kinds.to_vec(),
            Some(kinds) => {
                let (kinds, tokens) = (kinds.len(), tokens.len());
                return Err(metadata.bad(key, format!("has {kinds} entries for {tokens} tokens")));
            }
            None => vec![kind::NORMAL; tokens.len()],
        };
        let mut tokens = tokens.to_vec();
        if pieces {
            for (token, kind) in tokens.iter_mut().zip(&kinds) {
                if *kind == kind::USER_DEFINED && token.chars().all(|c| c == ' ') {
                    *token = token.chars().map(|_| SPACE).collect();
                }
            }
        }
        let mut ids = HashMap::with_capacity(tokens.len());
        let mut repeated = 0;
        for (id, token) in tokens.iter().enumerate() {
            if *ids.entry(token.clone()).or_insert(id) != id {
                repeated += 1;
            }
        }
        let mut notes = Vec::new();
        if repeated > 0 {
            notes.push(format!(
                "{repeated} token(s) of the vocabulary are there twice; the first id is kept"
            ));
        }
        let special_id = |name: &str| -> Result<Option<usize>, GgufError> {
            let key = format!("tokenizer.ggml.{name}_token_id");
            let Some(id) = metadata.unsigned(&key)? else {
                return Ok(None);
            };
            // llama.cpp writes the largest number where there is no such token.
            if id == u64::from(u32::MAX) {
                return Ok(None);
            }
            let found = usize::try_from(id).ok().filter(|id| *id < tokens.len());
            found.map(Some).ok_or_else(|| {
                let tokens = tokens.len();
                metadata.bad(&key, format!("is {id}, the vocabulary has {tokens} tokens"))
            })
        };
        let (bos, eos) = (special_id("bos")?, special_id("eos")?);
        let (unknown, padding) = (special_id("unknown")?, special_id("padding")?);
        let mut ends = Vec::new();
        for name in ["eot", "eom"] {
            ends.extend(special_id(name)?.filter(|id| Some(*id) != eos));
        }
        let special = [bos, eos, unknown, padding]
            .into_iter()
            .flatten()
            .chain(ends.iter().copied())
            .collect();
        if tokens.is_empty() {
            return Err(refuse(file, "its vocabulary is empty"));
        }
        Ok(Vocabulary {
            tokens,
            kinds,
            ids,
            bos,
            eos,
            unknown,
            padding,
            ends,
            notes,
            special,
        })
    }

    /// Whether texts never give the token but by its name, such as the end of a text.
    pub(super) fn is_special(&self, id: usize) -> bool {
        matches!(self.kinds[id], kind::CONTROL | kind::UNKNOWN) || self.special.contains(&id)
    }

    /// Whether the token is taken out of a text before anything else is done to it.
    pub(super) fn is_added(&self, id: usize) -> bool {
        self.is_special(id) || self.kinds[id] == kind::USER_DEFINED
    }

    /// Whether the token fills up the vocabulary.
    pub(super) fn is_unused(&self, id: usize) -> bool {
        self.kinds[id] == kind::UNUSED
    }

    /// Whether the token stands for text, of one or several characters.
    pub(super) fn is_text(&self, id: usize) -> bool {
        !self.is_added(id) && self.kinds[id] != kind::BYTE
    }

    /// The first id of a token.
    pub(super) fn id(&self, token: &str) -> Option<usize> {
        self.ids.get(token).copied()
    }
}
