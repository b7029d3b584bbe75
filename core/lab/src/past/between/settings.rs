//! What differs in what two runs were told, and in what they were run with.

use crate::past::{Past, since::value_differences};
use serde_json::Value;

/// Each difference in words: versions, plugins, manifest, models.
pub(super) fn differences(a: &Past, b: &Past) -> Vec<String> {
    let mut found = Vec::new();
    let (old, new) = (&a.record, &b.record);
    for (what, old, new) in [
        ("experiment", &old.experiment, &new.experiment),
        ("mergelab", &old.mergelab, &new.mergelab),
    ] {
        if old != new {
            found.push(format!("{what}: {old} → {new}"));
        }
    }
    plugins(a, b, &mut found);
    let manifest = |run: &Past| toml::from_str::<Value>(&run.manifest);
    match (manifest(a), manifest(b)) {
        (Ok(old), Ok(new)) => {
            let mut changes = Vec::new();
            value_differences("", &new, &old, &mut changes);
            found.extend(
                changes
                    .into_iter()
                    .map(|change| format!("manifest: {change}")),
            );
        }
        _ if a.manifest != b.manifest => found.push("the manifests differ".to_owned()),
        _ => {}
    }
    for model in &new.models {
        let known = old.models.iter().find(|m| m.name == model.name);
        if known.is_some_and(|known| known.key != model.key) {
            found.push(format!("model {}: other weights", model.name));
        }
    }
    found
}

/// Plugins that stages of either run used.
fn plugins(a: &Past, b: &Past, found: &mut Vec<String>) {
    let used = |run: &Past, hash: &str| {
        let mut stages = run.stages.iter();
        stages.any(|stage| {
            let text = serde_json::to_string(&stage.what).unwrap_or_default();
            text.contains(hash)
        })
    };
    let short = |hash: &str| hash.chars().take(8).collect::<String>();
    for new in &b.record.plugins {
        let mut known = a.record.plugins.iter();
        let old = known.find(|old| (&old.kind, &old.id) == (&new.kind, &new.id));
        if let Some(old) = old
            && old.hash != new.hash
            && (used(a, &old.hash) || used(b, &new.hash))
        {
            found.push(format!(
                "plugin {}/{}: {} ({}) → {} ({})",
                new.kind,
                new.id,
                old.version,
                short(&old.hash),
                new.version,
                short(&new.hash)
            ));
        }
    }
}
