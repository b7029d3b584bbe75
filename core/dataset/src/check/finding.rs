//! What was found, the first of each kind in full.

use serde::Serialize;
use std::collections::BTreeMap;

/// Findings of one kind that are kept in full.
const KEPT: usize = 10;

/// One thing that was found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// Its kind, such as `leak`.
    pub kind: &'static str,
    /// File and line, where it has a place.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub place: Option<String>,
    /// What it is.
    pub message: String,
}

/// All that was found.
#[derive(Debug, Default, Serialize)]
pub struct Findings {
    /// The first faults of each kind.
    pub faults: Vec<Finding>,
    /// The first notes of each kind.
    pub notes: Vec<Finding>,
    /// Faults by kind, all of them.
    pub fault_counts: BTreeMap<&'static str, u64>,
    /// Notes by kind, all of them.
    pub note_counts: BTreeMap<&'static str, u64>,
}

impl Findings {
    pub(super) fn fault(&mut self, kind: &'static str, place: Option<String>, message: String) {
        keep(
            &mut self.faults,
            &mut self.fault_counts,
            Finding {
                kind,
                place,
                message,
            },
        );
    }

    pub(super) fn note(&mut self, kind: &'static str, place: Option<String>, message: String) {
        keep(
            &mut self.notes,
            &mut self.note_counts,
            Finding {
                kind,
                place,
                message,
            },
        );
    }
}

fn keep(kept: &mut Vec<Finding>, counts: &mut BTreeMap<&'static str, u64>, finding: Finding) {
    let count = counts.entry(finding.kind).or_default();
    *count += 1;
    if *count <= KEPT as u64 {
        kept.push(finding);
    }
}
