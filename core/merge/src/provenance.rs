//! What a merged checkpoint says about where it comes from.
//!
//! Two files stand beside the weights: `README.md`, a Hugging Face model card, and
//! [`RECORD_NAME`], the same for programs, with a hash of every tensor.

use crate::plan::{Action, Plan};
use crate::side_files::pretty;
use serde::Serialize;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::fmt::Write as _;

/// Name of the machine-readable record.
pub const RECORD_NAME: &str = "mergelab-merge.json";

/// Version of the record's layout.
const RECORD_VERSION: u32 = 1;

const VERSION: &str = env!("CARGO_PKG_VERSION");

/// An input as the records name it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct InputRecord {
    /// `base`, or the model's id.
    pub id: String,
    /// Path of the checkpoint, as written in the recipe.
    pub path: String,
    /// Its content hash, in hex, unless hashing was switched off
    /// ([`mergelab_checkpoint::content_hash`]).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub content_hash: Option<String>,
    /// Path of the adapter.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub adapter: Option<String>,
    /// Content hash of the adapter's weights.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub adapter_hash: Option<String>,
    /// BLAKE3 of the adapter's configuration.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub adapter_config_hash: Option<String>,
}

/// The merge method as the records name it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct PluginRecord {
    /// Its id.
    pub id: String,
    /// Version of the crate that holds it.
    pub version: String,
    /// Name of the library that holds it; absent where it is part of the program.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub file: Option<String>,
    /// BLAKE3 of that library, in hex.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hash: Option<String>,
}

impl PluginRecord {
    pub(crate) fn of(plan: &Plan<'_>) -> Self {
        let plugin = &plan.plugin;
        let name = |path: &std::path::PathBuf| {
            let name = path.file_name().unwrap_or(path.as_os_str());
            name.to_string_lossy().into_owned()
        };
        Self {
            id: plugin.info.id.clone(),
            version: plugin.info.version.clone(),
            file: plugin.file.as_ref().map(name),
            hash: plugin.hash.clone(),
        }
    }
}

/// The machine-readable record.
pub(crate) fn record(
    plan: &Plan<'_>,
    inputs: &[InputRecord],
    hashes: &BTreeMap<String, String>,
    statistics: &BTreeMap<String, f64>,
    numbers: &BTreeMap<String, BTreeMap<String, f64>>,
    device: Option<&str>,
) -> Vec<u8> {
    let tensors: serde_json::Map<String, Value> = plan
        .tensors()
        .iter()
        .map(|tensor| {
            let mut entry = json!({
                "dtype": tensor.dtype.name(),
                "shape": tensor.shape,
                "blake3": hashes.get(&tensor.name),
            });
            match &tensor.action {
                Action::Merge { parameters, .. } => entry["parameters"] = json!(parameters),
                Action::Copy { reason } => entry["copied"] = json!(reason),
            }
            (tensor.name.clone(), entry)
        })
        .collect();
    let parameters: Vec<&serde_json::Map<String, Value>> =
        plan.instances.iter().map(|i| &i.params).collect();
    let mut record = json!({
        "version": RECORD_VERSION,
        "mergelab": VERSION,
        "recipe": plan.recipe.to_json(),
        "plugin": PluginRecord::of(plan),
        "inputs": inputs,
        "parameters": parameters,
        "notes": plan.notes(),
        "tensors": tensors,
    });
    let dropped: serde_json::Map<String, Value> = plan
        .dropped()
        .iter()
        .map(|tensor| (tensor.name.clone(), json!(tensor.reason)))
        .collect();
    if !dropped.is_empty() {
        record["dropped"] = json!(dropped);
    }
    // What few methods have.
    if !statistics.is_empty() {
        record["statistics"] = json!(statistics);
    }
    if !numbers.is_empty() {
        record["artifacts"] = json!(numbers);
    }
    // The engine on the CPU needs no name: it gives the same bytes everywhere.
    if let Some(device) = device {
        record["device"] = json!(device);
    }
    pretty(&record)
}

/// The model card.
pub(crate) fn card(plan: &Plan<'_>, inputs: &[InputRecord]) -> Vec<u8> {
    let mut text = String::from("---\n");
    let mut bases: Vec<&str> = Vec::new();
    for input in inputs {
        for path in [Some(&input.path), input.adapter.as_ref()]
            .into_iter()
            .flatten()
        {
            if !bases.contains(&path.as_str()) {
                bases.push(path);
            }
        }
    }
    text.push_str("base_model:\n");
    for base in bases {
        // JSON texts are YAML texts.
        let _ = writeln!(text, "- {}", json!(base));
    }
    text.push_str("base_model_relation: merge\nlibrary_name: transformers\ntags:\n- mergelab\n- merge\n---\n\n");

    let plugin = PluginRecord::of(plan);
    let _ = writeln!(text, "# Merged model\n");
    let _ = writeln!(
        text,
        "Merged by [mergelab](https://github.com/mergelab/mergelab) {VERSION} with the method \
         `{}` (plugin version {}{}). Seed: {}.\n",
        plan.recipe.method_name(),
        plugin.version,
        plugin
            .hash
            .as_ref()
            .map(|hash| format!(", BLAKE3 `{hash}`"))
            .unwrap_or_default(),
        plan.recipe.seed,
    );
    text.push_str("## Inputs\n\n| id | checkpoint | content hash | adapter | adapter hash |\n|---|---|---|---|---|\n");
    for input in inputs {
        let cell = |value: &Option<String>| {
            value
                .as_ref()
                .map(|v| format!("`{}`", v.replace('|', "\\|")))
                .unwrap_or_default()
        };
        let _ = writeln!(
            text,
            "| {} | `{}` | {} | {} | {} |",
            input.id.replace('|', "\\|"),
            input.path.replace('|', "\\|"),
            cell(&input.content_hash),
            cell(&input.adapter),
            cell(&input.adapter_hash),
        );
    }
    let _ = write!(
        text,
        "\n## Recipe\n\n```toml\n{}```\n\n",
        plan.recipe.to_toml()
    );
    if !plan.notes().is_empty() {
        text.push_str("## Notes\n\n");
        for note in plan.notes() {
            let _ = writeln!(text, "- {note}");
        }
        text.push('\n');
    }
    let _ = writeln!(
        text,
        "`{RECORD_NAME}` has the resolved parameters and a hash of every tensor."
    );
    text.into_bytes()
}
