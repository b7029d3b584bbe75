//! Our TOML.

use super::modules;
use super::slices::{self, SliceSource};
use super::{
    ChatTemplate, Compute, InputPath, MAX_SHARD, Model, Recipe, RecipeError, Rules, Setting,
    Settings, TokenizerRecipe, TokenizerSource, tokenizer,
};
use crate::document::{Document, Entry, Node, Raw, get, read_toml};
use mergelab_abi::suggest::hint;
use mergelab_abi::working::Working;
use serde_json::Value;
use std::path::{Path, PathBuf};

const KEYS: [&str; 14] = [
    "method",
    "base",
    "models",
    "slices",
    "modules",
    "params",
    "seed",
    "compute",
    "out_dtype",
    "tokenizer_source",
    "tokenizer",
    "chat_template",
    "max_shard",
    "rules",
];

/// Keys of a `[[models]]` entry that are no parameters.
pub(crate) const MODEL_KEYS: [&str; 4] = ["id", "path", "adapter", "params"];

impl Recipe {
    /// Reads a recipe in our TOML. `file` is for messages, and relative paths start in its folder.
    ///
    /// # Errors
    /// What is wrong, with file, line and column. Parameters are checked later, by
    /// [`Plan::new`](crate::Plan::new), since only the method knows them.
    pub fn parse_toml(text: &str, file: &Path) -> Result<Self, RecipeError> {
        let document = Document { file };
        let root = read_toml(text, file)?;
        let entries = document.table("the recipe", &root)?;
        document.check_keys("a recipe", entries, &KEYS)?;

        let method = get(entries, "method").ok_or_else(|| {
            document.error(
                root.at,
                "there is no `method`: name a merge method, such as method = \"ties\"",
            )
        })?;
        let mut recipe = Recipe::new(document.text("method", method)?);
        recipe.file = Some(file.to_owned());
        recipe.root = file.parent().unwrap_or(Path::new("")).to_owned();
        recipe.method_at = method.at;
        recipe.base = get(entries, "base")
            .map(|node| input(document, "base", node))
            .transpose()?;

        let models = get(entries, "models").ok_or_else(|| {
            document.error(
                root.at,
                "there are no models: write one [[models]] table for each",
            )
        })?;
        for node in document.list("models", models)? {
            let model = read_model(document, node, recipe.base.as_ref())?;
            recipe.models.push(model);
        }
        if recipe.models.is_empty() {
            return Err(document.error(models.at, "`models` is empty: name at least one model"));
        }
        recipe.check_ids()?;

        if let Some(node) = get(entries, "params") {
            recipe.params = settings(document, document.table("params", node)?)?;
        }
        if let Some(node) = get(entries, "seed") {
            recipe.seed = match &node.raw {
                Raw::Scalar(Value::Number(n)) if n.as_u64().is_some() => {
                    n.as_u64().unwrap_or_default()
                }
                _ => {
                    return Err(document.error(node.at, "`seed` takes a whole number from 0 up"));
                }
            };
        }
        if let Some(node) = get(entries, "compute") {
            recipe.compute = match document.text("compute", node)? {
                "storage" => Compute::Storage,
                _ => Compute::In(dtype(document, "compute", node, &["storage"])?),
            };
        }
        recipe.out_dtype = get(entries, "out_dtype")
            .map(|node| dtype(document, "out_dtype", node, &[]))
            .transpose()?;
        recipe.rules = match get(entries, "rules") {
            None => Rules::Own,
            Some(node) => match document.text("rules", node)? {
                "mergekit" => Rules::Mergekit,
                "mergelab" => Rules::Own,
                other => {
                    let message = format!(
                        "`rules` = \"{other}\" is not one of mergelab, mergekit{}",
                        ": leave it out for mergelab's own"
                    );
                    return Err(document.error(node.at, message));
                }
            },
        };
        recipe.preset_may_lack = recipe.rules == Rules::Mergekit;
        read_parts(document, entries, &mut recipe)?;
        recipe.tokenizer = read_tokenizer(document, entries, &recipe)?;
        recipe.chat_template = get(entries, "chat_template")
            .map(|node| ChatTemplate::read(document, node))
            .transpose()?;
        recipe.max_shard = match get(entries, "max_shard") {
            None => MAX_SHARD,
            Some(node) => bytes(&node.to_json()).ok_or_else(|| {
                document.error(
                    node.at,
                    "`max_shard` takes a size such as \"5GB\" or \"500MB\", or a number of bytes",
                )
            })?,
        };
        Ok(recipe)
    }
}

