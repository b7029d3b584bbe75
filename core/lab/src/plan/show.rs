//! A plan as text.

use super::Plan;
use crate::cell::Role;
use std::{collections::BTreeMap, fmt::Write as _};

/// In place of a key that is not known.
const UNKNOWN: &str = "?";

impl Plan {
    /// Stages that have an artifact, and stages that will run, by kind.
    pub fn counts(&self) -> BTreeMap<&'static str, (usize, usize)> {
        let mut counts = BTreeMap::new();
        for node in &self.nodes {
            let (cached, pending) = counts.entry(node.spec.what.kind()).or_insert((0, 0));
            *(if node.cached { cached } else { pending }) += 1;
        }
        counts
    }

    /// What is missing, a line each, and how many stages wait for it. Empty where nothing is.
    pub fn show_missing(&self) -> String {
        let mut text = String::new();
        if self.missing.is_empty() {
            return text;
        }
        text.push_str("Missing:\n");
        for missing in &self.missing {
            let _ = writeln!(text, "  {missing}");
        }
        let waiting = self.nodes.iter().filter(|node| node.waits()).count();
        if waiting > 0 {
            let _ = writeln!(
                text,
                "{waiting} of {} stages wait for rows or a base that are missing; their keys are \
                 not known yet.",
                self.nodes.len()
            );
        }
        text.push('\n');
        text
    }

    /// One line per stage that trains or merges; stages that evaluate are counted, unless `all`.
    pub fn show(&self, all: bool) -> String {
        let mut text = self.show_missing();
        for node in &self.nodes {
            let kind = node.spec.what.kind();
            if !all && (kind == "generate" || kind == "score") {
                continue;
            }
            let (state, key) = match (node.waits(), node.cached) {
                (true, _) => ("waits", UNKNOWN),
                (false, true) => ("cached", &node.key[..12]),
                (false, false) => ("run", &node.key[..12]),
            };
            let _ = writeln!(text, "{state:7} {key:12}  {}", node.name);
        }
        for model in &self.models {
            if model.label.role == Role::Served {
                let said = |key: &str| {
                    let value = model.label.parameters.get(key).and_then(|v| v.as_str());
                    value.unwrap_or_default().to_owned()
                };
                let (name, model, url) = (&model.label.name, said("model"), said("url"));
                let _ = writeln!(text, "{:7} {:12}  {name}: {model} at {url}", "served", "");
            }
        }
        for (kind, (cached, pending)) in self.counts() {
            let _ = writeln!(text, "{kind:9} {cached:5} cached {pending:5} to run");
        }
        for selection in &self.selections {
            let _ = writeln!(text, "{}", crate::tables::outcome(selection));
        }
        match self.later() {
            0 => {}
            1 => text.push_str("1 more evaluation follows from what is chosen\n"),
            more => {
                let _ = writeln!(
                    text,
                    "up to {more} more evaluations follow from what is chosen"
                );
            }
        }
        let _ = writeln!(
            text,
            "{} models, {} cells of model × task × language",
            self.models.len(),
            self.cells.len()
        );
        text
    }
}
