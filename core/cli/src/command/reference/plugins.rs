//! The page about the plugins: what each says about itself.

use crate::command::plugin::{facts, parameter};
use mergelab_abi::{
    Kind,
    registry::{Plugin, Registry},
};
use std::fmt::Write as _;

pub(super) fn page(registry: &Registry) -> String {
    let mut text = String::from(
        "# Plugins\n\nWritten by `mergelab reference`, from what the plugins say about themselves. \
         `mergelab plugin show ID` prints one. The card of each, `README.md` in its folder, has the \
         formulas and the papers.\n",
    );
    for (kind, title) in [
        (Kind::Method, "Merge methods"),
        (Kind::Task, "Tasks"),
        (Kind::Metric, "Metrics"),
    ] {
        let mut plugins: Vec<&Plugin> = registry
            .plugins()
            .filter(|plugin| plugin.info.kind == kind)
            .collect();
        plugins.sort_by(|a, b| a.info.id.cmp(&b.info.id));
        plugins.dedup_by(|a, b| a.info.id == b.info.id);
        let _ = write!(text, "\n## {title}\n");
        if plugins.is_empty() {
            text.push_str("\nNone were found.\n");
        }
        for plugin in plugins {
            describe(plugin, &mut text);
        }
    }
    text
}

fn describe(plugin: &Plugin, text: &mut String) {
    let info = &plugin.info;
    let _ = write!(text, "\n### {}\n\n{}\n\n", info.id, escape(&info.summary));
    let said: Vec<String> = facts(info)
        .iter()
        .map(|(name, value)| format!("{name}: {}", escape(value)))
        .collect();
    if !said.is_empty() {
        let _ = write!(text, "{}.\n\n", said.join("; "));
    }
    let parameters = &info.parameters.parameters;
    if parameters.is_empty() {
        text.push_str("No parameters.\n");
    } else {
        text.push_str("| parameter | type | default | range | meaning |\n|---|---|---|---|---|\n");
        for own in parameters {
            let [name, value_type, default, range, meaning] = parameter(own);
            let fields = [
                format!("`{}`", name.trim()),
                value_type,
                escape(&default),
                escape(&range),
                escape(&meaning),
            ];
            let _ = writeln!(text, "| {} |", fields.join(" | "));
        }
    }
    let presets = info.method.iter().flat_map(|method| &method.presets);
    let mut presets = presets.peekable();
    if presets.peek().is_some() {
        text.push_str("\n| preset | values |\n|---|---|\n");
        for (name, values) in presets {
            let values: Vec<String> = values.iter().map(|(k, v)| format!("`{k} = {v}`")).collect();
            let _ = writeln!(text, "| `{}@{name}` | {} |", info.id, values.join(", "));
        }
    }
}

/// Text that a table of Markdown takes as it is.
fn escape(text: &str) -> String {
    let mut escaped = text.lines().collect::<Vec<_>>().join(" ");
    for sign in ["|", "<", "*"] {
        escaped = escaped.replace(sign, &format!("\\{sign}"));
    }
    escaped.trim().to_owned()
}
