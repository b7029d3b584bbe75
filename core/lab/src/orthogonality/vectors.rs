//! The tables of task vectors that an experiment's stages left.

use crate::plan::spec::ExpertRef;
use serde::{Deserialize, Serialize};
use std::path::Path;

/// One number about one task vector, or about two.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct VectorRow {
    /// `model`, `layer`, `module` or `tensor`.
    pub scope: String,
    /// The layer, module or tensor; empty for the whole model.
    pub place: String,
    /// Such as `cosine`.
    pub quantity: String,
    /// The expert.
    pub model: String,
    /// The other expert of a pair; empty otherwise.
    pub other: String,
    /// The number.
    pub value: Option<f64>,
    /// Where 95 of 100 pairs of independent random vectors lie above.
    pub null_low: Option<f64>,
    /// Where 95 of 100 pairs of independent random vectors lie below.
    pub null_high: Option<f64>,
    /// Entries that it was computed from.
    pub entries: u64,
}

/// The table of one set of experts.
#[derive(Debug, Clone, PartialEq)]
pub struct Vectors {
    /// The experts.
    pub experts: Vec<ExpertRef>,
    /// The rows.
    pub rows: Vec<VectorRow>,
}

/// Reads the rows that a stage left.
///
/// # Errors
/// What is wrong with the file.
pub fn read(path: &Path) -> Result<Vec<VectorRow>, String> {
    let mut reader = csv::Reader::from_path(path).map_err(|e| e.to_string())?;
    reader
        .deserialize()
        .collect::<Result<_, _>>()
        .map_err(|e| e.to_string())
}

impl Vectors {
    /// Whether all of these experts are in the set.
    pub(super) fn has(&self, experts: &[ExpertRef]) -> bool {
        experts.iter().all(|expert| self.experts.contains(expert))
    }

    /// A number about one expert's whole vector.
    pub(super) fn own(&self, quantity: &str, expert: &str) -> Option<f64> {
        let found = self.whole(quantity).find(|row| row.model == expert)?;
        found.value
    }

    /// The mean, over the other experts named, of a number about the pair. `None` where a pair has
    /// none, or there is no other.
    pub(super) fn mean(&self, quantity: &str, expert: &str, others: &[&str]) -> Option<f64> {
        let pair = |other: &str| {
            self.whole(quantity).find(|row| {
                let pair = (row.model.as_str(), row.other.as_str());
                pair == (expert, other) || pair == (other, expert)
            })
        };
        let values: Vec<f64> = others
            .iter()
            .map(|other| pair(other)?.value)
            .collect::<Option<_>>()?;
        (!values.is_empty()).then(|| values.iter().sum::<f64>() / values.len() as f64)
    }

    fn whole(&self, quantity: &str) -> impl Iterator<Item = &VectorRow> {
        let rows = self.rows.iter();
        rows.filter(move |row| row.scope == "model" && row.quantity == quantity)
    }
}
