//! Splits that are made, for sets that come with one only.
//!
//! All rows of a group are in one split. Which one follows from a keyed hash of the group's name
//! and nothing else, so the languages of a set agree, and rows that are added move no other row.

use super::{Split, files, sha256};
use crate::{card::Card, field::Field};
use mergelab_toml::{reader::Reader, source::ManifestError};
use serde::Serialize;
use std::{collections::BTreeMap, sync::Arc};

/// Context of the key that group names are hashed under. Another one would be another split.
const CONTEXT: &str = "mergelab 2026-11 splits made by group";

/// How splits are made: `[splits.made]` of a card.
#[derive(Debug, Clone, Serialize)]
pub struct Made {
    /// What rows of one group share; the cluster where the card says nothing, and the id where it
    /// has none.
    #[serde(skip)]
    pub by: Option<Field>,
    /// Seed of the hash.
    pub seed: u64,
    /// How large the splits are.
    #[serde(flatten)]
    pub sizes: Sizes,
    /// Name of the split that has all other rows.
    pub rest: String,
}

/// How large made splits are.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Sizes {
    /// Share of the groups in each split, from 0 to 1.
    Shares(BTreeMap<String, f64>),
    /// Rows that each split has at least in every language.
    Counts(BTreeMap<String, u64>),
}

/// A made split.
#[derive(Debug, Clone)]
pub struct Part {
    /// How it is made.
    pub made: Arc<Made>,
    /// Its name among the parts.
    pub name: String,
}

impl Made {
    /// A number for a group, spread evenly over all 64-bit numbers.
    pub fn hash(&self, group: &str) -> u64 {
        let key = blake3::derive_key(CONTEXT, &self.seed.to_le_bytes());
        let hash = blake3::keyed_hash(&key, group.as_bytes());
        let mut first = [0; 8];
        first.copy_from_slice(&hash.as_bytes()[..8]);
        u64::from_le_bytes(first)
    }
}

pub(super) fn read(table: &Reader<'_>, card: &Card) -> Result<Vec<Split>, ManifestError> {
    let found = files(table, card)?;
    let sha256 = sha256(table, &found)?;
    let sizes = sizes(table)?;
    let made = Arc::new(Made {
        by: Field::read(table, "by")?.or_else(|| card.cluster.clone()),
        seed: table.whole("seed")?.unwrap_or(0),
        rest: table.text("rest")?.map_or("train".to_owned(), |t| t.value),
        sizes,
    });
    let mut names: Vec<String> = match &made.sizes {
        Sizes::Shares(shares) => shares.keys().cloned().collect(),
        Sizes::Counts(counts) => counts.keys().cloned().collect(),
    };
    if names.contains(&made.rest) {
        let message = format!(
            "`{}` has what the other splits leave, and no size.",
            made.rest
        );
        return Err(table.error(table.span(), message));
    }
    names.push(made.rest.clone());
    let split = |name: String| Split {
        name: name.clone(),
        files: found.iter().map(|f| f.value.clone()).collect(),
        sha256: sha256.clone(),
        rows: None,
        rows_per_language: BTreeMap::new(),
        part: Some(Part {
            made: Arc::clone(&made),
            name,
        }),
    };
    Ok(names.into_iter().map(split).collect())
}

fn sizes(table: &Reader<'_>) -> Result<Sizes, ManifestError> {
    let (shares, counts) = (table.table("shares")?, table.table("counts")?);
    match (shares, counts) {
        (Some(shares), None) => {
            let mut sizes = BTreeMap::new();
            for key in shares.keys() {
                let Some(share) = shares.number(&key.value)? else {
                    continue;
                };
                if !(share.value > 0.0 && share.value < 1.0) {
                    let message = "a share is a number between 0 and 1, such as 0.1.";
                    return Err(shares.error(share.span, message));
                }
                sizes.insert(key.value, share.value);
            }
            shares.finish()?;
            if sizes.is_empty() || sizes.values().sum::<f64>() >= 1.0 {
                let message = "shares should be at least one, and leave something for the rest.";
                return Err(shares.error(shares.span(), message));
            }
            Ok(Sizes::Shares(sizes))
        }
        (None, Some(counts)) => {
            let mut sizes = BTreeMap::new();
            for key in counts.keys() {
                if let Some(count) = counts.whole(&key.value)?.filter(|count| *count > 0) {
                    sizes.insert(key.value, count);
                }
            }
            counts.finish()?;
            if sizes.is_empty() {
                return Err(counts.error(counts.span(), "`counts` names no split."));
            }
            Ok(Sizes::Counts(sizes))
        }
        _ => Err(table.error(
            table.span(),
            "[splits.made] has `shares` or `counts`, such as shares = { test = 0.1 }.",
        )),
    }
}
