//! Models, recipes, plugins, settings, the manifest.

use super::figures::table;
use crate::{
    figure::Grid,
    run::{Model, Run},
};
use maud::{Markup, html};
use serde_json::Value;

pub(super) fn section(run: &Run) -> Markup {
    let record = &run.record;
    html! {
        section id="provenance" {
            h2 { "Recipes and provenance" }
            p {
                "mergelab " (record.mergelab) ". BLAKE3 of the manifest: "
                code { (record.manifest_blake3) } "."
            }
            details {
                summary { "Models and recipes (" (record.models.len()) ")" }
                (table(&models(run), "Models and recipes"))
            }
            details {
                summary { "Plugins (" (record.plugins.len()) ")" }
                (table(&plugins(run), "Plugins"))
            }
            details {
                summary { "Data sets (" (record.datasets.len()) ")" }
                (table(&datasets(run), "Data sets"))
            }
            details {
                summary { "Settings of the comparisons" }
                (table(&settings(run), "Settings of the comparisons"))
            }
            @if !record.failures.is_empty() {
                details {
                    summary { "Stages that failed (" (record.failures.len()) ")" }
                    (table(&failures(run), "Stages that failed"))
                }
            }
            @if let Some(manifest) = &run.manifest {
                details {
                    summary { "Manifest" }
                    pre tabindex="0" { code { (manifest) } }
                }
            }
        }
    }
}

fn head<const N: usize>(names: [&str; N]) -> Vec<String> {
    names.map(str::to_owned).to_vec()
}

/// Replicates stand under their means.
fn models(run: &Run) -> Grid {
    let row = |model: &Model| {
        let seed = model.replicate.or(model.seed);
        let plugin = model.plugin.as_ref();
        vec![
            model.name.clone(),
            model.role.clone(),
            model.method.clone().unwrap_or_default(),
            match model.parameters.is_empty() {
                true => String::new(),
                false => Value::Object(model.parameters.clone()).to_string(),
            },
            seed.map_or(String::new(), |s| s.to_string()),
            match model.is("merge") {
                true => model.experts.join(", "),
                false => model.languages.join(", "),
            },
            plugin.map_or(String::new(), |p| {
                format!("{} {} {}", p.id, p.version, p.hash)
            }),
            model.key.clone(),
        ]
    };
    Grid {
        header: head([
            "model",
            "role",
            "method",
            "parameters",
            "seed",
            "made from",
            "plugin",
            "key",
        ]),
        rows: run.record.models.iter().map(row).collect(),
    }
}

fn plugins(run: &Run) -> Grid {
    Grid {
        header: head(["plugin", "kind", "version", "BLAKE3 of the library"]),
        rows: run
            .record
            .plugins
            .iter()
            .map(|p| {
                [&p.id, &p.kind, &p.version, &p.hash]
                    .map(String::clone)
                    .to_vec()
            })
            .collect(),
    }
}

fn text(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

fn datasets(run: &Run) -> Grid {
    let field = |set: &serde_json::Map<String, Value>, name: &str| {
        set.get(name).map_or(String::new(), text)
    };
    Grid {
        header: head(["data set", "version", "BLAKE3 of the card"]),
        rows: run
            .record
            .datasets
            .iter()
            .map(|set| {
                ["name", "version", "card_blake3"]
                    .map(|name| field(set, name))
                    .to_vec()
            })
            .collect(),
    }
}

fn settings(run: &Run) -> Grid {
    let all = run.record.statistics.iter();
    Grid {
        header: head(["setting", "value"]),
        rows: all
            .map(|(name, value)| vec![name.clone(), text(value)])
            .collect(),
    }
}

fn failures(run: &Run) -> Grid {
    let all = run.record.failures.iter();
    Grid {
        header: head(["stage", "message"]),
        rows: all
            .map(|f| vec![f.stage.clone(), f.message.clone()])
            .collect(),
    }
}
