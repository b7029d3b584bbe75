//! Results put together from ranges of layers.

use super::read::settings;
use super::{Model, Position, RecipeError, Settings};
use crate::document::{Document, Entry, Node, Raw, get};
use serde_json::Value;
use std::ops::Range;

/// Consecutive layers of the result, and what they are merged from.
#[derive(Debug, Clone)]
pub struct Slice {
    /// Ranges of the same length, each of another model.
    pub sources: Vec<SliceSource>,
    /// The component of the models whose layers they are, an index in
    /// [`Recipe::modules`](super::Recipe::modules). `None` where there are no modules.
    pub module: Option<usize>,
    /// Parameter values for these layers. Those of a source come first, those of its model
    /// second, these third, those of the module fourth.
    pub params: Settings,
    /// Where it stands in the recipe.
    pub at: Position,
}

/// Layers of one model.
#[derive(Debug, Clone)]
pub struct SliceSource {
    /// Index in [`Recipe::models`](super::Recipe::models).
    pub model: usize,
    /// Numbers of the layers, from 0, the end excluded. `None` for all layers that a module of the
    /// model has: a slice whose sources have none is that module, whole.
    pub layers: Option<Range<usize>>,
    /// Parameter values of this source.
    pub params: Settings,
    /// Where it stands in the recipe.
    pub at: Position,
}

impl Slice {
    /// Number of layers; 0 where it is a whole module, as only the models know.
    pub fn layers(&self) -> usize {
        let first = self.sources.first().and_then(|s| s.layers.as_ref());
        first.map_or(0, Range::len)
    }

    /// Whether it is a whole module.
    pub fn is_whole(&self) -> bool {
        self.sources.iter().all(|source| source.layers.is_none())
    }
}

/// The words of a format for the same things.
pub(super) struct Words {
    pub(super) layers: &'static str,
    pub(super) params: &'static str,
    /// Whether the parameters of a source stand beside its other keys.
    pub(super) inline: bool,
    /// A key of a slice that the caller reads.
    pub(super) more: Option<&'static str>,
}

/// Reads `slices`. `model` finds the model that a source names, or adds it; `params` reads a
/// table of parameters.
pub(super) fn read(
    document: Document<'_>,
    node: &Node,
    words: &Words,
    mut model: impl FnMut(&Node, &[SliceSource]) -> Result<usize, RecipeError>,
    mut params: impl FnMut(&Node) -> Result<Settings, RecipeError>,
) -> Result<Vec<Slice>, RecipeError> {
    let mut slices = Vec::new();
    for node in document.list("slices", node)? {
        let entries = document.table("slices", node)?;
        if let Some(entry) = entries.iter().find(|e| e.key == "residual_weight") {
            return Err(document.error(
                entry.at,
                "`residual_weight` of a slice is read by no tool: leave it out",
            ));
        }
        let mut known = vec!["sources", words.params];
        known.extend(words.more);
        document.check_keys("a slice", entries, &known)?;
        let list = get(entries, "sources")
            .ok_or_else(|| document.error(node.at, "this slice has no `sources`"))?;
        let mut sources: Vec<SliceSource> = Vec::new();
        for node in document.list("sources", list)? {
            let source = source(document, node, words, &sources, &mut model, &mut params)?;
            let count = |s: &SliceSource| s.layers.as_ref().map_or(0, Range::len);
            if let Some(first) = sources.first()
                && count(first) != count(&source)
            {
                return Err(document.error(
                    source.at,
                    format!(
                        "the sources of a slice are merged layer by layer, and this one has {} \
                         layers, the first one {}: give all the same number",
                        count(&source),
                        count(first)
                    ),
                ));
            }
            sources.push(source);
        }
        if sources.is_empty() {
            return Err(document.error(list.at, "`sources` is empty: name at least one model"));
        }
        slices.push(Slice {
            sources,
            module: None,
            params: match given(entries, words.params) {
                Some(node) => params(node)?,
                None => Settings::new(),
            },
            at: node.at,
        });
    }
    if slices.is_empty() {
        return Err(document.error(
            node.at,
            "`slices` is empty: the result would have no layers",
        ));
    }
    Ok(slices)
}

fn source(
    document: Document<'_>,
    node: &Node,
    words: &Words,
    before: &[SliceSource],
    model: &mut impl FnMut(&Node, &[SliceSource]) -> Result<usize, RecipeError>,
    params: &mut impl FnMut(&Node) -> Result<Settings, RecipeError>,
) -> Result<SliceSource, RecipeError> {
    let entries = document.table("sources", node)?;
    let known = ["model", words.layers, words.params];
    if !words.inline {
        document.check_keys("a source", entries, &known)?;
    }
    let named = get(entries, "model")
        .ok_or_else(|| document.error(node.at, "this source has no `model`"))?;
    let layers = match get(entries, words.layers) {
        Some(node) => range(document, words.layers, node)?,
        None => {
            let near = entries.iter().find(|e| {
                mergelab_abi::suggest::nearest(&e.key, [words.layers]).is_some()
                    || e.key.contains("layer")
            });
            let (at, hint) = match near {
                Some(entry) => (
                    entry.at,
                    format!(" Did you mean it where `{}` stands?", entry.key),
                ),
                None => (node.at, String::new()),
            };
            let message = format!("this source has no `{}`.{hint}", words.layers);
            return Err(document.error(at, message));
        }
    };
    let mut own = match given(entries, words.params) {
        Some(node) => params(node)?,
        None => Settings::new(),
    };
    let inline: Vec<Entry> = entries
        .iter()
        .filter(|e| words.inline && !known.contains(&e.key.as_str()))
        .cloned()
        .collect();
    for (name, setting) in settings(document, &inline)? {
        let at = setting.at;
        if own.insert(name.clone(), setting).is_some() {
            return Err(document.error(at, format!("`{name}` is given twice to this source")));
        }
    }
    Ok(SliceSource {
        model: model(named, before)?,
        layers: Some(layers),
        params: own,
        at: node.at,
    })
}

fn given<'n>(entries: &'n [Entry], key: &str) -> Option<&'n Node> {
    get(entries, key).filter(|n| !matches!(n.raw, Raw::Scalar(Value::Null)))
}

/// `[first, end]`.
fn range(document: Document<'_>, name: &str, node: &Node) -> Result<Range<usize>, RecipeError> {
    let bounds = node.to_json();
    let bound = |i: usize| bounds[i].as_u64().and_then(|n| usize::try_from(n).ok());
    let two = bounds.as_array().is_some_and(|list| list.len() == 2);
    match (bound(0), bound(1)) {
        (Some(first), Some(end)) if two && first < end => Ok(first..end),
        (Some(first), Some(end)) if two => Err(document.error(
            node.at,
            format!(
                "`{name}` = [{first}, {end}] has no layers: the second number is one past the \
                 last layer"
            ),
        )),
        _ => Err(document.error(
            node.at,
            format!("`{name}` takes two whole numbers, the first layer and one past the last one"),
        )),
    }
}

/// The index of the `n`-th model with this input, added where there is none. A slice may take two
/// ranges of one model; these are two models then, as masks and parameters tell them apart.
pub(super) fn find_or_add(models: &mut Vec<Model>, new: Model, before: &[SliceSource]) -> usize {
    let used = |i: usize| before.iter().any(|source| source.model == i);
    let free = models
        .iter()
        .enumerate()
        .position(|(i, m)| m.input == new.input && !used(i));
    free.unwrap_or_else(|| {
        models.push(new);
        models.len() - 1
    })
}