/// `[[slices]]` or `[[modules]]`, whose sources name models by id.
fn read_parts(
    document: Document<'_>,
    entries: &[Entry],
    recipe: &mut Recipe,
) -> Result<(), RecipeError> {
    let (whole, modular) = (get(entries, "slices"), get(entries, "modules"));
    if let (Some(_), Some(node)) = (whole, modular) {
        let message = "`slices` and `modules` exclude one another: put the slices into a module";
        return Err(document.error(node.at, message));
    }
    let base = recipe.base.clone();
    let models = &mut recipe.models;
    let find = |node: &Node, before: &[SliceSource]| {
        let id = document.text("model", node)?;
        let found = models.iter().position(|m| m.id == id);
        let index = match (found, &base) {
            (Some(index), _) => index,
            (None, Some(base)) if id == "base" => {
                models.push(Model::new("base", base.clone()));
                models.len() - 1
            }
            _ => {
                let known: Vec<&str> = models.iter().map(|m| m.id.as_str()).collect();
                let message = format!("no model is called `{id}`.{}", hint(id, known));
                return Err(document.error(node.at, message));
            }
        };
        if before.iter().any(|source| source.model == index) {
            let message = format!(
                "`{id}` is a source of this slice twice: give the second one an entry of its own \
                 in [[models]], with another `id`"
            );
            return Err(document.error(node.at, message));
        }
        Ok(index)
    };
    let params = |node: &Node| settings(document, document.table("params", node)?);
    if let Some(node) = whole {
        recipe.slices = slices::read(document, node, &modules::WORDS, find, params)?;
    } else if let Some(node) = modular {
        (recipe.modules, recipe.slices) = modules::read(document, node, find)?;
    } else {
        return Ok(());
    }
    let used = recipe.slices.iter().flat_map(|slice| &slice.sources);
    let unused = recipe
        .models
        .iter()
        .enumerate()
        .find(|(i, _)| used.clone().all(|source| source.model != *i));
    match unused {
        None => Ok(()),
        Some((_, model)) => {
            let place = match modular {
                None => "a source of no slice: name it in one",
                Some(_) => "in no module: name it in one",
            };
            let message = format!("model `{}` is {place}, or remove it", model.id);
            Err(document.error(model.at, message))
        }
    }
}

/// `tokenizer`, or the short form `tokenizer_source`.
fn read_tokenizer(
    document: Document<'_>,
    entries: &[Entry],
    recipe: &Recipe,
) -> Result<TokenizerRecipe, RecipeError> {
    let model = |node: &Node| -> Result<InputPath, RecipeError> {
        if !matches!(node.raw, Raw::Scalar(_)) {
            return input(document, "model", node);
        }
        let text = document.text("model", node)?;
        let found = recipe.models.iter().find(|m| m.id == text);
        Ok(match (found, &recipe.base) {
            (Some(model), _) => model.input.clone(),
            (None, Some(base)) if text == "base" => base.clone(),
            _ => InputPath::parse(text),
        })
    };
    let (short, long) = (get(entries, "tokenizer_source"), get(entries, "tokenizer"));
    let read = match (short, long) {
        (None, None) => return Ok(TokenizerRecipe::default()),
        (Some(node), None) => TokenizerRecipe {
            source: tokenizer::source(document, "tokenizer_source", node)?,
            at: node.at,
            ..TokenizerRecipe::default()
        },
        (None, Some(node)) => tokenizer::read(document, node, &model)?,
        (Some(node), Some(_)) => {
            return Err(document.error(
                node.at,
                "`tokenizer_source` and `tokenizer` say the same: write one of them",
            ));
        }
    };
    // mergekit's `base` is the first model then.
    let own = recipe.rules == Rules::Own;
    if own && read.source == TokenizerSource::Base && recipe.base.is_none() {
        return Err(document.error(
            read.at,
            "`tokenizer_source` is \"base\" and there is no `base`: name a folder",
        ));
    }
    Ok(read)
}

/// A path, `path+adapter`, or a table with both.
fn input(document: Document<'_>, name: &str, node: &Node) -> Result<InputPath, RecipeError> {
    let Raw::Table(entries) = &node.raw else {
        return Ok(InputPath::parse(document.text(name, node)?));
    };
    document.check_keys(&format!("`{name}`"), entries, &["path", "adapter"])?;
    let path = get(entries, "path")
        .ok_or_else(|| document.error(node.at, format!("`{name}` has no `path`")))?;
    let adapter = get(entries, "adapter")
        .map(|n| document.text("adapter", n))
        .transpose()?;
    Ok(InputPath {
        path: document.text("path", path)?.into(),
        adapter: adapter.map(PathBuf::from),
    })
}

