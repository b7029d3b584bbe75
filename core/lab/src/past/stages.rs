//! `stages.jsonl`: what each stage of a run was made from, one line each.

use crate::{
    content::Content,
    plan::spec::What,
    run::{Experiment, RunError},
    store::write_file,
};
use serde::{Deserialize, Serialize};
use std::path::Path;

/// Name of the file.
pub(super) const STAGES: &str = "stages.jsonl";

/// A stage of a run.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct StageRecord {
    /// Its name, such as `train de`.
    pub name: String,
    /// Content key.
    pub key: String,
    /// What it was made from.
    pub what: What,
    /// Hashes of the files that were made, where there are some.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub content: Option<Content>,
}

/// Writes what the stages of a run are made from.
///
/// # Errors
/// The file cannot be written.
pub fn write_stages(experiment: &Experiment, out: &Path) -> Result<(), RunError> {
    let mut lines = Vec::new();
    for node in &experiment.plan.nodes {
        let kind = node.spec.what.kind();
        let record = StageRecord {
            name: node.name.clone(),
            key: node.key.clone(),
            what: node.spec.what.clone(),
            content: Content::read(&experiment.store.artifact(kind, &node.key)),
        };
        let written = serde_json::to_writer(&mut lines, &record);
        written.map_err(|e| RunError::File {
            path: out.join(STAGES),
            message: e.to_string(),
        })?;
        lines.push(b'\n');
    }
    write_file(&out.join(STAGES), &lines)?;
    Ok(())
}
