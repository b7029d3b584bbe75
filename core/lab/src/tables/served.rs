//! What rows of served models say of them.

use crate::cell::{ModelLabel, Role};

/// A note with what is to be known of the models that a row is of.
pub(super) fn noted(note: &str, models: &[&ModelLabel]) -> String {
    let mut parts: Vec<String> = Vec::new();
    if !note.is_empty() {
        parts.push(note.to_owned());
    }
    for model in models.iter().filter(|model| model.role == Role::Served) {
        let declared = model.parameters.get("revision").and_then(|r| r.as_str());
        let revision = match declared {
            Some(revision) => format!("revision {revision} as declared"),
            None => "no revision declared".to_owned(),
        };
        parts.push(format!(
            "{} is known by address and name and not by content ({revision})",
            model.name
        ));
    }
    parts.join("; ")
}
