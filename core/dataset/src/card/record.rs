//! What a run's record says of a set.

use super::Card;
use crate::split::Made;
use serde::Serialize;

/// What a run's record says of a set.
#[derive(Debug, Clone, Serialize)]
pub struct Record {
    /// Its name.
    pub name: String,
    /// Version of the data.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub version: Option<String>,
    /// Where its files are from.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub source: Option<String>,
    /// Its licence.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub licence: Option<String>,
    /// BLAKE3 of the card, in hex.
    pub card_blake3: String,
    /// How its splits were made, where the card makes them.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub made: Option<Made>,
}

impl Card {
    /// What a run's record says of the set.
    pub fn record(&self) -> Record {
        let part = self.splits.values().find_map(|split| split.part.as_ref());
        Record {
            name: self.name.clone(),
            version: self.version.clone(),
            source: self.origin.from.clone(),
            licence: self.licence.clone(),
            card_blake3: blake3::hash(self.source.text.as_bytes())
                .to_hex()
                .to_string(),
            made: part.map(|part| (*part.made).clone()),
        }
    }
}
