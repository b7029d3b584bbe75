//! Which ids, clusters and rows were seen, as 64-bit hashes: 16 bytes each. Six million rows have
//! two with the same hash by chance once in a million sets.

use mergelab_abi::task::Row;
use std::collections::{HashMap, HashSet, hash_map::Entry};

/// Number of a split.
type Index = u32;

#[derive(Default)]
pub(super) struct Seen {
    splits: Vec<String>,
    /// Ids of the split that is being read.
    ids: HashSet<u64>,
    /// The first split of each cluster.
    clusters: HashMap<u64, Index>,
    /// The first split of each row.
    rows: HashMap<u64, Index>,
}

impl Seen {
    /// Begins a split.
    pub(super) fn enter(&mut self, split: &str) {
        self.splits.push(split.to_owned());
        self.ids.clear();
    }

    fn now(&self) -> Index {
        self.splits.len().saturating_sub(1) as Index
    }

    /// Whether the id was seen in this split and language.
    pub(super) fn id(&mut self, language: &str, id: &str) -> bool {
        !self.ids.insert(hash(&[language, id]))
    }

    /// Another split that has the cluster, whatever the language.
    pub(super) fn cluster(&mut self, cluster: &str) -> Option<&str> {
        let now = self.now();
        match self.clusters.entry(hash(&[cluster])) {
            Entry::Occupied(first) if *first.get() != now => {
                self.splits.get(*first.get() as usize).map(String::as_str)
            }
            Entry::Occupied(_) => None,
            Entry::Vacant(entry) => {
                entry.insert(now);
                None
            }
        }
    }

    /// The first split that has a row of this language with the same fields, id and language left
    /// out.
    pub(super) fn content(&mut self, language: &str, row: &Row) -> Option<String> {
        let fields = row
            .iter()
            .filter(|(name, _)| !matches!(name.as_str(), "id" | "language"));
        let mut content: Vec<String> = fields.map(|(n, v)| format!("{n}\u{0}{v}")).collect();
        content.push(language.to_owned());
        let content: Vec<&str> = content.iter().map(String::as_str).collect();
        let now = self.now();
        match self.rows.entry(hash(&content)) {
            Entry::Occupied(first) => self.splits.get(*first.get() as usize).cloned(),
            Entry::Vacant(entry) => {
                entry.insert(now);
                None
            }
        }
    }
}

fn hash(parts: &[&str]) -> u64 {
    let mut hasher = blake3::Hasher::new();
    for part in parts {
        hasher.update(&(part.len() as u64).to_le_bytes());
        hasher.update(part.as_bytes());
    }
    let mut first = [0; 8];
    first.copy_from_slice(&hasher.finalize().as_bytes()[..8]);
    u64::from_le_bytes(first)
}
