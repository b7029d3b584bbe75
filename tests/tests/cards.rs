//! Every plugin has a card that names what can be set.

use mergelab_abi::loader::PluginLibrary;
use mergelab_tests::{libraries, workspace_root};
use std::fs;

/// Lines that a card may have: it is read whole.
const LONGEST: usize = 70;

/// What a card lacks.
fn gaps(kind: &str, id: &str) -> Vec<String> {
    let path = workspace_root().join(format!("plugins/{kind}s/{id}/README.md"));
    let Ok(card) = fs::read_to_string(&path) else {
        return vec![format!("{} cannot be read", path.display())];
    };
    let library = PluginLibrary::open(&libraries::library(kind, id))
        .unwrap_or_else(|refusal| panic!("{id}: {refusal}"));
    let mut missing = Vec::new();
    let mut need = |what: &str, text: String| {
        if !card.contains(&text) {
            missing.push(format!("{id}: the card does not name {what} {text}"));
        }
    };
    for info in library.plugins() {
        need("the plugin", format!("# {}", info.id));
        for parameter in info.parameters.names() {
            need("the parameter", format!("`{parameter}`"));
        }
        let choices = info.parameters.parameters.iter().flat_map(|p| &p.choices);
        for choice in choices.filter(|_| kind != "method") {
            need("the choice", format!("`{choice}`"));
        }
        for preset in info.method.iter().flat_map(|m| m.presets.keys()) {
            need("the preset", format!("`{}@{preset}`", info.id));
        }
    }
    if card.lines().count() > LONGEST {
        missing.push(format!("{id}: the card is longer than {LONGEST} lines"));
    }
    missing
}

#[test]
fn cards_name_every_parameter_and_preset() {
    let plugins = libraries::ids().into_iter();
    let gaps: Vec<String> = plugins.flat_map(|(kind, id)| gaps(kind, &id)).collect();
    assert!(gaps.is_empty(), "{}", gaps.join("\n"));
}