fn read_model(
    document: Document<'_>,
    node: &Node,
    base: Option<&InputPath>,
) -> Result<Model, RecipeError> {
    let entries = document.table("models", node)?;
    let adapter = get(entries, "adapter")
        .map(|n| document.text("adapter", n))
        .transpose()?
        .map(PathBuf::from);
    let input = match (get(entries, "path"), adapter) {
        (Some(path), None) => InputPath::parse(document.text("path", path)?),
        (Some(path), adapter) => InputPath {
            path: document.text("path", path)?.into(),
            adapter,
        },
        (None, Some(adapter)) => match base {
            Some(InputPath {
                path,
                adapter: None,
            }) => InputPath::with_adapter(path, adapter),
            _ => {
                return Err(document.error(
                    node.at,
                    "this model has an `adapter`, no `path`, and there is no plain `base` to put \
                     it on: give the `path` of the checkpoint that it belongs to",
                ));
            }
        },
        (None, None) => {
            // A misspelt `path` would be taken for a parameter.
            let near = entries
                .iter()
                .find(|e| mergelab_abi::suggest::nearest(&e.key, ["path"]).is_some());
            let at = near.map_or(node.at, |e| e.at);
            let hint = near.map_or(String::new(), |e| {
                format!(" Did you mean `path` where `{}` stands?", e.key)
            });
            return Err(document.error(at, format!("this model has no `path`.{hint}")));
        }
    };
    let inline: Vec<Entry> = entries
        .iter()
        .filter(|e| !MODEL_KEYS.contains(&e.key.as_str()))
        .cloned()
        .collect();
    let mut params = settings(document, &inline)?;
    if let Some(node) = get(entries, "params") {
        let table = document.table("params", node)?;
        for (name, setting) in settings(document, table)? {
            let at = setting.at;
            if params.insert(name.clone(), setting).is_some() {
                return Err(document.error(at, format!("`{name}` is given twice to this model")));
            }
        }
    }
    let id = match get(entries, "id") {
        Some(node) => document.text("id", node)?.to_owned(),
        None => input.name(),
    };
    Ok(Model {
        id,
        input,
        params,
        at: node.at,
    })
}

/// Parameter values by name. Where a setting stands is where its name does.
pub(super) fn settings(document: Document<'_>, entries: &[Entry]) -> Result<Settings, RecipeError> {
    let mut settings = Settings::new();
    for entry in entries {
        let mut setting = Setting::read(document, &entry.key, &entry.value)?;
        setting.at = entry.at;
        settings.insert(entry.key.clone(), setting);
    }
    Ok(settings)
}

pub(super) fn dtype(
    document: Document<'_>,
    name: &str,
    node: &Node,
    also: &[&str],
) -> Result<Working, RecipeError> {
    let text = document.text(name, node)?;
    text.parse::<Working>().map_err(|_| {
        let names = Working::ALL.iter().map(|w| w.name());
        let known: Vec<&str> = names.chain(also.iter().copied()).collect();
        document.error(
            node.at,
            format!(
                "`{name}` = \"{text}\" is not one of {}.{}",
                known.join(", "),
                hint(text, known.iter().copied())
                    .strip_prefix(" Did")
                    .map(|rest| format!(" Did{rest}"))
                    .unwrap_or_default()
            ),
        )
    })
}

/// A number of bytes, or one with a unit: KB, MB, GB are powers of 1000, KiB, MiB, GiB of 1024.
pub(super) fn bytes(value: &Value) -> Option<u64> {
    if let Some(number) = value.as_u64() {
        return (number > 0).then_some(number);
    }
    let text = value.as_str()?.trim();
    let digits = text
        .find(|c: char| !c.is_ascii_digit() && c != '.')
        .unwrap_or(text.len());
    let number: f64 = text[..digits].parse().ok()?;
    let unit: f64 = match text[digits..].trim().to_ascii_lowercase().as_str() {
        "" | "b" => 1.0,
        "kb" => 1e3,
        "mb" => 1e6,
        "gb" => 1e9,
        "kib" => 1024.0,
        "mib" => 1024.0 * 1024.0,
        "gib" => 1024.0 * 1024.0 * 1024.0,
        _ => return None,
    };
    let bytes = number * unit;
    (1.0..9e18).contains(&bytes).then_some(bytes as u64)
}

#[cfg(test)]
mod tests;
