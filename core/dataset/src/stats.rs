//! What is in a set: rows, lengths, shares of labels.

use crate::{card::Card, check::order, error::DatasetError, field::text, rows::Rows};
use serde::Serialize;
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};

/// Rows of one split and language.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Group {
    /// The split.
    pub split: String,
    /// The language.
    pub language: String,
    /// Its rows.
    pub rows: u64,
    /// Its clusters, where the card names what rows share.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub clusters: Option<u64>,
    /// Lengths of each text field. A list of texts is as long as its texts together.
    pub lengths: BTreeMap<String, Lengths>,
    /// Rows of each label, or of each position of the right answer.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub labels: BTreeMap<String, u64>,
}

/// What is counted in a text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unit {
    /// Unicode scalar values.
    Characters,
    /// UTF-8 bytes, which tokens of byte-level models follow more closely.
    Bytes,
}

/// Lengths of a field. A percentile is the length of the row at that rank.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Lengths {
    /// Arithmetic mean.
    pub mean: f64,
    /// 5 in a hundred are no longer.
    pub p5: u32,
    /// The median.
    pub p50: u32,
    /// 95 in a hundred are no longer.
    pub p95: u32,
    /// The longest.
    pub max: u32,
}

impl Lengths {
    fn new(mut lengths: Vec<u32>) -> Self {
        lengths.sort_unstable();
        // Nearest rank, so that each is the length of a row.
        let at = |share: f64| {
            let rank = (share * lengths.len() as f64).ceil() as usize;
            lengths.get(rank.saturating_sub(1)).copied().unwrap_or(0)
        };
        let sum: u64 = lengths.iter().map(|l| u64::from(*l)).sum();
        Self {
            mean: sum as f64 / lengths.len().max(1) as f64,
            p5: at(0.05),
            p50: at(0.5),
            p95: at(0.95),
            max: at(1.0),
        }
    }
}

#[derive(Default)]
struct Counted {
    rows: u64,
    clusters: BTreeSet<[u8; 8]>,
    lengths: BTreeMap<String, Vec<u32>>,
    labels: BTreeMap<String, u64>,
}

/// Counts every row, by split and language.
///
/// # Errors
/// Files that are not there, or the first row that cannot be read. Splits that have no file at all
/// are left out where others have.
pub fn stats(card: &Card, unit: Unit) -> Result<Vec<Group>, DatasetError> {
    let mut splits: Vec<_> = card.splits.values().collect();
    splits.sort_by_key(|split| order(&split.name));
    let mut groups = Vec::new();
    let mut missing = None;
    for split in splits {
        let rows = match Rows::open(card, split, None) {
            Ok(rows) => rows,
            Err(error @ DatasetError::Missing { .. }) => {
                missing = Some(error);
                continue;
            }
            Err(error) => return Err(error),
        };
        let mut counted: BTreeMap<String, Counted> = BTreeMap::new();
        for placed in rows {
            let placed = placed?;
            let of_language = counted.entry(placed.language).or_default();
            of_language.add(&placed.example, unit);
        }
        groups.extend(counted.into_iter().map(|(language, counted)| {
            Group {
                split: split.name.clone(),
                language,
                rows: counted.rows,
                clusters: card.cluster.as_ref().map(|_| counted.clusters.len() as u64),
                lengths: counted
                    .lengths
                    .into_iter()
                    .map(|(name, lengths)| (name, Lengths::new(lengths)))
                    .collect(),
                labels: counted.labels,
            }
        }));
    }
    match missing {
        Some(error) if groups.is_empty() => Err(error),
        _ => Ok(groups),
    }
}

impl Counted {
    fn add(&mut self, example: &crate::Example, unit: Unit) {
        self.rows += 1;
        if let Some(cluster) = &example.cluster {
            let mut first = [0; 8];
            first.copy_from_slice(&blake3::hash(cluster.as_bytes()).as_bytes()[..8]);
            self.clusters.insert(first);
        }
        for (name, value) in &example.row {
            if matches!(name.as_str(), "id" | "language" | "label") {
                continue;
            }
            if let Some(length) = length(value, unit) {
                match self.lengths.get_mut(name) {
                    Some(lengths) => lengths.push(length),
                    None => {
                        self.lengths.insert(name.clone(), vec![length]);
                    }
                }
            }
        }
        let label = match (example.row.get("label"), example.row.get("answer")) {
            (Some(label), _) => Some(text(label).into_owned()),
            (None, Some(answer)) if example.row.contains_key("choices") => {
                Some(text(answer).into_owned())
            }
            _ => None,
        };
        if let Some(label) = label {
            *self.labels.entry(label).or_default() += 1;
        }
    }
}

fn length(value: &Value, unit: Unit) -> Option<u32> {
    let of = |text: &str| match unit {
        Unit::Characters => text.chars().count(),
        Unit::Bytes => text.len(),
    };
    let length = match value {
        Value::String(text) => of(text),
        Value::Array(list) if !list.is_empty() => list
            .iter()
            .map(|v| v.as_str().map(of))
            .sum::<Option<usize>>()?,
        _ => return None,
    };
    Some(u32::try_from(length).unwrap_or(u32::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_are_lengths_of_rows() {
        let lengths = Lengths::new((1..=100).rev().collect());
        let expected = Lengths {
            mean: 50.5,
            p5: 5,
            p50: 50,
            p95: 95,
            max: 100,
        };
        assert_eq!(lengths, expected);
        assert_eq!(Lengths::new(vec![7]).p5, 7);
    }

    #[test]
    fn characters_and_bytes_differ() {
        let value = Value::from("Grüße");
        assert_eq!(length(&value, Unit::Characters), Some(5));
        assert_eq!(length(&value, Unit::Bytes), Some(7));
        let list = serde_json::json!(["ab", "cd"]);
        assert_eq!(length(&list, Unit::Characters), Some(4));
        assert_eq!(length(&Value::from(3), Unit::Bytes), None);
    }
}
