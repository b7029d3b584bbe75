//! Results whose components are merged each in its own way.

use super::read::settings;
use super::slices::{self, Slice, SliceSource, Words};
use super::{Position, RecipeError, Settings};
use crate::document::{Document, Entry, Node, Raw, get};
use serde_json::Value;

/// A component of the models, such as the text decoder or the vision tower.
///
/// The slices that name it ([`Slice::module`]) say what it is merged from. Which tensors are in it
/// follows from the architecture.
#[derive(Debug, Clone)]
pub struct Module {
    /// What the architecture calls it, or what stands before the numbers of its layers.
    pub name: String,
    /// Parameter values for its tensors; those of its slices come first.
    pub params: Settings,
    /// Where it stands in the recipe.
    pub at: Position,
}

/// The words of our TOML for `slices` and for the models of a module.
pub(super) const WORDS: Words = Words {
    layers: "layers",
    params: "params",
    inline: true,
    more: None,
};

/// Reads `[[modules]]` of our TOML: `name`, `params`, and `models` or `slices`. `model` finds the
/// model that a source names.
pub(super) fn read(
    document: Document<'_>,
    node: &Node,
    mut model: impl FnMut(&Node, &[SliceSource]) -> Result<usize, RecipeError>,
) -> Result<(Vec<Module>, Vec<Slice>), RecipeError> {
    let mut modules: Vec<Module> = Vec::new();
    let mut all = Vec::new();
    for node in document.list("modules", node)? {
        let entries = document.table("modules", node)?;
        document.check_keys("a module", entries, &["name", "models", "slices", "params"])?;
        let name = get(entries, "name")
            .ok_or_else(|| document.error(node.at, "this module has no `name`"))?;
        let text = document.text("name", name)?;
        if modules.iter().any(|module| module.name == text) {
            return Err(document.error(name.at, format!("the module `{text}` is there twice")));
        }
        let params = |node: &Node| settings(document, document.table("params", node)?);
        let own = get(entries, "params").map(params).transpose()?;
        let read = match (get(entries, "models"), get(entries, "slices")) {
            (Some(list), None) => vec![whole(document, node, list, &WORDS, &mut model, params)?],
            (None, Some(list)) => slices::read(document, list, &WORDS, &mut model, params)?,
            _ => {
                let message = "a module takes either `models` or `slices`";
                return Err(document.error(node.at, message));
            }
        };
        add(&mut all, read, modules.len());
        modules.push(Module {
            name: text.to_owned(),
            params: own.unwrap_or_default(),
            at: name.at,
        });
    }
    if modules.is_empty() {
        return Err(document.error(node.at, "`modules` is empty: leave it out"));
    }
    Ok((modules, all))
}

/// Adds the slices of a module to those of all.
pub(super) fn add(all: &mut Vec<Slice>, of_module: Vec<Slice>, module: usize) {
    all.extend(of_module.into_iter().map(|slice| Slice {
        module: Some(module),
        ..slice
    }));
}

/// Reads the `models` of a module, which are one slice of all its layers.
pub(super) fn whole(
    document: Document<'_>,
    module: &Node,
    list: &Node,
    words: &Words,
    mut model: impl FnMut(&Node, &[SliceSource]) -> Result<usize, RecipeError>,
    mut params: impl FnMut(&Node) -> Result<Settings, RecipeError>,
) -> Result<Slice, RecipeError> {
    let mut sources: Vec<SliceSource> = Vec::new();
    for node in document.list("models", list)? {
        let entries = document.table("models", node)?;
        let known = ["model", words.params];
        if !words.inline {
            document.check_keys("a model", entries, &known)?;
        }
        let named = get(entries, "model")
            .ok_or_else(|| document.error(node.at, "this entry has no `model`"))?;
        let given =
            get(entries, words.params).filter(|node| !matches!(node.raw, Raw::Scalar(Value::Null)));
        let mut own = given.map(&mut params).transpose()?.unwrap_or_default();
        let inline = entries
            .iter()
            .filter(|e| words.inline && !known.contains(&e.key.as_str()));
        let inline: Vec<Entry> = inline.cloned().collect();
        for (name, setting) in settings(document, &inline)? {
            let at = setting.at;
            if own.insert(name.clone(), setting).is_some() {
                return Err(document.error(at, format!("`{name}` is given twice to this model")));
            }
        }
        sources.push(SliceSource {
            model: model(named, &sources)?,
            layers: None,
            params: own,
            at: node.at,
        });
    }
    if sources.is_empty() {
        return Err(document.error(list.at, "`models` is empty: name at least one model"));
    }
    Ok(Slice {
        sources,
        module: None,
        params: Settings::new(),
        at: module.at,
    })
}
